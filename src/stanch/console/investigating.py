"""Investigating an incident: what is given to it, the run, and what could not be read."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from stanch.cases import investigations as store
from stanch.cases.database import Connection
from stanch.cases.incidents import find_incident
from stanch.cases.investigations import EvidenceFile, Origin
from stanch.cases.segments import count_rows
from stanch.console.evidence import OUT, find_folder, find_key, is_investigated
from stanch.console.job_order import DRAFT, PROGRESS, RUN, JobOrder, Stage, read_state
from stanch.console.pages import (
    INVESTIGATORS,
    PAGE_SIZE,
    Action,
    Done,
    IncidentNumber,
    MissingError,
    MistakeError,
    Number,
    Page,
    Paged,
    Slice,
    Visit,
)
from stanch.console.recognising import Seen
from stanch.findings import Findings, Input

EVIDENCE: Final = "evidence"
_Table = Literal["logins", "accesses", "orders", "complaints", ""]
_Outcome = Literal["running", "broken", "done", "failed", "cancelled"]


class InvestigationQuery(Paged, frozen=True, kw_only=True):
    """Which incident, and which page of its rejects."""

    number: IncidentNumber


class FileRow(Struct, frozen=True):
    """One file that was handed in, and what its beginning says."""

    id: int
    name: str
    n_bytes: int
    table: str
    seen: Seen


class RunRow(Struct, frozen=True):
    """The last run. `broken`: the service ended before it did."""

    origin: Origin
    outcome: _Outcome
    started_us: int
    ended_us: int | None
    told: str
    stages: tuple[Stage, ...]
    warnings: tuple[str, ...]


class RejectedRow(Struct, frozen=True):
    """One row that was not read; `line` None: the whole file."""

    file: str
    line: int | None
    reason: str


class InvestigationPage(Struct, frozen=True):
    """What was given, what became of it, and what could not be read."""

    number: int
    title: str
    files: tuple[FileRow, ...]
    run: RunRow | None
    #: Files of the answer that is there, empty without one.
    inputs: tuple[Input, ...]
    rejects: Slice[RejectedRow]
    #: Table -> rows that the service took in.
    taken: dict[str, int]
    #: Another incident is being investigated.
    is_busy: bool
    is_investigated: bool
    is_sample: bool
    max_mb: int
    may_investigate: bool


class StartForm(Struct, frozen=True):
    """What to investigate."""

    number: IncidentNumber
    origin: Literal["files", "service"] = "files"


class NumberForm(Struct, frozen=True):
    """Which incident."""

    number: IncidentNumber


class FileForm(Struct, frozen=True):
    """Which file."""

    number: IncidentNumber
    item: Number


class TableForm(Struct, frozen=True):
    """What a file is to be read as; empty: not at all."""

    number: IncidentNumber
    item: Number
    table: _Table = ""


def load_investigation(visit: Visit, query: InvestigationQuery) -> InvestigationPage:
    """Read from the folder; there may be none yet."""
    incident = find_incident(visit.connection, query.number)
    if incident is None:
        raise MissingError
    folder = find_folder(visit.service, query.number)
    inputs = read_inputs(folder) if is_investigated(visit.service, query.number) else ()
    run = find_run(visit, query.number)
    return InvestigationPage(
        number=query.number,
        title=incident.title,
        files=list_files(visit, query.number),
        run=run,
        inputs=inputs,
        rejects=_cut_rejects(folder / OUT / "rejects.jsonl", inputs, query),
        taken=count_rows(visit.connection),
        is_busy=visit.service.jobs.running is not None and (run is None or run.outcome != "running"),
        is_investigated=is_investigated(visit.service, query.number),
        is_sample=query.number in store.list_samples(visit.connection),
        max_mb=visit.service.settings.max_evidence_mb,
        may_investigate=visit.may(INVESTIGATORS),
    )


def find_run(visit: Visit, number: int) -> RunRow | None:
    """The last run of an incident, told as broken where nobody runs it any more."""
    run = store.find_latest(visit.connection, number)
    if run is None:
        return None
    outcome: _Outcome = run.outcome
    if outcome == "running" and visit.service.jobs.running != run.id:
        outcome = "broken"
    state = read_state(find_folder(visit.service, number))
    return RunRow(
        run.origin, outcome, run.started_us, run.ended_us, run.told or state.error, tuple(state.stages),
        tuple(state.warnings),
    )  # fmt: skip


def read_inputs(folder: Path) -> tuple[Input, ...]:
    """What an answer was made from, named as it was handed in."""
    findings = msgspec.json.decode((folder / OUT / "findings.json").read_bytes(), type=Findings)
    return tuple(msgspec.structs.replace(given, path=Path(given.path).name) for given in findings.inputs)


def start(visit: Visit, form: StartForm) -> Done:
    """Begin a run."""
    files = store.list_evidence_files(visit.connection, form.number)
    given = tuple((f.table_name, str(Path(EVIDENCE, str(f.id), f.name))) for f in files if f.table_name)
    if form.origin == "files" and not given:
        raise MistakeError("", "no_evidence")
    _check(visit, form.number)
    begin_run(visit, form.number, form.origin, given)
    return _go(form.number, "run", form.origin)


def begin_run(visit: Visit, number: int, origin: Origin, files: tuple[tuple[str, str], ...] = ()) -> None:
    """Note it, and have it done in a process of its own.

    Raises:
        MistakeError: another run is under way.
    """
    service = visit.service
    if service.jobs.running is not None:
        raise MistakeError("", "busy")
    run = store.start_run(visit.connection, number, origin, visit.actor)
    folder = find_folder(service, number)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / PROGRESS).unlink(missing_ok=True)
    order = JobOrder(
        origin=origin,
        key=find_key(service),
        files=files,
        zone=service.settings.zone,
        lang=visit.lang,
        config=str(service.config.resolve()) if service.config else None,
        data_dir=str(service.data_dir.resolve()),
    )
    words = [sys.executable, "-c", RUN]

    def note(status: int, is_cancelled: bool) -> None:
        outcome: store.Outcome = "cancelled" if is_cancelled else "failed" if status else "done"
        told = read_state(folder).error if outcome == "failed" else ""
        shutil.rmtree(folder / DRAFT, ignore_errors=True)
        service.database.write(lambda c: store.end_run(c, run, outcome, service.now_us(), told))

    if not service.jobs.start(run, words, msgspec.json.encode(order), folder, note):
        raise MistakeError("", "busy")


def cancel(visit: Visit, form: NumberForm) -> Done:
    """End the run that is under way, or one that was broken off."""
    run = store.find_latest(visit.connection, form.number)
    if run is None or run.outcome != "running":
        raise MissingError
    if not visit.service.jobs.cancel(run.id):
        store.end_run(visit.connection, run.id, "cancelled", visit.now_us)
    return _go(form.number, "run")


def choose_table(visit: Visit, form: TableForm) -> Done:
    """Say what a file is read as."""
    if not store.set_table(visit.connection, form.number, form.item, form.table):
        raise MissingError
    return _go(form.number, "files", form.table)


def remove_file(visit: Visit, form: FileForm) -> Done:
    """Take a file away."""
    if not store.drop_evidence_file(visit.connection, form.number, form.item):
        raise MissingError
    shutil.rmtree(find_folder(visit.service, form.number) / EVIDENCE / str(form.item), ignore_errors=True)
    return _go(form.number, "files")


def sum_bytes(connection: Connection, number: int) -> int:
    """Bytes of all files of an incident."""
    return sum(file.n_bytes for file in store.list_evidence_files(connection, number))


def list_files(visit: Visit, number: int) -> tuple[FileRow, ...]:
    """Files of an incident as they came."""
    return tuple(_make_file(file) for file in store.list_evidence_files(visit.connection, number))


def _make_file(file: EvidenceFile) -> FileRow:
    return FileRow(
        file.id, file.name, file.n_bytes, file.table_name, msgspec.json.decode(file.seen, type=Seen)
    )


def _cut_rejects(path: Path, inputs: tuple[Input, ...], query: InvestigationQuery) -> Slice[RejectedRow]:
    n = sum(given.rejects for given in inputs)
    rows = tuple(islice(_read_rejects(path), query.offset, query.offset + PAGE_SIZE)) if n else ()
    return Slice(rows, n, query.page)


def _read_rejects(path: Path) -> Iterator[RejectedRow]:
    decoder = msgspec.json.Decoder(RejectedRow)
    with path.open("rb") as file:
        for line in file:
            row = decoder.decode(line)
            yield msgspec.structs.replace(row, file=Path(row.file).name)


def _check(visit: Visit, number: int) -> None:
    if find_incident(visit.connection, number) is None:
        raise MissingError


def _go(number: int, part: str, details: str = "") -> Done:
    return Done(f"/console/incidents/{number}/investigation#{part}", f"incident:{number}", details)


_PATH: Final = "/incidents/{number}/investigation"
INVESTIGATION: Final = Page(
    _PATH,
    "investigation",
    INVESTIGATORS,
    InvestigationQuery,
    InvestigationPage,
    load_investigation,
    "incidents",
)
PAGES: Final = (INVESTIGATION,)
ACTIONS: Final = (
    Action(_PATH, "investigate", INVESTIGATORS, StartForm, start, INVESTIGATION),
    Action(f"{_PATH}/cancel", "cancel_investigation", INVESTIGATORS, NumberForm, cancel, INVESTIGATION),
    Action(
        "/incidents/{number}/evidence/{item}/table", "choose_table", INVESTIGATORS, TableForm, choose_table,
        INVESTIGATION,
    ),
    Action(
        "/incidents/{number}/evidence/{item}/remove", "remove_evidence", INVESTIGATORS, FileForm, remove_file,
        INVESTIGATION,
    ),
)  # fmt: skip
