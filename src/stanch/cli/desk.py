"""Reading complaints for the commands of the complaint desk."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path

import polars as pl

from stanch.cli.messages import say
from stanch.cli.stdin import STDIN_PATH
from stanch.complaints.labelled import LABELLED
from stanch.engine import open_engine
from stanch.errors import RejectedTableError, UsageError
from stanch.evidence.rejects import RejectLog
from stanch.progress import SilentProgress
from stanch.readers import ReadRequest, read_evidence
from stanch.settings import load_settings


def read_complaints(
    files: Sequence[str], zone: str, renames: dict[str, str], rejects: Path | None
) -> pl.DataFrame:
    """The complaints of `files` with the columns of `LABELLED`, as they are stored.

    Rows that cannot be read are counted, and written to `rejects` where it is given.

    Raises:
        UsageError: no file.
        EvidenceError: nothing could be read.
        RejectedTableError: every row was rejected.
    """
    if not files:
        raise UsageError("no complaints given", hint="name one or more files")
    request = ReadRequest(
        paths={"complaints": ["-" if file == STDIN_PATH else file for file in files]},
        renames={"complaints": renames},
        zone=zone,
    )
    settings = load_settings(None)
    with closing(open_engine("duckdb", settings.engine)) as engine:
        with RejectLog(rejects or Path(os.devnull)) as log:
            evidence = read_evidence(request, engine, log, SilentProgress(), {"complaints": LABELLED})
        frame = engine.fetch("SELECT * FROM complaints ORDER BY file_id, line")
    for why in evidence.all_rejected.values():
        raise RejectedTableError(why)
    n_rejects = sum(given.rejects for given in evidence.inputs)
    if n_rejects:
        where = f"; see {rejects}" if rejects else "; --rejects FILE says why"
        say(f"{n_rejects:,} {'row' if n_rejects == 1 else 'rows'} could not be read{where}")
    return frame


def count_orders(files: Sequence[str], zone: str) -> Counter[date]:
    """Orders of each day of `zone`.

    Raises:
        EvidenceError: nothing could be read.
    """
    request = ReadRequest(paths={"orders": list(files)}, zone=zone)
    with closing(open_engine("duckdb", load_settings(None).engine)) as engine:
        with RejectLog(Path(os.devnull)) as log:
            read_evidence(request, engine, log, SilentProgress())
        times = engine.fetch("SELECT time_us FROM orders")
    return Counter(dict(times.group_by(find_days("time_us", zone).alias("day")).len().iter_rows()))


def find_days(column: str, zone: str) -> pl.Expr:
    """The day of `zone` on which the microseconds of `column` lie."""
    moment = pl.from_epoch(column, "us").dt.replace_time_zone("UTC")
    return moment.dt.convert_time_zone(zone).dt.date()


def parse_renames(pairs: Iterable[str]) -> dict[str, str]:
    """`COLUMN=THEIRS` pairs; the table may be named before the column.

    Raises:
        UsageError: not such a pair, or no such column.
    """
    renames = {}
    for pair in pairs:
        column, equals, theirs = pair.removeprefix("complaints.").partition("=")
        if not (equals and theirs) or column not in LABELLED.column_names:
            raise UsageError(
                f"--map {pair}: not of the form COLUMN=THEIRS",
                hint=f"known: {' '.join(LABELLED.column_names)}",
            )
        renames[column] = theirs
    return renames
