"""The register of claims: who claims what, what of it holds, what was paid; and the council's table."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal
from weakref import WeakKeyDictionary

import polars as pl
from msgspec import Meta, Struct

from stanch.cases import claims as store
from stanch.cases import complaint_reports as desk
from stanch.cases.database import Connection, Database
from stanch.complaints.claims import Claim, Register, Totals, add_up
from stanch.complaints.claims.register import STATES, Author, Change, State
from stanch.complaints.claims.sheet import import_victims
from stanch.complaints.claims.totals import SUMS
from stanch.complaints.council import Row, list_rows
from stanch.complaints.count import count_victims
from stanch.complaints.victims import VICTIMS, fold_duplicates
from stanch.console.complaint_reading import Run, caught_up, start
from stanch.console.pages import (
    EVERYBODY,
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
from stanch.findings import ComplaintCounts

#: Changes of a claim that are shown.
_HISTORY: Final = 100
#: Reports that are counted while somebody waits, and changes that are stored in one transaction.
_AT_ONCE: Final = 2_000
_CHUNK: Final = 500


class ClaimsQuery(Paged, frozen=True, kw_only=True):
    """Which claims."""

    state: Annotated[State | Literal[""], Meta(description="Those in a state.")] = ""
    text: Annotated[str, Meta(description="Part of a claim's number or region.", max_length=100)] = ""


class ClaimRow(Struct, frozen=True):
    """One claim. Amounts are decimal numbers as text, by currency."""

    number: int
    claim: str
    state: State
    claimed: Mapping[str, str]
    verified: Mapping[str, str]
    paid: Mapping[str, str]
    of: str
    region: str
    received: str


class TotalRow(Struct, frozen=True):
    """Sums in one currency, of which parts add up to others as `stanch.complaints.claims.totals` says."""

    currency: str
    sums: Mapping[str, str]


class CouncilRow(Struct, frozen=True):
    """One figure of the council's table, in the reader's language."""

    section: str
    item: str
    currency: str
    value: str


class Claims(Struct, frozen=True):
    """A part of the register, and what all of it comes to."""

    claims: Slice[ClaimRow]
    states: Mapping[str, int]
    totals: Sequence[TotalRow]
    council: Sequence[CouncilRow]
    n_unread: int
    #: Newer figures are being counted, or claims registered.
    is_old: bool
    may_work: bool
    may_read: bool


class ClaimQuery(Struct, frozen=True):
    """Which claim, by the number of its first change."""

    number: Number


class ClaimChange(Struct, frozen=True):
    """One change of a claim. `at_us` is microseconds since 1970-01-01 UTC."""

    at_us: int
    by: str
    why: str
    state: State
    amounts: Mapping[str, str]
    of: str


class ClaimPage(Struct, frozen=True):
    """One claim and its changes."""

    row: ClaimRow
    changes: Sequence[ClaimChange]
    may_work: bool


class RegisterForm(Struct, frozen=True):
    """Register a claim for each victim who has none."""


class ChangeForm(Struct, frozen=True, kw_only=True):
    """What a claim becomes."""

    number: Number
    state: State
    why: Annotated[str, Meta(min_length=1, max_length=500)]
    amount: Annotated[str, Meta(max_length=30)] = ""
    currency: Annotated[str, Meta(max_length=3)] = ""
    of: Annotated[str, Meta(max_length=256)] = ""


@dataclass(slots=True)
class _Kept:
    """The register of one database as it was replayed last; with `busy` held alone it goes on."""

    busy: threading.Lock = field(default_factory=threading.Lock)
    register: Register = field(default_factory=lambda: Register(Path()))
    newest: int = 0
    #: Number of each claim's first change.
    numbers: dict[str, int] = field(default_factory=dict)
    counted_from: object = None
    council: ComplaintCounts = field(default_factory=ComplaintCounts)
    #: Held while the council's figures are counted, and while claims are registered beside.
    counting: threading.Lock = field(default_factory=threading.Lock)
    registering: threading.Lock = field(default_factory=threading.Lock)


_KEPT: Final[WeakKeyDictionary[Database, _Kept]] = WeakKeyDictionary()


def _open_register(kept: _Kept, connection: Connection) -> Register:
    """The register as it stands, what is new since the last time replayed; `kept.busy` is held."""
    newest, n = store.find_newest(connection)
    if newest < kept.newest or n < len(kept.register.changes):
        kept.register, kept.newest, kept.numbers = Register(Path()), 0, {}
    for id_, change in store.list_changes(connection, kept.newest):
        kept.register.apply(change)
        kept.newest = id_
        kept.numbers.setdefault(change.claim, id_)
    return kept.register


def load_claims(visit: Visit, query: ClaimsQuery) -> Claims:
    """In the order in which they were registered, the newest first."""
    kept = _KEPT.setdefault(visit.service.database, _Kept())
    with caught_up(visit) as (now, n_unread), kept.busy:
        register = _open_register(kept, now.connection)
        claims, numbers = list(register.claims.values()), kept.numbers
        council, is_old = _count_council(kept, now, add_up(claims))
    text = query.text.strip().casefold()
    chosen = [
        claim
        for claim in reversed(claims)
        if (not query.state or claim.state == query.state)
        and (not text or text in claim.claim.casefold() or text in claim.region.casefold())
    ]
    shown = chosen[query.offset : query.offset + PAGE_SIZE]
    counts = Counter(claim.state for claim in claims)
    return Claims(
        Slice([_make_row(claim, numbers[claim.claim]) for claim in shown], len(chosen), query.page),
        {state: counts[state] for state in STATES},
        [
            TotalRow(total.currency, {name: f"{getattr(total, name):.2f}" for name in SUMS})
            for total in add_up(claims)
        ],
        [CouncilRow(row.section, row.item, row.currency, row.value) for row in council],
        n_unread,
        is_old or kept.registering.locked(),
        visit.may(WORKERS),
        visit.may(WORKERS),
    )


def _count_council(kept: _Kept, visit: Visit, totals: Sequence[Totals]) -> tuple[list[Row], bool]:
    """The table, and whether a newer one is being counted: many reports are counted beside."""
    state, service = desk.count_reports(visit.connection), visit.service
    if state != kept.counted_from and kept.counting.acquire(blocking=False):

        def work(run: Run) -> None:
            with service.database.read() as connection:
                reports = _list_reports(connection)
            kept.council = run(count_for_council, reports, service.settings.zone)
            kept.counted_from = state

        start(state[0] <= _AT_ONCE, kept.counting, work)
    return list_rows(kept.council, {}, totals, visit.lang), kept.counted_from != state


def count_for_council(reports: pl.DataFrame, zone: str) -> ComplaintCounts:
    """What `_list_reports` gave, as the council counts it."""
    return count_victims(*fold_duplicates(reports, {}), reports, zone)


def _list_reports(connection: Connection) -> pl.DataFrame:
    """The desk's reports as the folding into victims wants them, people as keyed hashes."""
    schema = {**VICTIMS, "loss": pl.Float64, "currency": pl.String}
    rows = [
        {**row, "region": row["region"] or None, "currency": row["currency"] or None}
        for row in desk.list_losses(connection)
    ]
    frame = pl.DataFrame(rows, schema_overrides=schema) if rows else pl.DataFrame(schema=schema)
    missing = [
        pl.lit(None, dtype=kind).alias(name) for name, kind in schema.items() if name not in frame.columns
    ]
    return frame.with_columns(missing).select(*schema)


