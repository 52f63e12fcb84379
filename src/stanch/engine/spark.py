"""The engine for what one machine's memory does not hold: Apache Spark, here in local mode.

Every table is a folder of Parquet files with a view of its name, so a step is computed once and
its output may replace a table that it reads. Spark is told to be strict (ANSI mode: overflow and
division by zero are errors, never silent NULLs) and to stay on this machine.

A process can hold only one Spark. Engines share it, each with views of its own; the last one to
close stops it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from shutil import rmtree, which
from typing import TYPE_CHECKING, ClassVar, Final
from weakref import finalize

import polars as pl

from stanch.engine.frames import plain_answer, plain_frame
from stanch.engine.settings import EngineSettings, make_temp_folder
from stanch.engine.steps import Step, Value
from stanch.errors import EngineError, UsageError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: SQL types of `create` -> what is in its Parquet files.
_PARQUET_TYPES: Final[dict[str, pl.DataType]] = {
    "INTEGER": pl.Int32(),
    "BIGINT": pl.Int64(),
    "DOUBLE": pl.Float64(),
    "BOOLEAN": pl.Boolean(),
    "VARCHAR": pl.String(),
}

#: Without an appender of its own Spark would fall back to its talkative default.
_NO_LOG: Final = """\
appender.nothing.type = Null
appender.nothing.name = nothing
rootLogger.level = off
rootLogger.appenderRef.nothing.ref = nothing
"""


class SparkEngine:
    """Tables as Parquet files, computed by Spark. One session, used from one thread.

    Raises:
        UsageError: PySpark is not installed.
        EngineError: there is no Java to run it, or it does not start.
    """

    name = "spark"

    def __init__(self, settings: EngineSettings) -> None:
        _require_java()
        self._folder = make_temp_folder(settings)
        self._remove_folder = finalize(self, rmtree, self._folder, ignore_errors=True)
        self._spark = _Running.join(settings)
        self._session = self._spark.session.newSession()
        self._numbers = count()
        self._tables: dict[str, Path] = {}
        #: Tables whose view Spark has yet to be told of: many appends make one view.
        self._unseen: set[str] = set()
        self._schemas: dict[str, pl.Schema] = {}

    def create(self, table: str, schema: Mapping[str, str]) -> None:
        unknown = [kind for kind in schema.values() if kind not in _PARQUET_TYPES]
        if unknown:
            raise EngineError(f"Spark: table {table} asks for unknown types: {', '.join(unknown)}")
        kinds = pl.Schema({name: _PARQUET_TYPES[kind] for name, kind in schema.items()})
        self.put(table, pl.DataFrame(schema=kinds))

    def append(self, table: str, frame: pl.DataFrame) -> None:
        folder, schema = self._folder_of(table), self._schemas.get(table)
        if schema is None:
            raise EngineError(f"Spark: {table} was made by a step; only tables of `create` grow")
        if unknown := set(frame.columns) - set(schema):
            raise EngineError(f"Spark: {table} has no column {', '.join(sorted(unknown))}")
        missing = [pl.lit(None).alias(name) for name in schema if name not in frame.columns]
        try:
            rows = frame.with_columns(missing).select(schema.names()).cast(schema)
        except pl.exceptions.PolarsError as error:
            raise EngineError(f"Spark: rows do not fit table {table}: {error}") from error
        rows.write_parquet(folder / f"{next(self._numbers)}.parquet")
        self._unseen.add(table)

    def put(self, table: str, frame: pl.DataFrame) -> None:
        rows = plain_frame(frame)
        folder = self._new_folder()
        folder.mkdir()
        rows.write_parquet(folder / "0.parquet")
        self._replace(table, folder)
        self._schemas[table] = rows.schema

    def run(self, step: Step) -> None:
        folder = self._new_folder()
        with _named_errors():
            self._query(step).write.parquet(str(folder))
        self._replace(step.output, folder)
        self._schemas.pop(step.output, None)

    def fetch(self, sql: str, params: Mapping[str, Value] | None = None) -> pl.DataFrame:
        with _named_errors():
            rows = self._query(Step("fetch", sql, params or {})).toArrow()
        answer = pl.from_arrow(rows)
        assert isinstance(answer, pl.DataFrame)
        return plain_answer(answer)

    def count(self, table: str) -> int:
        folder = self._folder_of(table)
        with _named_errors():
            return int(self._session.read.parquet(str(folder)).count())

    def has(self, table: str) -> bool:
        return table in self._tables

    def drop(self, *tables: str) -> None:
        for table in tables:
            if (folder := self._tables.pop(table, None)) is not None:
                self._unseen.discard(table)
                self._session.catalog.dropTempView(table)
                rmtree(folder, ignore_errors=True)

    def write_parquet(
        self,
        sql: str,
        path: Path,
        params: Mapping[str, Value] | None = None,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        self.fetch(sql, params).write_parquet(path, compression="zstd", metadata=dict(notes or {}))

    def view_parquet(self, table: str, path: Path) -> None:
        folder = self._new_folder()
        folder.mkdir()
        (folder / path.name).symlink_to(path.resolve())
        self._replace(table, folder)
        self._schemas.pop(table, None)

    def close(self) -> None:
        if self._remove_folder.alive:
            self.drop(*list(self._tables))
            self._remove_folder()
            self._spark.leave()

    def _folder_of(self, table: str) -> Path:
        if table not in self._tables:
            raise EngineError(f"Spark: there is no table {table}")
        return self._tables[table]

    def _new_folder(self) -> Path:
        return self._folder / f"table-{next(self._numbers)}"

    def _replace(self, table: str, folder: Path) -> None:
        former = self._tables.get(table)
        self._tables[table] = folder
        self._unseen.add(table)
        if former is not None:
            rmtree(former, ignore_errors=True)

    def _query(self, step: Step) -> DataFrame:
        rendered = step.render("spark")
        for table in sorted(self._unseen):
            files = self._session.read.parquet(str(self._tables[table]))
            files.createOrReplaceTempView(_quote(table))
        self._unseen.clear()
        return self._session.sql(rendered)


class _Running:
    """The process's one Spark, and the engines that use it."""

    _now: ClassVar[_Running | None] = None

    def __init__(self, settings: EngineSettings) -> None:
        self.folder = make_temp_folder(settings)
        self._remove_folder = finalize(self, rmtree, self.folder, ignore_errors=True)
        self.session = _start_session(settings, self.folder)
        self._n_engines = 0

    @classmethod
    def join(cls, settings: EngineSettings) -> _Running:
        """The Spark that runs, or a new one; settings of Java's process are those of the first engine."""
        running = cls._now = cls._now or cls(settings)
        running._n_engines += 1
        return running

    def leave(self) -> None:
        """Stop Spark if no other engine uses it."""
        self._n_engines -= 1
        if not self._n_engines:
            self.session.stop()
            self._remove_folder()
            _Running._now = None


