"""Where tables live and are computed. The only package that opens a connection."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import polars as pl

from stanch.engine.settings import EngineSettings
from stanch.engine.steps import Step, Value, load_step

__all__ = ["Engine", "EngineSettings", "Step", "Value", "load_step", "open_engine"]


class Engine(Protocol):
    """What stages ask of an engine. Tables are named; rows have no order unless asked for."""

    name: str

    def create(self, table: str, schema: Mapping[str, str]) -> None:
        """Make an empty table (replacing one of that name) of column -> SQL type."""

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add `frame`'s rows to a table made with `create`; columns are matched by name."""

    def put(self, table: str, frame: pl.DataFrame) -> None:
        """Make `table` (replacing one of that name) hold exactly `frame`."""

    def run(self, step: Step) -> None:
        """Make `step.output` (replacing one of that name) from the step's SELECT."""

    def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> pl.DataFrame:
        """Answer a SELECT (same subset and `$name` parameters as steps) as a frame in memory."""

    def count(self, table: str) -> int:
        """Number of rows of `table`."""

    def has(self, table: str) -> bool:
        """Whether a table of that name was made and not dropped."""

    def drop(self, *tables: str) -> None:
        """Forget tables; one that does not exist is no error."""

    def write_parquet(
        self,
        sql: str,
        path: Path,
        params: Mapping[str, Value] | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        """Write a SELECT's rows, in its ORDER BY, as one Parquet file with `notes` as its metadata."""

    def view_parquet(self, table: str, path: Path) -> None:
        """Let `table` be the rows of a Parquet file, read from there whenever they are asked for."""

    def close(self) -> None:
        """Free memory and temporary files."""


def open_engine(name: str, settings: EngineSettings) -> Engine:
    """Open "duckdb" or "spark".

    Raises:
        UsageError: another name, or Spark asked for where it is not installed.
    """
    from stanch.errors import UsageError

    if name == "duckdb":
        from stanch.engine.duckdb import DuckDBEngine

        return DuckDBEngine(settings)
    if name == "spark":
        from stanch.engine.spark import SparkEngine

        return SparkEngine(settings)
    raise UsageError(f"there is no engine {name!r}", hint="use --engine duckdb or --engine spark")
