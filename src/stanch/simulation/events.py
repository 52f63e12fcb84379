"""Peaceful events that look like trouble: rushes, resets, broken apps, outages, failing checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from stanch.simulation.attempts import (
    FAILURE,
    SUCCESS,
    UNKNOWN_ACCOUNT,
    Attempts,
    join_attempts,
    make_attempts,
    open_sessions,
)
from stanch.simulation.clients import N_VERSIONS
from stanch.simulation.draws import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    Flags,
    Generator,
    Ints,
    draw_between,
    draw_log_between,
)
from stanch.simulation.names import make_account_names
from stanch.simulation.nuisances import (
    add_clumsy_user,
    add_polling_bots,
    add_security_scan,
    add_wary_door,
)
from stanch.simulation.rhythm import draw_times
from stanch.simulation.sessions import Mood, make_session_attempts
from stanch.simulation.shop import Shop


def add_flash_sale(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """Many log in within an hour or two, dormant ones among them, in haste and with clumsy fingers."""
    people = shop.customers
    start_us = _draw_moment(rng, shop, 10, 20)
    n = round(len(people) * draw_between(rng, (0.15, 0.6)))
    # Whoever has the account at all may come: the dormant as well as the regular.
    weights = people.rate ** draw_between(rng, (0.2, 0.7))
    users = _keep_registered(
        shop, rng.choice(len(people), size=n, replace=False, p=weights / weights.sum()), start_us
    )
    wait = rng.exponential(draw_between(rng, (0.3, 1.5)), len(users)) * HOUR_US
    early = (rng.random(len(users)) < 0.2) * rng.integers(15 * MINUTE_US, size=len(users))
    mood = Mood(draw_between(rng, (1.5, 3)), draw_between(rng, (1.5, 3)), draw_between(rng, (2, 6)))
    rush = make_session_attempts(rng, shop, users, start_us + wait.astype(np.int64) - early, mood)
    return join_attempts([ordinary, rush])


def add_password_reset(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """After a mail to all, customers find that their old password no longer works."""
    start_us = _draw_moment(rng, shop, 8, 18)
    users = np.flatnonzero(rng.random(len(shop.customers)) < draw_between(rng, (0.1, 0.4)))
    users = _keep_registered(shop, users, start_us)
    times = start_us + (rng.exponential(draw_between(rng, (6, 24)), len(users)) * HOUR_US).astype(np.int64)
    mood = Mood(draw_between(rng, (2, 5)), 1.0, draw_between(rng, (15, 40)))
    return join_attempts([ordinary, make_session_attempts(rng, shop, users, times, mood)])


def add_broken_release(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """A new version of some clients cannot log in; its users try again, and many with another client."""
    start_us = _draw_moment(rng, shop, 6, 22)
    end_us = start_us + int(draw_between(rng, (8, 72)) * HOUR_US)
    inside = (ordinary.time_us >= start_us) & (ordinary.time_us < end_us)
    family = ordinary.client // N_VERSIONS
    of_customers = ordinary.client < shop.clients.first_tool
    common = np.argsort(np.bincount(family[inside & of_customers], minlength=8))
    hit = inside & of_customers & np.isin(family, common[-int(rng.integers(1, 5)) :])
    barred = np.flatnonzero(hit & (ordinary.outcome == SUCCESS))
    failed = _fail(ordinary, hit)
    retries = _try_again(rng, failed, barred, draw_between(rng, (0.3, 0.6)), 90)
    moved = barred[rng.random(len(barred)) < draw_between(rng, (0.2, 0.7))]
    other = shop.clients.choose_families(rng, np.zeros(len(moved), dtype=np.int64)) * N_VERSIONS + 3
    time_us = ordinary.time_us[moved] + (rng.exponential(900, len(moved)) * SECOND_US).astype(np.int64)
    elsewhere = ordinary.take(moved).replace(
        time_us=time_us, client=other, stack=other, device=np.full(len(moved), -1)
    )
    return join_attempts([failed, retries, elsewhere])


def add_health_check(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """A partner's check logs in every minute or so with a password that was changed."""
    start_us = _draw_moment(rng, shop, 0, 23)
    end_us = min(start_us + int(draw_between(rng, (1, 6)) * DAY_US), shop.calendar.end_us)
    every_us = int(draw_log_between(rng, (10, 180)) * SECOND_US)
    times = np.arange(start_us, end_us, every_us) + int(rng.integers(1000)) * 1000
    n, n_accounts = len(times), int(rng.integers(1, 5))
    names = make_account_names(rng, n_accounts, {"user": 1.0}, shop.all_names())
    account = shop.add_names(names)[np.arange(n) % n_accounts]
    networks = shop.networks.add([shop.country] * int(rng.integers(1, 4)))
    places = shop.networks.make_v4(networks[np.arange(n) % len(networks)], np.full(n, 9))
    client = np.full(n, int(rng.integers(shop.clients.first_tool, shop.clients.agents.len())))
    if rng.random() < 0.7:
        # The account is there, only its password was changed; otherwise it was removed.
        shop.partners.append(np.unique(account))
    outcome = np.full(n, FAILURE)
    return join_attempts([ordinary, make_attempts(times, places, account, outcome, client)])


