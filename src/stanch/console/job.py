"""One investigation in a process of its own, in the folder of the incident.

The first line of standard input says what to do. When standard input closes, the service is gone, and the job
ends as well.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from stanch import progress as protocol
from stanch.cases.database import find_url, open_database
from stanch.cases.exporting import export_tables, name_file
from stanch.console.answering import write_told
from stanch.console.evidence import OUT, TABLES
from stanch.console.job_order import DRAFT, PROGRESS, JobOrder, Stage, State
from stanch.console.keeping import keep_evidence
from stanch.engine import open_engine
from stanch.errors import RejectedTableError, StanchError, UsageError
from stanch.evidence.tables import TABLES as EVIDENCE
from stanch.findings import Findings
from stanch.investigate import Investigation, investigate
from stanch.readers import ReadRequest
from stanch.settings import load_settings
from stanch.simulation import simulate, write_incident

#: Evidence that the job itself lays down.
_TAKEN: Final = "taken"
#: The story of the README on a small shop, so that it is there within a minute.
_SAMPLE_CASE: Final = "burst-2015"
_SAMPLE_SCALE: Final = 0.3
_WRITE_S: Final = 0.3


@dataclass
class FileProgress:
    """Writes its state for the page, a few times a second at most."""

    path: Path
    state: State = field(default_factory=State)
    _written_s: float = 0.0

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Iterator[protocol.Task]:
        """Tell of a task until the `with` block ends."""
        stage = Stage(name, 0, total, unit)
        self.state.stages.append(stage)
        self.write()
        yield _StageTask(self, stage)
        stage.is_over = True
        self.write()

    def warn(self, line: str) -> None:
        """Keep it for the page."""
        self.state.warnings.append(line)
        self.write()

    def write(self, *, is_urgent: bool = True) -> None:
        """Put the state where the page finds it."""
        now_s = time.monotonic()
        if not is_urgent and now_s - self._written_s < _WRITE_S:
            return
        self._written_s = now_s
        draft = self.path.with_suffix(".part")
        draft.write_bytes(msgspec.json.encode(self.state))
        draft.replace(self.path)


@dataclass
class _StageTask:
    progress: FileProgress
    stage: Stage

    def advance(self, n_done: int, note: str = "") -> None:
        del note
        self.stage.n_done += n_done
        self.progress.write(is_urgent=False)


def main() -> int:
    """Do what standard input says; 0 where there is an answer."""
    order = msgspec.json.decode(sys.stdin.buffer.readline(), type=JobOrder)
    threading.Thread(target=_end_with_service, daemon=True).start()
    os.nice(5)  # those who wait for a page go first
    progress = FileProgress(Path(PROGRESS))
    progress.write()
    try:
        _work(order, Path(), progress)
    except StanchError as error:
        progress.state.error = str(error)
        progress.write()
        return error.exit_status
    return 0


def _end_with_service() -> None:
    # The descriptor, not the stream: a thread that holds the stream's lock would keep Python from ending.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _work(order: JobOrder, folder: Path, progress: FileProgress) -> None:
    """Investigate in `folder`, and put the answer in the place of an earlier one.

    Raises:
        StanchError: there is no answer; an earlier one stays.
    """
    settings = load_settings(Path(order.config) if order.config else None)
    draft = folder / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "spill").mkdir(parents=True)
    names: dict[str, str] = {}
    read = ReadRequest(
        paths=_gather(order, folder, progress), zone=order.zone, key=order.key, names=names,
        settings=settings.readers,
    )  # fmt: skip
    engine_settings = msgspec.structs.replace(settings.engine, temp_dir=str((draft / "spill").resolve()))
    case = Investigation(read=read, out=draft / OUT, lang=order.lang)
    with closing(open_engine("duckdb", engine_settings)) as engine:
        try:
            findings = investigate(case, settings, engine, progress, datetime.now(UTC))
        except RejectedTableError as error:  # everything was written all the same
            progress.warn(str(error))
            findings = msgspec.json.decode((draft / OUT / "findings.json").read_bytes(), type=Findings)
        with progress.task("keeping tables"):
            keep_evidence(engine, findings, names, draft / TABLES)
            write_told(findings, engine, draft / OUT, draft / TABLES, order.zone)
    for name in (TABLES, OUT):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (OUT, TABLES):
        (draft / name).rename(folder / name)
    shutil.rmtree(draft)
    shutil.rmtree(folder / _TAKEN, ignore_errors=True)


def _gather(order: JobOrder, folder: Path, progress: FileProgress) -> dict[str, list[str]]:
    """Table -> files.

    Raises:
        UsageError: there is nothing to investigate.
    """
    paths: dict[str, list[str]] = {}
    if order.origin == "files":
        for table, path in order.files:
            paths.setdefault(table, []).append(path)
        return paths
    taken = folder / _TAKEN
    shutil.rmtree(taken, ignore_errors=True)
    taken.mkdir(mode=0o700)
    if order.origin == "sample":
        write_incident(simulate(_SAMPLE_CASE, 0, scale=_SAMPLE_SCALE, progress=progress), taken)
        return {table: [str(taken / f"{table}.csv")] for table in EVIDENCE}
    database = open_database(find_url(Path(order.data_dir)))
    try:
        with progress.task("exporting"), database.read() as connection:
            counts = export_tables(connection, taken)
    finally:
        database.close()
    paths = {table: [str(taken / name_file(table))] for table, n in counts.items() if n}
    if not paths:
        raise UsageError("nothing has come in yet")
    return paths
