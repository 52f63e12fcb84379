"""Decisions about addresses and networks: what holds, what held, and why; made and taken back by hand."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct
from starlette.responses import Response

from stanch.cases import audit
from stanch.cases.decisions import (
    KeptDecision,
    Standing,
    add_decisions,
    list_standing,
    make_decision,
    read_duration,
    undo_decisions,
)
from stanch.cases.people import name_people
from stanch.console.pages import (
    ANALYSTS,
    PAGE_SIZE,
    WORKERS,
    Action,
    Done,
    MissingError,
    MistakeError,
    Number,
    Page,
    Paged,
    Slice,
    Visit,
)
from stanch.errors import UsageError
from stanch.guard.block_lists import Format, Listed, write_block_list

_PATH: Final = "/console/decisions"
Kind = Literal["ban", "captcha", "allow"]


class DecisionsQuery(Paged, frozen=True, kw_only=True):
    """Which decisions."""

    standing: Annotated[Standing, Meta(description="What has become of them.")] = "active"
    value: Annotated[str, Meta(description="How the address or network begins.", max_length=64)] = ""


class DecisionRow(Struct, frozen=True):
    """One decision. Moments are microseconds since 1970-01-01 UTC."""

    number: int
    value: str
    kind: Kind
    why: str
    #: Rule that made it; `manual` for people.
    scenario: str
    #: Who made it and who took it back, as far as that was done here.
    by: str
    undone_by: str
    start_us: int
    end_us: int
    undone_us: int | None


class Decisions(Struct, frozen=True):
    """A part of the list."""

    decisions: Slice[DecisionRow]
    may_decide: bool
    #: Why nobody is banned just now; empty: bans are in force.
    no_bans: str


class DecideForm(Struct, frozen=True):
    """A decision by hand."""

    value: Annotated[str, Meta(min_length=1, max_length=64)]
    why: Annotated[str, Meta(min_length=1, max_length=500)]
    kind: Kind = "ban"
    duration: Annotated[str, Meta(description="90s, 15m, 4h, 7d.", min_length=2, max_length=8)] = "4h"


class UndoForm(Struct, frozen=True):
    """Which one is taken back."""

    number: Number


class ExportQuery(Struct, frozen=True):
    """For whom the list is."""

    format: Annotated[Format, Meta(description="Who reads it.")] = "plain"
    family: Annotated[Literal["4", "6"] | None, Meta(description="IPv4 or IPv6 alone.")] = None


class Export(Struct, frozen=True):
    """A block list."""

    text: str


def load_decisions(visit: Visit, query: DecisionsQuery) -> Decisions:
    """Newest first."""
    found, n = list_standing(
        visit.connection, query.standing, visit.now_us, offset=query.offset, most=PAGE_SIZE,
        value=query.value.strip(),
    )  # fmt: skip
    subjects = [_name(decision.id) for decision in found]
    names = name_people(visit.connection)
    made, undone = (
        audit.find_actors(visit.connection, f"decisions.{action}", subjects) for action in ("decide", "undo")
    )
    rows = tuple(
        DecisionRow(
            d.id, d.value, d.kind, d.why, d.scenario,
            names.get(made.get(_name(d.id), 0), ""), names.get(undone.get(_name(d.id), 0), ""),
            d.start_us, d.end_us, d.undone_us,
        )
        for d in found
    )  # fmt: skip
    return Decisions(Slice(rows, n, query.page), visit.may(ANALYSTS), visit.service.allow_list.problem)


def decide(visit: Visit, form: DecideForm) -> Done:
    """Decide about an address or network; in force within seconds, whatever the guard only simulates."""
    try:
        duration_us = read_duration(form.duration) * 1_000_000
    except UsageError:
        raise MistakeError("duration", "duration_invalid") from None
    try:
        decision = make_decision(form.value, form.kind, form.why, visit.now_us, duration_us)
    except UsageError:
        raise MistakeError("value", "network_invalid") from None
    (kept,) = add_decisions(visit.connection, [decision], "manual", visit.now_us)
    return Done(_PATH, _name(kept.id), f"{kept.kind} {form.duration}")


def undo(visit: Visit, form: UndoForm) -> Done:
    """Take one back."""
    try:
        undo_decisions(visit.connection, str(form.number), visit.now_us)
    except UsageError:
        raise MissingError from None
    return Done(_PATH, _name(form.number))


def load_export(visit: Visit, query: ExportQuery) -> Export:
    """What bouncers are told to ban, for what has no bouncer."""
    family = query.family or ("4" if query.format == "aws-waf" else None)
    bans = [d for d in tuple(visit.service.decisions.published()) if d.kind == "ban"]
    listed = [_list_one(decision, visit.now_us) for decision in bans]
    return Export(
        write_block_list([one for one in listed if family in (None, str(one.version))], query.format)
    )


def give_export(export: Export) -> Response:
    """As a file."""
    headers = {"Content-Disposition": 'attachment; filename="stanch-bans.txt"'}
    return Response(export.text, headers=headers, media_type="text/plain")


def _list_one(decision: KeptDecision, now_us: int) -> Listed:
    return Listed.read(decision.value, max(1, (decision.end_us - now_us) // 1_000_000))


def _name(number: int) -> str:
    return f"decision:{number}"


DECISIONS: Final = Page(
    "/decisions", "decisions", WORKERS, DecisionsQuery, Decisions, load_decisions, "decisions",
    lambda _v, _a: "",
)  # fmt: skip
EXPORT: Final = Page(
    "/decisions/export", "export", ANALYSTS, ExportQuery, Export, load_export, "decisions",
    lambda _v, _a: "", give_export,
)  # fmt: skip
PAGES: Final = (DECISIONS, EXPORT)
ACTIONS: Final = (
    Action("/decisions", "decide", ANALYSTS, DecideForm, decide, DECISIONS),
    Action("/decisions/{number}/undo", "undo", ANALYSTS, UndoForm, undo, DECISIONS),
)
