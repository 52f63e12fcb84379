"""Framing: a stream of bytes becomes chunks of whole, numbered lines of valid UTF-8.

Whatever the file holds - CRLF, a byte order mark, NUL bytes, bytes that are not UTF-8, a line of a
gigabyte, no line end at all - memory stays bounded and line numbers stay true to the file. A JSON
array is framed too: each of its elements becomes one line, numbered by its place in the array.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec
import numpy as np
import polars as pl

from stanch.errors import EvidenceError
from stanch.readers.contract import Chunk, Reject

#: Bytes read at a time: large enough to make calls rare, small enough to stay near the cores.
CHUNK_BYTES: Final = 4 << 20
#: A longer line is rejected; no log format that is read here comes near.
MAX_LINE_BYTES: Final = 1 << 20
#: Behind the last line, so that eight bytes can be read from any position in it.
PADDING: Final = b"\n" * 16
#: A JSON array is decoded as a whole, so it is bounded.
MAX_ARRAY_BYTES: Final = 1 << 30
SAMPLE_BYTES: Final = 1 << 18
_RAW_CHARACTERS: Final = 500

_BOM: Final = b"\xef\xbb\xbf"
_ARRAY_START: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[\s*[\[{\]]")

NOTE_NUL: Final = "NUL bytes (left by a crash or a disk that was full) were removed before reading."
NOTE_UTF8: Final = "Some lines were not valid UTF-8; the bytes in question were replaced by U+FFFD."


def iterate_lines(stream: BinaryIO, chunk_bytes: int = CHUNK_BYTES) -> Iterator[pl.DataFrame]:
    """Frames of `line` (Int64, 1-based) and `text` (String, no line end); blank lines left out.

    Lines over `MAX_LINE_BYTES` are left out; `iterate_chunks` tells of them.
    """
    for chunk in iterate_chunks(stream, chunk_bytes):
        yield chunk.lines


def iterate_chunks(stream: BinaryIO, chunk_bytes: int = CHUNK_BYTES) -> Iterator[Chunk]:
    """Chunks of whole lines, in order. `stream` is uncompressed and in UTF-8 or a superset of ASCII.

    Raises:
        EvidenceError: a JSON array of more than `MAX_ARRAY_BYTES`.
    """
    head = _read_up_to(stream, max(chunk_bytes // 4, 64))
    if _ARRAY_START.match(head):
        yield frame_array(head + _read_up_to(stream, MAX_ARRAY_BYTES + 1))
        return
    yield from _frame_stream(_Replayed(head.removeprefix(_BOM), stream), chunk_bytes)


def sample_lines(stream: BinaryIO, n_bytes: int = SAMPLE_BYTES) -> tuple[list[str], BinaryIO]:
    """The first lines of a stream, and a stream that starts again before them.

    A line that the sample cuts off is left out, unless it is the only one.
    """
    head = _read_up_to(stream, n_bytes)
    again = io.BufferedReader(_Replayed(head, stream), CHUNK_BYTES)
    if _ARRAY_START.match(head):
        return _sample_array(head), again
    cut = head.rfind(b"\n") + 1 if len(head) >= n_bytes else len(head)
    sample = head[:cut] if cut else head
    return [text for frame in iterate_lines(io.BytesIO(sample)) for text in frame["text"]], again


@dataclass(slots=True)
class _Position:
    """How far framing has come: the number of the next line, and the part of it read so far."""

    next_number: int = 1
    carry: bytes = b""
    #: Inside a line that was already rejected for its length.
    skipping: bool = False


def _frame_stream(stream: io.RawIOBase, chunk_bytes: int) -> Iterator[Chunk]:
    position = _Position()
    at_end = False
    while not at_end:
        data, n_filled = _fill(stream, position.carry, chunk_bytes)
        at_end = n_filled < len(data) - len(PADDING)
        rejects: list[Reject] = []
        start = 0
        if position.skipping:
            start = data.find(b"\n", 0, n_filled) + 1
            position.skipping = start == 0
            if position.skipping:
                position.carry = b""
                continue
        end = n_filled if at_end else data.rfind(b"\n", start, n_filled) + 1
        end = max(end, start)
        position.carry = bytes(memoryview(data)[end:n_filled])
        chunk = _frame(data, start, end, position, rejects)
        if not at_end and len(position.carry) > MAX_LINE_BYTES:
            rejects.append(_reject_long(position.next_number, position.carry))
            position.next_number += 1
            position.carry, position.skipping = b"", True
        if len(chunk.numbers) or rejects:
            yield chunk


def _fill(stream: io.RawIOBase, carry: bytes, chunk_bytes: int) -> tuple[bytearray, int]:
    """A buffer that begins with `carry` and goes on with the stream, and how much of it is filled."""
    data = bytearray(len(carry) + chunk_bytes + len(PADDING))
    data[: len(carry)] = carry
    n_filled = len(carry)
    room = memoryview(data)[: len(data) - len(PADDING)]
    while n_filled < len(room):
        n_read = stream.readinto(room[n_filled:])
        if not n_read:
            break
        n_filled += n_read
    return data, n_filled


def _frame(data: bytearray, start: int, end: int, position: _Position, rejects: list[Reject]) -> Chunk:
    """The lines of `data[start:end]`; advances the line number."""
    data, start, end, notes = _clean(data, start, end)
    view = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(view[start:end] == 10) + start
    ends = newlines if end == start or view[end - 1] == 10 else np.append(newlines, end)
    starts = np.empty_like(ends)
    starts[:1] = start
    starts[1:] = ends[:-1] + 1
    numbers = np.arange(position.next_number, position.next_number + len(ends))
    position.next_number += len(ends)
    ends = ends - ((ends > starts) & (view[ends - 1] == 13)) if len(ends) else ends
    kept = ends > starts
    if (kept & (view[starts] <= 32)).any():  # an indented line may hold nothing but blanks
        n_ink = np.concatenate(([0], np.cumsum(view[start:end] > 32)))
        kept &= n_ink[ends - start] > n_ink[starts - start]
    long = (ends - starts) > MAX_LINE_BYTES
    for index in np.flatnonzero(long):
        rejects.append(_reject_long(int(numbers[index]), bytes(data[starts[index] : starts[index] + 2_000])))
    kept &= ~long
    if not kept.all():
        starts, ends, numbers = starts[kept], ends[kept], numbers[kept]
    return Chunk(data, starts, ends, numbers, rejects, notes)


def _clean(data: bytearray, start: int, end: int) -> tuple[bytearray, int, int, frozenset[str]]:
    """`data[start:end]` without NUL and in valid UTF-8, something behind it."""
    notes = []
    if data.find(0, start, end) >= 0:
        notes.append(NOTE_NUL)
        data = data[start:end].replace(b"\0", b"")
        start, end = 0, len(data)
        data += PADDING
    if not data.isascii():
        try:
            memoryview(data)[start:end].tobytes().decode("utf-8")
        except UnicodeDecodeError:
            notes.append(NOTE_UTF8)
            data = bytearray(data[start:end].decode("utf-8", "replace").encode())
            start, end = 0, len(data)
            data += PADDING
    return data, start, end, frozenset(notes)


def _reject_long(number: int, raw: bytes) -> Reject:
    shown = raw[: 4 * _RAW_CHARACTERS].decode("utf-8", "replace")[:_RAW_CHARACTERS]
    return Reject(number, f"the line is longer than {MAX_LINE_BYTES:,} bytes", shown)


def frame_array(data: bytes) -> Chunk:
    """One line per element of a JSON array; where it breaks off, the rest is one reject.

    Raises:
        EvidenceError: the array is longer than `MAX_ARRAY_BYTES`.
    """
    if len(data) > MAX_ARRAY_BYTES:
        raise EvidenceError(
            f"a JSON array of more than {MAX_ARRAY_BYTES >> 20} MiB cannot be read as a whole",
            hint="write one object a line: jq -c '.[]'",
        )
    text = data.decode("utf-8", "replace").removeprefix("\ufeff").replace("\0", "")
    rejects: list[Reject] = []
    try:
        elements = [bytes(raw) for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, RecursionError):
        elements, rest = _salvage_array(text)
        rejects.append(Reject(len(elements) + 1, "the JSON array breaks off here", rest[:_RAW_CHARACTERS]))
    # A line end cannot stand inside a JSON string, so between tokens it may become a blank.
    lines = [element.replace(b"\n", b" ").replace(b"\r", b" ") for element in elements]
    lengths = np.fromiter((len(line) for line in lines), np.int64, len(lines))
    ends = np.cumsum(lengths + 1) - 1
    return Chunk(
        bytearray(b"\n".join(lines) + PADDING),
        ends - lengths,
        ends,
        np.arange(1, len(lines) + 1),
        rejects,
        frozenset(),
    )


def _salvage_array(text: str) -> tuple[list[bytes], str]:
    """The elements before the place where an array breaks off, and the text from there."""
    decoder = json.JSONDecoder()
    gap = re.compile(r"[\s,]*")
    at = text.index("[") + 1
    elements: list[bytes] = []
    while True:
        at = gap.match(text, at).end()  # type: ignore[union-attr]
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return elements, text[at:]
        elements.append(text[at:end].encode())
        at = end


def _sample_array(head: bytes) -> list[str]:
    elements, _ = _salvage_array(head.decode("utf-8", "replace").removeprefix("\ufeff"))
    return [element.decode().replace("\n", " ") for element in elements]


class _Replayed(io.RawIOBase):
    """Bytes already read, then the rest of the stream that they came from."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if len(self._head):
            n = min(len(self._head), len(buffer))
            buffer[:n] = self._head[:n]
            self._head = self._head[n:]
            return n
        if isinstance(self._rest, io.RawIOBase | io.BufferedIOBase):
            return self._rest.readinto(buffer) or 0
        data = self._rest.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _read_up_to(stream: BinaryIO, n_bytes: int) -> bytes:
    """Up to `n_bytes`, fewer only at the end of the stream."""
    parts: list[bytes] = []
    n_left = n_bytes
    while n_left > 0 and (part := stream.read(min(n_left, CHUNK_BYTES))):
        parts.append(part)
        n_left -= len(part)
    return b"".join(parts)
