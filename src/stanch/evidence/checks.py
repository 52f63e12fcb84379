"""What every cell has to mean, checked in one place for every format.

A row without a readable value in a required column (or in one of a choice of columns) is rejected
with its reason. An optional cell that cannot be read counts as unknown, and the file's notes say
how many there were: one odd cell must not cost a whole complaint.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from stanch.evidence.addresses import parse_addresses
from stanch.evidence.amounts import parse_amounts
from stanch.evidence.tables import Column, Kind, Table
from stanch.evidence.times import FIRST_YEAR, LAST_YEAR, parse_times
from stanch.evidence.words import parse_word_sets, parse_words

#: Longer names and texts are cut: nothing that a person or a shop writes is as long.
MAX_NAME: Final = 512
MAX_TEXT: Final = 100_000
#: Required columns that may be empty: a web server's log seldom has the account, and a guest
#: orders without one.
MAY_BE_EMPTY: Final = frozenset({"account"})
_DAY_US: Final = 86_400_000_000
#: Kinds of columns whose cells are text as people or programs wrote it.
_TYPED: Final = (Kind.NAME, Kind.TEXT)

_WRONG: Final = {
    Kind.TIME: f"is no time between {FIRST_YEAR} and {LAST_YEAR}, written as 2024-03-31 10:00"
    " or in Unix seconds",
    Kind.ADDRESS: "is no IP address",
    Kind.AMOUNT: "is no amount",
}


@dataclass(slots=True)
class Checked:
    """One batch after the checks."""

    #: `line` and the stored columns that were given; only rows that are kept.
    frame: pl.DataFrame
    #: Position of each kept row in the batch that was checked.
    kept: pl.Series
    #: Position in the batch and reason, one entry per rejected row.
    rejects: list[tuple[int, str]]
    #: What happened to cells, and how often.
    notes: Counter[str] = field(default_factory=Counter)
    unknown_words: set[str] = field(default_factory=set)


def check_rows(table: Table, batch: pl.DataFrame, zone: str) -> Checked:
    """Check `batch`: `line` and columns of `table` under their own names, of any type.

    Columns that the table does not have are dropped.
    """
    checker = _Checker(table, batch, zone)
    given = [column for column in table.columns if column.name in batch.columns]
    checker.clean([column for column in given if column.kind in _TYPED])
    for column in given:
        checker.read(column)
    checker.check_choice()
    checker.name_anonymous()
    checker.check_order_of_times()
    return checker.finish()


class _Checker:
    """Gathers parsed columns and reasons of one batch."""

    def __init__(self, table: Table, batch: pl.DataFrame, zone: str) -> None:
        self.table = table
        self.batch = batch
        self.zone = zone
        self.stored: dict[str, pl.Series] = {}
        self.dates: dict[str, pl.Series | None] = {}
        self.notes: Counter[str] = Counter()
        self.unknown_words: set[str] = set()
        self.reasons: list[tuple[pl.Series, str]] = []
        self.texts: dict[str, pl.Series] = {}

    def clean(self, columns: list[Column]) -> None:
        """Trim and bound all names and texts together: for few rows each call of polars has its price."""
        if not columns:
            return
        texts = pl.DataFrame([_write(self.batch[c.name]) for c in columns])
        names = [c.name for c in columns if c.kind is Kind.NAME]
        texts = texts.with_columns(pl.col(names).str.strip_chars())
        paths = [c.name for c in columns if c.name in {"path", "channel"}]
        texts = texts.with_columns([_hide_credentials(texts[name]) for name in paths])
        longest = texts.select(pl.all().str.len_bytes().max()).row(0)
        has_nul = texts.select(pl.all().str.contains("\0", literal=True).any()).row(0)
        for column, length, nul in zip(columns, longest, has_nul, strict=True):
            text = texts[column.name]
            if (length or 0) > (MAX_NAME if column.kind is Kind.NAME else MAX_TEXT):
                text = self._cut(column, text)
            if nul:
                text = text.str.replace_all("\0", "\ufffd", literal=True)
            if column.name in {"currency", "country"}:
                text = text.str.to_uppercase()
            self.texts[column.name] = text.set(text.eq(""), None)

    def read(self, column: Column) -> None:
        cells = self.batch[column.name]
        if cells.dtype.is_float():
            cells = cells.fill_nan(None)
        parsed = self._parse(column, cells)
        self.stored[column.stored_name] = parsed.alias(column.stored_name)
        if column.kind in {Kind.NAME, Kind.TEXT, Kind.WORDS}:
            if column.required and column.name not in MAY_BE_EMPTY and column.name != "actor":
                self._reject(parsed.is_null(), f"{column.name} is empty")
            return
        if parsed.null_count() == 0:
            return
        empty = _is_empty(cells)
        wrong = parsed.is_null() & ~empty
        why = _WRONG.get(column.kind) or f"is none of {' '.join(column.words)}"
        if column.required:
            self._reject(empty, f"{column.name} is empty")
            self._reject(wrong, f"{column.name} {why}")
        else:
            self._note(f"{column.name} {why} and counts as unknown", wrong)

    def check_choice(self) -> None:
        """At least one column of the table's `one_of` has to be given."""
        if self.table.one_of:
            given = [self.stored[name].is_not_null() for name in self.table.one_of if name in self.stored]
            none = ~given[0] if given else self._all_rows()
            for mask in given[1:]:
                none = none & ~mask
            self._reject(none, f"none of {' '.join(self.table.one_of)} is given")

    def name_anonymous(self) -> None:
        """An open endpoint has no actor: it is named after its channel."""
        if self.table.name != "accesses" or "actor" not in self.stored:
            return
        actor = self.stored["actor"]
        nobody = actor.is_null()
        if not nobody.any():
            return
        open_door = nobody & self.stored["actor_kind"].eq("anonymous").fill_null(value=False)
        self._reject(nobody & ~open_door, "actor is empty")
        if "channel" in self.stored:
            actor = actor.zip_with(~open_door, self.stored["channel"])
        self.stored["actor"] = actor.fill_null("anonymous").alias("actor")
        self._note("actor is empty where nobody signed in; named after the channel", open_door)

    def check_order_of_times(self) -> None:
        """Nobody is called after having complained of the call."""
        received, contacted = self.stored.get("received_us"), self.stored.get("contacted_us")
        if received is None or contacted is None:
            return
        limit = received
        dates = self.dates.get("received")
        if dates is not None:
            limit = received + dates.cast(pl.Int64) * _DAY_US
        late = (contacted > limit).fill_null(value=False)
        if late.any():
            self.stored["contacted_us"] = contacted.set(late, None)
            self._note("contacted is after received and counts as unknown", late)

    def finish(self) -> Checked:
        """The rows that are kept, and one reason for each that is not."""
        frame = pl.DataFrame([self.batch["line"], *self.stored.values()])
        positions = pl.int_range(0, len(frame), dtype=pl.UInt32, eager=True)
        rejects: dict[int, str] = {}
        for mask, reason in self.reasons:
            for position in mask.arg_true().to_list():
                rejects.setdefault(position, reason)
        if rejects:
            bad = pl.Series(list(rejects), dtype=pl.UInt32)
            keep = ~positions.is_in(bad.implode())
            frame, positions = frame.filter(keep), positions.filter(keep)
        return Checked(frame, positions, sorted(rejects.items()), self.notes, self.unknown_words)

    def _parse(self, column: Column, cells: pl.Series) -> pl.Series:
        if column.kind is Kind.TIME:
            times = parse_times(cells, self.zone)
            self.dates[column.name] = times.is_date
            self.notes[f"{column.name} without an offset, read in zone {self.zone}"] += times.n_without_offset
            for unit, n in times.units.items():
                self.notes[f"{column.name} in Unix {unit}"] += n
            return times.us
        if column.kind is Kind.ADDRESS:
            return parse_addresses(cells)
        if column.kind is Kind.AMOUNT:
            return parse_amounts(cells)
        if column.kind is Kind.WORD:
            return parse_words(cells, column)
        if column.kind is Kind.WORDS:
            parsed, unknown = parse_word_sets(cells, column)
            self.unknown_words |= {f"{column.name}: {word}" for word in unknown}
            return parsed
        return self.texts[column.name]

    def _cut(self, column: Column, text: pl.Series) -> pl.Series:
        limit = MAX_NAME if column.kind is Kind.NAME else MAX_TEXT
        long = (text.str.len_chars() > limit).fill_null(value=False)
        self._note(f"{column.name} is longer than {limit} characters and was cut", long)
        return text.str.slice(0, limit)

    def _reject(self, mask: pl.Series, reason: str) -> None:
        if mask.any():
            self.reasons.append((mask, reason))

    def _note(self, note: str, mask: pl.Series) -> None:
        if n := int(mask.sum()):
            self.notes[note] += n

    def _all_rows(self) -> pl.Series:
        return pl.repeat(value=True, n=len(self.batch), dtype=pl.Boolean, eager=True)


def _write(cells: pl.Series) -> pl.Series:
    """Cells as text; whole numbers without a fraction: programs make decimals of them as soon as one is
    missing."""
    if not cells.dtype.is_float():
        return cells.cast(pl.String)
    cells = cells.fill_nan(None)
    whole = (cells == cells.round(0)) & (cells.abs() < 2**53)
    return cells.cast(pl.String).zip_with(
        ~whole.fill_null(value=False), cells.set(~whole, None).cast(pl.Int64).cast(pl.String)
    )


def _hide_credentials(paths: pl.Series) -> pl.Series:
    """Paths and URLs without query, fragment and user information (RFC 3986): they may hold passwords."""
    if not paths.str.contains_any(["?", "#", "@"]).any():
        return paths
    return paths.str.replace(r"^([^\s?#]*/[^\s?#]*)[?#].*$", "$1").str.replace(r"://[^/]*@", "://")


def _is_empty(cells: pl.Series) -> pl.Series:
    if cells.dtype == pl.String:
        return cells.is_null() | cells.str.strip_chars().eq("").fill_null(value=False)
    return cells.is_null()
