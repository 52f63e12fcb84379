"""All files of one source into the table of complaints, on one page."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from stanch.errors import EvidenceError, RejectedTableError, UsageError
from stanch.evidence.checks import check_rows
from stanch.evidence.rejects import RejectLog, redact_secrets
from stanch.evidence.tables import COMPLAINTS, Kind, Table
from stanch.findings import format_time
from stanch.intake.cells import is_day, tidy_amount, tidy_fields, tidy_times
from stanch.intake.columns import Guess, guess_columns
from stanch.intake.mail import Mail, UnreadableMailError, read_mail
from stanch.intake.mailbox import MAX_MESSAGE, is_mailbox, read_messages
from stanch.intake.sources import SourceSettings
from stanch.intake.store import Row, Store
from stanch.progress import Progress, Task
from stanch.readers import ReadRequest
from stanch.readers.batches import Batch
from stanch.readers.contract import Reject
from stanch.readers.files import Source, list_paths, show_path
from stanch.readers.names import list_names
from stanch.readers.open import open_table

#: The table as desks have it: nothing is required until numbers were given and cells made readable.
_LOOSE: Final = Table(
    COMPLAINTS.name,
    COMPLAINTS.grain,
    tuple(replace(column, required=False) for column in COMPLAINTS.columns),
)
_DIGITS: Final = 16
_BATCH: Final = 1_000
_MAIL: Final = {"line": pl.Int64} | dict.fromkeys(
    ("complaint", "received", "order", "account", "channel", "text"), pl.String
)


@dataclass(slots=True)
class Brought:
    """What one import did."""

    n_rows: int = 0
    n_rejects: int = 0
    n_attachments: int = 0
    n_forwarded: int = 0
    #: How the columns of each table were read, by file.
    guesses: dict[str, Guess] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)


def import_files(
    patterns: Sequence[str], settings: SourceSettings, store: Store, rejects: RejectLog, progress: Progress
) -> tuple[Brought, SourceSettings]:
    """Read the files of one source into `store`, which is not saved yet.

    Returns what was done, and `settings` with the columns as they were found, to be remembered. Row numbers
    are made unique by the source's name; a row without a number gets one from its content, a mail from its
    Message-ID, so that the same one is the same next time.

    Raises:
        UsageError: a pattern matches nothing.
        EvidenceError: a file cannot be read at all.
        RejectedTableError: there were rows, and every one was rejected.
    """
    with progress.task("importing complaints") as task:
        importing = _Import(settings, store, rejects, task)
        for path in list_paths(patterns):
            if not Path(path).is_file():  # its columns are looked at before its rows are read
                raise UsageError(
                    "is no file that can be read twice", file=show_path(path), hint="save it first"
                )
            importing.read_file(path)
    brought = importing.brought
    if brought.n_rejects and not brought.n_rows:
        raise RejectedTableError("every row was rejected", hint="see the file of rejects")
    return brought, importing.settings


class _Import:
    """One run over the files of one source."""

    def __init__(self, settings: SourceSettings, store: Store, rejects: RejectLog, task: Task) -> None:
        self.settings = settings
        self.store = store
        self.rejects = rejects
        self.task = task
        self.brought = Brought()

    def read_file(self, path: str) -> None:
        """Read one file, whatever it is."""
        with Source(path) as source:
            if is_mailbox(source.head):
                self._read_mails(source)
                _refuse_damage(source)
                return
        self._read_table(path)

    def _read_table(self, path: str) -> None:
        settings = self.settings
        sheets = list_names(path, settings.encoding)
        guesses = [guess_columns(names, settings.columns) for names in sheets]
        guess = max(guesses, key=lambda g: len(g.columns), default=None)
        if guess is None:
            return
        self.brought.guesses[show_path(path)] = guess
        _refuse_unknown(guess, show_path(path))
        renames = {COMPLAINTS.name: guess.columns}
        request = ReadRequest({}, renames=renames, encoding=settings.encoding, zone=settings.zone)
        unwanted = [column for column in COMPLAINTS.column_names if column not in guess.columns]
        with Source(path) as source:
            opened = open_table(source, _LOOSE, request)
            for batch in opened.batches:
                frame = _prepare(batch.frame.drop(unwanted, strict=False), settings)
                self._keep(replace(batch, frame=frame), source.shown)
            _refuse_damage(source)
            if opened.unread:
                self.brought.notes[opened.unread] += 1
        absent = {column: "" for column, theirs in settings.columns.items() if not theirs}
        self.settings = msgspec.structs.replace(settings, columns=absent | guess.columns)

    def _read_mails(self, source: Source) -> None:
        rows: list[Row] = []
        for message in read_messages(source):
            try:
                if message.raw is None:
                    raise UnreadableMailError(f"is longer than {MAX_MESSAGE:,} bytes")
                rows.append(self._take_mail(read_mail(message.raw), message.number, source.shown))
            except UnreadableMailError as error:
                self._reject(source.shown, [Reject(message.number, str(error))])
            if len(rows) == _BATCH:
                self._keep(Batch(pl.DataFrame(rows, schema=_MAIL), lambda _: ""), source.shown)
                rows = []
        self._keep(Batch(pl.DataFrame(rows, schema=_MAIL), lambda _: ""), source.shown)

    def _take_mail(self, mail: Mail, number: int, file: str) -> Row:
        for attachment in mail.attachments:
            self.rejects.add(COMPLAINTS.name, file, number, f"attachment refused: {attachment}")
        self.brought.n_attachments += len(mail.attachments)
        self.brought.n_forwarded += mail.is_forwarded
        text = f"{mail.subject}\n\n{mail.text}".strip()
        found = re.search(self.settings.order_pattern, text) if self.settings.order_pattern else None
        identity = mail.message_id or f"{mail.sender}\0{mail.received.isoformat()}\0{text}"
        return {
            "line": number,
            "complaint": f"{self.settings.name}:{_hash(identity)}",
            "received": mail.received.isoformat(),
            "order": (found[1] if found.groups() else found[0]) if found else None,
            "account": mail.sender,
            "channel": "mail",
            "text": text,
        }

    def _keep(self, batch: Batch, file: str) -> None:
        """Check a batch and take in what is good."""
        found = list(batch.rejects)
        if len(batch.frame):
            zone = self.settings.zone
            checked = check_rows(COMPLAINTS, batch.frame, zone)
            lines, received = batch.frame["line"], batch.frame["received"].cast(pl.String)
            found += [Reject(int(lines[p]), reason, batch.raw(p)) for p, reason in checked.rejects]
            rows = [_make_row(row, self.settings.name) for row in checked.frame.to_dicts()]
            for row, position in zip(rows, checked.kept, strict=True):
                if is_day(received[position]):
                    row["received"] = _find_day(row["received"], zone)
            self.store.add(rows)
            self.brought.n_rows += len(rows)
            self.brought.notes.update(checked.notes)
        self._reject(file, found)
        self.task.advance(len(batch.frame) + len(batch.rejects), file)

    def _reject(self, file: str, found: list[Reject]) -> None:
        for reject in sorted(found, key=lambda r: r.line):
            self.rejects.add(COMPLAINTS.name, file, reject.line, reject.reason, reject.raw)
        self.brought.n_rejects += len(found)


def _refuse_unknown(guess: Guess, file: str) -> None:
    """A table in which nothing is a time or a victim is no table of complaints."""
    shown = ", ".join(" ".join(redact_secrets(name).split())[:40] for name in guess.left[:12])
    told = f"; not recognised: {shown}" if shown else ""
    if "received" not in guess.columns:
        raise EvidenceError(
            f"no column tells when a complaint was received{told}",
            file=file,
            hint="name it: --map received=THEIRS",
        )
    if not guess.columns.keys() & set(COMPLAINTS.one_of):
        raise EvidenceError(
            f"no column tells order, account or phone{told}", file=file, hint="name one: --map phone=THEIRS"
        )


def _prepare(frame: pl.DataFrame, settings: SourceSettings) -> pl.DataFrame:
    """Numbers for all rows, and cells that the checks read."""
    if frame.is_empty():
        return frame
    columns = {column: frame[column] for column in frame.columns}
    columns["complaint"] = _number(frame, settings.name)
    for column in ("received", "contacted"):
        if column in columns and columns[column].dtype == pl.String:
            columns[column] = tidy_times(columns[column])
    if "known_fields" in columns:
        columns["known_fields"] = tidy_fields(columns["known_fields"])
    if "loss" in columns:
        _tidy_losses(columns, settings.currency)
    return pl.DataFrame([series.alias(column) for column, series in columns.items()])


def _number(frame: pl.DataFrame, name: str) -> pl.Series:
    """`SOURCE:number`; where there is none, a hash of the row's cells."""
    given = frame["complaint"].cast(pl.String).str.strip_chars() if "complaint" in frame.columns else None
    contents = frame.drop("line", "complaint", strict=False)
    numbers = []
    for position, row in enumerate(contents.iter_rows()):
        number = given[position] if given is not None else None
        numbers.append(f"{name}:{number or _hash(json.dumps(row, ensure_ascii=False, default=str))}")
    return pl.Series("complaint", numbers, dtype=pl.String)