def load_claim(visit: Visit, query: ClaimQuery) -> ClaimPage:
    """One claim."""
    kept = _KEPT.setdefault(visit.service.database, _Kept())
    with kept.busy:
        register = _open_register(kept, visit.connection)
        name = next((name for name, number in kept.numbers.items() if number == query.number), "")
        claim = register.claims.get(name)
        changes = register.list_history(name)
    if claim is None:
        raise MissingError("no such claim")
    return ClaimPage(
        _make_row(claim, query.number),
        [
            ClaimChange(_find_moment(c.at), c.by, c.why, c.state, _tell_amounts(c.amounts), c.of)
            for c in changes[-_HISTORY:]
        ],
        visit.may(WORKERS),
    )


def _find_moment(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp()) * 1_000_000


def _make_row(claim: Claim, number: int) -> ClaimRow:
    return ClaimRow(
        number,
        claim.claim,
        claim.state,
        _tell_amounts(claim.claimed),
        _tell_amounts(claim.verified),
        _tell_amounts(claim.paid),
        claim.of,
        claim.region,
        claim.received,
    )


def _tell_amounts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: f"{amount:.2f}" for currency, amount in sorted(amounts.items())}


def _find_author(visit: Visit, why: str) -> Author:
    return Author(visit.person.name, why, datetime.fromtimestamp(visit.now_us / 1e6, UTC))


