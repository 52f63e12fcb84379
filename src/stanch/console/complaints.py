"""Complaints: the inbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from stanch.cases import complaint_reports as desk
from stanch.cases.complaint_reports import ReportFilter, StoredReport
from stanch.complaints.reading.kinds import KINDS
from stanch.complaints.summary import Script, list_words
from stanch.console.complaint_reading import caught_up, find_key
from stanch.console.pages import (
    PAGE_SIZE,
    WORKERS,
    Page,
    Paged,
    Slice,
    Visit,
)
from stanch.evidence.pseudonyms import Pseudonymiser

#: Signs of a text in the list.
_SHOWN: Final = 240
_DAY: Final = r"^(\d{4}-\d{2}-\d{2})?$"


class ComplaintsQuery(Paged, frozen=True, kw_only=True):
    """Which complaints."""

    since: Annotated[str, Meta(description="Received on this day or later, `YYYY-MM-DD`.", pattern=_DAY)] = ""
    until: Annotated[str, Meta(description="Received on this day or earlier.", pattern=_DAY)] = ""
    kind: Annotated[str, Meta(description="Kind of fraud.", max_length=24)] = ""
    region: Annotated[str, Meta(description="Region of the victim.", max_length=100)] = ""
    script: Annotated[int, Meta(description="Number of the script.", ge=1, le=10**9)] | None = None
    victim: Annotated[int, Meta(description="Number of the victim.", ge=1, le=10**15)] | None = None
    text: Annotated[
        str, Meta(description="Words of the text, or an order, account, phone or number.", max_length=100)
    ] = ""


class ComplaintRow(Struct, frozen=True):
    """One complaint as it is listed; its text is masked. Moments are microseconds since 1970-01-01 UTC."""

    id: int
    complaint: str
    received_us: int
    kind: str
    confidence: float
    corrected: bool
    script: int | None
    region: str
    loss: float | None
    currency: str
    victim: int
    #: Reports of the same victim, this one included.
    n_reports: int
    text: str


class Complaints(Struct, frozen=True):
    """A part of the inbox."""

    complaints: Slice[ComplaintRow]
    #: Complaints that are still being read, and so are not in the list.
    n_unread: int
    kinds: Sequence[str]
    regions: Sequence[str]
    #: Number of a script and its name.
    scripts: Mapping[int, str]
    #: Column of a reading -> word -> what it is called in the reader's language.
    words: Mapping[str, Mapping[str, str]]


def load_complaints(visit: Visit, query: ComplaintsQuery) -> Complaints:
    """The newest first. No text is read for it but what came in since the last visit."""
    wanted = ReportFilter(
        since=query.since,
        until=query.until,
        kind=query.kind,
        region=query.region,
        script=query.script,
        victim=query.victim,
        text=query.text.strip(),
        refs=find_refs(visit, query.text),
    )
    with caught_up(visit) as (now, n_unread):
        found, n = desk.list_reports(now.connection, wanted, query.offset, PAGE_SIZE)
        return Complaints(
            Slice(make_rows(now, found), n, query.page),
            n_unread,
            KINDS,
            desk.list_regions(now.connection),
            list_script_names(now),
            list_words(visit.lang),
        )


def find_refs(visit: Visit, text: str) -> tuple[str, ...]:
    """Hashes that what was typed may stand for: an order, account or phone, or a hash itself."""
    text = text.strip()
    return (text, Pseudonymiser(find_key(visit.service)).hash(text)) if text else ()


def list_script_names(visit: Visit) -> dict[int, str]:
    """Number and name of each script."""
    return {number: f"{number} {script.name[visit.lang]}" for number, script in read_scripts(visit).items()}


def make_rows(visit: Visit, found: Sequence[StoredReport]) -> list[ComplaintRow]:
    """As they are listed."""
    numbers = desk.count_victims(visit.connection, (one.victim for one in found))
    return [
        ComplaintRow(
            one.id,
            one.complaint,
            one.received_us,
            one.kind,
            one.confidence,
            one.corrected,
            one.script,
            one.region,
            one.loss,
            one.currency,
            one.victim,
            numbers.get(one.victim, 1),
            one.text[:_SHOWN] + ("…" if len(one.text) > _SHOWN else ""),
        )
        for one in found
    ]


def read_scripts(visit: Visit) -> dict[int, Script]:
    """Number and description of each script."""
    stored = desk.list_scripts(visit.connection)
    return {number: msgspec.json.decode(content, type=Script) for number, content in stored.items()}


COMPLAINTS: Final = Page(
    "/complaints", "complaints", WORKERS, ComplaintsQuery, Complaints, load_complaints, "complaints"
)
PAGES: Final = (COMPLAINTS,)
