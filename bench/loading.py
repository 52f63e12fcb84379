"""Puts a simulated incident straight into an engine, without files in between."""

from __future__ import annotations

import statistics

import polars as pl

from stanch.engine import Engine
from stanch.evidence.checks import check_rows
from stanch.evidence.spellings import SpellingIndex
from stanch.evidence.tables import TABLES, Table


def load_tables(engine: Engine, tables: dict[str, pl.DataFrame], names: tuple[str, ...]) -> frozenset[str]:
    """Store these tables as the readers would; returns the columns of `logins` that were given."""
    for name in names:
        _load_table(engine, TABLES[name], tables[name])
    if "logins" not in names:
        return frozenset()
    spellings = SpellingIndex(None)
    if "account" in tables["logins"].columns:
        spellings.add(tables["logins"]["account"])
    engine.put("account_spellings", spellings.find_variants())
    filled = [column.name for column in tables["logins"] if column.null_count() < len(column)]
    return frozenset(filled)


def _load_table(engine: Engine, table: Table, frame: pl.DataFrame) -> None:
    numbered = frame.with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    checked = check_rows(table, numbered, "UTC")
    assert not checked.rejects, checked.rejects[:3]
    given = {name: frame[name].dtype for name in frame.columns}
    missing = [
        pl.lit(None, pl.Float64 if column.stored_type == "DOUBLE" else pl.String).alias(column.stored_name)
        for column in table.columns
        if column.name not in given
    ]
    stored = checked.frame.with_columns(pl.lit(0, pl.Int32).alias("file_id"), *missing)
    engine.create(table.name, table.stored_schema)
    engine.append(table.name, stored.select(list(table.stored_schema)))


def reduce_outcomes(logins: pl.DataFrame) -> pl.DataFrame:
    """The same log, telling success from failure and nothing else."""
    succeeded = pl.col("outcome") == "success"
    return logins.with_columns(
        outcome=pl.when(succeeded).then(pl.lit("success")).otherwise(pl.lit("failure"))
    )


def describe(values: list[float], digits: int = 3) -> str:
    """Median and range, without the values that are not numbers."""
    numbers = sorted(v for v in values if v == v)
    if not numbers:
        return "-"
    middle = statistics.median(numbers)
    return f"{middle:.{digits}f} [{numbers[0]:.{digits}f}–{numbers[-1]:.{digits}f}]"