def add_campus_monday(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """Monday mornings, hundreds behind one school's or office's address come back and log in."""
    people = shop.customers
    school = int(rng.choice(shop.campuses))
    n_guests = round(draw_between(rng, (150, 700)) * min(1, len(people) / 5000))
    guests = rng.integers(len(people), size=n_guests)
    pupils = np.unique(np.concatenate([np.flatnonzero(people.campus == school), guests]))
    parts = [ordinary]
    for hour in np.flatnonzero(shop.calendar.hour_of_week == 8).tolist():
        start_us = shop.calendar.start_us + hour * HOUR_US
        users = pupils[rng.random(len(pupils)) < draw_between(rng, (0.4, 0.9))]
        users = _keep_registered(shop, users, start_us)
        times = start_us + (rng.gamma(2.0, 12.0, len(users)) * MINUTE_US).astype(np.int64)
        mood = Mood(draw_between(rng, (1.5, 4)), 2.0, draw_between(rng, (2, 8)))
        made = make_session_attempts(rng, shop, users, times, mood)
        door = np.full(len(made), school)
        parts.append(made.move(shop.networks.make_v4(door, np.zeros(len(made), dtype=np.int64))))
    return join_attempts(parts)


def add_outage(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """For an hour or a few nobody gets in, and everybody tries again."""
    start_us = _draw_moment(rng, shop, 8, 21)
    end_us = start_us + int(draw_between(rng, (0.7, 4)) * HOUR_US)
    inside = (ordinary.time_us >= start_us) & (ordinary.time_us < end_us)
    barred = np.flatnonzero(inside & (ordinary.outcome == SUCCESS))
    failed = _fail(ordinary, inside)
    retries = _try_again(rng, failed, barred, draw_between(rng, (0.2, 0.5)), draw_between(rng, (60, 400)))
    outcome = np.where(retries.time_us >= end_us, SUCCESS, FAILURE)
    sessions = open_sessions(retries.account, retries.time_us, outcome)
    return join_attempts([failed, retries.replace(outcome=outcome, session=sessions)])


def add_newcomers(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """An advertisement brings people who try names of other shops before they register."""
    n = round(len(ordinary) * draw_between(rng, (0.03, 0.12)))
    rising = shop.hourly * np.linspace(0.2, 2.0, len(shop.hourly))
    times = draw_times(rng, n, rising, shop.calendar.start_us)
    users = rng.integers(len(shop.customers), size=n)
    made = make_session_attempts(rng, shop, users, times, Mood(slip_factor=0.0))
    strangers = shop.add_names(make_account_names(rng, n, shop.schemes, shop.all_names()))
    none = np.full(len(made), -1, dtype=np.int64)
    made = made.replace(
        account=strangers[made.account % n],
        outcome=np.full(len(made), UNKNOWN_ACCOUNT),
        session=none,
        device=none,
    )
    return join_attempts([ordinary, made])


def _keep_registered(shop: Shop, users: Ints, now_us: int) -> Ints:
    return np.asarray(users[shop.customers.registered_us[users] <= now_us])


def _fail(attempts: Attempts, hit: Flags) -> Attempts:
    """The same attempts, where successes that were hit fail."""
    lost = hit & (attempts.outcome == SUCCESS)
    return attempts.replace(
        outcome=np.where(lost, FAILURE, attempts.outcome), session=np.where(lost, -1, attempts.session)
    )


def _try_again(rng: Generator, failed: Attempts, rows: Ints, p_stop: float, mean_s: float) -> Attempts:
    """Further tries of the same people on the same devices, minutes later."""
    again = np.repeat(rows, rng.geometric(p_stop, size=len(rows)))
    later = (rng.exponential(mean_s, len(again)) * SECOND_US).astype(np.int64)
    return failed.take(again).replace(time_us=failed.time_us[again] + later)


def _draw_moment(rng: Generator, shop: Shop, first_hour: int, last_hour: int) -> int:
    """A moment in the middle of the span, between two hours of the day as clocks there show."""
    hour_of_day = shop.calendar.hour_of_week % 24
    open_hours = np.flatnonzero((hour_of_day >= first_hour) & (hour_of_day <= last_hour))
    n = shop.calendar.n_days * 24
    middle = open_hours[(open_hours > 0.2 * n) & (open_hours < 0.75 * n)]
    return shop.calendar.start_us + int(rng.choice(middle)) * HOUR_US + int(rng.integers(60)) * MINUTE_US


#: What may happen in a shop without any attack, by name.
EVENTS: Final[dict[str, Callable[[Generator, Shop, Attempts], Attempts]]] = {
    "flash_sale": add_flash_sale,
    "password_reset": add_password_reset,
    "broken_release": add_broken_release,
    "health_check": add_health_check,
    "campus_monday": add_campus_monday,
    "outage": add_outage,
    "newcomers": add_newcomers,
    "clumsy_user": add_clumsy_user,
    "polling_bots": add_polling_bots,
    "security_scan": add_security_scan,
    "wary_door": add_wary_door,
}
