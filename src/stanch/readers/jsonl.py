"""JSON Lines: one object per line, columns by key; keys may be missing or nested."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from stanch.errors import EvidenceError
from stanch.evidence.tables import Kind, Table
from stanch.readers.batches import Batch
from stanch.readers.contract import Chunk, Reject
from stanch.readers.encodings import Utf8Stream
from stanch.readers.header import match_columns
from stanch.readers.lines import iterate_chunks

_RAW: Final = 4_000
#: More opening brackets than this in one line, and the line is read the careful way.
_MAX_DEPTH: Final = 200
_MAX_BITS: Final = 1_000
#: A document nested more deeply than the decoder follows is hostile (RFC 8259, 9 allows a limit).
_BROKEN: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def list_keys(sample: Sequence[str]) -> list[str]:
    """Keys of the sample's objects, in the order they turn up; lines that are no objects are skipped."""
    keys: dict[str, None] = {}
    for line in sample:
        try:
            value = msgspec.json.decode(line)
        except _BROKEN:
            continue
        if isinstance(value, dict):
            keys.update(dict.fromkeys(value))
    return list(keys)


def match_keys(
    table: Table, keys: Sequence[str], renames: Mapping[str, str], file: str, *, show_names: bool
) -> tuple[dict[str, str], list[str]]:
    """Evidence column -> key as the file spells it, and notes.

    Raises:
        EvidenceError: a required column is among no keys of the sample.
    """
    if not keys:
        raise EvidenceError("holds no JSON object in its first lines", file=file)
    matched = match_columns(table, keys, renames, file, show_names=show_names)
    # A key that the sample lacks may turn up later.
    named = {column: renames.get(column, column) for column in table.column_names}
    return named | {column: keys[position] for column, position in matched.positions.items()}, matched.notes


def read_jsonl(stream: Utf8Stream, table: Table, keys: Mapping[str, str]) -> Iterator[Batch]:
    """Read rows whose column `c` stands under key `keys[c]`; also one JSON array of objects.

    Blank lines are no rows and have no number, as in CSV.
    """
    fields = [(f"f{i}", Any, msgspec.field(default=None, name=key)) for i, key in enumerate(keys.values())]
    decoder = msgspec.json.Decoder(msgspec.defstruct("Row", fields, gc=False))
    n_rows = 0
    for chunk in iterate_chunks(stream):  # type: ignore[arg-type]
        yield _read_chunk(_number_rows(chunk, n_rows), decoder, table, keys)
        n_rows += len(chunk.numbers) + len(chunk.rejects)


def _number_rows(chunk: Chunk, n_before: int) -> Chunk:
    """`chunk` with its lines numbered as rows, of which there were `n_before`."""
    at = np.concatenate((chunk.numbers, np.array([reject.line for reject in chunk.rejects], np.int64)))
    rows = n_before + 1 + np.argsort(np.argsort(at))
    n = len(chunk.numbers)
    rejects = [replace(r, line=int(row)) for r, row in zip(chunk.rejects, rows[n:], strict=True)]
    return replace(chunk, numbers=rows[:n], rejects=rejects)


def _read_chunk(
    chunk: Chunk, decoder: msgspec.json.Decoder[Any], table: Table, keys: Mapping[str, str]
) -> Batch:
    line = pl.Series("line", chunk.numbers, dtype=pl.Int64)
    show = _hide_secrets(table, keys)
    fast = _parse_fast(chunk, keys)
    if fast is not None:
        frame = fast.insert_column(0, line)
        return Batch(frame, lambda p: show(chunk.text_at(p)), chunk.rejects, Counter(chunk.notes))
    lines = chunk.lines["text"].to_list()
    rejects = list(chunk.rejects)
    rows, good = _read_carefully(lines, decoder, chunk, rejects, show)
    data = [line.gather(good)]
    nested: dict[int, str] = {}
    for i, column in enumerate(keys):
        values = [getattr(row, f"f{i}") for row in rows]
        is_set = table[column].kind is Kind.WORDS
        data.append(_make_text(values, column, nested, is_set=is_set).alias(column))
    frame = pl.DataFrame(data)
    for position, column in nested.items():
        at = good[position]
        rejects.append(Reject(int(chunk.numbers[at]), f"{column} is not one plain value", show(lines[at])))
    kept = [position for position in range(len(rows)) if position not in nested]
    good = [good[position] for position in kept]
    return Batch(frame[kept], lambda p: show(lines[good[p]]), rejects, Counter(chunk.notes))


