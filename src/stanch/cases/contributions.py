"""What people add to an incident: tasks with their clocks, notes that mention people, pages and files."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.incidents import Actor, note_change
from stanch.cases.people import NAME_PATTERN, list_people
from stanch.cases.schema import INCIDENT_NOTES, INCIDENT_PINS, INCIDENT_TASKS, MENTIONS

Clock = Literal["", "gdpr", "cn"]
_HOUR_US: Final = 3_600_000_000
#: How long after the breach became known its authority is told at the latest: GDPR, article 33 (1); National
#: Cybersecurity Incident Reporting Management Measures (CAC, in force since 1 November 2025):
#: relatively major incidents within four hours, by operators that are not critical infrastructure.
CLOCK_HOURS: Final[dict[Clock, int]] = {"gdpr": 72, "cn": 4}
_MENTION: Final = re.compile(rf"(?<![\w.@-])@({NAME_PATTERN})")


class Task(Struct, frozen=True):
    """One task. Moments are microseconds since 1970-01-01 UTC, people their ids."""

    id: int
    title: str
    clock: Clock
    due_us: int | None
    assignee: int | None
    done_us: int | None
    done_by: int | None


class Note(Struct, frozen=True):
    """One note; its text is empty once it is withdrawn."""

    id: int
    person_id: int
    at_us: int
    text: str
    withdrawn_us: int | None


class Pin(Struct, frozen=True):
    """One page of the console that counts as evidence."""

    id: int
    person_id: int
    at_us: int
    path: str
    label: str


def add_task(
    connection: sa.Connection,
    number: int,
    title: str,
    actor: Actor,
    *,
    due_us: int | None = None,
    assignee: int | None = None,
    clock: Clock = "",
) -> None:
    """A task that somebody sets."""
    connection.execute(
        INCIDENT_TASKS.insert().values(
            incident_id=number, title=title, clock=clock, due_us=due_us, assignee=assignee
        )
    )
    note_change(connection, number, actor, "task", title or clock)


def start_clock(connection: sa.Connection, number: int, clock: Clock, known_us: int, actor: Actor) -> None:
    """The task to tell an authority, due so long after the breach became known."""
    add_task(connection, number, "", actor, due_us=known_us + CLOCK_HOURS[clock] * _HOUR_US, clock=clock)


def set_done(connection: sa.Connection, number: int, task_id: int, actor: Actor, *, done: bool) -> bool:
    """Tick a task off, or open it again; False if there is none such."""
    mine = sa.and_(INCIDENT_TASKS.c.id == task_id, INCIDENT_TASKS.c.incident_id == number)
    row = connection.execute(sa.select(INCIDENT_TASKS).where(mine)).first()
    if row is None:
        return False
    if (row.done_us is not None) != done:
        values = (
            {"done_us": actor.at_us, "done_by": actor.person_id}
            if done
            else {"done_us": None, "done_by": None}
        )
        connection.execute(INCIDENT_TASKS.update().where(mine).values(**values))
        note_change(connection, number, actor, "task_done" if done else "task_open", row.title or row.clock)
    return True


def list_tasks(connection: sa.Connection, number: int) -> list[Task]:
    """Those that are open first, by when they are due."""
    columns = _pick(INCIDENT_TASKS, Task)
    done, due = INCIDENT_TASKS.c.done_us.is_not(None), INCIDENT_TASKS.c.due_us
    chosen = sa.select(*columns).where(INCIDENT_TASKS.c.incident_id == number)
    return [
        Task(**row._mapping)
        for row in connection.execute(chosen.order_by(done, due.is_(None), due, INCIDENT_TASKS.c.id))
    ]


def list_open_tasks(connection: sa.Connection, person_id: int, most: int) -> list[tuple[int, Task]]:
    """Number of the incident and task, of those that somebody has to do, by when they are due."""
    due = INCIDENT_TASKS.c.due_us
    chosen = sa.select(INCIDENT_TASKS.c.incident_id, *_pick(INCIDENT_TASKS, Task)).where(
        INCIDENT_TASKS.c.assignee == person_id, INCIDENT_TASKS.c.done_us.is_(None)
    )
    rows = connection.execute(chosen.order_by(due.is_(None), due).limit(most))
    return [(row[0], Task(*row[1:])) for row in rows]


def add_note(connection: sa.Connection, number: int, text: str, actor: Actor) -> int:
    """A note's id. Those whom it names after an at sign are mentioned."""
    assert actor.person_id is not None
    added = connection.execute(
        INCIDENT_NOTES.insert().values(
            incident_id=number, person_id=actor.person_id, at_us=actor.at_us, text=text
        )
    )
    key = added.inserted_primary_key
    assert key is not None
    names = {name.rstrip(".-").lower() for name in _MENTION.findall(text)}
    mentioned = [p.id for p in list_people(connection) if p.name.lower() in names] if names else []
    if mentioned:
        connection.execute(
            MENTIONS.insert(), [{"note_id": key[0], "person_id": person} for person in mentioned]
        )
    note_change(connection, number, actor, "note", str(key[0]))
    return int(key[0])


