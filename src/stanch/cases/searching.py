"""Words looked for in everything that people wrote, in complaints without people, and in decisions.

By `LIKE`, the same on SQLite and PostgreSQL: every word has to stand in the text, as a part of a word too,
and ASCII letters in either case (PostgreSQL: any letters). It reads every text once; 50,000 complaints take a
fraction of a second.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, Literal

import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.schema import (
    COMPLAINT_REPORTS,
    DECISIONS,
    INCIDENT_HISTORY,
    INCIDENT_NOTES,
    INCIDENT_PINS,
    INCIDENT_TASKS,
    INCIDENTS,
)

Kind = Literal["incident", "note", "task", "pin", "history", "complaint", "decision"]
KINDS: Final[tuple[Kind, ...]] = ("incident", "note", "task", "pin", "history", "complaint", "decision")


class Hit(Struct, frozen=True):
    """One text in which all words stand. `incident` is the number of the incident it belongs to, else 0."""

    kind: Kind
    id: int
    incident: int
    #: Microseconds since 1970-01-01 UTC; 0: it has no moment.
    at_us: int
    text: str


def search(
    connection: sa.Connection, words: Sequence[str], kinds: Collection[Kind], offset: int, n: int
) -> tuple[list[Hit], dict[Kind, int]]:
    """Some of what was found, the newest first, and how much of each kind there is."""
    if not words or not kinds:
        return [], {}
    found = sa.union_all(*(_select(kind, words) for kind in KINDS if kind in kinds)).subquery()
    counts = connection.execute(sa.select(found.c.kind, sa.func.count()).group_by(found.c.kind)).all()
    rows = connection.execute(
        sa.select(found)
        .order_by(found.c.at_us.desc(), found.c.kind, found.c.id.desc())
        .offset(offset)
        .limit(n)
    )
    return [Hit(**row._mapping) for row in rows], {kind: int(number) for kind, number in counts}


def _select(kind: Kind, words: Sequence[str]) -> sa.Select[Any]:
    table, incident, at_us, texts = _WHERE[kind]
    text: sa.ColumnElement[Any] = texts[0]
    for more in texts[1:]:
        text = text + sa.literal(" ") + more
    has_all = sa.and_(*(sa.or_(*(t.icontains(word, autoescape=True) for t in texts)) for word in words))
    return sa.select(
        sa.literal(kind).label("kind"),
        table.c.id.label("id"),
        incident.label("incident"),
        sa.func.coalesce(at_us, 0).label("at_us"),
        text.label("text"),
    ).where(has_all)


_NONE: Final = sa.literal(0)
#: Where each kind stands: table, its incident, its moment, its texts.
_WHERE: Final[
    dict[Kind, tuple[sa.Table, sa.ColumnElement[Any], sa.ColumnElement[Any], tuple[sa.Column[Any], ...]]]
] = {
    "incident": (
        INCIDENTS, INCIDENTS.c.id, INCIDENTS.c.opened_us, (INCIDENTS.c.title, INCIDENTS.c.close_reason),
    ),
    "note": (
        INCIDENT_NOTES, INCIDENT_NOTES.c.incident_id, INCIDENT_NOTES.c.at_us, (INCIDENT_NOTES.c.text,),
    ),
    "task": (
        INCIDENT_TASKS, INCIDENT_TASKS.c.incident_id, INCIDENT_TASKS.c.due_us, (INCIDENT_TASKS.c.title,),
    ),
    "pin": (INCIDENT_PINS, INCIDENT_PINS.c.incident_id, INCIDENT_PINS.c.at_us, (INCIDENT_PINS.c.label,)),
    "history": (
        INCIDENT_HISTORY, INCIDENT_HISTORY.c.incident_id, INCIDENT_HISTORY.c.at_us,
        (INCIDENT_HISTORY.c.text,),
    ),
    "complaint": (COMPLAINT_REPORTS, _NONE, COMPLAINT_REPORTS.c.received_us, (COMPLAINT_REPORTS.c.text,)),
    "decision": (
        DECISIONS, _NONE, DECISIONS.c.start_us, (DECISIONS.c.value, DECISIONS.c.scenario, DECISIONS.c.why),
    ),
}  # fmt: skip
