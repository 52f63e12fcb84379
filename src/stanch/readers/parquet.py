"""Parquet files, a batch of rows at a time, only the columns that are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from stanch.errors import EvidenceError
from stanch.evidence.tables import Kind, Table
from stanch.readers.batches import Batch, show_row
from stanch.readers.header import Matched, match_columns

_BATCH_ROWS: Final = 250_000
#: What damaged files raise; a name that is no UTF-8 is a ValueError.
_BROKEN: Final = (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError)


def read_parquet(
    path: Path, table: Table, renames: Mapping[str, str], file: str, *, show_names: bool
) -> tuple[Matched, Iterator[Batch]]:
    """The columns found, and the rows.

    Raises:
        EvidenceError: no Parquet file, a required column is missing or of a nested type; also
            while iterating, where the file is damaged further on.
    """
    try:
        parquet = pq.ParquetFile(path, pre_buffer=False)
        names = parquet.schema_arrow.names
    except _BROKEN as error:
        raise EvidenceError(f"cannot be read as Parquet: {_one_line(error)}", file=file) from error
    matched = match_columns(table, names, renames, file, show_names=show_names)
    kept: dict[str, str] = {}
    for column, position in matched.positions.items():
        kind = parquet.schema_arrow.field(position).type
        if pa.types.is_nested(kind) and not (table[column].kind is Kind.WORDS and pa.types.is_list(kind)):
            if table[column].required:
                raise EvidenceError(f"column {names[position]} holds {kind}, not plain values", file=file)
            matched.notes.append(f"column {column} holds {kind} and was not read")
        elif column not in kept:
            kept[column] = names[position]
    return matched, _iterate(parquet, kept, file)


def _iterate(parquet: pq.ParquetFile, kept: Mapping[str, str], file: str) -> Iterator[Batch]:
    n_rows = 0
    batches = parquet.iter_batches(batch_size=_BATCH_ROWS, columns=list(kept.values()))
    while True:
        try:
            record_batch = next(batches, None)
            if record_batch is None:
                return
            frame = _convert(record_batch, kept, n_rows)
        except _BROKEN as error:
            raise EvidenceError(f"is damaged behind row {n_rows:,}: {_one_line(error)}", file=file) from error
        n_rows += len(frame)
        yield Batch(frame, partial(show_row, frame))


def _convert(record_batch: pa.RecordBatch, kept: Mapping[str, str], n_before: int) -> pl.DataFrame:
    line = pl.int_range(n_before + 1, n_before + 1 + len(record_batch), dtype=pl.Int64, eager=True)
    columns = [line.alias("line")]
    for ours, theirs in kept.items():
        cells = pl.from_arrow(_make_valid(record_batch.column(theirs)))
        assert isinstance(cells, pl.Series)
        columns.append(_simplify(cells).alias(ours))
    return pl.DataFrame(columns)


def _make_valid(cells: pa.Array) -> pa.Array:
    """Text that is UTF-8: files may hold anything, and nobody behind this looks again."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.dictionary_decode()
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return cells
    try:
        cells.validate(full=True)
    except pa.ArrowInvalid:
        raw = cells.cast(pa.large_binary()).to_pylist()
        return pa.array([None if cell is None else cell.decode("utf-8", "replace") for cell in raw])
    return cells


def _simplify(cells: pl.Series) -> pl.Series:
    """Types that the checks know: text, numbers, dates and times."""
    kind = cells.dtype
    if isinstance(kind, pl.List | pl.Array):
        texts = cells.cast(pl.List(pl.String), strict=False)
        return texts.list.join("|", ignore_nulls=True)
    if kind == pl.Binary:
        return pl.Series(
            [None if b is None else b.decode("utf-8", "replace") for b in cells], dtype=pl.String
        )
    if kind in {pl.Boolean, pl.Null, pl.Time, pl.Duration}:
        return cells.cast(pl.String, strict=False)
    return cells


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
