"""Rows of the login log while they are made: columns as arrays, one block per cause."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
import polars as pl

from stanch.simulation.clients import N_VERSIONS
from stanch.simulation.draws import Flags, Ints, Words, mix
from stanch.simulation.networks import Addresses, format_addresses
from stanch.simulation.shop import Shop

SUCCESS: Final = 0
FAILURE: Final = 1
UNKNOWN_ACCOUNT: Final = 2
CHALLENGED: Final = 3
DENIED: Final = 4
OUTCOME_WORDS: Final = ("success", "failure", "unknown_account", "challenged", "denied")


@dataclass(frozen=True)
class Attempts:
    """Attempts row by row; -1 in an index column means none."""

    time_us: Ints
    high: Words
    low: Words
    network: Ints
    #: Index into the shop's names.
    account: Ints
    outcome: Ints
    #: What the client says it is, and the client whose TLS stack it shows.
    client: Ints
    stack: Ints
    device: Ints
    session: Ints
    #: Index of the campaign, -1 ordinary.
    campaign: Ints

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, rows: Ints | Flags) -> Attempts:
        """These rows, in this order."""
        return Attempts(*(getattr(self, f.name)[rows] for f in fields(self)))

    def replace(self, **columns: Ints) -> Attempts:
        """The same rows with other columns."""
        return replace(self, **columns)  # type: ignore[arg-type]

    def move(self, addresses: Addresses) -> Attempts:
        """The same rows from other addresses."""
        return replace(self, high=addresses.high, low=addresses.low, network=addresses.network)


def make_attempts(
    time_us: Ints,
    addresses: Addresses,
    account: Ints,
    outcome: Ints,
    client: Ints,
    *,
    device: Ints | None = None,
) -> Attempts:
    """A block of ordinary attempts; each success opens a session."""
    none = np.full(len(time_us), -1, dtype=np.int64)
    return Attempts(
        time_us, addresses.high, addresses.low, addresses.network, account, outcome, client, client,
        none if device is None else device, open_sessions(account, time_us, outcome), none,
    )  # fmt: skip


def open_sessions(account: Ints, time_us: Ints, outcome: Ints) -> Ints:
    """A number for the session that each success opens, -1 elsewhere."""
    number = (mix(account, time_us, 5) >> np.uint64(1)).astype(np.int64)
    return np.where(outcome == SUCCESS, number, -1)


def join_attempts(parts: list[Attempts]) -> Attempts:
    """All blocks in order of time (equal times: in the order of the blocks)."""
    columns = [np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Attempts)]
    whole = Attempts(*columns)
    return whole.take(np.argsort(whole.time_us, kind="stable"))


def write_logins(shop: Shop, attempts: Attempts) -> pl.DataFrame:
    """The log as the shop's software writes it: its own choice of columns, words and times."""
    habits, networks = shop.habits, shop.networks
    outcome = attempts.outcome
    if not habits.knows_accounts:
        outcome = np.where(outcome == UNKNOWN_ACCOUNT, FAILURE, outcome)
    device = np.where(
        attempts.device < 0, -1, (mix(attempts.device, shop.salt) >> np.uint64(24)).astype(np.int64)
    )
    made = {
        "time": format_times(attempts.time_us, habits.time_style, shop.calendar.zone),
        "ip": format_addresses(pl.Series(attempts.high), pl.Series(attempts.low)),
        "account": shop.all_names().gather(attempts.account),
        "outcome": pl.Series(OUTCOME_WORDS).gather(outcome),
        "user_agent": shop.clients.agents.gather(attempts.client),
        "ja4": shop.clients.ja4.gather(attempts.stack),
        "device": format_numbers(device, "d"),
        "session": format_numbers(attempts.session, habits.session_stem),
        "country": networks.list_countries().gather(attempts.network),
        "asn": networks.list_asns().gather(attempts.network),
        "path": _choose_paths(shop, attempts),
    }
    wanted = {"time", "ip", "account", "outcome"} | habits.columns
    return pl.DataFrame({name: cells for name, cells in made.items() if name in wanted})


def format_times(time_us: Ints, style: str, zone: str) -> pl.Series:
    """Times as a log writes them; all styles are RFC 3339 or Unix seconds."""
    if style == "unix":
        seconds, millis = np.divmod(time_us // 1000, 1000)
        return pl.Series(seconds).cast(pl.String) + "." + pl.Series(millis).cast(pl.String).str.zfill(3)
    times = pl.Series(time_us).cast(pl.Datetime("us", "UTC"))
    form = "%Y-%m-%dT%H:%M:%S" + ("%.3f" if style.endswith("ms") else "")
    if style.startswith("offset"):
        return times.dt.convert_time_zone(zone).dt.strftime(form + "%:z")
    return times.dt.strftime(form + "Z")


def truncate_times(time_us: Ints, style: str) -> Ints:
    """Times as precise as the style can write them."""
    step = 1000 if style.endswith("ms") or style == "unix" else 1_000_000
    return np.asarray(time_us // step * step)


def format_numbers(numbers: Ints, stem: str) -> pl.Series:
    """Numbers as text behind a stem; null for -1."""
    text = stem + pl.Series(numbers).cast(pl.String)
    return text.set(pl.Series(numbers < 0), None)


def _choose_paths(shop: Shop, attempts: Attempts) -> pl.Series:
    """Apps log in at an API, browsers and tools at a page."""
    of_customers = attempts.client < shop.clients.first_tool
    family = np.where(of_customers, attempts.client, 0) // N_VERSIONS
    is_app = of_customers & (shop.clients.family_class[family] == 2)
    return pl.Series(["/account/login", "/api/v2/session"]).gather(is_app.astype(np.int64))
