"""One complaint: its text without people, what was read where in it, and corrections of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from msgspec import Struct

from stanch.cases import complaint_reports as desk
from stanch.cases.complaint_reports import ReportFilter, StoredReport
from stanch.cases.people import name_people
from stanch.complaints.corrections import WORDS
from stanch.complaints.digest import make_report, read_gist
from stanch.complaints.masking import ACCOUNT, PHONE, find_masked
from stanch.complaints.reading import read_report
from stanch.complaints.reading.marks import Mark
from stanch.complaints.summary import list_words
from stanch.console.complaints import ComplaintRow, list_script_names, make_rows
from stanch.console.pages import (
    PAGE_SIZE,
    WORKERS,
    Action,
    Done,
    MissingError,
    MistakeError,
    Number,
    Page,
    Visit,
)

#: What is masked wherever it was read, also in a spelling that the masking does not know.
_HIDDEN: Final = {"own_phones": PHONE, "scam_phones": PHONE, "scam_accounts": ACCOUNT}


class Piece(Struct, frozen=True):
    """A part of a text: what was read there, or `masked`, what stood there of a person."""

    text: str
    field: str = ""
    value: str = ""
    confidence: float = 0.0
    masked: bool = False


class Change(Struct, frozen=True):
    """One correction."""

    column: str
    value: Any
    person: str
    at_us: int


class Complaint(Struct, frozen=True):
    """One complaint; orders, accounts and phones are keyed hashes."""

    row: ComplaintRow
    order_ref: str | None
    account_ref: str | None
    phone_ref: str | None
    channel: str
    contacted: str
    pieces: Sequence[Piece]
    #: What was read, corrections laid over it.
    claimed_identity: str | None
    pretexts: Sequence[str]
    asked: Sequence[str]
    known_fields: Sequence[str]
    corrections: Sequence[Change]
    #: The victim's other reports.
    others: Sequence[ComplaintRow]
    scripts: Mapping[int, str]
    words: Mapping[str, Mapping[str, str]]


class ComplaintQuery(Struct, frozen=True):
    """Which complaint."""

    number: Number


class CorrectForm(Struct, frozen=True, kw_only=True):
    """What the reading should have been."""

    number: Number
    kind: str = ""
    claimed_identity: str = ""
    pretexts: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    known_fields: tuple[str, ...] = ()


def load_complaint(visit: Visit, query: ComplaintQuery) -> Complaint:
    """One complaint, read anew: what is listed holds no places in its text."""
    found = desk.find_report(visit.connection, query.number)
    row = None if found is None else desk.read_row(visit.connection, found)
    if found is None or row is None:
        raise MissingError("no such complaint")
    reading = read_report(make_report(row, found.received_us, visit.service.settings.zone))
    changes = desk.list_corrections(visit.connection, found.complaint)
    stands = _find_standing(visit, found)
    names = name_people(visit.connection)
    near, _ = desk.list_reports(visit.connection, ReportFilter(victim=found.victim), 0, PAGE_SIZE)
    rows = make_rows(visit, near)
    return Complaint(
        row=next(iter(make_rows(visit, [found]))),
        order_ref=found.order_ref,
        account_ref=found.account_ref,
        phone_ref=found.phone_ref,
        channel=found.channel,
        contacted=row.get("contacted") or (reading.contacted.isoformat() if reading.contacted else ""),
        pieces=cut_text(row.get("text") or "", reading.marks),
        claimed_identity=stands["claimed_identity"],
        pretexts=stands["pretexts"],
        asked=stands["asked"],
        known_fields=stands["known_fields"],
        corrections=[
            Change(change.column, change.value, names.get(change.person_id, ""), change.at_us)
            for change in changes
        ],
        others=[one for one in rows if one.id != found.id],
        scripts=list_script_names(visit),
        words=list_words(visit.lang),
    )


def cut_text(text: str, marks: Sequence[Mark]) -> list[Piece]:
    """`text` in pieces, people masked, what was read marked; of marks at one place the surest counts.

    A mark that reaches into what is masked is shown by the mask, with what was read there but its value.
    """
    masks = find_masked(text)
    chosen: list[Mark] = []
    for mark in sorted(marks, key=lambda m: (-m.confidence, m.start - m.end)):
        if mark.start < mark.end and all(mark.end <= o.start or o.end <= mark.start for o in chosen):
            chosen.append(mark)
    edges = {0, len(text)} | {at for s, e, _ in masks for at in (s, e)}
    ends = {at for m in chosen for at in (m.start, m.end)}
    edges |= {at for at in ends if not any(s < at < e for s, e, _ in masks)}
    places = sorted(edges)
    pieces = []
    for start, end in pairwise(places):
        inside = next((m for m in chosen if m.start < end and start < m.end), None)
        word = next((w for s, e, w in masks if s <= start and end <= e), "")
        told = ("", "", 0.0)
        if inside is not None:
            word = word or _HIDDEN.get(inside.field, "")
            told = (inside.field, "" if word else inside.value, round(inside.confidence, 2))
        pieces.append(Piece(word or text[start:end], *told, masked=bool(word)))
    return pieces


def _find_standing(visit: Visit, found: StoredReport) -> dict[str, Any]:
    """What the reading is now, corrections laid over it."""
    gist = read_gist(found.told)
    stands: dict[str, Any] = {
        "kind": found.kind,
        "claimed_identity": gist.claimed_identity,
        "pretexts": list(gist.pretexts),
        "asked": list(gist.asked),
        "known_fields": list(gist.known_fields),
    }
    return stands | {c.column: c.value for c in desk.list_corrections(visit.connection, found.complaint)}


def correct(visit: Visit, form: CorrectForm) -> Done:
    """Store what differs from what stands there now."""
    found = desk.find_report(visit.connection, form.number)
    if found is None:
        raise MissingError("no such complaint")
    stands = _find_standing(visit, found)
    given: dict[str, Any] = {
        "kind": form.kind or found.kind,
        "claimed_identity": form.claimed_identity or None,
        "pretexts": list(form.pretexts),
        "asked": list(form.asked),
        "known_fields": list(form.known_fields),
    }
    for column, value in given.items():
        words = value if isinstance(value, list) else [value]
        if not set(words) - {None, ""} <= set(WORDS[column]):
            raise MistakeError(column, "invalid")
    changed = {
        column: value
        for column, value in given.items()
        if (sorted(value) if isinstance(value, list) else value)
        != (sorted(stands[column]) if isinstance(value, list) else stands[column])
    }
    if not changed:
        raise MistakeError("", "same")
    desk.correct(visit.connection, found, changed, visit.actor)
    return Done(f"/console/complaints/{found.id}", f"complaint:{found.id}", ", ".join(changed))


COMPLAINT: Final = Page(
    "/complaints/{number}", "complaint", WORKERS, ComplaintQuery, Complaint, load_complaint, "complaints",
    look=lambda _visit, answer: f"complaint:{answer.row.id}",
)  # fmt: skip
PAGES: Final = (COMPLAINT,)
ACTIONS: Final = (
    Action("/complaints/{number}/correct", "correct", WORKERS, CorrectForm, correct, COMPLAINT),
)
