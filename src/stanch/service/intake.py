"""Rows of evidence over HTTP: read and checked by the code that reads files, stored before the answer."""

from __future__ import annotations

import io
from collections import Counter
from typing import Annotated, Final, cast

import msgspec
import polars as pl
import zstandard
from msgspec import Meta, Struct

from stanch.evidence.cards import remove_card_numbers
from stanch.evidence.checks import Checked, check_rows
from stanch.evidence.people import People
from stanch.evidence.tables import Kind, Table
from stanch.readers.encodings import Utf8Stream
from stanch.readers.jsonl import read_jsonl
from stanch.readers.lines import MAX_LINE_BYTES

#: Rejects that an answer lists; beyond them they are only counted.
MAX_LISTED: Final = 100
_TIME: Final = "%Y-%m-%dT%H:%M:%S%.6fZ"
_NO_JSON: Final = (msgspec.DecodeError, RecursionError)


class RejectedRow(Struct, frozen=True):
    """A row that was not taken."""

    line: Annotated[int, Meta(description="Which row it was, from 1; blank lines do not count.", ge=1)]
    reason: Annotated[str, Meta(description="What is wrong with it.")]


class IntakeAnswer(Struct, frozen=True):
    """What became of the rows of one request."""

    accepted: Annotated[int, Meta(description="Rows that are stored now.", ge=0)]
    rejected: Annotated[int, Meta(description="Rows that were not taken.", ge=0)]
    rejects: Annotated[
        list[RejectedRow], Meta(description="The first of them, in order.", max_length=MAX_LISTED)
    ]
    notes: Annotated[list[str], Meta(description="How cells were read where there was a choice.")]


class Taken(Struct, frozen=True):
    """Rows ready to be stored, and what to say about all of them."""

    #: zstd frames of JSON Lines, empty if there is no row.
    rows: bytes
    answer: IntakeAnswer


def take_rows(table: Table, body: bytes, zone: str, people: People) -> Taken:
    """Check every row of `body` (one JSON object, an array of them, or JSON Lines) and pack those kept.

    Columns that `table` does not have are dropped, sessions are hashed, and card numbers in free text go.
    """
    rejects: list[RejectedRow] = []
    notes: Counter[str] = Counter()
    packed: list[bytes] = []
    n_rows = 0
    stream = cast(Utf8Stream, io.BytesIO(_frame_single(body)))
    for batch in read_jsonl(stream, table, {name: name for name in table.column_names}):
        checked = check_rows(table, batch.frame, zone)
        lines = batch.frame["line"]
        rejects += [RejectedRow(reject.line, reject.reason) for reject in batch.rejects]
        rejects += [RejectedRow(int(lines[position]), reason) for position, reason in checked.rejects]
        notes += batch.notes + checked.notes
        if not checked.frame.is_empty():
            n_rows += checked.frame.height
            packed.append(_pack(table, checked, people))
    rejects.sort(key=lambda reject: reject.line)
    told = [f"{note}: {n:,} {'row' if n == 1 else 'rows'}" for note, n in sorted(notes.items()) if n > 0]
    return Taken(b"".join(packed), IntakeAnswer(n_rows, len(rejects), rejects[:MAX_LISTED], told))


def _frame_single(body: bytes) -> bytes:
    """One JSON object written over several lines becomes one line; anything else stays as it is."""
    if len(body) > MAX_LINE_BYTES or not body.lstrip().startswith(b"{"):
        return body
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except _NO_JSON:
        return body
    # A line end cannot stand inside a JSON string, so between tokens it may become a blank.
    return body.replace(b"\n", b" ").replace(b"\r", b" ")


def _pack(table: Table, checked: Checked, people: People) -> bytes:
    frame = people.hide(table, checked.frame)
    if table.name == "complaints" and "text" in frame.columns:
        frame = frame.with_columns(_remove_cards(frame))
    columns = []
    for column in table.columns:
        cells = frame[column.stored_name]
        must_be_there = column.required or column.name in table.one_of
        if cells.null_count() == len(cells) and not must_be_there:
            continue
        if column.kind is Kind.TIME:
            cells = cells.cast(pl.Datetime("us")).dt.strftime(_TIME)
        columns.append(cells.alias(column.name))
    lines = io.BytesIO()
    pl.DataFrame(columns).write_ndjson(lines)
    return zstandard.compress(lines.getvalue())


def _remove_cards(frame: pl.DataFrame) -> pl.Series:
    """The texts of complaints without card numbers; the order number that a report names is none."""
    texts = frame["text"].to_list()
    own = zip(*(frame[name].to_list() for name in ("order", "account", "phone")), strict=True)
    pairs = zip(texts, own, strict=True)
    clean = [
        None if text is None else remove_card_numbers(text, [n for n in names if n]) for text, names in pairs
    ]
    return pl.Series("text", clean, dtype=pl.String)
