"""Incidents: what is going on, how bad it is, who has it in hand, and every change with who and when."""

from __future__ import annotations

from typing import Final, Literal, get_args

import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.schema import INCIDENT_HISTORY, INCIDENT_PEOPLE, INCIDENTS
from stanch.errors import UsageError

Severity = Literal["low", "medium", "high", "critical"]
#: As NIST SP 800-61 has the phases of handling: found, kept from spreading, over.
State = Literal["open", "contained", "closed"]
STATES: Final[tuple[State, ...]] = get_args(State)
Kind = Literal[
    "opened", "title", "severity", "state", "owner", "joined", "left", "task", "task_done", "task_open",
    "note", "note_withdrawn", "pin", "pin_removed", "investigation",
]  # fmt: skip


class Incident(Struct, frozen=True):
    """One incident. Moments are microseconds since 1970-01-01 UTC, people their ids."""

    id: int
    title: str
    severity: Severity
    state: State
    owner: int | None
    opened_us: int
    closed_us: int | None
    close_reason: str


class Change(Struct, frozen=True):
    """One change of an incident."""

    at_us: int
    person_id: int | None
    kind: Kind
    value: str
    text: str


class Actor(Struct, frozen=True):
    """Who changes something, and when."""

    person_id: int | None
    at_us: int


def open_incident(connection: sa.Connection, title: str, severity: Severity, actor: Actor) -> int:
    """A new incident's number; whoever opens it is the first of its people."""
    added = connection.execute(
        INCIDENTS.insert().values(
            title=title, severity=severity, state="open", opened_us=actor.at_us, close_reason=""
        )
    )
    key = added.inserted_primary_key
    assert key is not None
    number = int(key[0])
    note_change(connection, number, actor, "opened", severity)
    if actor.person_id is not None:
        join(connection, number, actor.person_id, actor)
    return number


def find_incident(connection: sa.Connection, number: int) -> Incident | None:
    """One incident."""
    row = connection.execute(sa.select(INCIDENTS).where(INCIDENTS.c.id == number)).first()
    return None if row is None else Incident(**row._mapping)


def list_incidents(
    connection: sa.Connection,
    offset: int,
    most: int,
    *,
    state: State | None = None,
    person_id: int | None = None,
) -> tuple[list[Incident], int]:
    """Incidents in a state and of a person's, not closed ones first, then the newest; how many in all."""
    chosen = sa.select(INCIDENTS)
    if state is not None:
        chosen = chosen.where(INCIDENTS.c.state == state)
    if person_id is not None:
        mine = sa.select(INCIDENT_PEOPLE.c.incident_id).where(INCIDENT_PEOPLE.c.person_id == person_id)
        chosen = chosen.where(INCIDENTS.c.id.in_(mine))
    n = connection.execute(sa.select(sa.func.count()).select_from(chosen.subquery())).scalar_one()
    ordered = chosen.order_by(INCIDENTS.c.state == "closed", INCIDENTS.c.id.desc()).offset(offset).limit(most)
    return [Incident(**row._mapping) for row in connection.execute(ordered)], n


def set_title(connection: sa.Connection, incident: Incident, title: str, actor: Actor) -> None:
    """Another title."""
    if title != incident.title:
        _set(connection, incident, actor, "title", "", title=title)


def set_severity(connection: sa.Connection, incident: Incident, severity: Severity, actor: Actor) -> None:
    """How bad it is."""
    if severity != incident.severity:
        _set(connection, incident, actor, "severity", severity, severity=severity)


def set_owner(connection: sa.Connection, incident: Incident, owner: int | None, actor: Actor) -> None:
    """Who has it in hand; they become one of its people."""
    if owner == incident.owner:
        return
    _set(connection, incident, actor, "owner", str(owner or ""), owner=owner)
    if owner is not None:
        join(connection, incident.id, owner, actor)


def set_state(connection: sa.Connection, incident: Incident, state: State, reason: str, actor: Actor) -> None:
    """Go on to another state.

    Raises:
        UsageError: it is to be closed without a reason.
    """
    if state == "closed" and not reason.strip():
        raise UsageError("an incident is closed with a reason")
    if state == incident.state:
        return
    closed_us = actor.at_us if state == "closed" else None
    close_reason = reason if state == "closed" else ""
    connection.execute(
        INCIDENTS.update()
        .where(INCIDENTS.c.id == incident.id)
        .values(state=state, closed_us=closed_us, close_reason=close_reason)
    )
    note_change(connection, incident.id, actor, "state", state, text=reason)


def join(connection: sa.Connection, number: int, person_id: int, actor: Actor) -> None:
    """Put somebody on the special team."""
    if person_id in list_team(connection, number):
        return
    connection.execute(
        INCIDENT_PEOPLE.insert().values(incident_id=number, person_id=person_id, added_us=actor.at_us)
    )
    note_change(connection, number, actor, "joined", str(person_id))


def leave(connection: sa.Connection, number: int, person_id: int, actor: Actor) -> None:
    """Take somebody off it."""
    gone = connection.execute(
        INCIDENT_PEOPLE.delete().where(
            INCIDENT_PEOPLE.c.incident_id == number, INCIDENT_PEOPLE.c.person_id == person_id
        )
    )
    if gone.rowcount:
        note_change(connection, number, actor, "left", str(person_id))


def list_team(connection: sa.Connection, number: int) -> list[int]:
    """Ids of the special team, as they came."""
    chosen = sa.select(INCIDENT_PEOPLE.c.person_id).where(INCIDENT_PEOPLE.c.incident_id == number)
    ordered = chosen.order_by(INCIDENT_PEOPLE.c.added_us, INCIDENT_PEOPLE.c.person_id)
    return list(connection.execute(ordered).scalars())


def list_history(connection: sa.Connection, number: int) -> list[Change]:
    """Every change, newest first."""
    columns = [INCIDENT_HISTORY.c[name] for name in Change.__struct_fields__]
    chosen = sa.select(*columns).where(INCIDENT_HISTORY.c.incident_id == number)
    return [Change(*row) for row in connection.execute(chosen.order_by(INCIDENT_HISTORY.c.id.desc()))]


def note_change(
    connection: sa.Connection, number: int, actor: Actor, kind: Kind, value: str = "", *, text: str = ""
) -> None:
    """Add to the history."""
    connection.execute(
        INCIDENT_HISTORY.insert().values(
            incident_id=number, at_us=actor.at_us, person_id=actor.person_id, kind=kind, value=value[:200],
            text=text[:500],
        )
    )  # fmt: skip


def _set(
    connection: sa.Connection, incident: Incident, actor: Actor, kind: Kind, value: str, **columns: object
) -> None:
    connection.execute(INCIDENTS.update().where(INCIDENTS.c.id == incident.id).values(**columns))
    note_change(connection, incident.id, actor, kind, value)
