"""Evidence taken in: one segment per request, stored once however often the request is repeated."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
import zstandard
from sqlalchemy.exc import IntegrityError

from stanch.cases.schema import SEGMENTS


class KeyReusedError(ValueError):
    """An idempotency key came back with another body."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What one request brought. `rows` is one zstd frame of JSON Lines, or empty."""

    table: str
    #: Id of the key that brought it, or the name of the form.
    source: str
    idempotency_key: str | None
    #: Keyed hash of the body: tells whether a repeated request is the same one.
    fingerprint: bytes
    answer: bytes
    received_us: int
    n_rows: int
    rows: bytes


def add_segment(connection: sa.Connection, segment: Segment) -> bytes:
    """Store a segment and return its answer, or the answer to the request that it repeats.

    Raises:
        KeyReusedError: the idempotency key belongs to a request with another body.
    """
    if (earlier := find_answer(connection, segment)) is not None:
        return earlier
    values = {name: getattr(segment, name) for name in Segment.__slots__}
    values["table_name"] = values.pop("table")
    try:
        with connection.begin_nested():
            connection.execute(SEGMENTS.insert().values(values))
    except IntegrityError:
        # Another server was faster; its row is there now.
        if (earlier := find_answer(connection, segment)) is None:
            raise
        return earlier
    return segment.answer


def find_answer(connection: sa.Connection, segment: Segment) -> bytes | None:
    """The answer that an earlier request with the same idempotency key got; None if there was none.

    Raises:
        KeyReusedError: that request had another body.
    """
    if segment.idempotency_key is None:
        return None
    found = connection.execute(
        sa.select(SEGMENTS.c.fingerprint, SEGMENTS.c.answer).where(
            SEGMENTS.c.table_name == segment.table,
            SEGMENTS.c.source == segment.source,
            SEGMENTS.c.idempotency_key == segment.idempotency_key,
        )
    ).first()
    if found is None:
        return None
    if not hmac.compare_digest(bytes(found.fingerprint), segment.fingerprint):
        raise KeyReusedError(segment.idempotency_key)
    return bytes(found.answer)


def iterate_rows(connection: sa.Connection, table: str) -> Iterator[tuple[int, bytes]]:
    """Number of rows and zstd frame of every segment of a table, in the order they came."""
    chosen = (
        sa.select(SEGMENTS.c.n_rows, SEGMENTS.c.rows)
        .where(SEGMENTS.c.table_name == table, SEGMENTS.c.n_rows > 0)
        .order_by(SEGMENTS.c.id)
    )
    for row in connection.execution_options(yield_per=100).execute(chosen):
        yield int(row.n_rows), bytes(row.rows)


def unpack_lines(frame: bytes) -> bytes:
    """What is in a segment: JSON Lines."""
    return zstandard.ZstdDecompressor().stream_reader(frame, read_across_frames=True).read()


def count_rows(connection: sa.Connection) -> dict[str, int]:
    """Table -> rows that were taken in; tables without any are left out."""
    summed = sa.select(SEGMENTS.c.table_name, sa.func.sum(SEGMENTS.c.n_rows)).group_by(SEGMENTS.c.table_name)
    return {str(table): int(n) for table, n in connection.execute(summed) if n}
