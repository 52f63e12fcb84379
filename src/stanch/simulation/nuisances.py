"""Single actors that look like trouble and are none: a clumsy user, polling bots, a scan of the site."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from stanch.simulation.attempts import CHALLENGED, FAILURE, SUCCESS, Attempts, join_attempts, make_attempts
from stanch.simulation.countries import draw_countries
from stanch.simulation.draws import (
    DAY_US,
    HOUR_US,
    SECOND_US,
    Generator,
    Ints,
    choose,
    draw_between,
    draw_log_between,
)
from stanch.simulation.names import misspell
from stanch.simulation.places import find_places
from stanch.simulation.sessions import find_clients, mark_devices
from stanch.simulation.shop import Shop

#: What scanners write into a name field, in the kinds of OWASP's testing guide (WSTG-INPV, WSTG-ATHN-02).
_PAYLOADS: Final = (
    "admin", "administrator", "root", "test", "guest", "user", "demo", "support", "webmaster", "info",
    "' OR '1'='1", "admin'--", "admin' #", "') OR ('1'='1", "1 OR 1=1", "\" OR \"\"=\"", "admin'/*",
    "'; WAITFOR DELAY '0:0:5'--", "1 AND SLEEP(5)", "' UNION SELECT NULL,NULL--", "${7*7}", "{{7*7}}",
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd", "() { :;}; echo scan", "%00", "$(sleep 5)", "`id`", "|id", ";id",
    "*)(uid=*))(|(uid=*", "admin)(&)", "A" * 300, "-1", "0", "null", "undefined", "true", "[]",
)  # fmt: skip


def add_clumsy_user(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """One customer tries for hours on some days, at home and on the way, and seldom gets in."""
    user = int(rng.choice(np.flatnonzero(shop.customers.registered_us == 0)))
    days = rng.choice(np.arange(1, shop.calendar.n_days), size=int(rng.integers(1, 6)), replace=False)
    return join_attempts([ordinary, *(_fumble(rng, shop, user, day) for day in np.sort(days).tolist())])


def _fumble(rng: Generator, shop: Shop, user: int, day: int) -> Attempts:
    """A day's tries of one customer, in bursts of a few minutes."""
    n = int(draw_log_between(rng, (30, 300)))
    first_us = shop.calendar.start_us + day * DAY_US + int(rng.integers(7, 16)) * HOUR_US
    burst = np.sort(rng.integers(int(rng.integers(2, 9)), size=n))
    begins = np.sort(rng.random(int(burst.max()) + 1)) * 7 * HOUR_US
    gaps = np.exp(rng.normal(2.6, 0.8, n)) * SECOND_US
    time_us = np.sort(first_us + begins[burst].astype(np.int64) + np.cumsum(gaps).astype(np.int64))
    users = np.full(n, user)
    device = rng.integers(shop.customers.n_devices[user], size=len(begins))[burst]
    # One place for each burst; find_places draws it for the burst's first moment.
    starts = time_us[np.searchsorted(burst, np.arange(len(begins)))]
    places = find_places(rng, shop, users[: len(begins)], starts, device[: len(begins)]).take(burst)
    account, slipped = users.copy(), np.flatnonzero(rng.random(n) < 0.25)
    near = misspell(rng, shop.names[0].gather(users[slipped]).to_list())
    account[slipped] = shop.find_or_add(pl.Series(near, dtype=pl.String))
    outcome = np.full(n, FAILURE)
    if rng.random() < 0.6 and account[-1] == user:
        outcome[-1] = SUCCESS
    client = find_clients(shop, users, device, time_us)
    return make_attempts(
        time_us, places, account, outcome, client, device=mark_devices(rng, shop, users, device)
    )


