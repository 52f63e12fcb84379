"""Reads every file of a request into the engine's tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from stanch.engine import Engine, load_step
from stanch.errors import EvidenceError
from stanch.evidence.checks import Checked, check_rows
from stanch.evidence.people import People
from stanch.evidence.rejects import RejectLog
from stanch.evidence.spellings import SpellingIndex
from stanch.evidence.tables import READABLE, Table
from stanch.findings import Input
from stanch.progress import Progress, Task
from stanch.readers.batches import Batch
from stanch.readers.contract import Reject
from stanch.readers.files import Source, list_paths, show_path
from stanch.readers.geo import locate_logins
from stanch.readers.header import tell_absent
from stanch.readers.open import Opened, open_table
from stanch.readers.request import TABULAR_FORMATS, EvidenceRead, ReadRequest


def read_evidence(
    request: ReadRequest,
    engine: Engine,
    rejects: RejectLog,
    progress: Progress,
    tables: Mapping[str, Table] = READABLE,
) -> EvidenceRead:
    """Read all files of `request`; make a table in `engine` per table given, and `account_spellings`.

    `tables` may define a table with further columns, for a stage that reads more of it. Rows that cannot be
    read go to `rejects`; a file that cannot be read is one entry there and a note, and the others are read.

    Raises:
        EvidenceError: not one file could be read.
        UsageError: a pattern matches nothing.
    """
    reading = _Reading(request, engine, rejects, progress)
    for table in tables.values():
        if request.paths.get(table.name):
            reading.read_table(table)
    return reading.finish()


@dataclass(slots=True)
class _Tally:
    """What is known about one file while it is read."""

    table: Table
    shown: str
    n_rows: int = 0
    n_rejects: int = 0
    n_other: int = 0
    #: Whether it is among the files that could not be read at all.
    failed: bool = False
    first_reject: Reject | None = None
    notes: Counter[str] = field(default_factory=Counter)
    plain_notes: dict[str, None] = field(default_factory=dict)
    unknown_words: set[str] = field(default_factory=set)


class _Reading:
    """One run over all files."""

    def __init__(self, request: ReadRequest, engine: Engine, rejects: RejectLog, progress: Progress) -> None:
        self.request = request
        self.engine = engine
        self.rejects = rejects
        self.progress = progress
        self.people = People(request.key, names=request.names)
        self.spellings = SpellingIndex(request.key)
        self.inputs: list[Input] = []
        #: Behind the files of tables, whose place in the list is their `file_id`.
        self.databases: list[Input] = []
        self.filled: dict[str, set[str]] = {}
        self.failures: list[EvidenceError] = []
        self.notes: list[str] = []
        #: Table of whose rows not one could be read -> what went wrong first.
        self.all_rejected: dict[str, str] = {}
        self.n_other = 0
        #: Files of which no row could be read, one plain line each.
        self.lost: list[str] = []

    def read_table(self, table: Table) -> None:
        """Read every file of one table."""
        self.engine.create(table.name, table.stored_schema)
        self.filled[table.name] = set()
        first, n_lost = len(self.inputs), len(self.lost)
        self.n_other = 0
        with self.progress.task(f"reading {table.name}") as task:
            for path in list_paths(self.request.paths[table.name]):
                self._read_file(table, path, task)
        read = self.inputs[first:]
        if sum(i.rejects for i in read) and not sum(i.rows for i in read) and not self.n_other:
            self.all_rejected[table.name] = self.lost.pop(n_lost)
        self._tell_idle_renames(table, read)
        if table.name == "logins":
            self.people.learn(self.spellings.accounts())
            self._locate()
        if table.name == "orders":
            self._keep_first_rows()

    def finish(self) -> EvidenceRead:
        """Close the run.

        Raises:
            EvidenceError: not one file could be read.
        """
        if self.inputs and len(self.failures) == len(self.inputs):
            raise self.failures[0]
        for line in self.lost:
            self.progress.warn(line)
        if self.engine.has("logins"):
            variants = self.spellings.find_variants()
            self.engine.put("account_spellings", self.people.hide_accounts(variants))
        columns = {table: frozenset(names) for table, names in self.filled.items()}
        return EvidenceRead(self.inputs + self.databases, columns, self.notes, self.all_rejected)

    def _tell_idle_renames(self, table: Table, read: list[Input]) -> None:
        """Say which `--map` found its column in no file: it has a slip, or is not meant for a log."""
        for column, theirs in self.request.renames.get(table.name, {}).items():
            absent = tell_absent(column, theirs)
            tables = [i for i in read if i.format in TABULAR_FORMATS and absent not in i.notes]
            if not tables and any(i.rows for i in read):
                self.lost.append(f"--map {table.name}.{column}={theirs}: no table given has such a column")

    def _locate(self) -> None:
        """Fill in where the logins came from, if there are databases to tell."""
        if self.request.geo:
            self.databases = locate_logins(self.engine, self.request.geo)
            counted = self.engine.fetch("SELECT count(asn) AS asn, count(country) AS country FROM logins")
            self.filled["logins"] |= {name for name in counted.columns if counted[name].item()}

    def _keep_first_rows(self) -> None:
        """One row per order: exports with a row per item name an order several times."""
        repeated = self.engine.fetch('SELECT count(*) - count(DISTINCT "order") AS n FROM orders').item()
        if repeated:
            self.engine.run(load_step("stanch.readers", "first_rows", output="orders"))
            rows = "row repeats" if repeated == 1 else "rows repeat"
            self.notes.append(f"orders: {repeated:,} {rows} an order number; the first of each was kept")

    def _read_file(self, table: Table, path: str, task: Task) -> None:
        tally = _Tally(table, show_path(path))
        opened: Opened | None = None
        sha256 = ""
        try:
            with Source(path) as source:
                try:
                    opened = open_table(source, table, self.request)
                    for batch in opened.batches:
                        self._keep(batch, tally, task)
                finally:
                    sha256 = source.finish()
                self._note_damage(source, tally)
        except EvidenceError as error:
            self._fail(error, tally)
        self.n_other += tally.n_other
        if tally.n_rejects and not tally.n_rows and not tally.n_other:
            failed = self.failures[-1:] if tally.failed else ()
            self.lost += [str(error) for error in failed] or [_tell_first(tally)]
        if opened and opened.unread:
            self.lost.append(f"{tally.shown}: {opened.unread}")
        self.inputs.append(self._describe(tally, opened, sha256))

    def _fail(self, error: EvidenceError, tally: _Tally) -> None:
        located = EvidenceError(
            error.message, file=error.file or tally.shown, line=error.line, hint=error.hint
        )
        if not tally.n_rows:
            self.failures.append(located)
            tally.failed = True
        else:
            self.lost.append(str(located))
        remedy = f" ({error.hint})" if error.hint else ""
        tally.plain_notes[f"{error.message}{remedy}"] = None
        self.rejects.add(tally.table.name, tally.shown, error.line, error.message)
        tally.n_rejects += 1

    def _note_damage(self, source: Source, tally: _Tally) -> None:
        if source.damage is None:
            return
        error = EvidenceError(
            f"breaks off: {source.damage}",
            file=tally.shown,
            hint="what was before the damage was read" if tally.n_rows else None,
        )
        self._fail(error, tally)

    def _keep(self, batch: Batch, tally: _Tally, task: Task) -> None:
        table = tally.table
        checked = check_rows(table, batch.frame, self.request.zone)
        lines = batch.frame["line"]
        rejected = [
            *batch.rejects,
            *(Reject(int(lines[p]), reason, batch.raw(p)) for p, reason in checked.rejects),
        ]
        for reject in sorted(rejected, key=lambda r: r.line):
            self.rejects.add(table.name, tally.shown, reject.line, reject.reason, reject.raw)
            tally.first_reject = tally.first_reject or reject
        tally.n_rejects += len(rejected)
        tally.n_other += batch.n_other
        tally.notes += batch.notes + checked.notes
        if self.request.key is None:  # free text may name people
            tally.unknown_words |= checked.unknown_words
        self._append(table, checked)
        tally.n_rows += len(checked.frame)
        task.advance(len(batch.frame) + len(batch.rejects), tally.shown)

    def _append(self, table: Table, checked: Checked) -> None:
        frame = checked.frame
        if frame.is_empty():
            return
        if table.name == "logins" and "account" in frame.columns:
            self.spellings.add(frame["account"])
        elif table.name == "orders":
            self.people.learn(frame["account"].drop_nulls())
        filled = {c.name for c in table.columns if c.stored_name in frame.columns}
        self.filled[table.name] |= {
            name for name in filled if frame[table[name].stored_name].null_count() < len(frame)
        }
        frame = self.people.hide(table, frame)
        file_id = pl.repeat(len(self.inputs), len(frame), dtype=pl.Int32, eager=True).alias("file_id")
        self.engine.append(table.name, frame.insert_column(0, file_id))

    def _describe(self, tally: _Tally, opened: Opened | None, sha256: str) -> Input:
        return Input(
            table=tally.table.name,
            path=tally.shown,
            sha256=sha256,
            rows=tally.n_rows,
            rejects=tally.n_rejects,
            format=opened.format if opened else "",
            encoding=opened.find_encoding() if opened else "",
            notes=[*(opened.notes if opened else ()), *_list_notes(tally)],
        )


def _tell_first(tally: _Tally) -> str:
    """That every row was rejected, and why the first was."""
    reject = tally.first_reject
    if reject is None:
        return f"{tally.shown}: every row was rejected"
    return f"{tally.shown}:{reject.line}: {reject.reason}; every row was rejected"


def _list_notes(tally: _Tally) -> Iterator[str]:
    yield from tally.plain_notes
    for note, n in sorted(tally.notes.items()):
        if n > 0:
            yield f"{note}: {n:,} {'row' if n == 1 else 'rows'}"
    if tally.unknown_words:
        shown = sorted(tally.unknown_words)[:5]
        more = f" and {len(tally.unknown_words) - 5} more" if len(tally.unknown_words) > 5 else ""
        yield f"words that are not known were left out: {', '.join(w[:40] for w in shown)}{more}"
