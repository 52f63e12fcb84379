"""Claims to and from a spreadsheet, and from complaints."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

import polars as pl

from stanch.complaints.claims.register import STATES, Amounts, Author, Claim, Register, State
from stanch.complaints.count import NO_CURRENCY
from stanch.complaints.victims import fold_duplicates
from stanch.errors import EvidenceError

COLUMNS: Final = ("claim", "state", "currency", "claimed", "verified", "paid", "of", "region", "received")
#: Signs that make a spreadsheet take a cell for a formula (OWASP, "CSV injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def write_sheet(claims: Iterable[Claim]) -> str:
    """CSV with a row per claim and currency; a claim without an amount has one row."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for claim in claims:
        for currency in sorted(claim.claimed) or [""]:
            amounts = (claim.claimed, claim.verified, claim.paid)
            shown = [f"{of[currency]:.2f}" if currency in of else "" for of in amounts]
            cells = (claim.claim, claim.state, currency, *shown, claim.of, claim.region, claim.received)
            rows.writerow([f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells])
    return text.getvalue()


def read_sheet(register: Register, text: str, name: str, author: Author) -> int:
    """Make the changes by which a sheet, as `write_sheet` gave it, differs from the register; how many.

    Raises:
        EvidenceError: a row that cannot be read, with its line.
        UsageError: a change that contradicts the claim.
    """
    wanted: dict[str, Claim] = {}
    for number, row in enumerate(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))), start=2):
        try:
            claim = _read_row(row, wanted)
        except (KeyError, ValueError, InvalidOperation, AttributeError) as error:
            raise EvidenceError(f"not a row of claims: {error}", file=name, line=number) from error
        wanted[claim.claim] = claim
    n = 0
    for claim in wanted.values():
        n += _follow(register, claim, author)
    return n


def _read_row(row: dict[str, str], seen: dict[str, Claim]) -> Claim:
    cells = {name: row[name].strip().removeprefix("'") for name in COLUMNS}
    if not cells["claim"] or cells["state"] not in STATES:
        raise ValueError(f"claim {cells['claim']!r}, state {cells['state']!r}")
    before = seen.get(cells["claim"], Claim(cells["claim"]))
    amounts = [
        {**of, cells["currency"]: Decimal(cells[name].replace(",", ""))} if cells[name] else of
        for name, of in (("claimed", before.claimed), ("verified", before.verified), ("paid", before.paid))
    ]
    state = next(state for state in STATES if state == cells["state"])
    claimed, verified, paid = amounts
    return Claim(
        cells["claim"], state, claimed, verified, paid, cells["of"], cells["region"], cells["received"]
    )


def _follow(register: Register, wanted: Claim, author: Author) -> int:
    """Changes from the claim as it stands to `wanted`, by way of what must come first."""
    known = register.claims.get(wanted.claim)
    if known == wanted:
        return 0
    n = len(register.changes)

    def change(state: State, amounts: Amounts | None = None, of: str = "") -> None:
        more = {
            "amounts": dict(amounts or {}),
            "of": of,
            "region": wanted.region,
            "received": wanted.received,
        }
        register.apply(author.write(wanted.claim, state, **more))

    if known is None or (known.claimed, known.region) != (wanted.claimed, wanted.region):
        change("claimed", wanted.claimed)
    now = register.claims[wanted.claim]
    if wanted.state in ("verified", "paid") and now.verified != wanted.verified:
        change("verified", wanted.verified)
    now = register.claims[wanted.claim]
    if (now.state, now.paid, now.of) != (wanted.state, wanted.paid, wanted.of):
        change(wanted.state, wanted.paid if wanted.state == "paid" else None, wanted.of)
    return len(register.changes) - n


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    n_new: int
    n_known: int
    #: Claims that nobody has looked at and whose reports tell a larger loss by now.
    short: list[str]


def import_victims(register: Register, reports: pl.DataFrame, author: Author) -> Imported:
    """A claim for each victim of `reports` whom the register does not have.

    One victim reporting thrice is one claim, of the largest loss in each currency, by whichever report
    it was registered; where a later report shows two claims to be one victim's, an untouched one becomes a
    duplicate.
    A victim without a loss is registered too, with no amount.
    """
    victims, losses = fold_duplicates(reports, {})
    lost: dict[int, dict[str, Decimal]] = {}
    for row, currency, loss in losses.iter_rows():
        lost.setdefault(row, {})[(currency or NO_CURRENCY).upper()] = Decimal(repr(loss)).quantize(
            Decimal("0.01")
        )
    n_new = 0
    short: list[str] = []
    for row, (name, region, received_us, numbers) in enumerate(
        victims.select("complaint", "region", "received_us", "reports").iter_rows()
    ):
        if known := [number for number in numbers if number in register.claims]:
            _mark_repeats(register, [register.claims[number] for number in known], author)
            short += [number for number in known if _is_short(register.claims[number], lost.get(row, {}))]
            continue
        received = datetime.fromtimestamp(received_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
        more = {"amounts": lost.get(row, {}), "region": region or "", "received": received}
        register.apply(author.write(name, "claimed", **more))
        n_new += 1
    return Imported(n_new, victims.height - n_new, short)


def _is_short(claim: Claim, lost: Amounts) -> bool:
    return claim.state == "claimed" and any(
        amount > claim.claimed.get(currency, Decimal(0)) for currency, amount in lost.items()
    )


def _mark_repeats(register: Register, claims: list[Claim], author: Author) -> None:
    """Of several claims of one victim, what nobody has looked at repeats the one that is furthest."""
    standing = [claim for claim in claims if claim.state != "duplicate"]
    rank = {state: at for at, state in enumerate(("rejected", "claimed", "verified", "paid"))}
    kept = max(standing, key=lambda claim: rank[claim.state], default=None)
    repeated = {claim.of for claim in register.claims.values()}
    for claim in standing:
        if claim is not kept and kept and claim.state == "claimed" and claim.claim not in repeated:
            register.apply(author.write(claim.claim, "duplicate", of=kept.claim))