def _parse_fast(chunk: Chunk, keys: Mapping[str, str]) -> pl.DataFrame | None:
    """The same by Polars; None where it would fail, or read something in another way."""
    n_lines = len(chunk.starts)
    if not n_lines or len(set(keys.values())) < len(keys):
        return None
    start, end = int(chunk.starts[0]), int(chunk.ends[-1])
    block = bytes(memoryview(chunk.data)[start:end])
    if b"\\ud" in block or b"\\uD" in block or _count_openings(block, chunk, start) > _MAX_DEPTH:
        return None
    try:
        frame = pl.read_ndjson(block, schema=dict.fromkeys(keys.values(), pl.String))
    except pl.exceptions.PolarsError:
        return None
    nested = frame.select(pl.all().str.contains(r"^[\[{]").any()).row(0)
    if frame.height != n_lines or any(nested):
        return None
    frame.columns = list(keys)
    return frame


def _count_openings(block: bytes, chunk: Chunk, start: int) -> int:
    """Most brackets opened in one line: a bound of how deeply anything is nested."""
    data = np.frombuffer(block, np.uint8)
    at = np.flatnonzero((data == ord("[")) | (data == ord("{"))) + start
    if not len(at):
        return 0
    return int(np.bincount(np.searchsorted(chunk.ends, at)).max())


def _read_carefully(
    lines: list[str],
    decoder: msgspec.json.Decoder[Any],
    chunk: Chunk,
    rejects: list[Reject],
    show: Callable[[str], str],
) -> tuple[list[Any], list[int]]:
    rows: list[Any] = []
    good: list[int] = []
    for i, line in enumerate(lines):
        try:
            rows.append(decoder.decode(line))
            good.append(i)
        except _BROKEN as error:
            rejects.append(Reject(int(chunk.numbers[i]), _explain(error), show(line)))
    return rows, good


def _explain(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "JSON is nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return "is no JSON object"
    return f"is no JSON: {' '.join(str(error).split())[:200]}"


def _make_text(values: list[Any], column: str, nested: dict[int, str], *, is_set: bool) -> pl.Series:
    try:
        return pl.Series(values, dtype=pl.String, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        pass
    texts: list[str | None] = []
    for position, value in enumerate(values):
        if is_set and isinstance(value, list):
            texts.append("|".join(str(v) for v in value))
        elif isinstance(value, dict | list):
            nested.setdefault(position, column)
            texts.append(None)
        else:
            texts.append(show_value(value))
    return pl.Series(texts, dtype=pl.String)


def show_value(value: object) -> str | None:
    """A JSON value as text: true and false as words, numbers in their shortest form."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return hex(value)[:64]  # Python takes quadratic time to write a long number in decimal
    return repr(value)


def _hide_secrets(table: Table, keys: Mapping[str, str]) -> Callable[[str], str]:
    """What shows a line without the values of secret keys; in logins, accounts are secret too."""
    secret = {k for c, k in keys.items() if table[c].secret or (table.name, c) == ("logins", "account")}
    if not secret:
        return lambda line: line[:_RAW]
    names = "|".join(re.escape(key) for key in sorted(secret))
    pattern = re.compile(rf'("(?:{names})"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}}\]\s]+)', re.IGNORECASE)
    return lambda line: pattern.sub(r'\1"[removed]"', line[:_RAW])
