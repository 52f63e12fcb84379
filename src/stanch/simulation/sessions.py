"""Ordinary people logging in: slips of the finger, wrong and forgotten passwords, bots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from stanch.simulation.attempts import (
    FAILURE,
    SUCCESS,
    Attempts,
    join_attempts,
    make_attempts,
)
from stanch.simulation.draws import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    Flags,
    Generator,
    Ints,
    count_within,
    draw_between,
    mix_below,
)
from stanch.simulation.names import make_account_names, misspell
from stanch.simulation.places import find_places
from stanch.simulation.rhythm import draw_times
from stanch.simulation.shop import Shop


@dataclass(frozen=True)
class Mood:
    """How people differ from their usual selves in a batch of sessions."""

    wrong_factor: float = 1.0
    slip_factor: float = 1.0
    forgotten_factor: float = 1.0


@dataclass(frozen=True)
class _Course:
    """What happens in each session: slips, wrong tries, then success (after a wait) or giving up."""

    n_slips: Ints
    n_wrong: Ints
    gives_up: Flags
    wait_us: Ints


def make_ordinary_attempts(rng: Generator, shop: Shop) -> Attempts:
    """All logins of the span as they would be without any event."""
    users, times = _draw_sessions(rng, shop)
    parts = [make_session_attempts(rng, shop, users, times, Mood()), _make_strangers(rng, shop, len(users))]
    parts += [_make_bot(rng, shop) for _ in range(shop.habits.n_bots)]
    return join_attempts(parts)


def make_session_attempts(rng: Generator, shop: Shop, users: Ints, times: Ints, mood: Mood) -> Attempts:
    """One session per entry; its tries follow each other within seconds."""
    course = _draw_course(rng, shop, users, mood)
    n_tries = course.n_slips + course.n_wrong + ~course.gives_up
    session = np.repeat(np.arange(len(users)), n_tries)
    step = count_within(n_tries)
    slips = step < course.n_slips[session]
    outcome = np.where(slips | (step < (course.n_slips + course.n_wrong)[session]), FAILURE, SUCCESS)
    time_us = times[session] + _pause_between(rng, step, n_tries)
    # Who has forgotten the password comes back with a new one: minutes, or days later.
    time_us = time_us + np.where(outcome == SUCCESS, course.wait_us[session], 0)
    device = rng.integers(shop.customers.n_devices[users])
    addresses = find_places(rng, shop, users, times, device).take(session)
    client = find_clients(shop, users[session], device[session], time_us)
    account = _slip_names(rng, shop, users[session], slips)
    marks = mark_devices(rng, shop, users, device)[session]
    return make_attempts(time_us, addresses, account, outcome, client, device=marks)


def find_clients(shop: Shop, users: Ints, device: Ints, time_us: Ints) -> Ints:
    """The client of each device at its time; an update reaches the devices within ten days."""
    people = shop.customers
    waits_us = mix_below(10 * DAY_US, 3 * users + device, 103)
    return shop.clients.current(people.family[device, users], people.lag[device, users], time_us - waits_us)


def mark_devices(rng: Generator, shop: Shop, users: Ints, device: Ints) -> Ints:
    """The mark that the shop gave each device; -1 where cookies are not kept."""
    forgets = mix_below(1000, 3 * users + device, 41) < 500 * shop.habits.p_no_device
    without = forgets | (rng.random(len(users)) < 0.5 * shop.habits.p_no_device)
    return np.where(without, -1, 3 * users + device)


def _draw_sessions(rng: Generator, shop: Shop) -> tuple[Ints, Ints]:
    """Users and times of all sessions; nobody logs in before registering."""
    people = shop.customers
    users = np.repeat(np.arange(len(people)), rng.poisson(people.rate * shop.calendar.n_days))
    times = draw_times(rng, len(users), shop.hourly, shop.calendar.start_us)
    ready = times >= people.registered_us[users]
    return users[ready], times[ready]


def _draw_course(rng: Generator, shop: Shop, users: Ints, mood: Mood) -> _Course:
    habits, kind = shop.habits, shop.customers.kind[users]
    n = len(users)
    p_wrong = np.minimum(np.array(habits.p_wrong)[kind] * mood.wrong_factor, 0.7)
    n_wrong = np.minimum(rng.geometric(1 - p_wrong) - 1, 8)
    by_hand = kind > 0
    slips = by_hand & (rng.random(n) < habits.p_name_slip * mood.slip_factor * (1 + 2 * (kind == 2)))
    forgot = by_hand & (rng.random(n) < habits.p_forgotten * mood.forgotten_factor * (1 + 5 * (kind == 3)))
    n_wrong = np.where(forgot, n_wrong + rng.integers(2, 6, size=n), n_wrong)
    fate = rng.random(n)
    p_gives_up = np.select([forgot, n_wrong > 1, n_wrong == 1], [0.3, 0.15, 0.04], 0.0)
    gives_up = fate < p_gives_up
    soon = np.exp(rng.normal(np.log(4 * MINUTE_US), 0.8, n))
    later = np.exp(rng.normal(np.log(20 * HOUR_US), 1.0, n))
    wait = np.where(forgot & ~gives_up, np.where(fate > 0.85, later, soon), 0)
    return _Course(slips.astype(np.int64), n_wrong, gives_up, wait.astype(np.int64))


def _pause_between(rng: Generator, step: Ints, n_tries: Ints) -> Ints:
    """Time since its session's first try, for each try: some ten seconds from one to the next."""
    gaps = (np.exp(rng.normal(2.4, 0.7, len(step))) * SECOND_US).astype(np.int64) * (step > 0)
    gone = np.cumsum(gaps)
    firsts = np.flatnonzero(step == 0)
    return np.asarray(gone - np.repeat(gone[firsts], n_tries[n_tries > 0]))


