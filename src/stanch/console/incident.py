"""One incident: what people know, have to do and have done about it.

What the evidence says stands above it, in panels that other modules load.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from stanch.cases import contributions as parts
from stanch.cases import incidents as store
from stanch.cases.contributions import Clock
from stanch.cases.incidents import Incident, Kind, Severity, State
from stanch.cases.investigations import list_samples
from stanch.cases.people import list_people
from stanch.console.case import CaseParts, CaseQuery, load_parts
from stanch.console.pages import (
    EVERYBODY,
    INVESTIGATORS,
    OFFICERS,
    WORKERS,
    Action,
    Done,
    IncidentNumber,
    MissingError,
    MistakeError,
    Number,
    Page,
    Visit,
)

F = TypeVar("F", bound=Struct)
_Title = Annotated[str, Meta(min_length=1, max_length=200)]


class IncidentQuery(CaseQuery, frozen=True, kw_only=True):
    """Which incident, and what of its evidence."""

    number: IncidentNumber
    part: Annotated[
        Literal["work", ""],
        Meta(description="`work`: without what the evidence says, for parts that refresh."),
    ] = ""


class TaskRow(Struct, frozen=True):
    """One task. Moments are microseconds since 1970-01-01 UTC."""

    id: int
    title: str
    clock: Clock
    due_us: int | None
    assignee: str
    done_us: int | None
    done_by: str
    is_late: bool


class NoteRow(Struct, frozen=True):
    """One note."""

    id: int
    person: str
    at_us: int
    text: str
    withdrawn_us: int | None
    is_mine: bool


class PinRow(Struct, frozen=True):
    """One page of the console that was pinned."""

    id: int
    person: str
    at_us: int
    path: str
    label: str


class ChangeRow(Struct, frozen=True):
    """One change; `value` is a person's name where the change is about one."""

    at_us: int
    person: str
    kind: Kind
    value: str
    text: str


class IncidentPage(Struct, frozen=True):
    """One incident and all that people added to it."""

    number: int
    title: str
    severity: Severity
    state: State
    opened_us: int
    closed_us: int | None
    close_reason: str
    owner: str
    team: tuple[str, ...]
    tasks: tuple[TaskRow, ...]
    notes: tuple[NoteRow, ...]
    pins: tuple[PinRow, ...]
    history: tuple[ChangeRow, ...]
    #: Everybody who can be put on it.
    people: tuple[str, ...]
    may_work: bool
    #: What the evidence says; left out where only a part was asked for.
    evidence: CaseParts | None
    may_investigate: bool
    may_hand_out: bool
    is_sample: bool


class TitleForm(Struct, frozen=True):
    """Another title."""

    number: IncidentNumber
    title: _Title


class SeverityForm(Struct, frozen=True):
    """How bad it is."""

    number: IncidentNumber
    severity: Severity


class StateForm(Struct, frozen=True):
    """Where it stands; closing needs a reason."""

    number: IncidentNumber
    state: State
    reason: Annotated[str, Meta(max_length=500)] = ""


class PersonForm(Struct, frozen=True):
    """Somebody by name; empty: nobody."""

    number: IncidentNumber
    person: Annotated[str, Meta(max_length=60)] = ""


class TaskForm(Struct, frozen=True):
    """A task; `due` is a moment by the service's clock, as `2026-03-01T10:00`."""

    number: IncidentNumber
    title: _Title
    due: Annotated[str, Meta(max_length=40)] = ""
    assignee: Annotated[str, Meta(max_length=60)] = ""


class ItemForm(Struct, frozen=True):
    """One task, note or pin."""

    number: IncidentNumber
    item: Number


class NoteForm(Struct, frozen=True):
    """A note."""

    number: IncidentNumber
    text: Annotated[str, Meta(min_length=1, max_length=20_000)]


class PinForm(Struct, frozen=True):
    """A page of the console, to be kept as evidence."""

    number: IncidentNumber
    path: Annotated[str, Meta(pattern=r"^/console/[^\s\\]*$", max_length=1_000)]
    label: _Title


class ClockForm(Struct, frozen=True):
    """A clock to start, with the moment when the breach became known; now where it is not given."""

    number: IncidentNumber
    clock: Clock
    known: Annotated[str, Meta(max_length=40)] = ""


