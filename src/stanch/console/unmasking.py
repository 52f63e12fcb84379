"""Who is behind a pseudonym: told to whoever asks with a reason; a member of staff, once two people have."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from stanch.cases import audit
from stanch.cases.people import name_people
from stanch.console.evidence import find_folder, is_investigated, read_name
from stanch.console.pages import WORKERS, Action, Done, IncidentNumber, MissingError, Page, Visit

#: So long an answer stands; who wants to look later asks again.
_STANDS_US: Final = 86_400_000_000
_CUSTOMERS: Final = ("account", "order")
_Ref = Annotated[str, Meta(description="The pseudonym.", pattern="^[0-9a-f]{24}$")]


class NamesQuery(Struct, frozen=True):
    """Whose name."""

    number: IncidentNumber
    ref: _Ref


class Asked(Struct, frozen=True):
    """Somebody asked."""

    person: str
    at_us: int
    reason: str


class NamesPage(Struct, frozen=True):
    """The name, if enough people asked for it."""

    number: int
    ref: str
    kind: Literal["customer", "staff"]
    #: Empty until it may be told to the person who looks.
    name: str
    asked: tuple[Asked, ...]
    n_needed: int
    has_asked: bool


class UnmaskForm(Struct, frozen=True):
    """Ask for a name."""

    number: IncidentNumber
    ref: _Ref
    reason: Annotated[str, Meta(min_length=5, max_length=200)]


def load_names(visit: Visit, query: NamesQuery) -> NamesPage:
    """Who asked within a day, and the name where that is enough."""
    found = _find(visit, query.number, query.ref)
    kind: Literal["customer", "staff"] = "customer" if found[0][0] in _CUSTOMERS else "staff"
    entries, _ = audit.list_entries(visit.connection, _filter(visit, query.ref), 0, 50)
    people = name_people(visit.connection)
    fresh = [entry for entry in entries if entry.at_us >= visit.now_us - _STANDS_US]
    askers = {entry.person_id for entry in fresh}
    n_needed = 1 if kind == "customer" else 2
    is_told = visit.person.id in askers and len(askers) >= n_needed
    return NamesPage(
        number=query.number,
        ref=query.ref,
        kind=kind,
        name=found[0][1] if is_told else "",
        asked=tuple(Asked(people.get(e.person_id or 0, ""), e.at_us, e.details) for e in fresh),
        n_needed=n_needed,
        has_asked=visit.person.id in askers,
    )


def unmask(visit: Visit, form: UnmaskForm) -> Done:
    """Ask; the audit's entry is what counts."""
    _find(visit, form.number, form.ref)
    where = f"/console/incidents/{form.number}/names/{form.ref}"
    return Done(where, _filter(visit, form.ref).subject, form.reason)


def _filter(visit: Visit, ref: str) -> audit.Filter:
    return audit.Filter(action="names.unmask", subject=visit.name_reference("pseudonym", ref))


def _find(visit: Visit, number: int, ref: str) -> list[tuple[str, str]]:
    found = []
    if is_investigated(visit.service, number):
        found = read_name(find_folder(visit.service, number), ref)
    if not found:
        raise MissingError
    return found


NAMES: Final = Page(
    "/incidents/{number}/names/{ref}", "names", WORKERS, NamesQuery, NamesPage, load_names, "incidents",
    lambda visit, shown: visit.name_reference("name" if shown.name else "pseudonym", shown.ref),
)  # fmt: skip
PAGES: Final = (NAMES,)
ACTIONS: Final = (Action("/incidents/{number}/names/{ref}", "unmask", WORKERS, UnmaskForm, unmask, NAMES),)
