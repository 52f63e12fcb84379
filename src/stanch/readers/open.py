"""What a file is, told from its first bytes, and the reader for it."""

from __future__ import annotations

import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final

import polars as pl

from stanch.errors import EvidenceError
from stanch.evidence.tables import Table
from stanch.readers import csv, jsonl
from stanch.readers.batches import Batch, show_row
from stanch.readers.contract import LogReader, Parsed, ReadContext
from stanch.readers.detect import detect_format, list_formats, open_format
from stanch.readers.encodings import Utf8Stream, check_encoding
from stanch.readers.files import STDIN, Source
from stanch.readers.header import find_missing, match_columns
from stanch.readers.lines import sample_lines
from stanch.readers.logs import read_log
from stanch.readers.request import TABULAR_FORMATS, ReadRequest

_SAMPLE: Final = 1 << 18
_SAMPLE_OBJECTS: Final = 1_000
#: More control characters than this are no text: of random bytes, as what is encrypted looks like, 26 of 256
#: are; of Chinese in UTF-16, where every second byte is anything, half as many.
_MOST_CONTROL: Final = 0.075
#: First bytes of what is surely no text: (bytes, what it is, what to do).
_FOREIGN: Final = (
    (b"\xd0\xcf\x11\xe0", "is an old or protected Excel file", "save it as .xlsx without a password"),
    (b"BZh", "is compressed with bzip2", "unpack it first"),
    (b"\xfd7zXZ\x00", "is compressed with xz", "unpack it first"),
    (b"7z\xbc\xaf", "is a 7-Zip archive", "unpack it first"),
    (b"Rar!", "is a RAR archive", "unpack it first"),
    (b"\x1f\x8b", "is compressed twice", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed twice", "unpack it first"),
    (b"SQLite format 3", "is a database", "export its table as CSV"),
    (b"%PDF", "is a PDF", "export the table as CSV"),
)


@dataclass(slots=True)
class Opened:
    """A file whose format is known, ready to be read."""

    format: str
    batches: Iterator[Batch]
    stream: Utf8Stream | None = None
    notes: list[str] = field(default_factory=list)
    #: What else in the file looks like the table and was not read.
    unread: str = ""

    def find_encoding(self) -> str:
        """The encoding; final only when everything was read. Empty for formats without one."""
        if self.stream is None:
            return ""
        if self.stream.guessed:
            _add_once(
                self.notes, f"the encoding was guessed as {self.stream.encoding} (--encoding overrides)"
            )
        if self.stream.n_replaced:
            _add_once(
                self.notes,
                f"{self.stream.n_replaced:,} characters did not fit the encoding and were replaced"
                " (--encoding overrides)",
            )
        return self.stream.encoding or "utf-8"


def open_table(source: Source, table: Table, request: ReadRequest) -> Opened:
    """Find out what `source` is and start to read it as `table`.

    Raises:
        EvidenceError: it is nothing that can be read as this table; says why and what to do.
    """
    head = source.head
    if not head.strip():
        if source.damage is not None:
            raise EvidenceError(f"cannot be unpacked: {source.damage}", file=source.shown)
        return Opened("", iter(()), notes=["the file is empty"])
    if head.startswith((b"PAR1", b"PK\x03\x04")):
        return _open_binary(source, table, request)
    _refuse_foreign(head, source.shown)
    encoding = check_encoding(request.encoding) if request.encoding else None
    return _open_text(Utf8Stream(source, encoding), source, table, request)


def _open_binary(source: Source, table: Table, request: ReadRequest) -> Opened:
    renames = request.renames.get(table.name, {})
    show_names = request.key is None
    if source.compression:
        raise EvidenceError(
            f"is a binary table inside {source.compression}", file=source.shown, hint="unpack it first"
        )
    is_parquet = source.head.startswith(b"PAR1")
    path = source.find_path()
    if is_parquet:
        from stanch.readers.parquet import read_parquet

        matched, batches = read_parquet(path, table, renames, source.shown, show_names=show_names)
        return Opened("parquet", batches, notes=matched.notes)
    from stanch.readers.xlsx import read_xlsx

    found, batches, unread = read_xlsx(path, table, renames, source.shown, show_names=show_names)
    return Opened("xlsx", batches, notes=found.notes if found else ["the workbook is empty"], unread=unread)


def _open_text(stream: Utf8Stream, source: Source, table: Table, request: ReadRequest) -> Opened:
    head = stream.peek(_SAMPLE)
    if not head.strip():
        return Opened("", iter(()), stream, ["the file is empty"])
    if len(head) < _SAMPLE:
        head += b"\r" if b"\r" in head and b"\n" not in head else b"\n"
    asked = request.log_format
    is_json = head.lstrip()[:1] in {b"{", b"["} if asked not in {"csv", "jsonl"} else asked == "jsonl"
    keys = jsonl.list_keys(sample_lines(io.BytesIO(head))[0][:_SAMPLE_OBJECTS]) if is_json else []
    if asked not in {"csv", "jsonl"}:
        is_table = _has_columns(keys, table, request) if is_json else _has_header(head, table, request)
        forced = asked is not None and _is_meant(table, request)
        reader = None if is_table and not forced else _find_reader(head, table, request, source)
        if reader is not None and is_table and not reader.recognise(sample_lines(io.BytesIO(head))[0]):
            raise EvidenceError(
                f"is a table of {table.name}, no log of the format {asked}",
                file=source.shown,
                hint="leave --log-format out for it",
            )
        if reader is not None:
            return _open_log(stream, reader, table)
    if is_json:
        renames = request.renames.get(table.name, {})
        named, notes = jsonl.match_keys(table, keys, renames, source.shown, show_names=request.key is None)
        return Opened("jsonl", jsonl.read_jsonl(stream, table, named), stream, notes)
    return _open_csv(stream, head, source, table, request)


def _is_meant(table: Table, request: ReadRequest) -> bool:
    """Whether the format asked for is that of this table; logs of logins come first if there are any."""
    return table.name == "logins" or "logins" not in request.paths


def _open_csv(stream: Utf8Stream, head: bytes, source: Source, table: Table, request: ReadRequest) -> Opened:
    delimiter = _choose_delimiter(head, table, request)
    names, n_bytes = csv.split_header(head, delimiter)
    matched = match_columns(
        table, names, request.renames.get(table.name, {}), source.shown, show_names=request.key is None
    )
    stream.read_fully(n_bytes)
    return Opened("csv", csv.read_csv(stream, delimiter, matched), stream, matched.notes)


def _choose_delimiter(head: bytes, table: Table, request: ReadRequest) -> str:
    """The delimiter with which most required columns are found."""
    renames = request.renames.get(table.name, {})

    def count_missing(delimiter: str) -> int:
        return len(find_missing(table, csv.split_header(head, delimiter)[0], renames))

    best = csv.guess_delimiter(head)
    return min((best, *csv.DELIMITERS), key=count_missing)


def _has_header(head: bytes, table: Table, request: ReadRequest) -> bool:
    """Whether the first line names every required column."""
    if b"\n" not in head and b"\r" not in head:
        return False
    names, _ = csv.split_header(head, _choose_delimiter(head, table, request))
    return _has_columns(names, table, request)


def _has_columns(names: list[str], table: Table, request: ReadRequest) -> bool:
    return not find_missing(table, names, request.renames.get(table.name, {}))


def _find_reader(head: bytes, table: Table, request: ReadRequest, source: Source) -> LogReader | None:
    context = ReadContext(settings=request.settings, reference=_find_reference(source))
    asked = request.log_format
    if asked is not None and asked not in TABULAR_FORMATS:
        # One name serves all tables of a run: where it cannot fill this one, it was not meant for it.
        able = {reader.name: reader.tables for reader in list_formats()}[asked]
        return open_format(asked, table.name, context) if table.name in able else None
    sample, _ = sample_lines(io.BytesIO(head))
    return detect_format(sample, table.name, context)


def _find_reference(source: Source) -> datetime:
    """When the file was last written, or now where that is not known."""
    if source.path == STDIN:
        return datetime.now(UTC)
    return datetime.fromtimestamp(os.stat(source.path).st_mtime, UTC)


def _open_log(stream: Utf8Stream, reader: LogReader, table: Table) -> Opened:
    if stream.guessed:
        stream.keep_to_utf_8()
    opened = Opened(reader.name, iter(()), stream)
    opened.batches = (_convert(parsed, opened) for parsed in read_log(stream, reader, table.name))  # type: ignore[arg-type]
    return opened


def _convert(parsed: Parsed, opened: Opened) -> Batch:
    for note in sorted(parsed.notes):
        _add_once(opened.notes, note)
    notes = Counter({"lines about something else": parsed.n_other})
    frame = parsed.frame

    return Batch(frame, partial(_show_line, frame), parsed.rejects, notes, parsed.n_other)


def _show_line(frame: pl.DataFrame, position: int) -> str:
    """The line of a row without its session and, in logins, account; the row where no line was kept."""
    row = frame.row(position, named=True)
    line = row.get("raw")
    if line is None:
        return show_row(frame, position)
    hidden = [row.get("session"), row.get("account") if "outcome" in row else None]
    forms = {
        f
        for name in hidden
        if name
        for f in (name, *(json.dumps(name, ensure_ascii=a)[1:-1] for a in (True, False)))
    }
    if forms:
        names = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
        line = re.sub(rf"(?<!\w)(?:{names})(?!\w)", "[removed]", line)
    return str(line)


def _refuse_foreign(head: bytes, shown: str) -> None:
    for magic, what, remedy in _FOREIGN:
        if head.startswith(magic):
            raise EvidenceError(what, file=shown, hint=remedy)
    sample = head[:4096]
    n_control = sum(byte < 32 and byte not in b"\0\t\n\v\f\r\x1b" for byte in sample)
    if n_control > _MOST_CONTROL * len(sample):
        raise EvidenceError("is neither text nor Parquet nor .xlsx", file=shown)


def _add_once(notes: list[str], note: str) -> None:
    if note not in notes:
        notes.append(note)