def _tidy_losses(columns: dict[str, pl.Series], default: str) -> None:
    cells = columns["loss"].cast(pl.String)
    tidied = [("", "") if cell is None else tidy_amount(cell) for cell in cells]
    given = columns.get("currency", pl.Series([None] * len(cells), dtype=pl.String)).cast(pl.String)
    columns["loss"] = pl.Series([amount or None for amount, _ in tidied], dtype=pl.String)
    columns["currency"] = pl.Series(
        [
            own or told or (default if amount else None) or None
            for own, (amount, told) in zip(given, tidied, strict=True)
        ],
        dtype=pl.String,
    )


def _make_row(stored: dict[str, object], name: str) -> Row:
    """A stored row as the contract writes it; what is unknown is left out."""
    row: Row = {}
    for column in COMPLAINTS.columns:
        value = stored.get(column.stored_name)
        if value is not None:
            row[column.name] = format_time(int(str(value))) if column.kind is Kind.TIME else value
    return row | {"source": name}


def _find_day(time: str, zone: str) -> str:
    """A date stays one, as the desk wrote it: nobody knows the hour."""
    return datetime.fromisoformat(time).astimezone(ZoneInfo(zone)).date().isoformat()


def _refuse_damage(source: Source) -> None:
    if source.damage is not None:
        raise EvidenceError(f"breaks off: {source.damage}", file=source.shown, hint="export it again")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
