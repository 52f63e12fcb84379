"""`stanch complaints claims` and `table`: who claims what, and the figures for the council."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from cyclopts import App, Parameter

from stanch.cli.desk import parse_renames, read_complaints
from stanch.cli.messages import clean, say
from stanch.complaints import count_complaints
from stanch.complaints.claims import add_up, open_register
from stanch.complaints.claims.register import Author, State
from stanch.complaints.claims.sheet import import_victims, read_sheet, write_sheet
from stanch.complaints.council import count_demands, list_rows, write_csv, write_page, write_text
from stanch.engine import open_engine
from stanch.errors import UsageError
from stanch.settings import load_settings

#: Claims that are named in one line.
_NAMED: Final = 10

claims_app = App(name="claims", help="The register of victims' claims.")

RegisterFile: TypeAlias = Annotated[Path, Parameter(help="The register's file.", metavar="REGISTER")]
By: TypeAlias = Annotated[str, Parameter(help="Who makes the change.", metavar="NAME")]
Zone: TypeAlias = Annotated[str, Parameter(help="Zone of times without an offset.", metavar="TZ")]
Renames: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        help="Rename a column; may be repeated.", metavar="COLUMN=THEIRS", negative=(), show_default=False
    ),
]


@claims_app.command(name="import")
def import_claims(
    register: RegisterFile,
    /,
    *files: Annotated[str, Parameter(help="Complaints, all of them so far.", metavar="FILE…")],
    by: By,
    why: Annotated[str, Parameter(help="Why they are imported.", metavar="TEXT")] = "complaints imported",
    zone: Zone = "UTC",
    map: Renames = (),
) -> int:
    """Register a claim for each victim who has none. One victim reporting thrice is one claim.

    stanch complaints claims import claims.jsonl complaints.csv --by wang
    """
    reports = read_complaints(files, zone, parse_renames(map), None)
    with open_register(register, write=True) as opened:
        done = import_victims(opened, reports, Author(by, why, datetime.now(UTC)))
    say(f"{done.n_new} new, {done.n_known} registered before")
    if done.short:
        more = f" and {len(done.short) - _NAMED} more" if len(done.short) > _NAMED else ""
        named = ", ".join(clean(claim) for claim in done.short[:_NAMED])
        say(f"Their reports tell more than was registered: {named}{more}")
    return 0


@claims_app.command(name="set")
def set_claim(
    register: RegisterFile,
    claim: Annotated[str, Parameter(help="Number of the claim.", metavar="CLAIM")],
    state: Annotated[
        Literal["claimed", "verified", "rejected", "duplicate", "paid"],
        Parameter(help="Its state from now on."),
    ],
    /,
    *,
    by: By,
    why: Annotated[str, Parameter(help="Why.", metavar="TEXT")],
    amount: Annotated[
        tuple[str, ...],
        Parameter(
            help="Such as CNY=1200.50; all of it if not given.",
            metavar="CUR=N",
            negative=(),
            show_default=False,
        ),
    ] = (),
    of: Annotated[str, Parameter(help="The claim that a duplicate repeats.", metavar="CLAIM")] = "",
) -> int:
    """Change one claim; the change is kept with who, when and why.

    stanch complaints claims set claims.jsonl k17 verified --amount CNY=1200 --by li --why 'statement seen'
    """
    given: State = state
    author = Author(by, why, datetime.now(UTC))
    with open_register(register, write=True) as opened:
        opened.apply(author.write(claim, given, amounts=_parse_amounts(amount), of=of))
    return 0


@claims_app.command(name="export")
def export_claims(register: RegisterFile, /) -> int:
    """Print the claims as they stand, as CSV for a spreadsheet.

    stanch complaints claims export claims.jsonl > claims.csv
    """
    with open_register(register) as opened:
        _print(write_sheet(opened.claims.values()))
    return 0


@claims_app.command(name="apply")
def apply_sheet(
    register: RegisterFile,
    sheet: Annotated[Path, Parameter(help="CSV as `export` printed it, edited.", metavar="CSV")],
    /,
    *,
    by: By,
    why: Annotated[str, Parameter(help="Why.", metavar="TEXT")],
) -> int:
    """Take over what was changed in an exported sheet: all of it, or none if a row contradicts its claim.

    stanch complaints claims apply claims.jsonl claims.csv --by li --why 'meeting of May 12'
    """
    text = sheet.read_text(encoding="utf-8")
    with open_register(register, write=True) as opened:
        n = read_sheet(opened, text, str(sheet), Author(by, why, datetime.now(UTC)))
    say(f"{n} changes")
    return 0


@claims_app.command(name="history")
def show_history(
    register: RegisterFile,
    claim: Annotated[str, Parameter(help="Number of the claim.", metavar="CLAIM")],
    /,
) -> int:
    """Print every change of one claim: when, who, what, why."""
    with open_register(register) as opened:
        changes = opened.list_history(claim)
    if not changes:
        raise UsageError(f"there is no claim {claim}")
    for change in changes:
        amounts = " ".join(f"{amount} {currency}" for currency, amount in sorted(change.amounts.items()))
        _print(clean(f"{change.at} {change.by}: {change.state} {amounts} {change.of} ({change.why})") + "\n")
    return 0


def show_table(
    *files: Annotated[str, Parameter(help="Complaints.", metavar="FILE…")],
    claims: Annotated[
        Path | None, Parameter(help="Register of claims, for its sums.", metavar="REGISTER")
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Write council.csv and council.html there.", metavar="DIR")
    ] = None,
    zone: Zone = "UTC",
    map: Renames = (),
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language.")] = "en",
) -> int:
    """Print the council's table: victims, period, regions, losses, demands, claims.

    stanch complaints table complaints.csv --claims claims.jsonl --out council --lang zh
    """
    reports = read_complaints(files, zone, parse_renames(map), None)
    with closing(open_engine("duckdb", load_settings(None).engine)) as engine:
        engine.put("complaints", reports)
        counts = count_complaints(engine, zone)
        heard = set(engine.fetch("SELECT complaint FROM victims")["complaint"])
    demands = {
        name: cell for name, cell in reports.select("complaint", "demands").iter_rows() if name in heard
    }
    totals = []
    if claims:
        with open_register(claims) as opened:
            totals = add_up(opened.claims.values())
    rows = list_rows(counts, count_demands(demands.values()), totals, lang)
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "council.csv").write_text(write_csv(rows, lang), encoding="utf-8-sig")
        (out / "council.html").write_text(write_page(rows, lang), encoding="utf-8")
    _print(write_text(rows))
    return 0


def _parse_amounts(pairs: tuple[str, ...]) -> dict[str, Decimal]:
    amounts = {}
    for pair in pairs:
        currency, equals, number = pair.partition("=")
        try:
            amounts[currency.upper()] = Decimal(number)
        except InvalidOperation as error:
            raise UsageError(f"--amount {pair}: not of the form CNY=1200.50") from error
        if not equals:
            raise UsageError(f"--amount {pair}: not of the form CNY=1200.50")
    return amounts


def _print(text: str) -> None:
    sys.stdout.buffer.write(text.encode())
