"""Possible sources of a leak: ranked, how far their probabilities can be trusted, what would settle it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
from msgspec import Struct

from stanch.cases.incidents import find_incident
from stanch.cases.investigations import find_newest
from stanch.console.answering import Told, read_told
from stanch.console.evidence import TABLES, Listing, is_investigated, newest_case, open_evidence
from stanch.console.pages import EVERYBODY, IncidentNumber, MissingError, Page, Paged, Slice, Visit
from stanch.findings import SourceVerdict
from stanch.reporting.catalogue import load_catalogue
from stanch.reporting.sections import describe_weight

_MAX_CHOICES: Final = 20


class SourcesQuery(Paged, frozen=True, kw_only=True):
    """Of which incident; of the one that was investigated last unless it is said."""

    incident: IncidentNumber | None = None


class SourceRow(Struct, frozen=True):
    """One possible source. Moments are microseconds since 1970-01-01 UTC."""

    source: str
    posterior: float
    verdict: SourceVerdict
    exposed: int | None
    victims: int | None
    log10_bayes_factor: float | None
    #: The same as odds in words.
    weight: str
    leak_start_us: int | None
    leak_end_us: int | None


class CalibrationRow(Struct, frozen=True):
    """Simulated sources with about the same posterior, and how many of them had leaked; 90 % interval."""

    posterior: float
    leaked: int
    sources: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """Share that had leaked."""
        return self.leaked / self.sources


class Choice(Struct, frozen=True):
    """One incident that was investigated."""

    number: int
    title: str


class Sources(Struct, frozen=True):
    """The ranking of one incident; `incident` is empty where none was investigated."""

    incident: Choice | None
    choices: tuple[Choice, ...]
    told: Told | None
    ranking: Slice[SourceRow]
    false_accusation_rate: float | None
    calibration: tuple[CalibrationRow, ...]
    #: The row of `calibration` that the likeliest source falls into.
    nearest: CalibrationRow | None


def load_sources(visit: Visit, query: SourcesQuery) -> Sources:
    """Ranked in the engine."""
    number = query.incident or newest_case(visit)
    choices = _list_choices(visit)
    empty: Slice[SourceRow] = Slice((), 0, query.page)
    if number is None:
        return Sources(None, choices, None, empty, None, read_calibration(), None)
    incident = find_incident(visit.connection, number)
    if incident is None or not is_investigated(visit.service, number):
        raise MissingError
    texts = load_catalogue(visit.lang, zone=visit.service.settings.zone)
    with open_evidence(visit.service, number) as evidence:
        found = evidence.cut(Listing("sources"), query.page)
        rate = evidence.findings.attribution.false_accusation_rate
        told = read_told(evidence.folder / TABLES, visit.lang)
    names = [name for name in SourceRow.__struct_fields__ if name != "weight"]
    rows = tuple(
        SourceRow(
            weight=describe_weight(row["log10_bayes_factor"], texts), **{name: row[name] for name in names}
        )
        for row in found.rows
    )
    likeliest = max((s.posterior for s in told.sources if s.source not in ("none", "unlogged")), default=None)
    return Sources(
        Choice(number, incident.title),
        choices,
        told,
        Slice(rows, found.n, found.page),
        rate,
        read_calibration(),
        _find_nearest(likeliest) if told.cards and likeliest is not None else None,
    )


@cache
def read_calibration() -> tuple[CalibrationRow, ...]:
    """As docs/method/attribution.md has it: posteriors of simulated incidents against what had leaked."""
    text = files("stanch.console").joinpath("calibration.json").read_bytes()
    return msgspec.json.decode(text, type=tuple[CalibrationRow, ...])


def _find_nearest(posterior: float) -> CalibrationRow:
    return min(read_calibration(), key=lambda row: abs(row.posterior - posterior))


def _list_choices(visit: Visit) -> tuple[Choice, ...]:
    numbers = [n for n in find_newest(visit.connection) if is_investigated(visit.service, n)][:_MAX_CHOICES]
    found = [find_incident(visit.connection, number) for number in numbers]
    return tuple(Choice(one.id, one.title) for one in found if one is not None)


SOURCES: Final = Page("/sources", "sources", EVERYBODY, SourcesQuery, Sources, load_sources, "sources")
PAGES: Final = (SOURCES,)
