"""`stanch investigate`: evidence in, an answer with evidence out."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from cyclopts import Parameter

from stanch.cli.messages import say
from stanch.cli.progress import show_progress
from stanch.engine import open_engine
from stanch.errors import RejectedTableError, UsageError
from stanch.evidence.pseudonyms import read_key
from stanch.evidence.tables import READABLE
from stanch.findings import Findings
from stanch.investigate import Investigation, investigate
from stanch.readers import ReadRequest
from stanch.readers.geo import open_databases
from stanch.settings import load_settings

#: How a lone `-` comes through the parser, which would take it for an option.
STDIN_PATH: Final = "/dev/stdin"

Files: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(consume_multiple=True, negative=(), metavar="FILE…", show_default=False),
]


def run_investigate(
    *,
    logins: Annotated[Files, Parameter(help="Attempts to log in: a table, or a server's log.")] = (),
    accesses: Annotated[Files, Parameter(help="Who saw which order: a table, or a web log.")] = (),
    orders: Annotated[Files, Parameter(help="The shop's orders.")] = (),
    complaints: Annotated[Files, Parameter(help="Reports of scam contacts.")] = (),
    actor_groups: Annotated[
        Files, Parameter(help="Who belongs together: a table of actors, their teams, branches, devices.")
    ] = (),
    out: Annotated[Path, Parameter(help="Folder for the answer; made if missing.", metavar="DIR")],
    log_format: Annotated[
        str | None, Parameter(help="Format of the logs, where the guess is wrong.", metavar="NAME")
    ] = None,
    engine: Annotated[Literal["duckdb", "spark"], Parameter(help="Where tables are computed.")] = "duckdb",
    config: Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")] = None,
    pseudonymise: Annotated[
        Path | None, Parameter(help="Replace people by hashes under the key in this file.", metavar="KEYFILE")
    ] = None,
    zone: Annotated[
        str, Parameter(help="Zone of times without an offset, and of the report.", metavar="TZ")
    ] = "UTC",
    geo: Annotated[
        tuple[Path, ...],
        Parameter(
            help="Database of networks or countries (MaxMind format) that fills in asn and country of logins;"
            " may be repeated.",
            metavar="FILE.mmdb",
            negative=(),
            show_default=False,
        ),
    ] = (),
    encoding: Annotated[
        str | None, Parameter(help="Encoding of text files, where the guess is wrong.", metavar="NAME")
    ] = None,
    map: Annotated[
        tuple[str, ...],
        Parameter(
            help="Rename a column of a table; may be repeated.",
            metavar="TABLE.COLUMN=THEIRS",
            negative=(),
            show_default=False,
        ),
    ] = (),
    seed: Annotated[int, Parameter(help="Seed of every random draw.")] = 0,
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language of the report.")] = "en",
    json: Annotated[
        bool, Parameter(help="Print findings.json when done.", negative=(), show_default=False)
    ] = False,
    quiet: Annotated[
        bool, Parameter(help="No progress, no closing line.", negative=(), show_default=False)
    ] = False,
) -> int:
    """Find out who leaked what, from any subset of four kinds of evidence.

    A file may be CSV, JSON Lines, Parquet or Excel, plain or compressed, or a server's log in one of
    the known formats; `-` reads standard input. Open DIR/report.html to read the answer.

    A first try on a web server's log:

        stanch investigate --logins access.log --out findings

    All four kinds, with a column that bears another name:

        stanch investigate --logins 'auth-*.csv.gz' --orders orders.xlsx --complaints calls.csv
        --accesses backoffice.parquet --map accesses.actor=user_name --zone Asia/Shanghai --out findings
    """
    paths = {"logins": logins, "accesses": accesses, "orders": orders, "complaints": complaints}
    if actor_groups and not accesses:
        raise UsageError(
            "--actor-groups without --accesses", hint="it says who of the accesses belongs together"
        )
    if not any(paths.values()):
        raise UsageError(
            "no evidence given", hint="give at least one of --logins --accesses --orders --complaints"
        )
    paths |= {"actor_groups": actor_groups}
    case = Investigation(
        read=ReadRequest(
            paths={table: _name_stdin(files) for table, files in paths.items() if files},
            log_format=log_format,
            renames=_parse_renames(map),
            zone=zone,
            encoding=encoding,
            key=read_key(pseudonymise) if pseudonymise else None,
            geo=open_databases(geo),
            settings=(settings := load_settings(config)).readers,
        ),
        out=out,
        seed=seed,
        lang=lang,
    )
    with closing(open_engine(engine, settings.engine)) as tables, show_progress(quiet=quiet) as progress:
        try:
            findings = investigate(case, settings, tables, progress, datetime.now(UTC))
        except RejectedTableError:
            if json:  # the answer was written, and says which rows were rejected
                _print_findings(out)
            raise
    if json:
        _print_findings(out)
    if not quiet and sys.stderr.isatty():
        _say_what_was_read(findings, out)
    return 0


def _print_findings(out: Path) -> None:
    sys.stdout.buffer.write((out / "findings.json").read_bytes())
    sys.stdout.flush()


def _name_stdin(files: tuple[str, ...]) -> tuple[str, ...]:
    return tuple("-" if file == STDIN_PATH else file for file in files)


def _parse_renames(pairs: tuple[str, ...]) -> dict[str, dict[str, str]]:
    renames: dict[str, dict[str, str]] = {}
    for pair in pairs:
        target, equals, theirs = pair.partition("=")
        table, dot, column = target.partition(".")
        if not (equals and dot and theirs):
            raise UsageError(f"--map {pair}: not of the form TABLE.COLUMN=THEIR_COLUMN")
        if table not in READABLE or column not in READABLE[table].column_names:
            known = READABLE[table].column_names if table in READABLE else tuple(READABLE)
            raise UsageError(f"--map {pair}: there is no {target}", hint=f"known: {' '.join(known)}")
        renames.setdefault(table, {})[column] = theirs
    return renames


def _say_what_was_read(findings: Findings, out: Path) -> None:
    for read in findings.inputs:
        rejected = f", {read.rejects:,} rejected" if read.rejects else ""
        say(f"{read.table}: {read.path} ({read.format}): {read.rows:,} rows{rejected}")
    say(f"The answer lies in {out / 'report.html'}")
