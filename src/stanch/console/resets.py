"""Late resets: logins that were let in and turned out to be an attack's. Names are shown for a reason."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from stanch.cases.resets import KeptReset, find_reset, list_newest
from stanch.console.pages import (
    PAGE_SIZE,
    WORKERS,
    Action,
    Done,
    MissingError,
    Number,
    Page,
    Paged,
    Slice,
    Visit,
)

#: What was shown for a reason stays so for this long.
_SHOWN_US: Final = 600_000_000


class ResetsQuery(Paged, frozen=True, kw_only=True):
    """Which resets, and which account may be shown."""

    shown: Annotated[str, Meta(description="What `show_account` led to.", max_length=300)] = ""


class ResetRow(Struct, frozen=True):
    """One account to be reset. Moments are microseconds since 1970-01-01 UTC."""

    number: int
    #: A keyed reference, the same for the same account.
    reference: str
    #: As the shop named it, where it was asked for with a reason.
    account: str | None
    login_us: int
    found_us: int
    score: float
    why: str
    simulated: bool


class Resets(Struct, frozen=True):
    """A part of the list."""

    resets: Slice[ResetRow]


class ShowForm(Struct, frozen=True):
    """Whose account is to be shown, and why."""

    number: Number
    reason: Annotated[str, Meta(min_length=3, max_length=300)]


def load_resets(visit: Visit, query: ResetsQuery) -> Resets:
    """Newest first."""
    opened = visit.service.secrets.open("shown reset", query.shown, tuple[int, int, int])
    number, person_id, until_us = opened or (0, 0, 0)
    shown = number if person_id == visit.person.id and until_us > visit.now_us else 0
    found, n = list_newest(visit.connection, query.offset, PAGE_SIZE)
    rows = tuple(_make_row(visit, id, reset, is_shown=id == shown) for id, reset in found)
    return Resets(Slice(rows, n, query.page))


def show_account(visit: Visit, form: ShowForm) -> Done:
    """Show whose login it was, to this person and for ten minutes; the reason is kept in the audit."""
    reset = find_reset(visit.connection, form.number)
    if reset is None:
        raise MissingError
    ticket = (form.number, visit.person.id, visit.now_us + _SHOWN_US)
    shown = visit.service.secrets.sign("shown reset", ticket)
    reference = visit.name_reference("account", reset.account)
    return Done(f"/console/resets?shown={shown}#reset-{form.number}", reference, form.reason)


def _make_row(visit: Visit, number: int, reset: KeptReset, *, is_shown: bool) -> ResetRow:
    return ResetRow(
        number,
        visit.name_reference("account", reset.account),
        reset.account if is_shown else None,
        reset.login_us,
        reset.found_us,
        reset.score,
        reset.why,
        reset.simulated,
    )


RESETS: Final = Page(
    "/resets", "resets", WORKERS, ResetsQuery, Resets, load_resets, "decisions", lambda _v, _a: ""
)
PAGES: Final = (RESETS,)
ACTIONS: Final = (Action("/resets/{number}/show", "show_account", WORKERS, ShowForm, show_account, RESETS),)
