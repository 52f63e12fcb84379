"""Where the parts of access log lines of the usual shape lie, by arithmetic over whole columns.

    peer [10/Oct/2023:13:55:36 -0700] "request" 200 123 "referrer" "user agent" more

The first quotation mark of a line is preceded by a time stamp of fixed width, so nothing has to be
searched but quotation marks. A line is usual if all landmarks are in place and none of its
quotation marks is escaped; every other line is left to a regular expression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from stanch.readers.contract import Chunk
from stanch.readers.text import Pieces, gather_words, make_strings

STAMP: Final = "%d/%b/%Y:%H:%M:%S %z"
#: Length of `10/Oct/2023:13:55:36 -0700`.
_STAMP_BYTES: Final = 26

#: Stands for a time that could not be read, before any that can be.
_NO_TIME: Final = -(1 << 61)

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Where the parts of the usual lines lie in a chunk: arrays of one length."""

    lines: Places  # index into the chunk's lines
    stamps: Places  # first byte of the time stamp
    request_starts: Places
    request_ends: Places
    status: npt.NDArray[np.int16]
    agent_starts: Places  # equal to agent_ends where there is none
    agent_ends: Places

    def take(self, chosen: Places) -> Shapes:
        """Some of the lines."""
        return Shapes(*(getattr(self, name)[chosen] for name in self.__slots__))


def find_shapes(chunk: Chunk) -> tuple[Shapes, Places]:
    """The lines of the usual shape, and the indices of the others."""
    n = len(chunk.starts)
    view = np.frombuffer(chunk.data, np.uint8)
    begin, end = (int(chunk.starts[0]), int(chunk.ends[-1])) if n else (0, 0)
    quotes = np.flatnonzero(view[begin:end] == ord('"')) + begin
    first, count = _assign_quotes(quotes, chunk)
    lines = np.flatnonzero(count >= 2)
    if not len(lines):
        none = np.zeros(0, np.int64)
        return Shapes(none, none, none, none, none.astype(np.int16), none, none), np.arange(n)
    if len(lines) < n:
        first, count = first[lines], count[lines]
    opening, closing = quotes[first], quotes[first + 1]
    two, four = gather_words(chunk.data, "<u2"), gather_words(chunk.data, "<u4")
    stamps = opening - _STAMP_BYTES - 2
    good = stamps >= chunk.starts[lines] + 4
    stamps = np.maximum(stamps, 1)
    good &= two[opening - 2] == int.from_bytes(b"] ", "little")
    good &= view[stamps - 1] == ord("[")
    status, status_good = _read_status(four[closing + 1])
    good &= status_good & (view[closing + 5] == ord(" "))
    agent_starts, agent_ends, agents_good = _find_agents(quotes, first, count)
    good &= agents_good
    escaped = view[quotes - 1] == ord("\\")
    if escaped.any():
        good &= ~np.isin(lines, np.searchsorted(chunk.starts, quotes[escaped], side="right") - 1)
    shapes = Shapes(lines, stamps, opening + 1, closing, status, agent_starts, agent_ends)
    if len(lines) == n and good.all():
        return shapes, np.zeros(0, np.int64)
    usual = shapes.take(np.flatnonzero(good))
    others = np.ones(n, np.bool_)
    others[usual.lines] = False
    return usual, np.flatnonzero(others)


def _assign_quotes(quotes: Places, chunk: Chunk) -> tuple[Places, Places]:
    """Index of the first quotation mark of each line, and how many it has."""
    n = len(chunk.starts)
    per_line, rest = divmod(len(quotes), max(n, 1))
    if per_line and not rest:
        grid = quotes.reshape(n, per_line)
        if (grid[:, 0] >= chunk.starts).all() and (grid[:, -1] < chunk.ends).all():
            return np.arange(0, len(quotes), per_line), np.full(n, per_line)
    first = np.searchsorted(quotes, chunk.starts)
    return first, np.searchsorted(quotes, chunk.ends) - first


def _read_status(words: npt.NDArray[np.uint32]) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.bool_]]:
    """Status codes out of the four bytes ` 404`, and whether they are one."""
    digits = words ^ np.uint32(int.from_bytes(b" 000", "little"))
    good = _are_digits(digits)
    status = (digits >> 8 & 0xF) * 100 + (digits >> 16 & 0xF) * 10 + (digits >> 24)
    return np.where(good, status, 0).astype(np.int16), good & (digits & 0xFF == 0)