def _open_trial(kept: _Kept, connection: Connection) -> tuple[Register, dict[str, int]]:
    """A register to try changes on, without history: what is kept must not have what may yet be undone."""
    trial = Register(Path())
    with kept.busy:
        after = kept.newest if store.find_newest(connection)[0] >= kept.newest else 0
        if after:
            trial.claims = dict(kept.register.claims)
        numbers = dict(kept.numbers) if after else {}
    for id_, change in store.list_changes(connection, after):
        trial.apply(change)
        numbers.setdefault(change.claim, id_)
    trial.changes.clear()
    return trial, numbers


def register_victims(visit: Visit, _: RegisterForm) -> Done:
    """A claim for each victim of fraud who has none, of what was lost by the report or by its text."""
    database = visit.service.database
    kept = _KEPT.setdefault(database, _Kept())
    author = _find_author(visit, "complaints")
    done = Done("/console/complaints/claims")
    if desk.count_reports(visit.connection)[0] <= _AT_ONCE:
        trial, _numbers = _open_trial(kept, visit.connection)
        store.add_changes(visit.connection, find_new(trial, _list_reports(visit.connection), author))
        return done
    if not kept.registering.acquire(blocking=False):
        raise MistakeError("", "busy")

    def work(run: Run) -> None:
        with database.read() as connection:
            trial, _numbers = _open_trial(kept, connection)
            reports = _list_reports(connection)
        changes = run(find_new, trial, reports, author)
        for at in range(0, len(changes), _CHUNK):
            database.write(partial(store.add_changes, changes=changes[at : at + _CHUNK]))

    start(False, kept.registering, work)
    return done


def find_new(register: Register, reports: pl.DataFrame, author: Author) -> list[Change]:
    """The changes that register victims of `reports` who have no claim; `register` has no history yet."""
    import_victims(register, reports, author)
    return register.changes


def change_claim(visit: Visit, form: ChangeForm) -> Done:
    """Change the state of a claim, and an amount with it."""
    kept = _KEPT.setdefault(visit.service.database, _Kept())
    if kept.registering.locked():
        raise MistakeError("", "busy")
    trial, numbers = _open_trial(kept, visit.connection)
    claim = next((name for name, number in numbers.items() if number == form.number), None)
    if claim is None:
        raise MissingError("no such claim")
    amounts: dict[str, Decimal] = {}
    if form.amount:
        try:
            amounts = {form.currency.strip().upper(): Decimal(form.amount.replace(",", "").strip())}
        except InvalidOperation:
            raise MistakeError("amount", "invalid") from None
    more = {"amounts": amounts, "of": form.of.strip() if form.state == "duplicate" else ""}
    try:
        trial.apply(_find_author(visit, form.why).write(claim, form.state, **more))
    except UsageError as error:
        raise MistakeError("state", "contradicts") from error
    store.add_changes(visit.connection, trial.changes)
    return Done(f"/console/complaints/claims/{form.number}", f"claim:{form.number}", form.state)


CLAIMS: Final = Page(
    "/complaints/claims", "claims", EVERYBODY, ClaimsQuery, Claims, load_claims, "complaints"
)
CLAIM: Final = Page(
    "/complaints/claims/{number}", "claim", EVERYBODY, ClaimQuery, ClaimPage, load_claim, "complaints"
)
PAGES: Final = (CLAIMS, CLAIM)
ACTIONS: Final = (
    Action("/complaints/claims", "register", WORKERS, RegisterForm, register_victims, CLAIMS),
    Action("/complaints/claims/{number}", "change", WORKERS, ChangeForm, change_claim, CLAIM),
)
