"""The audit: who did and looked at what, and whether the chain of entries is whole."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from stanch.cases import audit
from stanch.cases.people import name_people
from stanch.console.pages import OFFICERS, PAGE_SIZE, Page, Paged, Slice, Visit

#: Entries whose chain is checked whenever the page is shown: a tenth of a second.
_LOOKED_THROUGH: Final = 10_000


class AuditQuery(Paged, frozen=True, kw_only=True):
    """Which entries."""

    person: Annotated[int, Meta(description="Number of the person who acted.", ge=1, le=10**15)] | None = None
    action: Annotated[str, Meta(description="The action.", max_length=64)] = ""
    subject: Annotated[str, Meta(description="What it was about.", max_length=128)] = ""


class AuditEntry(Struct, frozen=True):
    """One entry. `at_us` is microseconds since 1970-01-01 UTC."""

    id: int
    at_us: int
    person: str
    action: str
    subject: str
    details: str


class Audit(Struct, frozen=True):
    """A part of the audit."""

    entries: Slice[AuditEntry]
    #: What can be asked for.
    actions: tuple[str, ...]
    people: dict[int, str]
    #: How many of the newest were checked.
    n_checked: int
    head: str
    #: Number of the first of them that does not fit; None: all do.
    broken_at: int | None


def load_audit(visit: Visit, query: AuditQuery) -> Audit:
    """Entries, newest first; the newest of the chain are looked through each time."""
    wanted = audit.Filter(query.person, query.action, query.subject.strip())
    entries, n = audit.list_entries(visit.connection, wanted, query.offset, PAGE_SIZE)
    verdict = audit.verify(visit.connection, visit.service.secrets.derive("audit"), _LOOKED_THROUGH)
    names = name_people(visit.connection)
    rows = tuple(
        AuditEntry(e.id, e.at_us, names.get(e.person_id or 0, ""), e.action, e.subject, e.details)
        for e in entries
    )
    return Audit(
        Slice(rows, n, query.page),
        tuple(audit.list_actions(visit.connection)),
        names,
        verdict.n_entries,
        str(verdict.head),
        verdict.broken_at,
    )


AUDIT: Final = Page("/audit", "audit", OFFICERS, AuditQuery, Audit, load_audit, "audit", lambda _v, _a: "")
PAGES: Final = (AUDIT,)
