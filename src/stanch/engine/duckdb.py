"""The default engine: DuckDB in memory, spilling to a temporary folder over its memory limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from weakref import finalize

import duckdb
import polars as pl

from stanch.engine.frames import plain_answer, plain_frame
from stanch.engine.settings import EngineSettings, make_temp_folder
from stanch.engine.steps import Step, Value
from stanch.errors import EngineError


class DuckDBEngine:
    """Tables in DuckDB. One connection, used from one thread."""

    name = "duckdb"

    def __init__(self, settings: EngineSettings) -> None:
        spill = make_temp_folder(settings)
        # Also where nobody closes the engine: when it is forgotten, and when the program ends.
        self._remove_spill = finalize(self, rmtree, spill, ignore_errors=True)
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": f"{settings.memory_limit_mb}MB",
            "temp_directory": str(spill),
            # Evidence may be hostile: nothing in it may load code or reach the network.
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        if settings.threads:
            config["threads"] = settings.threads
        self._connection = duckdb.connect(":memory:", config=config)
        self._views: set[str] = set()
        self._connection.execute("SET TimeZone = 'UTC'")
        # DuckDB draws its bar on standard output, which belongs to results.
        self._connection.execute("SET enable_progress_bar = false")
        # Steps say their order where it matters; not keeping it elsewhere saves memory.
        self._connection.execute("SET preserve_insertion_order = false")

    def create(self, table: str, schema: Mapping[str, str]) -> None:
        columns = ", ".join(f"{_quote(name)} {sql_type}" for name, sql_type in schema.items())
        self._free(table)
        self._execute(f"CREATE OR REPLACE TABLE {_quote(table)} ({columns})")

    def append(self, table: str, frame: pl.DataFrame) -> None:
        self._with_frame(f"INSERT INTO {_quote(table)} BY NAME SELECT * FROM _frame", frame)

    def put(self, table: str, frame: pl.DataFrame) -> None:
        self._free(table)
        self._with_frame(f"CREATE OR REPLACE TABLE {_quote(table)} AS SELECT * FROM _frame", frame)

    def run(self, step: Step) -> None:
        self._free(step.output)
        self._execute(f"CREATE OR REPLACE TABLE {_quote(step.output)} AS {step.render('duckdb')}")

    def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> pl.DataFrame:
        rendered = Step("fetch", sql, params or {}).render("duckdb")
        with _named_errors():
            return plain_answer(self._connection.execute(rendered).pl())

    def count(self, table: str) -> int:
        with _named_errors():
            row = self._connection.execute(f"SELECT count(*) FROM {_quote(table)}").fetchone()
        assert row is not None
        return int(row[0])

    def has(self, table: str) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM information_schema.tables WHERE table_name = ?", [table]
        ).fetchone()
        return found is not None

    def drop(self, *tables: str) -> None:
        for table in tables:
            self._free(table)
            self._execute(f"DROP TABLE IF EXISTS {_quote(table)}")

    def write_parquet(
        self,
        sql: str,
        path: Path,
        params: Mapping[str, Value] | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        rendered = Step("write", sql, params or {}).render("duckdb")
        told = ", ".join(f"{_quote(name)}: {_literal(note)}" for name, note in (notes or {}).items())
        metadata = f", KV_METADATA {{{told}}}" if told else ""
        self._execute(
            f"COPY ({rendered}) TO {_literal(str(path))} (FORMAT parquet, COMPRESSION zstd{metadata})"
        )

    def view_parquet(self, table: str, path: Path) -> None:
        self.drop(table)
        self._execute(f"CREATE VIEW {_quote(table)} AS SELECT * FROM read_parquet({_literal(str(path))})")
        self._views.add(table)

    def close(self) -> None:
        self._connection.close()
        self._remove_spill()

    def _free(self, table: str) -> None:
        # DuckDB puts no table in a view's place, and drops none by the name of table.
        if table in self._views:
            self._views.remove(table)
            self._execute(f"DROP VIEW {_quote(table)}")

    def _execute(self, sql: str) -> None:
        with _named_errors():
            self._connection.execute(sql)

    def _with_frame(self, sql: str, frame: pl.DataFrame) -> None:
        # The newest Arrow layout holds strings as Polars does: nothing is copied on the way.
        arrow = plain_frame(frame).to_arrow(compat_level=pl.CompatLevel.newest())
        self._connection.register("_frame", arrow)
        try:
            self._execute(sql)
        finally:
            self._connection.unregister("_frame")


def _quote(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn the driver's errors into Stanch's, with what can be done about them."""
    try:
        yield
    except duckdb.Error as error:
        hint = None
        if isinstance(error, duckdb.OutOfMemoryException):
            hint = "raise engine.memory_limit_mb in the settings file, or free disk in engine.temp_dir"
        raise EngineError(f"DuckDB: {str(error).splitlines()[0]}", hint=hint) from error
