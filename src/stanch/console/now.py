"""Now: what happens at this moment, whether all is well, and what waits for whoever looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, get_args

from msgspec import Struct

from stanch.cases.contributions import list_mentions, list_open_tasks
from stanch.cases.incidents import find_incident, list_incidents
from stanch.cases.people import name_people
from stanch.console.pages import EVERYBODY, Nothing, Page, Visit
from stanch.guard.settings import Rule
from stanch.service.pulse import MINUTES, Beat
from stanch.service.state import Service

_MOST: Final = 8
#: Unfinished incidents that are listed.
_MOST_INCIDENTS: Final = 5
_STEP: Final = 15

Subject = Literal["database", "counters", "scorecard", "allow_list", "settings", "sweep", "leaked"]


class Live(Struct, frozen=True):
    """What the guard sees. Shares are 0 to 1, moments microseconds since 1970-01-01 UTC."""

    #: An attack on the whole site, since when, and its share among the attempts of strangers.
    alarm: bool
    since_us: int
    share: float
    #: Probability from which an attempt is challenged.
    threshold: float
    #: Share of genuine logins that may be challenged, and that was lately.
    budget: float
    spent: float
    enforced: tuple[Rule, ...]
    simulated: tuple[Rule, ...]
    #: Of the last look; None: there was none yet.
    looked_us: int | None


class InForce(Struct, frozen=True):
    """Decisions in force."""

    kind: str
    simulated: bool
    n: int


class Check(Struct, frozen=True):
    """Whether something is well; `told` is what the service says of it."""

    subject: Subject
    state: Literal["good", "bad", "off"]
    told: str = ""


class MyTask(Struct, frozen=True):
    """An open task of the person."""

    incident: int
    title: str
    clock: str
    due_us: int | None


class Mention(Struct, frozen=True):
    """A note that mentions the person."""

    incident: int
    at_us: int
    by: str
    text: str


class OpenIncident(Struct, frozen=True):
    """An incident that is not closed."""

    number: int
    title: str
    severity: str


class Now(Struct, frozen=True):
    """This moment."""

    at_us: int
    #: Attempts are counted since then.
    since_us: int
    #: Minutes of the last hour, and quarters of an hour of the last day.
    hour: tuple[Beat, ...]
    day: tuple[Beat, ...]
    live: Live
    #: What the early warning says of the complaints of late, newest first.
    warnings: tuple[str, ...]
    decisions: tuple[InForce, ...]
    health: tuple[Check, ...]
    incidents: tuple[OpenIncident, ...]
    tasks: tuple[MyTask, ...]
    mentions: tuple[Mention, ...]


def load_now(visit: Visit, _query: Nothing) -> Now:
    """All of it, as of now."""
    service = visit.service
    counts = service.decisions.count()
    return Now(
        visit.now_us,
        service.pulse.since_us,
        tuple(service.pulse.read(visit.now_us, 60, 1)),
        tuple(service.pulse.read(visit.now_us, MINUTES, _STEP)),
        _look(service),
        tuple(_tell_alarms(visit)),
        tuple(InForce(kind, simulated, n) for (kind, simulated), n in sorted(counts.items())),
        tuple(_check(service, subject) for subject in get_args(Subject)),
        _list_open(visit),
        _list_tasks(visit),
        _list_mentions(visit),
    )


def _look(service: Service) -> Live:
    sweep, settings = service.sweep, service.guard.settings
    rules: tuple[Rule, ...] = get_args(Rule)
    enforced = tuple(rule for rule in rules if rule in settings.enforce)
    return Live(
        sweep is not None and sweep.alarm,
        sweep.since_us if sweep is not None else 0,
        sweep.level if sweep is not None else 0.0,
        sweep.threshold if sweep is not None else 1.0,
        settings.budget,
        sweep.spent if sweep is not None else 0.0,
        enforced,
        tuple(rule for rule in rules if rule not in enforced),
        sweep.time_us if sweep is not None else None,
    )


def _tell_alarms(visit: Visit) -> Iterator[str]:
    alarms = visit.service.alarms[:_MOST]
    if alarms:
        from stanch.complaints.early.tell import tell_alarm

        yield from (tell_alarm(alarm, visit.lang) for alarm in alarms)


def _check(service: Service, subject: Subject) -> Check:
    if subject == "leaked":
        return Check(subject, "good" if service.leaked is not None else "off")
    if subject == "allow_list":
        if not service.allow_list.may_ban:
            return Check(subject, "bad", service.allow_list.problem)
        return Check(subject, "good" if service.settings.allow_list else "off")
    told = service.troubles.get(subject, "")
    if subject == "counters":
        told = told or service.guard.problem
    return Check(subject, "bad" if told else "good", told)


def _list_open(visit: Visit) -> tuple[OpenIncident, ...]:
    found, _ = list_incidents(visit.connection, 0, _MOST_INCIDENTS)
    return tuple(OpenIncident(i.id, i.title, i.severity) for i in found if i.state != "closed")


def _list_tasks(visit: Visit) -> tuple[MyTask, ...]:
    found = list_open_tasks(visit.connection, visit.person.id, _MOST)
    return tuple(MyTask(number, task.title, task.clock, task.due_us) for number, task in found)


def _list_mentions(visit: Visit) -> tuple[Mention, ...]:
    names = name_people(visit.connection)
    found = [
        (number, note)
        for number, note in list_mentions(visit.connection, visit.person.id, _MOST)
        if note.withdrawn_us is None
        and (incident := find_incident(visit.connection, number)) is not None
        and incident.state != "closed"
    ]
    return tuple(Mention(n, note.at_us, names.get(note.person_id, ""), note.text) for n, note in found)


NOW: Final = Page("/now", "now", EVERYBODY, Nothing, Now, load_now, "now")
PAGES: Final = (NOW,)
