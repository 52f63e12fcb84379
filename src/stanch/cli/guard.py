"""`stanch replay` and `stanch train`: the guard on past logins."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from cyclopts import Parameter

from stanch.cli.investigate import Files, name_stdin, parse_renames
from stanch.cli.messages import say
from stanch.cli.progress import show_progress
from stanch.engine import open_engine
from stanch.errors import UsageError
from stanch.evidence.pseudonyms import read_key
from stanch.readers import ReadRequest
from stanch.readers.geo import open_databases
from stanch.readers.settings import ReaderSettings
from stanch.settings import load_settings

LogFormat: TypeAlias = Annotated[
    str | None, Parameter(help="Format of the logs, where the guess is wrong.", metavar="NAME")
]
Config: TypeAlias = Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")]
Zone: TypeAlias = Annotated[str, Parameter(help="Zone of times without an offset.", metavar="TZ")]
Encoding: TypeAlias = Annotated[
    str | None, Parameter(help="Encoding of text files, where the guess is wrong.", metavar="NAME")
]
Geo: TypeAlias = Annotated[
    tuple[Path, ...],
    Parameter(
        help="Database of networks or countries (MaxMind format); may be repeated.",
        metavar="FILE.mmdb",
        negative=(),
        show_default=False,
    ),
]
Renames: TypeAlias = Annotated[
    tuple[str, ...],
    Parameter(
        help="Rename a column; may be repeated.",
        metavar="logins.COLUMN=THEIRS",
        negative=(),
        show_default=False,
    ),
]
Quiet: TypeAlias = Annotated[
    bool, Parameter(help="No progress, no closing line.", negative=(), show_default=False)
]


def run_replay(
    *,
    logins: Annotated[Files, Parameter(help="Attempts to log in: a table, or a server's log.")] = (),
    out: Annotated[Path, Parameter(help="Folder for the answer; made if missing.", metavar="DIR")],
    scorecard: Annotated[
        Path | None, Parameter(help="A scorecard of your own (`stanch train`).", metavar="FILE")
    ] = None,
    budget: Annotated[
        float | None,
        Parameter(help="Share of genuine logins that may be challenged.", metavar="SHARE"),
    ] = None,
    log_format: LogFormat = None,
    config: Config = None,
    pseudonymise: Annotated[
        Path | None, Parameter(help="Replace people by hashes under the key in this file.", metavar="KEYFILE")
    ] = None,
    zone: Zone = "UTC",
    geo: Geo = (),
    encoding: Encoding = None,
    map: Renames = (),
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language of table and page.")] = "en",
    quiet: Quiet = False,
) -> int:
    """Give past logins to the guard in order of time, and say what it would have done.

    Writes actions.parquet (one row per login: action and score) and replay.html into DIR, and a table to
    standard output.

        stanch replay --logins access.log --out replayed
    """
    from stanch.replay import Replay, replay
    from stanch.replay.page import render_table

    settings = load_settings(config)
    guard = settings.guard
    if scorecard is not None:
        guard = msgspec.structs.replace(guard, scorecard=str(scorecard))
    if budget is not None:
        if not 0 <= budget <= 0.2:
            raise UsageError(f"--budget {budget}: between 0 and 0.2")
        guard = msgspec.structs.replace(guard, budget=budget)
    read = _make_request(
        logins,
        settings.readers,
        log_format=log_format,
        key=pseudonymise,
        zone=zone,
        geo=geo,
        encoding=encoding,
        renames=map,
    )
    with closing(open_engine("duckdb", settings.engine)) as engine, show_progress(quiet=quiet) as progress:
        tally = replay(Replay(read, out, msgspec.structs.replace(guard, lang=lang), lang), engine, progress)
    if not quiet:
        sys.stdout.write(render_table(tally, lang) + "\n")
        say(f"The answer lies in {out / 'replay.html'}")
    return 0


def run_train(
    *,
    logins: Annotated[Files, Parameter(help="Attempts to log in: a table, or a server's log.")] = (),
    out: Annotated[Path, Parameter(help="The scorecard's file.", metavar="FILE")],
    log_format: LogFormat = None,
    config: Config = None,
    zone: Zone = "UTC",
    geo: Geo = (),
    encoding: Encoding = None,
    map: Renames = (),
    quiet: Quiet = False,
) -> int:
    """Make the guard a scorecard out of the shop's own logins.

    The model of `stanch investigate` says which attempts were an attack; the scorecard learns to see it from
    the past alone. Name it in the settings (guard.scorecard), or try it first:

        stanch train --logins 'auth-*.csv.gz' --out scorecard.json
        stanch replay --logins 'auth-*.csv.gz' --scorecard scorecard.json --out replayed
    """
    from stanch.train import train

    settings = load_settings(config)
    read = _make_request(
        logins,
        settings.readers,
        log_format=log_format,
        key=None,
        zone=zone,
        geo=geo,
        encoding=encoding,
        renames=map,
    )
    with closing(open_engine("duckdb", settings.engine)) as engine, show_progress(quiet=quiet) as progress:
        trained = train(read, out, settings, engine, progress)
    if not quiet:
        say(
            f"{trained.n:,} attempts, about {trained.n_attack:,.0f} of them an attack's;"
            f" the scorecard lies in {out}"
        )
    return 0


def _make_request(
    logins: tuple[str, ...],
    readers: ReaderSettings,
    *,
    log_format: str | None,
    key: Path | None,
    zone: str,
    geo: tuple[Path, ...],
    encoding: str | None,
    renames: tuple[str, ...],
) -> ReadRequest:
    if not logins:
        raise UsageError("no logins given", hint="give at least one file with --logins")
    return ReadRequest(
        paths={"logins": name_stdin(logins)},
        log_format=log_format,
        renames=parse_renames(renames),
        zone=zone,
        encoding=encoding,
        key=read_key(key) if key else None,
        geo=open_databases(geo),
        settings=readers,
    )
