"""The register of claims in the service's database: changes that are only ever added to."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from stanch.cases.schema import CLAIM_CHANGES
from stanch.complaints.claims.register import Change


def add_changes(connection: sa.Connection, changes: Iterable[Change]) -> None:
    """Store changes that the register has accepted."""
    rows = [
        {"claim": change.claim, "of": change.of, "content": msgspec.json.encode(change).decode()}
        for change in changes
    ]
    if rows:
        connection.execute(CLAIM_CHANGES.insert(), rows)


def find_newest(connection: sa.Connection) -> tuple[int, int]:
    """Newest id and how many changes there are: what tells whether there is anything new, or less."""
    newest, n = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(CLAIM_CHANGES.c.id), 0), sa.func.count())
    ).one()
    return int(newest), int(n)


def list_changes(connection: sa.Connection, after: int) -> list[tuple[int, Change]]:
    """Changes with a higher id than `after`, in order."""
    rows = connection.execute(
        sa.select(CLAIM_CHANGES.c.id, CLAIM_CHANGES.c.content)
        .where(CLAIM_CHANGES.c.id > after)
        .order_by(CLAIM_CHANGES.c.id)
    )
    return [(int(id_), msgspec.json.decode(content, type=Change)) for id_, content in rows]
