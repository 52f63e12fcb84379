"""What a file that was handed in seems to be, told from its beginning by the readers."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from msgspec import Struct

from stanch.errors import EvidenceError
from stanch.evidence.checks import check_rows
from stanch.evidence.tables import TABLES, Table
from stanch.readers import ReadRequest
from stanch.readers.files import Source
from stanch.readers.open import open_table

#: So many rejects are shown.
_MAX_SHOWN = 5


class RejectRow(Struct, frozen=True):
    """One row that could not be read; `line` None: the whole file."""

    line: int | None
    reason: str


class Seen(Struct, frozen=True):
    """The beginning of a file, read as one table."""

    #: Empty where it can be read as none.
    table: str
    format: str
    rows: int
    n_rejects: int
    rejects: tuple[RejectRow, ...]
    #: Tables that it could be read as.
    fits: tuple[str, ...]


def recognise(path: Path, request: ReadRequest) -> Seen:
    """What `path` is most likely: the table of which most rows can be read, the first of several."""
    found = [_read_start(path, table, request) for table in TABLES.values()]
    fits = [seen for seen in found if seen.rows]
    if not fits:
        # Where nothing fits, what comes closest says best why.
        return max(found, key=lambda seen: seen.n_rejects)
    best = max(fits, key=lambda seen: seen.rows / (seen.rows + seen.n_rejects))
    return Seen(
        best.table, best.format, best.rows, best.n_rejects, best.rejects, tuple(seen.table for seen in fits)
    )


def _read_start(path: Path, table: Table, request: ReadRequest) -> Seen:
    rejects: list[RejectRow] = []
    n_rows, form = 0, ""
    try:
        with Source(str(path)) as source:
            opened = open_table(source, table, request)
            form = opened.format
            for batch in islice(opened.batches, 1):
                checked = check_rows(table, batch.frame, request.zone)
                lines = batch.frame["line"]
                n_rows = checked.frame.height
                rejects += [RejectRow(r.line, r.reason) for r in batch.rejects]
                rejects += [RejectRow(int(lines[at]), reason) for at, reason in checked.rejects]
    except EvidenceError as error:
        # The hints are for the command line.
        rejects.append(RejectRow(error.line, error.message))
    rejects.sort(key=lambda r: r.line or 0)
    name = table.name if n_rows else ""
    return Seen(name, form, n_rows, len(rejects), tuple(rejects[:_MAX_SHOWN]), ())
