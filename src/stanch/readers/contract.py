"""What a reader of one format is: lines in, rows of evidence as they stand out.

A log reader recognises its format in a sample, and turns chunks of lines into frames whose
columns bear the names of the evidence table, plus `line`. What the cells mean - times, addresses,
words - is checked in one place for all formats (`stanch.evidence.checks`). A reader tells three
kinds of lines apart: events of the table asked for, lines of its format that are about something
else (counted, not rejected), and lines that it cannot read (rejected with a reason).

Cells are text as it stood in the line, except `time`, which may also be typed:
`Datetime("us", "UTC")` is final, `Datetime("us")` without a zone is the log's local time and is
read in `--zone`. An empty account is null.

One reader object reads one file: `parse` may be called from several threads, so it keeps no
state; `settle` and `finish` are called in the order of the file, and hold what needs memory
(which status means success here, which connection a line belongs to). `stanch.readers.logs`
drives all three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from stanch.readers.settings import ReaderSettings
from stanch.readers.text import make_strings

#: The frame of an answer without rows.
NO_ROWS: Final = pl.DataFrame(schema={"line": pl.Int64})


@dataclass(frozen=True, slots=True)
class Reject:
    """One line that could not be read."""

    line: int
    reason: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one chunk of lines held."""

    #: Columns of the evidence table that the format knows, plus `line` (Int64).
    frame: pl.DataFrame
    rejects: Sequence[Reject] = ()
    #: Lines of the format that are about something else.
    n_other: int = 0
    #: What a reader of the report must know, one plain sentence each; repeated ones count once.
    notes: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a file, as bytes of valid UTF-8 without NUL, and a few bytes of padding."""

    data: bytearray
    #: Where each non-blank line starts and ends (line end excluded) in `data`.
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    #: 1-based number of each of these lines in the file.
    numbers: npt.NDArray[np.int64]
    #: Lines refused before any format saw them: longer than the bound.
    rejects: Sequence[Reject] = ()
    notes: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def lines(self) -> pl.DataFrame:
        """The lines as `line` (Int64) and `text` (String), sharing this chunk's memory."""
        text = make_strings(self.data, self.starts, self.ends)
        return pl.DataFrame({"line": pl.Series(self.numbers), "text": text})

    def text_at(self, index: int) -> str:
        """One line."""
        return self.data[self.starts[index] : self.ends[index]].decode("utf-8")


@dataclass(frozen=True, slots=True)
class ReadContext:
    """What a reader may know beside the lines."""

    settings: ReaderSettings = field(default_factory=ReaderSettings)
    #: The latest moment that the file can speak of, its last change or now: gives the year to
    #: time stamps without one. None: the year cannot be told, such stamps are rejected.
    reference: datetime | None = None


class LogReader(Protocol):
    """One log format, reading one file."""

    #: Name as given to `--log-format`.
    name: str
    #: Address of the format's own documentation.
    reference: str
    #: Evidence tables that this format can fill: `logins`, and for web logs `accesses`.
    tables: frozenset[str]

    def recognise(self, sample: Sequence[str]) -> float:
        """Share (0-1) of the non-empty sample lines that are of this format."""
        ...

    def parse(self, table: str, chunk: Chunk) -> Parsed:
        """Read a chunk; the frame may hold working columns that `settle` takes out."""
        ...

    def settle(self, table: str, parsed: Parsed) -> Parsed:
        """Called in file order with each answer of `parse`; may hold rows back."""
        ...

    def finish(self, table: str) -> Parsed:
        """Rows held back, after the last chunk."""
        ...
