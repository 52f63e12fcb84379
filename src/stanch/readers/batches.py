"""What every reader hands on: rows under the names of the evidence, and what it could not read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from stanch.readers.contract import Reject


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of one file."""

    #: `line` (Int64, 1-based data row) and columns of the evidence table, of any type.
    frame: pl.DataFrame
    #: The row at a position of `frame` as it stood in the file, for the log of rejects.
    raw: Callable[[int], str]
    rejects: Sequence[Reject] = ()
    notes: Counter[str] = field(default_factory=Counter)
    #: Rows that were understood and are about something else than the table.
    n_other: int = 0


def show_row(frame: pl.DataFrame, position: int) -> str:
    """A row of a format that has no lines of text, as JSON; sessions and accounts of logins are left out."""
    hidden = ("account",) if "outcome" in frame.columns else ()
    row = frame.drop("line", "session", *hidden, strict=False).row(position, named=True)
    return json.dumps(
        {name: cell for name, cell in row.items() if cell is not None}, ensure_ascii=False, default=str
    )
