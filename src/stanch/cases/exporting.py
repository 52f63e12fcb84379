"""What the service took in, as files that an investigation reads."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa

from stanch.cases.segments import iterate_rows
from stanch.evidence.tables import TABLES


def export_tables(connection: sa.Connection, out: Path) -> dict[str, int]:
    """Write `TABLE.jsonl.zst` for each table into the folder `out`; how many rows each has.

    A table without rows has no file; one that lies there is removed.
    """
    return {table: _write_table(iterate_rows(connection, table), out / name_file(table)) for table in TABLES}


def name_file(table: str) -> str:
    """How the file of a table is called."""
    return f"{table}.jsonl.zst"


def _write_table(segments: Iterable[tuple[int, bytes]], path: Path) -> int:
    """Write one table, or remove its file if there is no row; returns the number of rows."""
    draft = path.with_suffix(".part")
    n_rows = 0
    # zstd frames one after another are one stream (RFC 8878, 3), so segments need not be unpacked.
    with open(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        for n, frame in segments:
            file.write(frame)
            n_rows += n
    if n_rows:
        draft.replace(path)
    else:
        draft.unlink()
        path.unlink(missing_ok=True)
    return n_rows
