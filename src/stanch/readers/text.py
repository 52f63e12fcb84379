"""Columns of strings that share a chunk's memory instead of copying it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

#: A string this short lies inside its view; a longer one is a length, its first four bytes, the
#: number of the buffer and the offset in it (Arrow columnar format, "Variable-size Binary View
#: Layout": https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout).
_INLINE_BYTES: Final = 12

#: What is kept of the first four bytes and of the eight behind them, by length of the string.
_HEAD_MASKS: Final = np.array([(1 << 8 * min(n, 4)) - 1 for n in range(_INLINE_BYTES + 1)], dtype="<u4")
_TAIL_MASKS: Final = np.array([(1 << 8 * max(n - 4, 0)) - 1 for n in range(_INLINE_BYTES + 1)], dtype="<u8")

Positions = npt.NDArray[np.int64]


def make_strings(data: bytearray, starts: Positions, ends: Positions) -> pl.Series:
    """The pieces `data[starts[i]:ends[i]]` as a String series without a copy.

    `data` must be valid UTF-8 and the pieces must begin and end between characters.
    """
    n = len(starts)
    if n == 0:
        return pl.Series("", [], dtype=pl.String)
    lengths = ends - starts
    short = lengths <= _INLINE_BYTES
    masks = np.minimum(lengths, _INLINE_BYTES)
    head = gather_words(data, "<u4")[starts] & _HEAD_MASKS[masks]
    views = np.empty((n, 2), dtype="<u8")
    views[:, 0] = lengths.view("<u8") | (head.astype("<u8") << np.uint64(32))
    views[:, 1] = starts.view("<u8") << np.uint64(32)
    if short.any():
        tail = gather_words(data, "<u8")[starts + 4] & _TAIL_MASKS[masks]
        views[:, 1] = np.where(short, tail, views[:, 1])
    array = pa.Array.from_buffers(pa.string_view(), n, [None, pa.py_buffer(views), pa.py_buffer(data)])
    series: pl.Series = pl.from_arrow(array)  # type: ignore[assignment]
    return series


def gather_words(data: bytearray, dtype: str) -> npt.NDArray[Any]:
    """A view of `data` whose item i is the little-endian integer that starts at byte i.

    The view ends before the end of `data` by the width of an item; chunks carry padding for it.
    """
    width = np.dtype(dtype).itemsize
    return np.ndarray((max(len(data) - width + 1, 0),), dtype=dtype, buffer=data, strides=(1,))


@dataclass(frozen=True)
class Pieces:
    """Pieces of a chunk: `data[starts[i]:ends[i]]`, one per row."""

    data: bytearray
    starts: Positions
    ends: Positions

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def strings(self) -> pl.Series:
        """The pieces as strings, sharing the chunk's memory."""
        return make_strings(self.data, self.starts, self.ends)

    def take(self, rows: Positions) -> Pieces:
        """Some of the pieces."""
        return Pieces(self.data, self.starts[rows], self.ends[rows])

    def find_equal(self, value: bytes) -> npt.NDArray[np.bool_]:
        """Which pieces are `value`, compared eight bytes at a time."""
        equal: npt.NDArray[np.bool_] = self.ends - self.starts == len(value)
        padded = value + bytes(-len(value) % 8)
        words, last = gather_words(self.data, "<u8"), np.uint64(0xFFFFFFFFFFFFFFFF)
        for at in range(0, len(value), 8):
            kept = last >> np.uint64(8 * max(at + 8 - len(value), 0))
            wanted = np.uint64(int.from_bytes(padded[at : at + 8], "little"))
            # Past the end of a shorter piece lies something else, at the end of the chunk nothing.
            equal &= (words[np.minimum(self.starts + at, len(words) - 1)] & kept) == wanted
        return equal


def make_strings_of(words: tuple[str, ...], choice: npt.NDArray[np.int8]) -> pl.Series:
    """The column of `words[choice[i]]`; no word is longer than 12 bytes of UTF-8."""
    views = np.zeros((len(words), 16), dtype=np.uint8)
    for row, word in enumerate(words):
        encoded = word.encode()
        assert len(encoded) <= _INLINE_BYTES
        views[row, 0] = len(encoded)
        views[row, 4 : 4 + len(encoded)] = list(encoded)
    buffer = pa.py_buffer(views.view("<u8")[choice])
    series: pl.Series = pl.from_arrow(  # type: ignore[assignment]
        pa.Array.from_buffers(pa.string_view(), len(choice), [None, buffer])
    )
    return series


def own_memory(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with strings of its own, so that it no longer keeps its chunk's memory in use."""
    kinds = frame.schema.items()
    copies = [
        pl.Series(name, frame[name].to_arrow(compat_level=pl.CompatLevel.oldest()), dtype=pl.String)
        for name, kind in kinds
        if kind == pl.String
    ]
    return frame.with_columns(copies)
