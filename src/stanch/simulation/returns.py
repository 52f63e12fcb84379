"""Attackers come back to accounts that fell, for orders placed since: successes without a failure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stanch.simulation.attempts import Attempts, make_attempts
from stanch.simulation.draws import (
    DAY_US,
    SECOND_US,
    Bounds,
    Floats,
    Generator,
    count_within,
    draw_between,
    pick,
)
from stanch.simulation.machines import draw_attack_clients, place_attempts
from stanch.simulation.networks import Addresses
from stanch.simulation.shop import Shop


@dataclass(frozen=True)
class Watch:
    """Fallen accounts are opened again and again, so that callers know orders that are a day old."""

    #: Of fallen accounts: share that is watched.
    share: Bounds = (0.7, 1.0)
    #: Days between two visits, and for how long they go on.
    every_days: Bounds = (0.7, 2.5)
    days: Bounds = (7, 25)
    #: Where visits come from, as in `AttackPlan`: often not where the list was tried from.
    addresses: tuple[str, ...] = ("few", "few", "botnet", "single")
    n_addresses: Bounds = (1, 12)
    clients: tuple[str, ...] = ("headless", "perfect", "copied")


def revisit(rng: Generator, shop: Shop, tried: Attempts, fallen: Attempts, share: float) -> Attempts:
    """One to three later logins to this share of the `fallen` rows, from machines that tried the list."""
    again = np.flatnonzero(rng.random(len(fallen)) < share)
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


def keep_watch(rng: Generator, shop: Shop, watch: Watch, fallen: Attempts) -> Attempts:
    """Visits to fallen accounts round by round, until the end of the span at the latest."""
    first = fallen.take(np.sort(np.unique(fallen.account, return_index=True)[1]))
    watched = first.take(rng.random(len(first)) < draw_between(rng, watch.share))
    if not len(watched):
        return watched
    every_us = draw_between(rng, watch.every_days) * DAY_US
    n_visits = 1 + rng.poisson(draw_between(rng, watch.days) * DAY_US / every_us, size=len(watched))
    rows = np.repeat(np.arange(len(watched)), n_visits)
    waits = every_us * (count_within(n_visits) + rng.uniform(0.7, 1.3, len(rows)))
    time_us = watched.time_us[rows] + waits.astype(np.int64) // SECOND_US * SECOND_US
    by_time = np.argsort(time_us, kind="stable")
    rows, time_us = rows[by_time], time_us[by_time]
    addresses, machine = place_attempts(rng, shop, pick(rng, watch.addresses), len(rows), watch.n_addresses)
    client, stack = draw_attack_clients(rng, shop, watch.clients, machine, time_us)
    made = make_attempts(time_us, addresses, watched.account[rows], watched.outcome[rows], client)
    made = made.replace(stack=stack, campaign=watched.campaign[rows])
    return made.take(made.time_us < shop.calendar.end_us)
