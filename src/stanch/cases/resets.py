"""Late resets: logins that were let in and turned out to be an attack's, kept for the shop to see to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.schema import RESETS

#: Any constant will do: who reads up to an id must not miss a smaller one that is committed later.
_ORDER_LOCK: Final = 0x53545253


class KeptReset(Struct, frozen=True):
    """One account to be reset. Moments are microseconds since 1970-01-01 UTC."""

    account: str
    login_us: int
    found_us: int
    score: float
    why: str
    simulated: bool


def add_resets(connection: sa.Connection, resets: Sequence[KeptReset]) -> None:
    """Store them, in the order in which they get their ids, whoever stores at the same time."""
    if resets:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ORDER_LOCK)))
        rows = [
            {name: getattr(reset, name) for name in KeptReset.__struct_fields__}
            | {"account": reset.account[:256], "why": reset.why[:500]}
            for reset in resets
        ]
        connection.execute(RESETS.insert(), rows)


def list_resets(connection: sa.Connection, after_id: int, most: int) -> list[tuple[int, KeptReset]]:
    """Those after an id, with their ids, oldest first."""
    columns = [RESETS.c.id, *(RESETS.c[name] for name in KeptReset.__struct_fields__)]
    chosen = sa.select(*columns).where(RESETS.c.id > after_id).order_by(RESETS.c.id).limit(most)
    return [(int(row[0]), KeptReset(*row[1:])) for row in connection.execute(chosen)]


def list_newest(connection: sa.Connection, offset: int, most: int) -> tuple[list[tuple[int, KeptReset]], int]:
    """The newest with their ids, and how many there are in all."""
    columns = [RESETS.c.id, *(RESETS.c[name] for name in KeptReset.__struct_fields__)]
    chosen = sa.select(*columns).order_by(RESETS.c.id.desc()).offset(offset).limit(most)
    n = connection.execute(sa.select(sa.func.count()).select_from(RESETS)).scalar_one()
    return [(int(row[0]), KeptReset(*row[1:])) for row in connection.execute(chosen)], n


def find_reset(connection: sa.Connection, number: int) -> KeptReset | None:
    """One of them."""
    found = list_resets(connection, number - 1, 1)
    return found[0][1] if found and found[0][0] == number else None


def forget_resets(connection: sa.Connection, found_before_us: int) -> None:
    """Remove those found before a moment."""
    connection.execute(RESETS.delete().where(RESETS.c.found_us < found_before_us))