def load_incident(visit: Visit, query: IncidentQuery) -> IncidentPage:
    """All of it; an incident has some hundred notes and changes at most."""
    connection, number = visit.connection, query.number
    incident = _find(visit, number)
    everybody = list_people(connection)
    names = {person.id: person.name for person in everybody}
    return IncidentPage(
        number,
        incident.title,
        incident.severity,
        incident.state,
        incident.opened_us,
        incident.closed_us,
        incident.close_reason,
        names.get(incident.owner or 0, ""),
        tuple(names[person] for person in store.list_team(connection, number)),
        tuple(_make_task(task, names, visit.now_us) for task in parts.list_tasks(connection, number)),
        tuple(_make_note(note, names, visit) for note in parts.list_notes(connection, number)),
        tuple(PinRow(p.id, names[p.person_id], p.at_us, p.path, p.label)
              for p in parts.list_pins(connection, number)),
        tuple(_make_change(change, names) for change in store.list_history(connection, number)),
        tuple(person.name for person in everybody if person.disabled_us is None),
        visit.may(WORKERS),
        None if query.part else load_parts(visit, number, incident.opened_us, query),
        visit.may(INVESTIGATORS),
        visit.may(OFFICERS),
        number in list_samples(connection),
    )  # fmt: skip


def retitle(visit: Visit, form: TitleForm) -> str:
    """Another title."""
    store.set_title(visit.connection, _find(visit, form.number), form.title, visit.actor)
    return ""


def set_severity(visit: Visit, form: SeverityForm) -> str:
    """How bad it is."""
    store.set_severity(visit.connection, _find(visit, form.number), form.severity, visit.actor)
    return form.severity


def set_state(visit: Visit, form: StateForm) -> str:
    """Where it stands."""
    if form.state == "closed" and not form.reason:
        raise MistakeError("reason", "needed")
    store.set_state(visit.connection, _find(visit, form.number), form.state, form.reason, visit.actor)
    return form.state


def set_owner(visit: Visit, form: PersonForm) -> str:
    """Who has it in hand."""
    owner = _find_person(visit, form.person, "person") if form.person else None
    store.set_owner(visit.connection, _find(visit, form.number), owner, visit.actor)
    return f"person:{owner or ''}"


def join(visit: Visit, form: PersonForm) -> str:
    """Put somebody on the special team."""
    person = _find_person(visit, form.person, "person")
    store.join(visit.connection, form.number, person, visit.actor)
    return f"person:{person}"


def leave(visit: Visit, form: PersonForm) -> str:
    """Take somebody off it."""
    person = _find_person(visit, form.person, "person")
    store.leave(visit.connection, form.number, person, visit.actor)
    return f"person:{person}"


def add_task(visit: Visit, form: TaskForm) -> str:
    """Set a task."""
    parts.add_task(
        visit.connection, form.number, form.title, visit.actor, due_us=_read_moment(visit, form.due, "due"),
        assignee=_find_person(visit, form.assignee, "assignee") if form.assignee else None,
    )  # fmt: skip
    return ""


def start_clock(visit: Visit, form: ClockForm) -> str:
    """Start the clock of a rule."""
    if not form.clock:
        raise MistakeError("clock", "needed")
    known_us = _read_moment(visit, form.known, "known") or visit.now_us
    parts.start_clock(visit.connection, form.number, form.clock, known_us, visit.actor)
    return form.clock


def finish_task(visit: Visit, form: ItemForm) -> str:
    """Tick a task off."""
    return _check(parts.set_done(visit.connection, form.number, form.item, visit.actor, done=True), form)


def reopen_task(visit: Visit, form: ItemForm) -> str:
    """Open a task again."""
    return _check(parts.set_done(visit.connection, form.number, form.item, visit.actor, done=False), form)


def add_note(visit: Visit, form: NoteForm) -> str:
    """Write a note."""
    return f"note:{parts.add_note(visit.connection, form.number, form.text, visit.actor)}"


def withdraw_note(visit: Visit, form: ItemForm) -> str:
    """Take back one's own note."""
    return _check(parts.withdraw_note(visit.connection, form.number, form.item, visit.actor), form)