def _are_digits(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Whether every byte of each word is 0 to 9 (all bytes at once: adding 6 carries beyond 9)."""
    kind = values.dtype.type
    width = 8 * values.dtype.itemsize
    six, high = (kind(sum(n << at for at in range(0, width, 8))) for n in (0x06, 0xF0))
    good: npt.NDArray[np.bool_] = ((values | (values + six)) & high) == 0
    return good


def _find_agents(
    quotes: Places, first: Places, count: Places
) -> tuple[Places, Places, npt.NDArray[np.bool_]]:
    """Where the third quoted part begins and ends; whether that is known to be so.

    The second and the third are the referrer and the user agent, one blank apart.
    """
    last = len(quotes) - 1
    fourth = quotes[np.minimum(first + 3, last)]
    fifth = quotes[np.minimum(first + 4, last)]
    sixth = quotes[np.minimum(first + 5, last)]
    there = count >= 6
    good = np.where(there, fifth == fourth + 2, (count == 2) | (count == 3))
    starts = np.where(there, fifth + 1, 0)
    return starts, np.where(there, sixth, 0), good


def choose_requests(chunk: Chunk, shapes: Shapes, methods: Sequence[str]) -> tuple[Shapes, Pieces]:
    """The lines whose method is one of `methods`, and their targets (path with query)."""
    eight = gather_words(chunk.data, "<u8")[shapes.request_starts]
    chosen = np.zeros(len(eight), np.bool_)
    skipped = np.zeros(len(eight), np.int64)
    for method in methods:
        word = f"{method} ".encode()[:8]
        mask = np.uint64((1 << 8 * len(word)) - 1)
        found = (eight & mask) == np.uint64(int.from_bytes(word, "little"))
        chosen |= found
        skipped[found] = len(method) + 1
    places = np.flatnonzero(chosen)
    part = shapes.take(places) if len(places) < len(chosen) else shapes
    starts = part.request_starts + skipped[places]
    ends = np.maximum(_cut_protocol(chunk.data, part.request_ends), starts)
    return part, Pieces(chunk.data, starts, ends)


def _cut_protocol(data: bytearray, ends: Places) -> Places:
    """Ends of targets, before ` HTTP/1.1` or ` HTTP/2` (RFC 9112 section 2.3)."""
    view, four = np.frombuffer(data, np.uint8), gather_words(data, "<u4")
    http = int.from_bytes(b"HTTP", "little")
    long = (four[ends - 8] == http) & (view[ends - 9] == ord(" "))
    if long.all():
        return ends - 9
    short = (four[ends - 6] == http) & (view[ends - 7] == ord(" "))
    return ends - np.where(long, 9, np.where(short, 7, 0))


def read_stamps(data: bytearray, stamps: Places) -> pl.Series:
    """Time stamps as Datetime (microseconds, UTC); null where it is none.

    Day and offset are read once for each run of lines that share them, the time of day by
    arithmetic.
    """
    if not len(stamps):
        return pl.Series([], dtype=pl.Datetime("us", "UTC"))
    eight, four, two = (gather_words(data, kind) for kind in ("<u8", "<u4", "<u2"))
    changed = np.ones(len(stamps), np.bool_)
    changed[1:] = False
    for words in (eight[stamps], four[stamps + 8], four[stamps + 20], two[stamps + 24]):
        changed[1:] |= words[1:] != words[:-1]
    seconds, good = _read_clock(eight[stamps + 12])
    heads = np.flatnonzero(changed)
    read = make_strings(data, stamps[heads], stamps[heads] + _STAMP_BYTES).str.to_datetime(
        STAMP, time_unit="us", strict=False
    )
    starts = (
        read.dt.epoch("us").fill_null(_NO_TIME).to_numpy()
        - np.where(good[heads], seconds[heads], 0) * 1_000_000
    )
    # A day whose first line has an impossible time is not known from that line.
    if not good[heads].all():
        return make_strings(data, stamps, stamps + _STAMP_BYTES).str.to_datetime(
            STAMP, time_unit="us", strict=False
        )
    us = starts[np.cumsum(changed) - 1] + seconds * 1_000_000
    times = pl.Series(us).cast(pl.Datetime("us", "UTC"))
    missing = ~good | (us < _NO_TIME // 2)
    return times.set(pl.Series(missing), None) if missing.any() else times


def _read_clock(words: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Seconds since midnight out of the eight bytes `13:55:36`, and whether they are a time."""
    digits = words ^ np.uint64(int.from_bytes(b"00:00:00", "little"))
    low = np.uint64(0xF)

    def pair(at: int) -> npt.NDArray[np.uint64]:
        return (digits >> np.uint64(at) & low) * np.uint64(10) + (digits >> np.uint64(at + 8) & low)

    hours, minutes, seconds = pair(0), pair(24), pair(48)
    colons = np.uint64(0xFF0000FF0000)
    good = _are_digits(digits) & (digits & colons == 0) & (hours < 24) & (minutes < 60) & (seconds < 60)
    return (hours * 3600 + minutes * 60 + seconds).astype(np.int64), good