def withdraw_note(connection: sa.Connection, number: int, note_id: int, actor: Actor) -> bool:
    """Take back one's own note: its text goes, that there was one stays. False if there is none such."""
    mine = sa.and_(
        INCIDENT_NOTES.c.id == note_id,
        INCIDENT_NOTES.c.incident_id == number,
        INCIDENT_NOTES.c.person_id == actor.person_id,
        INCIDENT_NOTES.c.withdrawn_us.is_(None),
    )
    values = {"text": "", "withdrawn_us": actor.at_us}
    if not connection.execute(INCIDENT_NOTES.update().where(mine).values(**values)).rowcount:
        return False
    connection.execute(MENTIONS.delete().where(MENTIONS.c.note_id == note_id))
    note_change(connection, number, actor, "note_withdrawn", str(note_id))
    return True


def list_notes(connection: sa.Connection, number: int) -> list[Note]:
    """Newest first."""
    chosen = sa.select(*_pick(INCIDENT_NOTES, Note)).where(INCIDENT_NOTES.c.incident_id == number)
    return [Note(**row._mapping) for row in connection.execute(chosen.order_by(INCIDENT_NOTES.c.id.desc()))]


def list_mentions(connection: sa.Connection, person_id: int, most: int) -> list[tuple[int, Note]]:
    """Number of the incident and note, of those that mention somebody, newest first."""
    joined = INCIDENT_NOTES.join(MENTIONS, MENTIONS.c.note_id == INCIDENT_NOTES.c.id)
    chosen = (
        sa.select(INCIDENT_NOTES.c.incident_id, *_pick(INCIDENT_NOTES, Note))
        .select_from(joined)
        .where(MENTIONS.c.person_id == person_id)
        .order_by(INCIDENT_NOTES.c.id.desc())
        .limit(most)
    )
    return [(row[0], Note(*row[1:])) for row in connection.execute(chosen)]


def pin(connection: sa.Connection, number: int, path: str, label: str, actor: Actor) -> None:
    """Keep a page of the console as evidence."""
    connection.execute(
        INCIDENT_PINS.insert().values(
            incident_id=number, person_id=actor.person_id, at_us=actor.at_us, path=path, label=label
        )
    )
    note_change(connection, number, actor, "pin", label)


def unpin(connection: sa.Connection, number: int, pin_id: int, actor: Actor) -> bool:
    """Take it off again; False if there is none such."""
    mine = sa.and_(INCIDENT_PINS.c.id == pin_id, INCIDENT_PINS.c.incident_id == number)
    label = connection.execute(sa.select(INCIDENT_PINS.c.label).where(mine)).scalar()
    if label is None:
        return False
    connection.execute(INCIDENT_PINS.delete().where(mine))
    note_change(connection, number, actor, "pin_removed", label)
    return True


def list_pins(connection: sa.Connection, number: int) -> list[Pin]:
    """As they came."""
    chosen = sa.select(*_pick(INCIDENT_PINS, Pin)).where(INCIDENT_PINS.c.incident_id == number)
    return [Pin(**row._mapping) for row in connection.execute(chosen.order_by(INCIDENT_PINS.c.id))]


def _pick(table: sa.Table, kind: type[Struct]) -> list[Any]:
    return [table.c[name] for name in kind.__struct_fields__]