def pin(visit: Visit, form: PinForm) -> str:
    """Keep a page as evidence."""
    parts.pin(visit.connection, form.number, form.path, form.label, visit.actor)
    return ""


def unpin(visit: Visit, form: ItemForm) -> str:
    """Take it off again."""
    return _check(parts.unpin(visit.connection, form.number, form.item, visit.actor), form)


def _find(visit: Visit, number: int) -> Incident:
    incident = store.find_incident(visit.connection, number)
    if incident is None:
        raise MissingError
    return incident


def _find_person(visit: Visit, name: str, field: str) -> int:
    for person in list_people(visit.connection):
        if person.name == name and person.disabled_us is None:
            return person.id
    raise MistakeError(field, "no_such_person")


def _read_moment(visit: Visit, text: str, field: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(visit.service.settings.zone))
        return round(aware.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise MistakeError(field, "no_moment") from None


def _check(is_there: bool, form: ItemForm) -> str:
    if not is_there:
        raise MissingError
    return f"item:{form.item}"


def _make_task(task: parts.Task, names: dict[int, str], now_us: int) -> TaskRow:
    is_late = task.done_us is None and task.due_us is not None and task.due_us < now_us
    return TaskRow(
        task.id, task.title, task.clock, task.due_us, names.get(task.assignee or 0, ""), task.done_us,
        names.get(task.done_by or 0, ""), is_late,
    )  # fmt: skip


def _make_note(note: parts.Note, names: dict[int, str], visit: Visit) -> NoteRow:
    is_mine = note.person_id == visit.person.id
    return NoteRow(note.id, names[note.person_id], note.at_us, note.text, note.withdrawn_us, is_mine)


def _make_change(change: store.Change, names: dict[int, str]) -> ChangeRow:
    value = change.value
    if change.kind in ("owner", "joined", "left"):
        value = names.get(int(value or 0), "")
    return ChangeRow(change.at_us, names.get(change.person_id or 0, ""), change.kind, value, change.text)


INCIDENT: Final = Page(
    "/incidents/{number}", "incident", EVERYBODY, IncidentQuery, IncidentPage, load_incident, "incidents",
    lambda _visit, shown: f"incident:{shown.number}",
)  # fmt: skip
PAGES: Final = (INCIDENT,)


def _make_action(path: str, name: str, form: type[F], do: Callable[[Visit, F], str], part: str) -> Action[F]:
    """An action on one incident; `do` tells the details, `part` of the page shows what was done."""

    def act(visit: Visit, given: F) -> Done:
        number: int = given.number  # type: ignore[attr-defined]
        _find(visit, number)
        details = do(visit, given)
        return Done(f"/console/incidents/{number}#{part}", f"incident:{number}", details)

    return Action(f"/incidents/{{number}}/{path}", name, WORKERS, form, act, INCIDENT)


ACTIONS: Final[tuple[Action[Any], ...]] = (
    _make_action("title", "retitle", TitleForm, retitle, "answer"),
    _make_action("severity", "set_severity", SeverityForm, set_severity, "answer"),
    _make_action("state", "set_state", StateForm, set_state, "answer"),
    _make_action("owner", "set_owner", PersonForm, set_owner, "team"),
    _make_action("team/join", "join_team", PersonForm, join, "team"),
    _make_action("team/leave", "leave_team", PersonForm, leave, "team"),
    _make_action("tasks", "add_task", TaskForm, add_task, "tasks"),
    _make_action("tasks/clock", "start_clock", ClockForm, start_clock, "tasks"),
    _make_action("tasks/{item}/finish", "finish_task", ItemForm, finish_task, "tasks"),
    _make_action("tasks/{item}/reopen", "reopen_task", ItemForm, reopen_task, "tasks"),
    _make_action("notes", "add_note", NoteForm, add_note, "notes"),
    _make_action("notes/{item}/withdraw", "withdraw_note", ItemForm, withdraw_note, "notes"),
    _make_action("pins", "pin", PinForm, pin, "pins"),
    _make_action("pins/{item}/remove", "unpin", ItemForm, unpin, "pins"),
)
