"""Past logins through the guard: what it would have allowed, challenged, denied and reset, on one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from stanch.engine import Engine
from stanch.errors import RejectedTableError, UsageError
from stanch.evidence.rejects import RejectLog
from stanch.guard.guard import Guard
from stanch.guard.memory import MemoryCounters
from stanch.guard.rehearse import ACTIONS, Rehearsal, rehearse
from stanch.guard.scorecard import load_scorecard
from stanch.guard.settings import GuardSettings
from stanch.progress import Progress
from stanch.readers import ReadRequest, read_evidence
from stanch.replay.page import render_page
from stanch.replay.tally import Tally, count_actions

__all__ = ["OUTPUT_NAMES", "Replay", "fetch_logins", "prepare_out", "replay"]

OUTPUT_NAMES: Final = ("actions.parquet", "replay.html", "rejects.jsonl")
#: Counters of a replay leave no trace, so their secret may be known.
_SECRET: Final = b"stanch replay: counters that nobody keeps"
#: Larger shares of attempts without an outcome or an account leave the guard with little to learn from.
_MOST_UNTOLD: Final = 0.5
_UNTOLD: Final = (
    "login attempts: whether they succeeded is not known of {n} of {of}, so the guard had nothing to learn"
    " from (--map logins.outcome=THEIRS, or readers.web.login_success and login_failure in the file of"
    " --config)"
)
_NAMELESS: Final = (
    "login attempts: no account is named in {n} of {of}; address and client stand in for one, so nobody is"
    " known from elsewhere, nobody's password is reset, and an attack from many addresses shows less (a web"
    " server can log it in a field of its own: readers.web.account_key)"
)


@dataclass(frozen=True, slots=True)
class Replay:
    """What to replay, and where to write."""

    read: ReadRequest
    out: Path
    guard: GuardSettings
    lang: str = "en"


def replay(case: Replay, engine: Engine, progress: Progress) -> Tally:
    """Write `actions.parquet`, `replay.html` and `rejects.jsonl` into `case.out`; return the counts.

    Raises:
        UsageError: paths or options cannot be used, or the folder holds foreign files.
        EvidenceError: no file could be read.
        RejectedTableError: there were rows and every one was rejected.
    """
    prepare_out(case.out, case.read.list_files(), OUTPUT_NAMES)
    scorecard = load_scorecard(Path(case.guard.scorecard) if case.guard.scorecard else None)
    with RejectLog(case.out / "rejects.jsonl") as rejects:
        evidence = read_evidence(case.read, engine, rejects, progress)
    if evidence.all_rejected:
        raise RejectedTableError(
            next(iter(evidence.all_rejected.values())), hint=f"see {case.out / 'rejects.jsonl'}"
        )
    logins = fetch_logins(engine)
    counters = MemoryCounters(None, customers=case.guard.customers, recent=case.guard.recent)
    guard = Guard(counters, scorecard, case.guard, _SECRET)
    with progress.task("replaying", len(logins)) as task:
        found = rehearse(logins, guard, advance=task.advance)
    _write_actions(case.out / "actions.parquet", logins, found, [i.path for i in evidence.inputs])
    tally = count_actions(logins, found)
    (case.out / "replay.html").write_text(render_page(tally, case.guard, case.lang), "utf-8", newline="\n")
    _warn(tally, logins["account"].null_count(), progress)
    return tally


def fetch_logins(engine: Engine) -> pl.DataFrame:
    """All attempts in order of time, as the guard takes them, with `file_id` and `line`."""
    return engine.fetch(
        "SELECT file_id, line, time_us, ip, account, user_agent, ja4, device, country, asn, outcome"
        " FROM logins ORDER BY time_us, file_id, line"
    )


def prepare_out(out: Path, inputs: Sequence[Path], names: Sequence[str]) -> None:
    """Make the folder and see that only files of an earlier run lie in it.

    Raises:
        UsageError: it is a file, cannot be written, holds an input or something foreign.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = sorted(entry.name for entry in out.iterdir() if entry.name not in names)
    except FileExistsError as error:
        raise UsageError(f"--out {out} is a file", hint="name a folder") from error
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written: {error.strerror or error}") from error
    if foreign:
        raise UsageError(f"--out {out} holds {foreign[0]!r}", hint="name an empty or a new folder")
    inside = {os.path.realpath(out / name) for name in names}
    for given in inputs:
        if os.path.realpath(given) in inside:
            raise UsageError(f"--out {out} holds the input {given.name!r}", hint="name another folder")


def _write_actions(path: Path, logins: pl.DataFrame, found: Rehearsal, files: Sequence[str]) -> None:
    """One row per login read, in the order of the input."""
    words = pl.Series([*ACTIONS, "reset"])
    pl.DataFrame(
        {
            "file_id": logins["file_id"],
            "line": logins["line"],
            "action": words.gather(pl.Series(found.action)),
            "score": 1 / (1 + np.exp(-np.clip(found.log_odds, -700, 700))),
        }
    ).sort("file_id", "line").select(
        pl.col("file_id").replace_strict(dict(enumerate(files)), return_dtype=pl.String).alias("file"),
        pl.col("line").cast(pl.Int64),
        "action",
        "score",
    ).write_parquet(path)


def _warn(tally: Tally, n_nameless: int, progress: Progress) -> None:
    if tally.n and n_nameless > _MOST_UNTOLD * tally.n:
        progress.warn(_NAMELESS.format(n=f"{n_nameless:,}", of=f"{tally.n:,}"))
    if tally.n and tally.n_untold > _MOST_UNTOLD * tally.n:
        progress.warn(_UNTOLD.format(n=f"{tally.n_untold:,}", of=f"{tally.n:,}"))
    if tally.misfit:
        progress.warn(tally.misfit)
