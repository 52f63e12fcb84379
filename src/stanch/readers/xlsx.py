"""Excel workbooks (.xlsx): the first sheet that is the table, its first row with text as header."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import polars as pl
import python_calamine

from stanch.errors import EvidenceError
from stanch.evidence.tables import Kind, Table
from stanch.readers.batches import Batch
from stanch.readers.header import Matched, find_missing, match_columns
from stanch.readers.jsonl import show_value

#: A sheet holds at most 1,048,576 rows (Excel specifications and limits); what unpacks to more
#: than this was made to fill memory.
_MAX_UNPACKED: Final = 1 << 30
#: Excel counts days from here (ECMA-376 part 1, 18.17.4.1, with 1900 as its leap year).
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001
_DAYS: Final = (32_874, 73_051)  # 1990-01-01 to 2100-01-01


def read_xlsx(
    path: Path, table: Table, renames: Mapping[str, str], file: str, *, show_names: bool
) -> tuple[Matched | None, Iterator[Batch], str]:
    """The columns found (None: the workbook is empty), the rows, and what other sheets could be the table.

    Raises:
        EvidenceError: no workbook, a protected one, or no sheet has the required columns.
    """
    filled = _load_sheets(path, file)
    if not filled:
        return None, iter(()), ""
    fitting = [sheet for sheet in filled if not find_missing(table, _header(sheet[1]), renames)]
    name, rows = (fitting or filled)[0]
    matched = match_columns(table, _header(rows), renames, file, show_names=show_names)
    if n_more := len(filled) - 1:
        matched.notes.append(f"sheet {name!r} was read, {n_more} more {'was' if n_more == 1 else 'were'} not")
    unread = ""
    if len(fitting) > 1:
        others = ", ".join(repr(other) for other, _ in fitting[1:])
        unread = f"only sheet {name!r} was read; {others} could be {table.name} as well (save each as a file)"
    return matched, iter([_make_batch(rows[1:], table, matched)]), unread


def list_headers(path: Path, file: str) -> list[list[str]]:
    """The header of each sheet that is not empty.

    Raises:
        EvidenceError: no workbook, or a protected one.
    """
    return [_header(rows) for _, rows in _load_sheets(path, file)]


def _load_sheets(path: Path, file: str) -> list[tuple[str, list[list[Any]]]]:
    _check_size(path, file)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        sheets = [(name, _drop_blank(book.get_sheet_by_name(name).to_python())) for name in book.sheet_names]
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise EvidenceError(
            f"cannot be read as .xlsx: {' '.join(str(error).split())[:200]}", file=file
        ) from error
    return [(name, rows) for name, rows in sheets if rows]


def _check_size(path: Path, file: str) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            is_workbook = any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise EvidenceError(f"cannot be read as .xlsx: {error}", file=file) from error
    if not is_workbook:
        raise EvidenceError(
            "is a ZIP archive and no .xlsx workbook", file=file, hint="unpack it, or save the sheet as .xlsx"
        )
    if size > _MAX_UNPACKED:
        raise EvidenceError(
            f"unpacks to {size / 1e9:.1f} GB, more than a workbook can hold", file=file, hint="save it as CSV"
        )


def _drop_blank(rows: list[list[Any]]) -> list[list[Any]]:
    return [row for row in rows if any(cell not in ("", None) for cell in row)]


def _header(rows: list[list[Any]]) -> list[str]:
    return [_show_cell(cell, is_time=False) or "" for cell in rows[0]]


def _make_batch(rows: list[list[Any]], table: Table, matched: Matched) -> Batch:
    data: dict[str, pl.Series] = {"line": pl.Series(range(1, len(rows) + 1), dtype=pl.Int64)}
    for column, position in matched.positions.items():
        is_time = table[column].kind is Kind.TIME
        data[column] = pl.Series(
            [_show_cell(row[position], is_time=is_time) for row in rows], dtype=pl.String
        )
    frame = pl.DataFrame([series.alias(name) for name, series in data.items()])

    def raw(position: int) -> str:
        return ",".join(
            "" if p in matched.secret_positions else (_show_cell(cell, is_time=False) or "")
            for p, cell in enumerate(rows[position])
        )

    return Batch(frame, raw)


def _show_cell(cell: object, *, is_time: bool) -> str | None:
    if (
        is_time
        and isinstance(cell, int | float)
        and not isinstance(cell, bool)
        and _DAYS[0] <= cell < _DAYS[1]
    ):
        cell = _EPOCH + timedelta(days=cell)
    if isinstance(cell, datetime):
        # Days as binary fractions are off by some microseconds: Excel's own resolution is 1 ms.
        rounded = cell + timedelta(microseconds=500)
        return rounded.replace(microsecond=rounded.microsecond // 1000 * 1000).isoformat()
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**63:
        return str(int(cell))  # Excel has no other numbers, an order number is one too
    return show_value(cell)
