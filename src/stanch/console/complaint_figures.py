"""Complaints as figures: scripts over time, days beside the usual level, and regions."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Annotated, Final, Literal
from weakref import WeakKeyDictionary

import polars as pl
from msgspec import Meta, Struct

from stanch.cases import complaint_reports as desk
from stanch.cases.database import Connection, Database
from stanch.complaints.early.replay import Replay, replay_complaints
from stanch.complaints.early.settings import EarlySettings
from stanch.complaints.summary import list_words
from stanch.console.complaint_reading import Run, caught_up, start
from stanch.console.complaints import read_scripts
from stanch.console.pages import EVERYBODY, WORKERS, Page, Visit

#: Days of a script's small chart.
_DAYS: Final = 60
#: Regions that are shown one by one, and alarms.
_MOST: Final = 30
#: Victims that are counted while somebody waits.
_AT_ONCE: Final = 2_000


class ScriptsQuery(Struct, frozen=True, kw_only=True):
    """In which order."""

    by: Annotated[Literal["count", "noticed", "last"], Meta(description="What the order follows.")] = "count"


class ScriptRow(Struct, frozen=True):
    """One script. Days are `YYYY-MM-DD`; shares are of its complaints, by word."""

    number: int
    name: str
    kind: str
    count: int
    #: Part of all complaints that follow a script.
    share: float
    first: str
    noticed: str
    last: str
    #: Complaints of each day up to `until` of the page, the oldest first.
    days: Sequence[int]
    pretexts: Mapping[str, float]
    asked: Mapping[str, float]
    known_fields: Mapping[str, float]
    #: A typical text, masked; empty for those who may not read complaints.
    example: str


class Scripts(Struct, frozen=True):
    """Scripts as they were noticed, day by day."""

    scripts: Sequence[ScriptRow]
    n_unread: int
    #: First and last day of the small charts.
    since: str
    until: str
    #: The greatest number in them.
    most: int
    may_read: bool
    words: Mapping[str, Mapping[str, str]]


class FiguresQuery(Struct, frozen=True):
    """Which complaints."""

    kind: Annotated[str, Meta(description="Kind of fraud; empty: all frauds.", max_length=24)] = ""


class Day(Struct, frozen=True):
    """One day: victims, and how many were usual."""

    day: str
    count: int
    usual: float


class AlarmRow(Struct, frozen=True):
    """An alarm: victims rose above what is usual (`level`), or a rule of thumb was met."""

    day: str
    by: str
    value: str
    rule: str
    since: str
    count: int
    usual: float


class Figures(Struct, frozen=True):
    """Victims by day and region; several reports of one victim count once."""

    n_victims: int
    n_unread: int
    #: Newer figures are being counted.
    is_old: bool
    days: Sequence[Day]
    alarms: Sequence[AlarmRow]
    #: The region and its victims, the most first; empty: not told.
    regions: Sequence[tuple[str, int]]
    kinds: Sequence[tuple[str, int]]
    may_read: bool
    words: Mapping[str, Mapping[str, str]]


def load_scripts(visit: Visit, query: ScriptsQuery) -> Scripts:
    """Those with the most complaints first, or the newest."""
    with caught_up(visit) as (now, n_unread):
        scripts = read_scripts(now)
    until = max((date.fromisoformat(script.last) for script in scripts.values()), default=None)
    span = [until - timedelta(days=back) for back in reversed(range(_DAYS))] if until else []
    total = sum(script.count for script in scripts.values())
    may_read = visit.may(WORKERS)
    rows = [
        ScriptRow(
            number,
            script.name[visit.lang],
            script.kind,
            script.count,
            round(script.count / total, 4),
            script.first,
            script.noticed,
            script.last,
            [script.by_day.get(day.isoformat(), 0) for day in span],
            script.pretexts,
            script.asked,
            script.known_fields,
            script.example if may_read else "",
        )
        for number, script in scripts.items()
    ]
    rows.sort(key=lambda row: row.number)
    rows.sort(key=lambda row: getattr(row, query.by), reverse=True)
    return Scripts(
        rows,
        n_unread,
        span[0].isoformat() if span else "",
        span[-1].isoformat() if span else "",
        max((n for row in rows for n in row.days), default=0),
        may_read,
        list_words(visit.lang),
    )


def load_figures(visit: Visit, query: FiguresQuery) -> Figures:
    """Counted anew when a complaint or a correction came in, else as last time."""
    with caught_up(visit) as (now, n_unread):
        counted, is_old = _count(visit.service.database, now.connection, query.kind)
        names = {number: f"{number} {s.name[visit.lang]}" for number, s in read_scripts(now).items()}
    words, replay = list_words(visit.lang), counted.replay

    def tell(by: str, value: str) -> str:
        if by == "script":
            return names.get(int(value), value)
        return words["kind"].get(value, value) if by == "kind" else value

    alarms = sorted((*replay.alarms, *replay.rules), key=lambda a: a.day, reverse=True) if replay else []
    frauds = [(kind, region) for _, kind, region, _ in counted.victims if kind != "not_fraud"]
    shown = [(k, r) for k, r in frauds if not query.kind or k == query.kind]
    return Figures(
        len(shown),
        n_unread,
        is_old,
        [Day(day.isoformat(), n, usual) for day, n, usual in replay.days] if replay else [],
        [
            AlarmRow(
                alarm.day.isoformat(),
                alarm.by,
                tell(alarm.by, alarm.value),
                alarm.kind,
                alarm.since.isoformat(),
                alarm.count,
                alarm.usual,
            )
            for alarm in alarms[:_MOST]
        ],
        Counter(region for _, region in shown).most_common(_MOST),
        Counter(kind for kind, _ in frauds if kind).most_common(),
        visit.may(WORKERS),
        words,
    )


Victims = list[tuple[str, str, str, int | None]]


@dataclass(frozen=True, slots=True)
class _Counted:
    """Victims of one kind, and what they were counted from."""

    state: object
    victims: Victims
    replay: Replay | None


@dataclass(slots=True)
class _Kept:
    """What was counted last of one database, by kind; `busy` is held meanwhile."""

    counted: dict[str, _Counted] = field(default_factory=dict)
    busy: threading.Lock = field(default_factory=threading.Lock)


_KEPT: Final[WeakKeyDictionary[Database, _Kept]] = WeakKeyDictionary()


def _count(database: Database, connection: Connection, kind: str) -> tuple[_Counted, bool]:
    """The figures, and whether newer ones are being counted: many are counted beside."""
    kept = _KEPT.setdefault(database, _Kept())
    state = (desk.count_reports(connection), len(desk.list_scripts(connection)))
    known = kept.counted.get(kind)
    if (known is None or known.state != state) and kept.busy.acquire(blocking=False):
        victims = desk.list_victims(connection)

        def work(run: Run) -> None:
            kept.counted[kind] = _Counted(state, victims, run(watch, victims, kind))

        start(len(victims) <= _AT_ONCE, kept.busy, work)
    found = kept.counted.get(kind, _Counted(None, [], None))
    return found, found.state != state


def watch(victims: Victims, kind: str) -> Replay | None:
    """The days as the early warning saw them; ordinary complaints tell how busy the shop is."""
    rows = [v for v in victims if not kind or v[1] in (kind, "not_fraud")]
    frame = pl.DataFrame(
        {
            "day": [date.fromisoformat(day) for day, *_ in rows],
            "kind": [k or None for _, k, *_ in rows],
            "region": [region or None for _, _, region, _ in rows],
            "script": [None if s is None else str(s) for *_, s in rows],
        },
        schema={"day": pl.Date, "kind": pl.String, "region": pl.String, "script": pl.String},
    )
    return replay_complaints(frame, EarlySettings())


SCRIPTS: Final = Page(
    "/complaints/scripts", "complaint_scripts", EVERYBODY, ScriptsQuery, Scripts, load_scripts, "complaints"
)
FIGURES: Final = Page(
    "/complaints/figures", "complaint_figures", EVERYBODY, FiguresQuery, Figures, load_figures, "complaints"
)
PAGES: Final = (SCRIPTS, FIGURES)
