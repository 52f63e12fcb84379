"""Incidents: the list, and opening one."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from stanch.cases.contributions import start_clock
from stanch.cases.incidents import Incident, Severity, State, list_incidents, open_incident, set_owner
from stanch.cases.people import name_people
from stanch.console.pages import (
    EVERYBODY,
    INVESTIGATORS,
    PAGE_SIZE,
    WORKERS,
    Action,
    Done,
    Page,
    Paged,
    Slice,
    Visit,
)

_PATH: Final = "/console/incidents"


class IncidentsQuery(Paged, frozen=True, kw_only=True):
    """Which incidents."""

    state: Annotated[State | Literal[""], Meta(description="Those in a state.")] = ""
    mine: Annotated[bool, Meta(description="Those that one is on the team of.")] = False


class IncidentRow(Struct, frozen=True):
    """One incident as it is listed. Moments are microseconds since 1970-01-01 UTC."""

    number: int
    title: str
    severity: Severity
    state: State
    owner: str
    opened_us: int
    closed_us: int | None


class Incidents(Struct, frozen=True):
    """A part of the list."""

    incidents: Slice[IncidentRow]
    may_open: bool
    may_investigate: bool


class OpenForm(Struct, frozen=True):
    """A new incident, and the clocks that start with it."""

    title: Annotated[str, Meta(min_length=1, max_length=200)]
    severity: Severity = "medium"
    clocks: tuple[Literal["gdpr", "cn"], ...] = ()


def load_incidents(visit: Visit, query: IncidentsQuery) -> Incidents:
    """Those that are not closed first, then the newest."""
    found, n = list_incidents(
        visit.connection, query.offset, PAGE_SIZE, state=query.state or None,
        person_id=visit.person.id if query.mine else None,
    )  # fmt: skip
    names = name_people(visit.connection)
    rows = tuple(_make_row(incident, names) for incident in found)
    return Incidents(Slice(rows, n, query.page), visit.may(WORKERS), visit.may(INVESTIGATORS))


def open_new(visit: Visit, form: OpenForm) -> Done:
    """Open an incident; whoever does has it in hand."""
    number = open_incident(visit.connection, form.title, form.severity, visit.actor)
    for clock in dict.fromkeys(form.clocks):
        start_clock(visit.connection, number, clock, visit.now_us, visit.actor)
    incident = Incident(number, form.title, form.severity, "open", None, visit.now_us, None, "")
    set_owner(visit.connection, incident, visit.person.id, visit.actor)
    return Done(f"{_PATH}/{number}", f"incident:{number}", form.severity)


def _make_row(incident: Incident, names: dict[int, str]) -> IncidentRow:
    return IncidentRow(
        incident.id,
        incident.title,
        incident.severity,
        incident.state,
        names.get(incident.owner or 0, ""),
        incident.opened_us,
        incident.closed_us,
    )


INCIDENTS: Final = Page(
    "/incidents", "incidents", EVERYBODY, IncidentsQuery, Incidents, load_incidents, "incidents"
)
PAGES: Final = (INCIDENTS,)
ACTIONS: Final = (Action("/incidents", "open_incident", WORKERS, OpenForm, open_new, INCIDENTS),)
