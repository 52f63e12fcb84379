"""`stanch investigate`: evidence in, an answer with evidence out."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

from stanch.bundle import BundleRequest, Signer, load_signer
from stanch.cli.messages import say
from stanch.cli.progress import show_progress
from stanch.cli.stdin import STDIN_PATH
from stanch.engine import open_engine
from stanch.errors import RejectedTableError, UsageError
from stanch.evidence.pseudonyms import read_key
from stanch.evidence.tables import READABLE
from stanch.findings import Findings
from stanch.investigate import Investigation, investigate
from stanch.readers import ReadRequest
from stanch.readers.geo import open_databases
from stanch.reporting.folder import BUNDLE_ZIP
from stanch.settings import load_settings

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
    acted: Annotated[
        str | None,
        Parameter(
            help="Day on which the shop acted, to set beside the day of the first alarm.",
            metavar="YYYY-MM-DD",
        ),
    ] = None,
    seed: Annotated[int, Parameter(help="Seed of every random draw.")] = 0,
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language of the report.")] = "en",
    bundle: Annotated[
        bool,
        Parameter(
            help="Write bundle/ and bundle.zip too: answer, rows behind it, hashes, signature.",
            negative=(),
            show_default=False,
        ),
    ] = False,
    signing_key: Annotated[
        Path | None,
        Parameter(
            help="Ed25519 key (PEM) that signs the bundle; else that of STANCH_SIGNING_KEY, else one of"
            " your own, made on first use.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
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
    words = list_words("investigate", dict(locals()), run_investigate)
    paths = {"logins": logins, "accesses": accesses, "orders": orders, "complaints": complaints}
    if actor_groups and not accesses:
        raise UsageError(
            "--actor-groups without --accesses", hint="it says who of the accesses belongs together"
        )
    if not any(paths.values()):
        raise UsageError(
            "no evidence given", hint="give at least one of --logins --accesses --orders --complaints"
        )
    if signing_key and not bundle:
        raise UsageError("--signing-key signs nothing without --bundle")
    paths |= {"actor_groups": actor_groups}
    case = Investigation(
        read=ReadRequest(
            paths={table: name_stdin(files) for table, files in paths.items() if files},
            log_format=log_format,
            renames=parse_renames(map),
            zone=zone,
            encoding=encoding,
            key=read_key(pseudonymise) if pseudonymise else None,
            geo=open_databases(geo),
            settings=(settings := load_settings(config)).readers,
        ),
        out=out,
        seed=seed,
        lang=lang,
        bundle=BundleRequest(load_signer(signing_key, os.environ), words) if bundle else None,
        acted=_parse_day(acted),
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
    if case.bundle and not quiet:
        _say_who_signed(case.bundle.signer, out)
    return 0


def list_words(verb: str, given: Mapping[str, Any], command: Callable[..., int]) -> list[str]:
    """The command line that gives these arguments, without those that have their default."""
    words = ["stanch", verb]
    for name, value in given.items():
        default = inspect.signature(command).parameters[name].default
        if value == default:
            continue
        option = f"--{name.replace('_', '-')}"
        words.append(option)
        if isinstance(value, tuple):
            repeated = name in ("map", "geo")
            words += [str(value[0])] + [w for v in value[1:] for w in ([option] * repeated + [str(v)])]
        elif value is not True:
            words.append(str(value))
    return words


def _say_who_signed(signer: Signer, out: Path) -> None:
    if signer.is_new:
        say(f"A signing key was made for you: {signer.path}")
    say(f"The bundle {out / BUNDLE_ZIP} is signed by {signer.fingerprint}: note this apart from the bundle")


def _print_findings(out: Path) -> None:
    sys.stdout.buffer.write((out / "findings.json").read_bytes())
    sys.stdout.flush()


def name_stdin(files: tuple[str, ...]) -> tuple[str, ...]:
    """File names with `-` for standard input."""
    return tuple("-" if file == STDIN_PATH else file for file in files)


def _parse_day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"--acted {text}: no day of the form YYYY-MM-DD") from error


def parse_renames(pairs: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """`TABLE.COLUMN=THEIRS` as table -> column -> theirs.

    Raises:
        UsageError: one is not of that form, or names no column of ours.
    """
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