def _quote(identifier: str) -> str:
    return "`" + identifier.replace("`", "``") + "`"


def _require_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if which("java", path=f"{home}/bin" if home else None) is None:
        raise EngineError(
            f"Spark needs Java 17 or newer, and there is none in {home or 'PATH'}",
            hint="install Debian's openjdk-17-jre-headless, or use --engine duckdb",
        )


def _start_session(settings: EngineSettings, folder: Path) -> SparkSession:
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UsageError("Spark is not installed", hint="install stanch[spark], or use duckdb") from error
    builder = SparkSession.builder.master(f"local[{settings.threads or '*'}]").appName("stanch")
    for key, value in _spark_settings(settings, folder).items():
        builder = builder.config(key, value)
    try:
        return builder.getOrCreate()
    except PySparkException as error:
        raise EngineError(
            f"Spark does not start: {str(error).splitlines()[0]}", hint="Java 17 or newer is needed"
        ) from error


def _spark_settings(settings: EngineSettings, folder: Path) -> dict[str, str]:
    quiet = folder / "log4j2.properties"
    quiet.write_text(_NO_LOG, encoding="utf-8")
    # Spark logs each failed query with its Java trace; the exception says it in a line.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    logging.getLogger("DataFrameQueryContextLogger").setLevel(logging.CRITICAL)
    threads = settings.threads or os.cpu_count() or 1
    return {
        # Spark does not start with less than 450 MiB.
        "spark.driver.memory": f"{max(settings.memory_limit_mb, 512)}m",
        "spark.driver.extraJavaOptions": f'-Dlog4j2.configurationFile="{quiet}" -Duser.timezone=UTC',
        # On this machine only: no web page, no port that others can reach.
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(folder / "spill"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.timestampType": "TIMESTAMP_LTZ",
        "spark.sql.ansi.enabled": "true",
        # Text out of evidence must stay text: Spark would fill in `${env:…}` found in it.
        "spark.sql.variable.substitute": "false",
        "spark.sql.shuffle.partitions": str(2 * threads),
    }


@contextmanager
def _named_errors() -> Iterator[None]:
    """Turn Spark's errors into Stanch's."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        raise EngineError(f"Spark: {str(error).splitlines()[0]}") from error