def _slip_names(rng: Generator, shop: Shop, owner: Ints, slips: Flags) -> Ints:
    """Put a near miss of the name where it slipped; nearly always the shop has no such account."""
    rows = np.flatnonzero(slips)
    account = owner.copy()
    if len(rows):
        near = misspell(rng, shop.names[0].gather(owner[rows]).to_list())
        account[rows] = shop.find_or_add(pl.Series(near, dtype=pl.String))
    return account


def _make_strangers(rng: Generator, shop: Shop, n_sessions: int) -> Attempts:
    """People who try a name that the shop does not know, and then often recall the right one."""
    n = rng.binomial(n_sessions, shop.habits.p_no_account)
    users = rng.integers(len(shop.customers), size=n)
    times = draw_times(rng, n, shop.hourly, shop.calendar.start_us)
    there = shop.customers.registered_us[users] <= times
    wrong = shop.add_names(make_account_names(rng, n, shop.schemes, shop.all_names()))
    n_tries = 1 + rng.poisson(0.7, size=n)
    return try_then_recall(rng, shop, (users, times, wrong), n_tries, there & (rng.random(n) < 0.55))


def try_then_recall(
    rng: Generator, shop: Shop, visits: tuple[Ints, Ints, Ints], n_tries: Ints, recalls: Flags
) -> Attempts:
    """One session per (user, time, wrong name): tries at that name, then the user's own where recalled.

    What the shop says to a name that it does not have is settled later: `targets.mark_unknown`.
    """
    users, times, wrong = visits
    device = rng.integers(shop.customers.n_devices[users])
    places = find_places(rng, shop, users, times, device)
    counts = n_tries + recalls
    session = np.repeat(np.arange(len(users)), counts)
    step = count_within(counts)
    right = step >= n_tries[session]
    time_us = times[session] + _pause_between(rng, step, counts)
    account = np.where(right, users[session], wrong[session])
    client = find_clients(shop, users[session], device[session], time_us)
    marks = mark_devices(rng, shop, users, device)[session]
    outcome = np.where(right, SUCCESS, FAILURE)
    return make_attempts(time_us, places.take(session), account, outcome, client, device=marks)


def _make_bot(rng: Generator, shop: Shop) -> Attempts:
    """A customer's script that polls with good credentials, day and night."""
    old = np.flatnonzero(shop.customers.registered_us == 0)
    every_us = int(draw_between(rng, (10, 240)) * MINUTE_US)
    times = np.arange(shop.calendar.start_us + int(rng.integers(every_us)), shop.calendar.end_us, every_us)
    times = times + (rng.exponential(2.0, len(times)) * SECOND_US).astype(np.int64)
    n = len(times)
    network = np.full(n, int(shop.networks.add([shop.country])[0]))
    places = shop.networks.make_v4(network, np.zeros(n, dtype=np.int64))
    client = np.full(n, int(rng.integers(shop.clients.first_tool, shop.clients.agents.len())))
    outcome = np.where(rng.random(n) < 0.002, FAILURE, SUCCESS)
    return make_attempts(times, places, np.full(n, int(rng.choice(old))), outcome, client)
