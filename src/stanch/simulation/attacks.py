"""Attacks on accounts: one campaign from its plan to its rows in the login log.

Figures that the ranges follow: success is 0.1-0.2 % on old lists and up to 2 % on fresh ones;
stuffing is a third of all logins across industries and over 80 % in some retail; one botnet tried
8.5 million times from over 20,000 addresses against 7 million genuine logins (vendors' published
reports). How accounts spread over addresses: `machines.ACCOUNTS_PER_ADDRESS`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stanch.simulation.attempts import SUCCESS, Attempts, join_attempts, make_attempts
from stanch.simulation.draws import (
    DAY_US,
    HOUR_US,
    SECOND_US,
    Bounds,
    Floats,
    Generator,
    Ints,
    draw_between,
    draw_count,
    draw_log_between,
    pick,
)
from stanch.simulation.machines import draw_attack_clients, draw_attack_devices, place_attempts
from stanch.simulation.networks import Addresses
from stanch.simulation.rhythm import Calendar, draw_times, spread_over, working_week
from stanch.simulation.shop import Shop
from stanch.simulation.targets import decide_outcomes, draw_targets, mix_in_own, order_guesses, order_list


@dataclass(frozen=True)
class AttackPlan:
    """One campaign; ranges are drawn from by the seed."""

    #: `stuffing`, `spraying`, `guessing`, `enumeration`.
    kind: str = "stuffing"
    #: Attempts against the shop's ordinary attempts; or a number per day.
    share: Bounds = (0.05, 0.6)
    per_day: Bounds | None = None
    #: When it begins (share of the span) and how long it lasts.
    begins: Bounds = (0.15, 0.6)
    hours: Bounds = (3, 96)
    #: `few`, `botnet`, `single` (one address per try), `carrier`, `ipv6`.
    addresses: str = "few"
    n_addresses: Bounds = (3, 40)
    #: Names on the list that the shop does not have.
    p_unknown: Bounds = (0.1, 0.95)
    #: Successes per attempt.
    success: Bounds = (0.0005, 0.03)
    tries_per_target: Bounds = (1.0, 1.3)
    n_targets: Bounds | None = None
    #: Of all attempts: logins to accounts that the attacker owns.
    own: Bounds = (0.0, 0.0)
    clients: tuple[str, ...] = ("copied", "stale", "tool", "rotating", "perfect")
    rhythms: tuple[str, ...] = ("constant", "working", "shop")
    #: Of failures: tried once more at once, as tools do after an error. Lists hardly ever do.
    p_retry: Bounds = (0.0, 0.02)
    #: Chance that a fallen account is visited again, and that the attack pauses.
    p_return: Bounds = (0.0, 0.4)
    p_pause: float = 0.25
    #: Of fallen accounts: share whose orders are read; and how old these may be.
    reads: Bounds = (0.6, 1.0)
    memory_days: Bounds = (30, 120)


@dataclass(frozen=True)
class Attack:
    """One planted campaign."""

    plan: AttackPlan
    attempts: Attempts
    #: Accounts that the attacker registered himself.
    own: Ints


def make_attack(rng: Generator, shop: Shop, plan: AttackPlan, number: int, n_ordinary: int) -> Attack:
    """Plant one campaign; its rows carry `number`."""
    start_us, end_us = _draw_span(rng, shop.calendar, plan)
    n = _draw_size(rng, shop, plan, n_ordinary, (end_us - start_us) / DAY_US)
    account, outcome = _draw_tries(rng, shop, plan, n, start_us)
    own = np.zeros(0, dtype=np.int64)
    if (share := draw_between(rng, plan.own)) > 0:
        account, outcome, own = mix_in_own(rng, shop, (account, outcome), share)
    n = len(account)
    times = np.sort(_draw_attack_times(rng, shop, plan, n, (start_us, end_us)))
    addresses, machine = place_attempts(rng, shop, plan.addresses, n, plan.n_addresses)
    client, stack = draw_attack_clients(rng, shop, plan.clients, machine)
    tried = make_attempts(
        times, addresses, account, outcome, client, device=draw_attack_devices(rng, machine)
    )
    tried = tried.replace(stack=stack, campaign=np.full(n, number, dtype=np.int64))
    return Attack(plan, join_attempts([tried, _try_again(rng, plan, tried)]), own)


def _try_again(rng: Generator, plan: AttackPlan, tried: Attempts) -> Attempts:
    """Repetitions of failed tries by the same machine within seconds."""
    p_retry = 0.0 if plan.addresses == "single" else draw_between(rng, plan.p_retry)
    again = tried.take((tried.outcome != SUCCESS) & (rng.random(len(tried)) < p_retry))
    later = (rng.exponential(2.0, len(again)) * SECOND_US).astype(np.int64)
    return again.replace(time_us=again.time_us + later)


def come_back(rng: Generator, shop: Shop, attack: Attack, fallen: Attempts) -> Attempts:
    """Later logins to fallen accounts, for orders placed since; without a failure.

    `fallen` holds the attack's successes that the shop let through.
    """
    tried = attack.attempts
    again = np.flatnonzero(rng.random(len(fallen)) < draw_between(rng, attack.plan.p_return))
    again = again[~np.isin(fallen.account[again], attack.own)]
    rows = np.repeat(again, rng.integers(1, 4, size=len(again)))
    waits: Floats = np.exp(rng.normal(np.log(1.5 * DAY_US), 0.8, len(rows)))
    time_us = fallen.time_us[rows] + waits.astype(np.int64) // SECOND_US * SECOND_US
    source = rng.integers(len(tried), size=len(rows))
    addresses = Addresses(tried.high[source], tried.low[source], tried.network[source])
    back = fallen.take(rows)
    made = make_attempts(
        time_us, addresses, back.account, back.outcome, back.client, device=tried.device[source]
    )
    made = made.replace(campaign=back.campaign, stack=back.stack)
    return made.take(made.time_us < shop.calendar.end_us)


def _draw_span(rng: Generator, calendar: Calendar, plan: AttackPlan) -> tuple[int, int]:
    start_us = calendar.at(draw_between(rng, plan.begins)) + int(rng.integers(HOUR_US))
    longest = 0.95 * (calendar.end_us - start_us)
    return start_us, start_us + int(min(draw_log_between(rng, plan.hours) * HOUR_US, longest))


def _draw_size(rng: Generator, shop: Shop, plan: AttackPlan, n_ordinary: int, n_days: float) -> int:
    if plan.per_day is not None:
        # In a small shop even that would be a flood.
        most = 0.6 * n_ordinary * n_days / shop.calendar.n_days
        return max(20, round(min(draw_log_between(rng, plan.per_day) * n_days, most)))
    return max(200, round(draw_log_between(rng, plan.share) * n_ordinary))


def _draw_tries(rng: Generator, shop: Shop, plan: AttackPlan, n: int, start_us: int) -> tuple[Ints, Ints]:
    """Accounts and outcomes of about `n` attempts in their order."""
    wanted = (
        draw_count(rng, plan.n_targets) if plan.n_targets else n / draw_between(rng, plan.tries_per_target)
    )
    n_targets = int(np.clip(wanted, 1, n))
    targets, known = draw_targets(rng, shop, n_targets, draw_between(rng, plan.p_unknown), start_us)
    account = order_guesses(rng, targets, n) if plan.kind == "guessing" else order_list(rng, targets, n)
    n_open = max(1, round(draw_log_between(rng, plan.success) * n))
    opening = known[: min(n_open, max(1, len(known) // 2))]
    if plan.kind == "enumeration":
        opening = known[:0]
    return account, decide_outcomes(rng, account, opening)


def _draw_attack_times(
    rng: Generator, shop: Shop, plan: AttackPlan, n: int, span_us: tuple[int, int]
) -> Ints:
    start_us, end_us = span_us
    n_hours = max(1, -(-(end_us - start_us) // HOUR_US))
    first_hour = (start_us - shop.calendar.start_us) // HOUR_US
    weekly = {
        "constant": np.ones(168),
        "working": np.roll(working_week(9, 19, 0.2), int(rng.integers(24))),
        "shop": shop.week,
    }[pick(rng, plan.rhythms)]
    hourly = spread_over(shop.calendar, weekly)[first_hour : first_hour + n_hours]
    hourly = hourly * np.exp(rng.normal(0, 0.25, len(hourly)))
    if len(hourly) > 12 and rng.random() < plan.p_pause:
        at = int(rng.integers(2, len(hourly) - 8))
        hourly[at : at + int(rng.integers(2, max(3, len(hourly) // 2)))] = 0.0
    hourly[-1] *= ((end_us - start_us) % HOUR_US or HOUR_US) / HOUR_US
    return draw_times(rng, n, hourly, start_us)
