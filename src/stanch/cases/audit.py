"""Who did or looked at what: entries chained by a keyed hash, so that a change shows where it was made.

The MAC of an entry is HMAC-SHA-256 (RFC 2104) over the MAC of the one before and the entry itself (after
Schneier and Kelsey, "Secure Audit Logs to Support Computer Forensics", ACM TISSEC 1999, section 3). Whoever
cuts off the end leaves a chain that fits; only a head that was written down elsewhere tells of that.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterator
from typing import Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.schema import AUDIT

#: Any constant will do; it keeps two servers from giving out one number.
_CHAIN_LOCK: Final = 0x53544155
_START: Final = bytes(32)
_AT_ONCE: Final = 10_000


class Entry(Struct, frozen=True):
    """One entry. `subject` is a number or a keyed reference; nothing here names a customer."""

    id: int
    at_us: int
    #: None: Stanch itself.
    person_id: int | None
    action: str
    subject: str
    details: str
    mac: bytes


class Head(Struct, frozen=True):
    """The newest entry, to be written down elsewhere; 0 where there is none."""

    id: int
    mac: bytes

    def __str__(self) -> str:
        return f"{self.id}:{self.mac.hex()[:32]}"


class Verdict(Struct, frozen=True):
    """What `verify` found."""

    n_entries: int
    head: Head
    #: Number of the first entry that does not fit; None: all fit.
    broken_at: int | None = None


class Filter(Struct, frozen=True):
    """Which entries: empty is any."""

    person_id: int | None = None
    action: str = ""
    subject: str = ""


def append(
    connection: sa.Connection,
    key: bytes,
    *,
    at_us: int,
    person_id: int | None,
    action: str,
    subject: str = "",
    details: str = "",
) -> Entry:
    """Add an entry; it is there when the transaction is committed."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    last = find_head(connection)
    unsealed = Entry(last.id + 1, at_us, person_id, action[:64], subject[:128], details[:500], b"")
    entry = msgspec.structs.replace(unsealed, mac=_seal(key, last.mac, unsealed))
    connection.execute(AUDIT.insert().values(**msgspec.structs.asdict(entry)))
    return entry


def find_head(connection: sa.Connection) -> Head:
    """The newest entry."""
    newest = sa.select(AUDIT.c.id, AUDIT.c.mac).order_by(AUDIT.c.id.desc()).limit(1)
    row = connection.execute(newest).first()
    return Head(row.id, bytes(row.mac)) if row is not None else Head(0, _START)


def is_noted(connection: sa.Connection, person_id: int, action: str, subject: str, since_us: int) -> bool:
    """Whether somebody did the same within the time since a moment."""
    same = sa.select(AUDIT.c.id).where(
        AUDIT.c.person_id == person_id,
        AUDIT.c.action == action,
        AUDIT.c.subject == subject,
        AUDIT.c.at_us >= since_us,
    )
    return connection.execute(same.limit(1)).first() is not None


def list_entries(
    connection: sa.Connection, wanted: Filter, offset: int, most: int
) -> tuple[list[Entry], int]:
    """Entries, newest first, and how many there are in all."""
    which = [
        condition
        for condition, is_asked in (
            (AUDIT.c.person_id == wanted.person_id, wanted.person_id is not None),
            (AUDIT.c.action == wanted.action, bool(wanted.action)),
            (AUDIT.c.subject == wanted.subject, bool(wanted.subject)),
        )
        if is_asked
    ]
    chosen = sa.select(AUDIT).where(*which).order_by(AUDIT.c.id.desc()).offset(offset).limit(most)
    n = connection.execute(sa.select(sa.func.count()).select_from(AUDIT).where(*which)).scalar_one()
    return [_make_entry(row) for row in connection.execute(chosen)], n


def find_actors(connection: sa.Connection, action: str, subjects: Collection[str]) -> dict[str, int]:
    """Id of the person who did something to each of `subjects`, where it is noted."""
    chosen = sa.select(AUDIT.c.subject, AUDIT.c.person_id).where(
        AUDIT.c.action == action, AUDIT.c.subject.in_(subjects), AUDIT.c.person_id.is_not(None)
    )
    return {row[0]: row[1] for row in connection.execute(chosen)}


def list_actions(connection: sa.Connection) -> list[str]:
    """Every action that was ever noted."""
    return list(connection.execute(sa.select(AUDIT.c.action).distinct().order_by(AUDIT.c.action)).scalars())


def verify(connection: sa.Connection, key: bytes, newest: int | None = None) -> Verdict:
    """Whether every entry is as it was written, and none is missing before the newest (100,000 a second).

    With `newest` only so many are looked at, and the one before them is believed.
    """
    last, n = Head(0, _START), 0
    if newest is not None and (start := find_head(connection).id - newest) > 0:
        before = sa.select(AUDIT.c.id, AUDIT.c.mac).where(AUDIT.c.id <= start).order_by(AUDIT.c.id.desc())
        last = next((Head(row.id, bytes(row.mac)) for row in connection.execute(before.limit(1))), last)
    for entry in _iterate(connection, last.id):
        unsealed = msgspec.structs.replace(entry, mac=b"")
        is_next = entry.id == last.id + 1
        if not is_next or not hmac.compare_digest(entry.mac, _seal(key, last.mac, unsealed)):
            return Verdict(n, last, last.id + 1)
        last, n = Head(entry.id, entry.mac), n + 1
    return Verdict(n, last)


def holds(connection: sa.Connection, head: str) -> bool:
    """Whether the entry that `head`, as text, names is there and the same."""
    number, _, _ = head.partition(":")
    if not number.isdecimal() or len(number) > 18:
        return False
    row = connection.execute(sa.select(AUDIT.c.id, AUDIT.c.mac).where(AUDIT.c.id == int(number))).first()
    return row is not None and hmac.compare_digest(str(Head(row.id, bytes(row.mac))), head.strip())


def _iterate(connection: sa.Connection, after: int) -> Iterator[Entry]:
    while rows := connection.execute(
        sa.select(AUDIT).where(AUDIT.c.id > after).order_by(AUDIT.c.id).limit(_AT_ONCE)
    ).all():
        yield from map(_make_entry, rows)
        after = rows[-1].id


def _make_entry(row: sa.Row[tuple[object, ...]]) -> Entry:
    return Entry(**{**row._mapping, "mac": bytes(row.mac)})


def _seal(key: bytes, before: bytes, entry: Entry) -> bytes:
    return hmac.digest(key, before + msgspec.msgpack.encode(entry), "sha256")
