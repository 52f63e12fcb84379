"""Decisions as they are stored: added, undone, and read by all who act on them in the order of change."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.schema import DECISIONS
from stanch.errors import UsageError
from stanch.guard.decisions import Decision

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Origin = Literal["stanch", "manual"]

#: Any constant will do; it keeps two servers from giving out one version, or two in the wrong order.
_VERSION_LOCK: Final = 0x53544443
#: Clocks of several servers differ by less.
_AHEAD_US: Final = 3_600_000_000
#: Larger networks than these are half the internet, and a slip of the hand.
_WIDEST: Final = {4: 8, 6: 19}

_DURATION: Final = re.compile(r"([0-9]{1,7})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST_S: Final = 3650 * 86_400

#: What has become of a decision; one that is only simulated is never active.
Standing = Literal["active", "simulated", "expired", "undone"]


class KeptDecision(Struct, frozen=True):
    """One decision with what the store knows of it. Moments are microseconds since 1970-01-01 UTC."""

    id: int
    version: int
    changed_us: int
    value: str
    scope: Literal["ip", "range"]
    kind: Literal["ban", "captcha", "allow"]
    scenario: str
    why: str
    origin: Origin
    start_us: int
    until_us: int
    simulated: bool
    undone_us: int | None = None

    @property
    def end_us(self) -> int:
        """When it ended or will."""
        return self.until_us if self.undone_us is None else min(self.until_us, self.undone_us)


def make_decision(
    value: str, kind: Literal["ban", "captcha", "allow"], why: str, now_us: int, duration_us: int
) -> Decision:
    """A person's own decision.

    Raises:
        UsageError: `value` is no address or network, or one far too wide.
    """
    network = read_network(value)
    if network.prefixlen < _WIDEST[network.version]:
        raise UsageError(f"{value} is too large a part of the internet", hint="name a smaller network")
    is_one = network.prefixlen == network.max_prefixlen
    return Decision(
        value=str(network.network_address) if is_one else str(network),
        scope="ip" if is_one else "range",
        kind=kind,
        scenario="manual",
        why=why,
        start_us=now_us,
        until_us=now_us + duration_us,
        simulated=False,
    )


def read_network(value: str) -> Network:
    """An address or network; IPv4-mapped IPv6 is the IPv4 address.

    Raises:
        UsageError: it is neither.
    """
    try:
        network = ipaddress.ip_network(value.strip())
    except ValueError as error:
        raise UsageError(f"{value!r} is neither an address nor a network: {error}") from None
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:  # noqa: SIM102
        if (mapped := network.network_address.ipv4_mapped) is not None:
            return ipaddress.ip_network((int(mapped), network.prefixlen - 96))
    return network


def read_duration(text: str) -> int:
    """How long `90s`, `15m`, `4h` or `7d` are, in seconds.

    Raises:
        UsageError: it is no time, or over ten years.
    """
    found = _DURATION.fullmatch(text.strip())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(f"{text}: no time up to ten years", hint="such as 90s, 15m, 4h, 7d")
    return seconds


def add_decisions(
    connection: sa.Connection, decisions: Sequence[Decision], origin: Origin, now_us: int
) -> list[KeptDecision]:
    """Store decisions; as they are now known."""
    version = _lock_version(connection)
    if not decisions:
        return []
    rows = [
        {
            "version": version + n,
            "changed_us": now_us,
            "value": decision.value,
            "scope": decision.scope,
            "kind": decision.kind,
            "scenario": decision.scenario[:100],
            "why": decision.why[:500],
            "origin": origin,
            "start_us": decision.start_us,
            "until_us": decision.until_us,
            "simulated": decision.simulated,
        }
        for n, decision in enumerate(decisions, start=1)
    ]
    connection.execute(DECISIONS.insert(), rows)
    return list(list_changes(connection, version))


def undo_decisions(
    connection: sa.Connection, what: str, now_us: int, kind: str | None = None
) -> list[KeptDecision]:
    """Take back what is in force under an id, or about a value exactly; as they are now known.

    Raises:
        UsageError: there is nothing to undo.
    """
    table = DECISIONS.c
    if what.isascii() and what.isdigit():
        named = table.id == int(what)
    else:
        network = read_network(what)
        is_one = network.prefixlen == network.max_prefixlen
        named = table.value == (str(network.network_address) if is_one else str(network))
    chosen = sa.and_(named, table.until_us > now_us, table.undone_us.is_(None))
    if kind is not None:
        chosen = sa.and_(chosen, table.kind == kind)
    undone = _undo(connection, chosen, now_us)
    if not undone:
        raise UsageError(f"no decision in force is about {what}", hint="stanch decisions list")
    return undone


def undo_ahead(connection: sa.Connection, now_us: int) -> int:
    """Take back what was decided over an hour from now, by a clock that was wrong: it would last too long.

    What is let alone stays so. Returns how many decisions that were.
    """
    table = DECISIONS.c
    ahead = sa.and_(table.start_us > now_us + _AHEAD_US, table.undone_us.is_(None), table.kind != "allow")
    if connection.execute(sa.select(table.id).where(ahead).limit(1)).first() is None:
        return 0
    return len(_undo(connection, ahead, now_us))


def _undo(connection: sa.Connection, chosen: sa.ColumnElement[bool], now_us: int) -> list[KeptDecision]:
    table, version = DECISIONS.c, _lock_version(connection)
    found = connection.execute(sa.select(table.id).where(chosen).order_by(table.id)).scalars().all()
    for n, number in enumerate(found, start=1):
        changed = {"undone_us": now_us, "changed_us": now_us, "version": version + n}
        connection.execute(DECISIONS.update().where(table.id == number).values(changed))
    return list(list_changes(connection, version)) if found else []


def list_changes(
    connection: sa.Connection, after_version: int, most: int | None = None
) -> Iterator[KeptDecision]:
    """What changed after a version, in the order of change, `most` at once."""
    chosen = sa.select(DECISIONS).where(DECISIONS.c.version > after_version).limit(most)
    return _read(connection, chosen.order_by(DECISIONS.c.version))


def list_kept(connection: sa.Connection, ended_after_us: int) -> Iterator[KeptDecision]:
    """All that are in force or ended after a moment, in the order of change."""
    chosen = sa.select(DECISIONS).where(DECISIONS.c.until_us > ended_after_us)
    return _read(connection, chosen.order_by(DECISIONS.c.version))


def list_standing(
    connection: sa.Connection, standing: Standing, now_us: int, *, offset: int, most: int, value: str = ""
) -> tuple[list[KeptDecision], int]:
    """Decisions whose value begins with `value`, newest first, and how many there are in all."""
    table = DECISIONS.c
    is_over = table.until_us <= now_us
    conditions: dict[Standing, list[sa.ColumnElement[bool]]] = {
        "active": [table.undone_us.is_(None), ~is_over, ~table.simulated],
        "simulated": [table.undone_us.is_(None), ~is_over, table.simulated],
        "expired": [table.undone_us.is_(None), is_over],
        "undone": [table.undone_us.is_not(None)],
    }
    which = [*conditions[standing], table.value.startswith(value, autoescape=True)]
    n = connection.execute(sa.select(sa.func.count()).select_from(DECISIONS).where(*which)).scalar_one()
    chosen = sa.select(DECISIONS).where(*which).order_by(table.id.desc()).offset(offset).limit(most)
    return list(_read(connection, chosen)), n


def find_version(connection: sa.Connection) -> int:
    """The newest version; 0 if nothing was ever decided."""
    return int(connection.execute(sa.select(sa.func.max(DECISIONS.c.version))).scalar() or 0)


def forget_decisions(connection: sa.Connection, ended_before_us: int) -> None:
    """Remove what ended before a moment, but for the newest change: versions never start anew."""
    newest = sa.select(sa.func.max(DECISIONS.c.version)).scalar_subquery()
    connection.execute(
        DECISIONS.delete().where(DECISIONS.c.until_us < ended_before_us, DECISIONS.c.version < newest)
    )


def _lock_version(connection: sa.Connection) -> int:
    """The newest version, held so that nobody else gives out the next one until this is committed.

    SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_VERSION_LOCK)))
    return find_version(connection)


def _read(connection: sa.Connection, chosen: sa.Select[tuple[object, ...]]) -> Iterator[KeptDecision]:
    names = KeptDecision.__struct_fields__
    columns = [DECISIONS.c[name] for name in names]
    for row in connection.execute(chosen.with_only_columns(*columns)):
        yield KeptDecision(*row)
