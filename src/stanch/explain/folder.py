"""The folder that `stanch investigate` wrote, opened for questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from stanch.errors import UsageError
from stanch.findings import Findings
from stanch.reporting.cells import show_text
from stanch.stuffing.levels import find_edition

_AGAIN: Final = "run stanch investigate again"


@dataclass(frozen=True, slots=True)
class Folder:
    """What a run left behind.

    `evidence` has one row per login row; `accounts` is accounts.csv, every cell as text.
    """

    path: Path
    findings: Findings
    evidence: pl.LazyFrame
    accounts: pl.DataFrame
    bin_minutes: int
    near_minutes: int


def open_folder(path: Path) -> Folder:
    """Open the `--out` of an earlier run.

    Raises:
        UsageError: there is no such folder, no run wrote it, it was given no logins, or a version of
            Stanch wrote it whose levels of evidence mean something else.
    """
    shown = show_text(str(path), 200)
    if not path.is_dir():
        raise UsageError("there is no such folder", file=shown, hint="name the --out of stanch investigate")
    findings = _read_findings(path / "findings.json", shown)
    stored = path / "evidence.parquet"
    if not stored.exists() and not any(given.table == "logins" for given in findings.inputs):
        raise UsageError(
            "the run was given no login attempts, so there is nothing to explain",
            file=shown,
            hint=f"{_AGAIN} with --logins",
        )
    notes = _read_notes(stored, shown)
    if notes.get("stanch_levels") != find_edition():
        raise _tell_older(shown)
    return Folder(
        path,
        findings,
        pl.scan_parquet(stored),
        _read_accounts(path / "accounts.csv"),
        int(notes["bin_minutes"]),
        int(notes["near_minutes"]),
    )


def _tell_older(shown: str) -> UsageError:
    return UsageError("was written by another version of Stanch", file=shown, hint=_AGAIN)


def _read_findings(path: Path, shown: str) -> Findings:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Findings)
    except FileNotFoundError as error:
        raise UsageError(
            "holds no findings.json", file=shown, hint="name the --out of stanch investigate"
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError("findings.json cannot be read", file=shown, hint=_AGAIN) from error


def _read_notes(path: Path, shown: str) -> dict[str, str]:
    try:
        return pl.read_parquet_metadata(path)
    except FileNotFoundError as error:
        raise _tell_older(shown) from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError("evidence.parquet cannot be read", file=shown, hint=_AGAIN) from error


def _read_accounts(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path, infer_schema=False, schema_overrides={"account": pl.String})
    except (OSError, pl.exceptions.PolarsError):
        return pl.DataFrame(schema={"account": pl.String, "p_compromised": pl.String})
