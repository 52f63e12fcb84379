"""Attacks on accounts: one campaign from its plan to its rows in the login log.

Figures that the ranges follow, all from vendors' published reports: success is 0.1-0.2 % on old lists
and up to 2 % on fresh ones; stuffing is 34 % of all authentication events across industries and over
80 % in retail; one botnet tried 8.5 million times from over 20,000 endpoints in 4,923 networks against
7 million genuine logins; one hour had 530,816 attempts at 139,406 accounts from 91,313 addresses in
5,204 networks and 195 countries with 194 tools, and was answered with status 200 43 %, 403 28 %,
429 20 %, 302 8 %. How accounts spread over addresses: `machines.ACCOUNTS_PER_ADDRESS`.
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
from stanch.simulation.returns import Watch, keep_watch, revisit
from stanch.simulation.rhythm import Calendar, draw_times, spread_over, working_week
from stanch.simulation.shop import Shop
from stanch.simulation.targets import (
    ListMix,
    decide_outcomes,
    draw_targets,
    mix_in_own,
    order_guesses,
    order_list,
    turn_away,
)


@dataclass(frozen=True)
class AttackPlan:
    """One campaign; ranges are drawn from by the seed."""

    #: `stuffing`, `spraying`, `guessing`, `enumeration`.
    kind: str = "stuffing"
    #: Attempts against the shop's ordinary attempts; or a number per day.
    share: Bounds = (0.05, 0.6)
    per_day: Bounds | None = None
    #: However small the shop, at least so many attempts.
    at_least: int = 200
    #: When it begins (share of the span) and how long it lasts.
    begins: Bounds = (0.15, 0.6)
    hours: Bounds = (3, 96)
    #: `few`, `botnet`, `busy` (a botnet with hundreds of tries per machine), `single` (one address per
    #: try), `carrier`, `ipv6` (rotating in /64 and /48), `ipv6-64`, `ipv6-48`.
    addresses: str = "few"
    n_addresses: Bounds = (3, 40)
    #: Names on the list that the shop does not have.
    p_unknown: Bounds = (0.1, 0.95)
    #: Of these: near misses of customers' names, and accounts that the shop once had.
    p_near: Bounds = (0.0, 0.06)
    p_retired: Bounds = (0.0, 0.05)
    #: Successes per attempt.
    success: Bounds = (0.0005, 0.03)
    tries_per_target: Bounds = (1.0, 1.3)
    n_targets: Bounds | None = None
    #: Of all attempts: logins to accounts that the attacker owns.
    own: Bounds = (0.0, 0.0)
    #: Styles of `machines.draw_attack_clients`.
    clients: tuple[str, ...] = ("copied", "stale", "tool", "rotating", "perfect")
    #: `constant`, `working` (an attacker's office hours), `shop` (the shop's week, with noise),
    #: `shadow` (the shop's own hours exactly).
    rhythms: tuple[str, ...] = ("constant", "working", "shop")
    #: Of failures: tried once more at once, as tools do after an error. Lists hardly ever do.
    p_retry: Bounds = (0.0, 0.02)
    #: Chance that a fallen account is visited again; a plan for watching them all along.
    p_return: Bounds = (0.0, 0.4)
    watch: Watch | None = None
    #: Chance that the attack pauses somewhere; a pause of so many days in its midst instead.
    p_pause: float = 0.25
    pause_days: Bounds | None = None
    #: Of attempts: turned away at the door, by address (`denied`, `challenged`).
    refused: Bounds = (0.0, 0.0)
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
    client, stack = draw_attack_clients(rng, shop, plan.clients, machine, times)
    outcome = turn_away(rng, outcome, machine, draw_between(rng, plan.refused))
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
    """Later logins to fallen accounts; `fallen` holds the attack's successes that the shop let through."""
    victims = fallen.take(~np.isin(fallen.account, attack.own))
    if attack.plan.watch is not None:
        return keep_watch(rng, shop, attack.plan.watch, victims)
    return revisit(rng, shop, attack.attempts, victims, draw_between(rng, attack.plan.p_return))


def _draw_span(rng: Generator, calendar: Calendar, plan: AttackPlan) -> tuple[int, int]:
    start_us = calendar.at(draw_between(rng, plan.begins)) + int(rng.integers(HOUR_US))
    longest = 0.95 * (calendar.end_us - start_us)
    return start_us, start_us + int(min(draw_log_between(rng, plan.hours) * HOUR_US, longest))


def _draw_size(rng: Generator, shop: Shop, plan: AttackPlan, n_ordinary: int, n_days: float) -> int:
    if plan.per_day is not None:
        # In a small shop even that would be a flood.
        most = 0.6 * n_ordinary * n_days / shop.calendar.n_days
        return max(20, round(min(draw_log_between(rng, plan.per_day) * n_days, most)))
    return max(plan.at_least, round(draw_log_between(rng, plan.share) * n_ordinary))


def _draw_tries(rng: Generator, shop: Shop, plan: AttackPlan, n: int, start_us: int) -> tuple[Ints, Ints]:
    """Accounts and outcomes of about `n` attempts in their order."""
    wanted = (
        draw_count(rng, plan.n_targets) if plan.n_targets else n / draw_between(rng, plan.tries_per_target)
    )
    n_targets = int(np.clip(wanted, 1, n))
    mix = ListMix(*(draw_between(rng, b) for b in (plan.p_unknown, plan.p_near, plan.p_retired)))
    targets, known = draw_targets(rng, shop, n_targets, mix, start_us)
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
    rhythm = pick(rng, plan.rhythms)
    if rhythm == "shadow":
        hourly = shop.hourly[first_hour : first_hour + n_hours].copy()
    else:
        weekly = {
            "constant": np.ones(168),
            "working": np.roll(working_week(9, 19, 0.2), int(rng.integers(24))),
            "shop": shop.week,
        }[rhythm]
        hourly = spread_over(shop.calendar, weekly)[first_hour : first_hour + n_hours]
        hourly = hourly * np.exp(rng.normal(0, 0.25, len(hourly)))
    _pause(rng, plan, hourly)
    hourly[-1] *= ((end_us - start_us) % HOUR_US or HOUR_US) / HOUR_US
    return draw_times(rng, n, hourly, start_us)


def _pause(rng: Generator, plan: AttackPlan, hourly: Floats) -> None:
    """Take out of an attack's hours those in which it pauses."""
    n_hours = len(hourly)
    if plan.pause_days is not None:
        length = min(round(draw_between(rng, plan.pause_days) * 24), n_hours - 2)
        at = round((n_hours - length) * draw_between(rng, (0.3, 0.7)))
        hourly[at : at + length] = 0.0
    elif n_hours > 12 and rng.random() < plan.p_pause:
        at = int(rng.integers(2, n_hours - 8))
        hourly[at : at + int(rng.integers(2, max(3, n_hours // 2)))] = 0.0
