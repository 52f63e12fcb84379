"""What the pages that explore evidence share: which incident is meant, and filters as SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Final

from msgspec import Meta, Struct

from stanch.cases.incidents import find_incident
from stanch.cases.investigations import find_newest
from stanch.console.evidence import Evidence, find_refs, is_investigated, newest_case, open_evidence
from stanch.console.pages import IncidentNumber, MissingError, Visit
from stanch.console.window import Windowed
from stanch.engine import Value
from stanch.service.state import Service

_MOST_CHOICES: Final = 50
#: What somebody typed: a pseudonym, the beginning of one, or a name.
Ref = Annotated[str, Meta(description="A pseudonym, its beginning, or a name.", max_length=128)]


class EvidenceQuery(Windowed, frozen=True, kw_only=True):
    """Which incident and when; of the one that was investigated last unless it is said."""

    incident: IncidentNumber | None = None
    page: Annotated[int, Meta(description="Which page of the list.", ge=1, le=1_000_000)] = 1


class Case(Struct, frozen=True):
    """An incident with evidence."""

    number: int
    title: str


@dataclass
class Filters:
    """Conditions over one table, all of which hold. Columns are ours, values become parameters."""

    conditions: list[str] = field(default_factory=list)
    params: dict[str, Value] = field(default_factory=dict)

    def add(self, condition: str, **params: Value) -> None:
        """One more; `params` are its `$name`s."""
        self.conditions.append(condition)
        self.params |= params

    def equal(self, column: str, value: str | None) -> None:
        """The column is `value`, where that was asked for."""
        if value:
            self.add(f"{column} = ${column.strip(chr(34))}", **{column.strip('"'): value})

    def refer(self, service: Service, column: str, text: str) -> None:
        """The column is who was typed, by name or pseudonym, where somebody was."""
        if not text.strip():
            return
        name = column.strip('"')
        refs = {f"{name}_{n}": ref for n, ref in enumerate(find_refs(service, text))}
        self.add(f"({' OR '.join(f'starts_with({column}, ${key})' for key in refs)})", **refs)

    @property
    def where(self) -> str:
        """As SQL."""
        return " AND ".join(self.conditions) or "TRUE"


def find_case(visit: Visit, query: EvidenceQuery) -> Case | None:
    """The incident that is meant; None where none was investigated yet.

    Raises:
        MissingError: there is none of this number, or nothing was investigated there.
    """
    number = query.incident or newest_case(visit)
    if number is None:
        return None
    incident = find_incident(visit.connection, number)
    if incident is None or not is_investigated(visit.service, number):
        raise MissingError
    return Case(number, incident.title)


@contextmanager
def open_case(visit: Visit, case: Case) -> Iterator[Evidence]:
    """Its evidence."""
    with open_evidence(visit.service, case.number) as evidence:
        yield evidence


def list_cases(visit: Visit) -> tuple[Case, ...]:
    """Those that can be chosen, investigated last first."""
    numbers = [n for n in find_newest(visit.connection) if is_investigated(visit.service, n)][:_MOST_CHOICES]
    found = [find_incident(visit.connection, number) for number in numbers]
    return tuple(Case(one.id, one.title) for one in found if one is not None)
