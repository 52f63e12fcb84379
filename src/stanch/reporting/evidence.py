"""`attempts.parquet` and `evidence.parquet`: every login row, with its probability and how it came about.

Two files, because the first names nobody and can be handed on, and the second shows who tried what
from where.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import polars as pl

from stanch.engine import Engine, load_step
from stanch.findings import Findings

_SQL: Final = "stanch.reporting.sql"
#: Columns of `attempts.parquet`.
ATTEMPTS: Final = {"file": pl.String, "line": pl.Int64, "p_attack": pl.Float64, "campaign": pl.String}

_ATTEMPTS: Final = """
SELECT f.path AS file, a.line, a.p_attack, a.campaign
FROM attempts a JOIN input_files f ON f.file_id = a.file_id ORDER BY a.file_id, a.line
"""


def write_attempts(out: Path, findings: Findings, engine: Engine, notes: Mapping[str, str]) -> None:
    """Write both files into `out`; the engine streams them, however many rows there are.

    `notes` go into the metadata of `evidence.parquet`: what its levels mean.
    """
    paths = pl.DataFrame(
        {"file_id": range(len(findings.inputs)), "path": [given.path for given in findings.inputs]},
        schema={"file_id": pl.Int32, "path": pl.String},
    )
    engine.put("input_files", paths)
    engine.write_parquet(_ATTEMPTS, out / "attempts.parquet")
    label_accounts(engine)
    sql = files(_SQL).joinpath("evidence.sql").read_text(encoding="utf-8")
    engine.write_parquet(sql, out / "evidence.parquet", notes=notes)
    engine.drop("input_files", "account_labels")


def label_accounts(engine: Engine) -> None:
    """Make `account_labels`, one row per account: its name, masked where the shop has none such."""
    engine.create("order_accounts", {"account": "VARCHAR"})
    if engine.has("orders"):
        engine.put("order_accounts", engine.fetch("SELECT DISTINCT account FROM orders"))
    engine.run(load_step(_SQL, "account_labels"))
    engine.drop("order_accounts")
