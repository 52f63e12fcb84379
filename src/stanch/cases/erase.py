"""Erase rows from the evidence that the service took in: segments are written anew without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import sqlalchemy as sa
import zstandard

from stanch.cases.complaint_reports import forget_reports
from stanch.cases.erase_work import erase_work
from stanch.cases.schema import AGENT_SESSIONS, LATE_LOOKS, RESETS, SEGMENTS
from stanch.cases.segments import unpack_lines
from stanch.evidence.erasing import Erasing


def gather_and_erase(
    connection: sa.Connection, erasing: Erasing, learn_elsewhere: Callable[[], None], *, write: bool
) -> Counter[str]:
    """Gather names here and by `learn_elsewhere` until there is no new one, then `erase_rows`."""
    known = -1
    while known < len(erasing.names):
        known = len(erasing.names)
        _learn_names(connection, erasing)
        learn_elsewhere()
    return erase_rows(connection, erasing, write=write)


def _learn_names(connection: sa.Connection, erasing: Erasing) -> None:
    while sum(erasing.learn(row) for _, rows in _iterate(connection, erasing) for row in rows):
        pass


def erase_rows(connection: sa.Connection, erasing: Erasing, *, write: bool) -> Counter[str]:
    """Erase what is wanted; how many rows of each table, and of what the service knows beside them.

    A segment of which nothing is left, and that came before the moment, goes with its answer; else its answer
    stays, so that a request that is repeated is not taken for a new one. Without `write` nothing changes.
    """
    erased: Counter[str] = Counter()
    for segment, rows in _iterate(connection, erasing):
        kept = [erasing.clean(row) for row in rows if not erasing.wants(row)]
        erased[segment.table_name] += len(rows) - len(kept)
        n_cleaned = sum(new != old for new, old in zip(kept, _filter(rows, erasing), strict=True))
        erased["texts"] += n_cleaned
        if write and (len(kept) < len(rows) or n_cleaned):
            _store(connection, segment.id, kept)
            if segment.table_name == "complaints":
                forget_reports(
                    connection, segment.id, [row["complaint"] for row in rows if erasing.wants(row)]
                )
    erased["resets"] = _erase(
        connection, RESETS, _which(erasing, RESETS.c.found_us, RESETS.c.account), write=write
    )
    erased["late_looks"] = _erase(
        connection, LATE_LOOKS, _which(erasing, LATE_LOOKS.c.login_us, LATE_LOOKS.c.account), write=write
    )
    erased += erase_work(connection, erasing, write=write)
    if erasing.before is not None:
        until_us = round(erasing.before.timestamp() * 1_000_000)
        old = sa.and_(SEGMENTS.c.received_us < until_us, SEGMENTS.c.n_rows == 0)
        ended = AGENT_SESSIONS.c.expires_us < until_us
        erased["sessions"] = _erase(connection, AGENT_SESSIONS, ended, write=write)
        if write:
            connection.execute(SEGMENTS.delete().where(old))
    return +erased


def _which(erasing: Erasing, moment: sa.Column[Any], account: sa.Column[Any]) -> sa.ColumnElement[bool]:
    """Rows of a table that has a `moment` (microseconds) and an `account`."""
    if erasing.before is not None:
        return moment < round(erasing.before.timestamp() * 1_000_000)
    return account.in_(sorted(erasing.names))


def _filter(rows: list[dict[str, Any]], erasing: Erasing) -> Iterator[dict[str, Any]]:
    return (row for row in rows if not erasing.wants(row))


def _iterate(
    connection: sa.Connection, erasing: Erasing
) -> Iterator[tuple[sa.Row[Any, Any], list[dict[str, Any]]]]:
    """Segments with their rows; of a person, those alone in which a name stands at all."""
    chosen = (
        sa.select(SEGMENTS.c.id, SEGMENTS.c.table_name).where(SEGMENTS.c.n_rows > 0).order_by(SEGMENTS.c.id)
    )
    # The list of segments first: some are written while they are gone through.
    for segment in connection.execute(chosen).all():
        packed = connection.execute(
            sa.select(SEGMENTS.c.rows).where(SEGMENTS.c.id == segment.id)
        ).scalar_one()
        lines = unpack_lines(bytes(packed))
        if erasing.before is None and not any(_encode(name) in lines for name in erasing.names):
            continue
        yield segment, [msgspec.json.decode(line) for line in lines.splitlines() if line]


def _encode(name: str) -> bytes:
    """`name` as it stands inside a JSON string."""
    return msgspec.json.encode(name)[1:-1]


def _store(connection: sa.Connection, segment: int, rows: list[dict[str, Any]]) -> None:
    lines = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    packed = zstandard.compress(lines) if rows else b""
    connection.execute(
        SEGMENTS.update().where(SEGMENTS.c.id == segment).values(rows=packed, n_rows=len(rows))
    )


def _erase(connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool], *, write: bool) -> int:
    """How many rows that is; with `write` they are gone."""
    if write:
        return connection.execute(table.delete().where(which)).rowcount
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(which)).scalar_one())