def add_polling_bots(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """Customers' scripts poll with good credentials day and night, some for dozens of accounts."""
    n_bots = max(2, round(draw_log_between(rng, (3, 25)) * min(1.0, len(shop.customers) / 10_000)))
    return join_attempts([ordinary, *(_poll(rng, shop, len(ordinary)) for _ in range(n_bots))])


def _poll(rng: Generator, shop: Shop, n_ordinary: int) -> Attempts:
    """One script from one address; for a while its password is an old one, in some."""
    old = np.flatnonzero(shop.customers.registered_us == 0)
    n_accounts = int(draw_log_between(rng, (1, 60))) if rng.random() < 0.3 else 1
    accounts = rng.choice(old, size=n_accounts)
    span_us = shop.calendar.end_us - shop.calendar.start_us
    every_us = int(max(draw_log_between(rng, (20, 1_800)) * SECOND_US, span_us / (0.1 * n_ordinary + 20)))
    times = np.arange(shop.calendar.start_us + int(rng.integers(every_us)), shop.calendar.end_us, every_us)
    times = times + (rng.exponential(1.0, len(times)) * SECOND_US).astype(np.int64)
    n = len(times)
    account = accounts[np.arange(n) % n_accounts]
    outcome = np.where(rng.random(n) < 0.001, FAILURE, SUCCESS)
    if rng.random() < 0.3:
        changed_us = shop.calendar.at(draw_between(rng, (0.2, 0.8)))
        noticed_us = changed_us + int(draw_between(rng, (1, 40)) * HOUR_US)
        stale = (times >= changed_us) & (times < noticed_us) & (account == accounts[0])
        outcome = np.where(stale, FAILURE, outcome)
    network = shop.networks.add([shop.country] if rng.random() < 0.7 else draw_countries(rng, 1))
    places = shop.networks.make_v4(np.full(n, int(network[0])), np.full(n, 11))
    client = np.full(n, int(rng.integers(shop.clients.first_tool, shop.clients.agents.len())))
    return make_attempts(times, places, account, outcome, client)


def add_security_scan(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """A hired tester's scanner writes its payloads into the name field, from one address or a few."""
    n = round(min(draw_log_between(rng, (1_500, 30_000)), 0.3 * len(ordinary)))
    start_us = shop.calendar.at(draw_between(rng, (0.2, 0.7)))
    hours = draw_log_between(rng, (0.5, 12))
    times = np.sort(start_us + (rng.random(n) * hours * HOUR_US).astype(np.int64))
    account = _write_payloads(rng, shop, n)
    sources = shop.networks.add(draw_countries(rng, 1) if rng.random() < 0.5 else [shop.country])
    slots = rng.integers(int(rng.integers(1, 5)), size=n)
    places = shop.networks.make_v4(np.full(n, int(sources[0])), slots)
    client = np.full(n, int(rng.integers(shop.clients.first_tool, shop.clients.agents.len())))
    return join_attempts([ordinary, make_attempts(times, places, account, np.full(n, FAILURE), client)])


def _write_payloads(rng: Generator, shop: Shop, n: int) -> Ints:
    """Names tried by a scanner: some plain ones over and over, payloads, and payloads behind a number."""
    weights = np.where(np.arange(len(_PAYLOADS)) < 10, 2.0, 1.0)
    texts = pl.Series(_PAYLOADS, dtype=pl.String).gather(choose(rng, n, weights))
    # Many scanners number their probes, to find them again in what the site says later.
    marks = "probe" + pl.Series(rng.integers(10**6, size=n)).cast(pl.String)
    numbered = pl.Series(rng.random(n) < draw_between(rng, (0.0, 0.5)))
    written = marks.zip_with(numbered, texts)
    different = written.unique(maintain_order=True)
    at = shop.find_or_add(different)
    places = pl.DataFrame({"name": written}).join(
        pl.DataFrame({"name": different, "at": at}), on="name", how="left", maintain_order="left"
    )
    return places["at"].to_numpy()


def add_wary_door(rng: Generator, shop: Shop, ordinary: Attempts) -> Attempts:
    """A bot filter challenges a few genuine logins too: of scripts, of VPNs, and by chance."""
    share = draw_log_between(rng, (0.0005, 0.01))
    is_tool = ordinary.client >= shop.clients.first_tool
    on_vpn = np.isin(ordinary.network, shop.margins.vpns)
    p_refused = np.where(is_tool, 0.1, np.where(on_vpn, 8 * share, share))
    hit = rng.random(len(ordinary)) < p_refused
    # People solve the challenge and are let in within a minute.
    solved = ordinary.take(hit & ~is_tool)
    later_us = (draw_between(rng, (8, 30)) * rng.exponential(1.0, len(solved)) * SECOND_US).astype(np.int64)
    asked = ordinary.replace(
        outcome=np.where(hit, CHALLENGED, ordinary.outcome), session=np.where(hit, -1, ordinary.session)
    )
    return join_attempts([asked, solved.replace(time_us=solved.time_us + later_us + 2 * SECOND_US)])
