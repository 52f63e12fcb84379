"""Erase what people wrote in the console: a person's names in texts, and incidents that were closed long ago.

The audit stays as it is: it names nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from stanch.cases.schema import (
    CONSOLE_SESSIONS,
    EVIDENCE_FILES,
    INCIDENT_HISTORY,
    INCIDENT_NOTES,
    INCIDENT_PEOPLE,
    INCIDENT_PINS,
    INCIDENT_TASKS,
    INCIDENTS,
    INVESTIGATIONS,
    INVITATIONS,
    MENTIONS,
)
from stanch.evidence.erasing import Erasing

#: Where people write.
_TEXTS: Final = (
    (INCIDENTS, ("title", "close_reason")),
    (INCIDENT_HISTORY, ("value", "text")),
    (INCIDENT_TASKS, ("title",)),
    (INCIDENT_NOTES, ("text",)),
    (INCIDENT_PINS, ("path", "label")),
    (EVIDENCE_FILES, ("name",)),
)
_PARTS: Final = (
    EVIDENCE_FILES, INVESTIGATIONS, INCIDENT_PINS, INCIDENT_NOTES, INCIDENT_TASKS,
    INCIDENT_HISTORY, INCIDENT_PEOPLE,
)  # fmt: skip


def erase_work(connection: sa.Connection, erasing: Erasing, *, write: bool) -> Counter[str]:
    """Erase what is wanted; how many texts, incidents and sign-ins. Without `write` nothing changes."""
    if erasing.before is None:
        return Counter(incident_texts=_clean_texts(connection, erasing, write=write))
    until_us = round(erasing.before.timestamp() * 1_000_000)
    erased = Counter(incidents=_drop_incidents(connection, until_us, write=write))
    for table in (CONSOLE_SESSIONS, INVITATIONS):
        which = table.c.expires_us < until_us
        n = connection.execute(sa.select(sa.func.count()).select_from(table).where(which)).scalar_one()
        erased["sign_ins"] += n
        if write:
            connection.execute(table.delete().where(which))
    return erased


def _clean_texts(connection: sa.Connection, erasing: Erasing, *, write: bool) -> int:
    n = 0
    for table, names in _TEXTS:
        columns = [table.c[name] for name in names]
        for row in connection.execute(sa.select(table.c.id, *columns)).all():
            given = {name: getattr(row, name) for name in names}
            cleaned = erasing.clean(given)
            if cleaned == given:
                continue
            n += 1
            if write:
                connection.execute(table.update().where(table.c.id == row.id).values(**cleaned))
    return n


def _drop_incidents(connection: sa.Connection, until_us: int, *, write: bool) -> int:
    """Those closed before a moment, with all that belongs to them."""
    old = list(
        connection.execute(sa.select(INCIDENTS.c.id).where(INCIDENTS.c.closed_us < until_us)).scalars()
    )
    if old and write:
        drop_incidents(connection, old)
    return len(old)


def drop_incidents(connection: sa.Connection, numbers: Sequence[int]) -> None:
    """Incidents with all that belongs to them in the database."""
    notes = sa.select(INCIDENT_NOTES.c.id).where(INCIDENT_NOTES.c.incident_id.in_(numbers))
    connection.execute(MENTIONS.delete().where(MENTIONS.c.note_id.in_(notes)))
    for part in _PARTS:
        connection.execute(part.delete().where(part.c.incident_id.in_(numbers)))
    connection.execute(INCIDENTS.delete().where(INCIDENTS.c.id.in_(numbers)))
