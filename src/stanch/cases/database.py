"""The database: SQLite in the data folder unless told otherwise, brought up to date when opened.

All writes of a process go through one thread, which commits what has piled up meanwhile in one
transaction: SQLite takes one writer at a time anyway, and a commit that waits for the disk is shared by
all who wait for it ("group commit": DeWitt et al., SIGMOD 1984, section 5). Whoever is told that a write
is done has it on the disk.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from stanch.errors import StanchError, StoreError

T = TypeVar("T")
Job = Callable[[sa.Connection], T]
#: For those who pass one on: only the store knows the library behind it.
Connection: TypeAlias = sa.Connection

#: The newest step in `migrations/versions`; known without loading Alembic, which takes half a second.
HEAD: Final = "0006"
FILE_NAME: Final = "stanch.sqlite"
#: Writes that share a commit at most; more would only make the first of them wait.
_MAX_GROUP: Final = 256
_BUSY_MS: Final = 10_000
#: Any constant will do; it keeps two servers from bringing one PostgreSQL database up to date at once.
_MIGRATION_LOCK: Final = 0x5354414E


class Database:
    """An opened database. Reads may come from any thread; `close` waits for writes under way."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[tuple[Job[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="stanch-writer", daemon=True)
        self._writer.start()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection to read from.

        Raises:
            StoreError: the database cannot be reached.
        """
        with _told_plainly(), self._engine.connect() as connection:
            yield connection

    def ask(self) -> None:
        """See that the database answers.

        Raises:
            StoreError: it does not.
        """
        with self.read() as connection:
            connection.execute(sa.select(1))

    async def ask_soon(self, job: Job[T]) -> T:
        """What `job` reads, without holding up the event loop.

        Raises:
            StoreError: the database cannot be reached.
        """
        return await asyncio.to_thread(self._ask, job)

    def _ask(self, job: Job[T]) -> T:
        with self.read() as connection:
            return job(connection)

    def write(self, job: Job[T]) -> T:
        """Run `job` and return its answer once it is committed. What `job` raises undoes it alone.

        Raises:
            StoreError: the database cannot be reached or written to.
        """
        return self._submit(job).result()

    async def write_soon(self, job: Job[T]) -> T:
        """As `write`, without holding up the event loop."""
        return await asyncio.wrap_future(self._submit(job))

    def compact(self) -> None:
        """Write a SQLite file anew, so that what was erased is in no free page of it and in no journal.

        PostgreSQL does so by itself, by and by.

        Raises:
            StoreError: somebody else holds the file.
        """
        if self._engine.dialect.name != "sqlite":
            return
        raw = self._engine.raw_connection()
        try:
            for statement in ("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                raw.cursor().execute(statement)
        except sqlite3.Error as error:
            raise StoreError(
                f"rows were erased, but their traces in the file were not yet: {error}",
                hint="stop the service and purge again",
            ) from error
        finally:
            raw.close()

    def close(self) -> None:
        """Finish the writes that wait, and let go of the connections."""
        self._jobs.put(None)
        self._writer.join()
        self._engine.dispose()

    def _submit(self, job: Job[T]) -> Future[T]:
        done: Future[T] = Future()
        self._jobs.put((job, done))
        return done

    def _write_all(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, last = [first], False
            while len(group) < _MAX_GROUP and not last:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                last = following is None
                if following is not None:
                    group.append(following)
            self._write_group(group)
            if last:
                return

    def _write_group(self, group: list[tuple[Job[Any], Future[Any]]]) -> None:
        answers: list[tuple[Future[Any], Any, Exception | None]] = []
        try:
            with _told_plainly(), _begin_write(self._engine) as connection:
                answers = [(done, *_attempt(job, connection)) for job, done in group]
        except Exception as error:  # noqa: BLE001  (passed on to all who wait)
            answers = [(done, None, error) for _, done in group]
        for done, answer, problem in answers:
            # Whoever waited may have gone: its request was cancelled.
            if not done.set_running_or_notify_cancel():
                continue
            if problem is None:
                done.set_result(answer)
            else:
                done.set_exception(problem)


def _attempt(job: Job[Any], connection: sa.Connection) -> tuple[Any, Exception | None]:
    """Run one job of a group so that its failure is its own."""
    try:
        with connection.begin_nested():
            return job(connection), None
    except (IntegrityError, LookupError, ValueError, StanchError) as error:
        return None, error


def find_url(data_dir: Path) -> str:
    """Where the database is: `STANCH_DATABASE_URL`, or a SQLite file in `data_dir`."""
    return os.environ.get("STANCH_DATABASE_URL") or f"sqlite:///{data_dir / FILE_NAME}"


def open_database(url: str) -> Database:
    """The database at `url`, made if it is a SQLite file that is missing, and brought up to date.

    Raises:
        StoreError: it cannot be reached, is newer than this version, or its driver is missing.
    """
    with _told_plainly():
        engine = _make_engine(url)
        try:
            _bring_up_to_date(engine)
        except BaseException:
            engine.dispose()
            raise
    return Database(engine)


def _make_engine(url: str) -> sa.Engine:
    try:
        address = sa.make_url(url)
    except ArgumentError:
        # The text may hold a password, so it is not shown.
        raise StoreError("the database's address cannot be understood", hint=_URL_HINT) from None
    if address.get_backend_name() == "postgresql":
        try:
            return sa.create_engine(
                address.set(drivername="postgresql+psycopg"), pool_pre_ping=True, connect_args=_PG_ARGS
            )
        except ImportError:
            raise StoreError(
                "the driver for PostgreSQL is not installed", hint="pip install 'stanch[postgres]'"
            ) from None
    if address.get_backend_name() != "sqlite":
        raise StoreError(f"{address.get_backend_name()} is no database that is supported", hint=_URL_HINT)
    if address.database in (None, "", ":memory:"):
        raise StoreError("a SQLite database needs a file", hint=_URL_HINT)
    _make_private_file(Path(str(address.database)))
    engine = sa.create_engine(address.set(drivername="sqlite+pysqlite"), connect_args={"timeout": 10})
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


_URL_HINT: Final = "STANCH_DATABASE_URL is sqlite:///FILE or postgresql://USER@HOST/NAME"
_PG_ARGS: Final = {"connect_timeout": 5, "options": "-c lock_timeout=10000 -c statement_timeout=30000"}


def _make_private_file(path: Path) -> None:
    """Make the file before SQLite does, so that nobody else can read it (its journals follow its mode)."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(
            f"cannot be opened: {error.strerror}", file=str(path), hint="set service.data_dir"
        ) from error


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are begun by `_begin_sqlite`; the driver's own rules know no savepoints
    # (https://docs.sqlalchemy.org/en/21/dialects/sqlite.html#pysqlite-serializable).
    connection.isolation_level = None
    for pragma in (f"busy_timeout={_BUSY_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def _begin_write(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that may write, committed at the end."""
    with engine.connect() as connection, connection.execution_options(stanch_write=True).begin():
        yield connection


def _begin_sqlite(connection: sa.Connection) -> None:
    # A writer that starts as a reader is refused instead of waiting if another writes meanwhile.
    writes = connection.get_execution_options().get("stanch_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _bring_up_to_date(engine: sa.Engine) -> None:
    with engine.connect() as reading:
        if _find_revision(reading) == HEAD:
            return
    with _begin_write(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        if _find_revision(connection) != HEAD:
            _migrate(connection)


def _find_revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return str(found) if found else None


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "stanch.cases:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            "the database was made by a newer version of Stanch",
            hint="upgrade Stanch, or use another database",
        ) from error


@contextmanager
def _told_plainly() -> Iterator[None]:
    """Say what went wrong in one line that holds no statement, no value and no password."""
    try:
        yield
    except IntegrityError:
        raise
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        if isinstance(cause, sqlite3.Error):
            raise StoreError(f"the database cannot be used: {cause}") from error
        kind = type(cause).__name__
        raise StoreError(f"the database cannot be reached or used ({kind})") from error
