"""Sessions at the margins: closed accounts, a sister's tablet, a wrong name that the browser keeps."""

from __future__ import annotations

import numpy as np
import polars as pl

from stanch.simulation.attempts import Attempts, join_attempts, open_sessions
from stanch.simulation.draws import Generator, Ints
from stanch.simulation.margins import find_siblings, is_among
from stanch.simulation.names import misplace
from stanch.simulation.rhythm import draw_times
from stanch.simulation.sessions import Mood, make_session_attempts, try_then_recall
from stanch.simulation.shop import Shop


def make_marginal_attempts(rng: Generator, shop: Shop, n_sessions: int) -> Attempts:
    """What comes on top of `n_sessions` sessions of the usual kind."""
    return join_attempts(
        [
            _try_retired(rng, shop, rng.binomial(n_sessions, shop.margins.p_retired)),
            _share_devices(rng, shop, rng.binomial(n_sessions, shop.margins.p_family)),
            _keep_wrong_names(rng, shop),
        ]
    )


def _try_retired(rng: Generator, shop: Shop, n: int) -> Attempts:
    """Old owners try a closed account, a few times, and some then recall that they have a new one."""
    users, times = _draw_visits(rng, shop, n)
    n = len(users)
    # Whoever had a closed account keeps trying the same one.
    retired = shop.margins.retired[rng.integers(len(shop.margins.retired), size=n)]
    n_tries = 1 + rng.poisson(1.2, size=n)
    return try_then_recall(rng, shop, (users, times, retired), n_tries, rng.random(n) < 0.35)


def _keep_wrong_names(rng: Generator, shop: Shop) -> Attempts:
    """The browser fills in a name that was mistyped once: it fails at every visit, then the right one."""
    people = shop.customers
    keepers = np.flatnonzero(is_among(shop.margins.p_stored, np.arange(len(people)), 107))
    wrong = shop.find_or_add(
        pl.Series(misplace(rng, shop.names[0].gather(keepers).to_list()), dtype=pl.String)
    )
    visits = np.repeat(np.arange(len(keepers)), rng.poisson(people.rate[keepers] * shop.calendar.n_days))
    times = draw_times(rng, len(visits), shop.hourly, shop.calendar.start_us)
    there = people.registered_us[keepers[visits]] <= times
    visits, times = visits[there], times[there]
    n = len(visits)
    recalls = rng.random(n) < 0.9
    return try_then_recall(
        rng, shop, (keepers[visits], times, wrong[visits]), 1 + (rng.random(n) < 0.2), recalls
    )


def _share_devices(rng: Generator, shop: Shop, n: int) -> Attempts:
    """Somebody logs in on the device of another member of the household."""
    users, times = _draw_visits(rng, shop, n)
    sibling = find_siblings(shop.customers.household)
    shared = (sibling[users] != users) & (shop.customers.registered_us[sibling[users]] <= times)
    made = make_session_attempts(rng, shop, users[shared], times[shared], Mood(wrong_factor=1.5))
    # A slipped name stays as it is: nobody has it.
    of_customers = made.account < len(shop.customers)
    account = np.where(of_customers, sibling[np.where(of_customers, made.account, 0)], made.account)
    return made.replace(account=account, session=open_sessions(account, made.time_us, made.outcome))


def _draw_visits(rng: Generator, shop: Shop, n: int) -> tuple[Ints, Ints]:
    """Customers (the frequent ones more often) and times of about `n` sessions."""
    people = shop.customers
    users = rng.choice(len(people), size=n, p=people.rate / people.rate.sum())
    times = draw_times(rng, n, shop.hourly, shop.calendar.start_us)
    there = people.registered_us[users] <= times
    return users[there], times[there]
