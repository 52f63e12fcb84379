"""CSV bytes -> records (RFC 4180), so that one broken row costs one row.

A quoted field may hold delimiters, line ends and doubled quotes. Two paths give the same answer:
arrays over a whole block, and a walk from record to record that starts where the arrays find a
quote out of place, a multi-line record with the wrong number of fields, or an open quote that goes
on for too long. The walk rejects the first line of such a record and goes on with the next line.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

#: A record longer than this is no record but a quote that was never closed.
MAX_RECORD: Final = 4 << 20
_NEWLINE: Final = 10
_RETURN: Final = 13
_QUOTE: Final = 34
_BLANK: Final = 32

Positions = npt.NDArray[np.int64]


@dataclass(slots=True)
class Records:
    """Byte ranges of the records of one block, in order, blank lines left out."""

    starts: Positions
    #: End of each record without its line end.
    ends: Positions
    #: Number of fields; 0 where the record cannot be read at all.
    n_fields: Positions
    #: First byte that no record here covers.
    stop: int
    #: Fields of records that the walk read, by start; the others are regular.
    walked: dict[int, list[bytes]] = field(default_factory=dict)


def find_records(block: bytes, delimiter: int, n_columns: int, *, is_last: bool) -> Records:
    """Frame the whole records of `block`; with `is_last` the block ends in a line end."""
    regular, irregular_at = _scan(block, delimiter, n_columns)
    tail_is_long = len(block) - regular.stop > MAX_RECORD
    if irregular_at is None and not (regular.stop < len(block) and (is_last or tail_is_long)):
        return regular
    walked = _walk(block, regular.stop, delimiter, n_columns, is_last=is_last)
    return _join(regular, walked)


def _scan(block: bytes, delimiter: int, n_columns: int) -> tuple[Records, int | None]:
    """All records up to the first irregular one; its start, or None if there is none."""
    data = np.frombuffer(block, np.uint8)
    has_quotes = b'"' in block
    found = (data == delimiter) | (data == _NEWLINE)
    if has_quotes:
        found |= data == _QUOTE
    at = np.flatnonzero(found)
    irregular = len(block)
    if has_quotes:
        is_quote = data[at] == _QUOTE
        inside = np.cumsum(is_quote, dtype=np.int64) & 1
        irregular = _find_stray_quote(data, at[is_quote], inside[is_quote], delimiter)
        at = at[(inside == 0) & ~is_quote]
    newline_at = np.flatnonzero(data[at] == _NEWLINE)
    ends = at[newline_at]
    starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
    n_fields = np.diff(newline_at, prepend=-1)
    if has_quotes:
        irregular = min(irregular, _find_torn_record(data, starts, ends, n_fields != n_columns))
    n_whole = int(np.searchsorted(ends, irregular)) if irregular < len(block) else len(ends)
    stop = int(ends[n_whole - 1]) + 1 if n_whole else 0
    records = _drop_blank(data, starts[:n_whole], ends[:n_whole], n_fields[:n_whole], stop)
    return records, (irregular if irregular < len(block) else None)


def _find_stray_quote(data: npt.NDArray[np.uint8], at: Positions, inside: Positions, delimiter: int) -> int:
    """Position of the first quote that neither opens nor closes a field nor is doubled."""
    before = np.where(at > 0, data[np.maximum(at - 1, 0)], _NEWLINE)
    after = np.where(at + 1 < len(data), data[np.minimum(at + 1, len(data) - 1)], _NEWLINE)
    later = np.where(at + 2 < len(data), data[np.minimum(at + 2, len(data) - 1)], _NEWLINE)
    opens = (before == delimiter) | (before == _NEWLINE) | (before == _QUOTE)
    closes = (after == delimiter) | (after == _NEWLINE) | (after == _QUOTE)
    closes |= (after == _RETURN) & (later == _NEWLINE)
    stray = np.flatnonzero(~np.where(inside == 1, opens, closes))
    return int(at[stray[0]]) if len(stray) else len(data)


def _find_torn_record(
    data: npt.NDArray[np.uint8], starts: Positions, ends: Positions, wrong: npt.NDArray[np.bool_]
) -> int:
    """Start of the first record over several lines that has the wrong number of fields."""
    for i in np.flatnonzero(wrong):
        if (data[starts[i] : ends[i]] == _NEWLINE).any():
            return int(starts[i])
    return len(data)


def _drop_blank(
    data: npt.NDArray[np.uint8], starts: Positions, ends: Positions, n_fields: Positions, stop: int
) -> Records:
    ends = ends.copy()
    if len(ends):
        has_return = (ends > starts) & (data[np.maximum(ends - 1, 0)] == _RETURN)
        ends -= has_return
    keep = ends > starts
    if len(ends) and (keep & (data[starts] <= _BLANK)).any():  # a line of blanks is one as well
        n_ink = np.concatenate(([0], np.cumsum(data > _BLANK)))
        keep &= (n_fields > 1) | (n_ink[ends] > n_ink[starts])
    if keep.all():
        return Records(starts, ends, n_fields, stop)
    return Records(starts[keep], ends[keep], n_fields[keep], stop)


def split_record(text: bytes, delimiter: int) -> tuple[list[bytes], int]:
    """The fields of the first record of `text` and the position behind its line end.

    There are no fields where a quote is out of place. `text` holds a line end.
    """
    line_end = text.index(b"\n")
    fields, end = _read_record(text, 0, line_end, bytes([delimiter]))
    return (fields, end + 1) if end is not None else ([], line_end + 1)


def _walk(block: bytes, position: int, delimiter: int, n_columns: int, *, is_last: bool) -> Records:
    """Frame record by record from `position`, which begins a line."""
    starts: list[int] = []
    ends: list[int] = []
    counts: list[int] = []
    walked: dict[int, list[bytes]] = {}
    mark = bytes([delimiter])
    while position < len(block):
        line_end = block.find(b"\n", position)
        if line_end < 0:
            break
        fields, end = _read_record(block, position, line_end, mark)
        if end is None and not is_last and len(block) - position <= MAX_RECORD:
            break  # the rest of the record comes with the next block
        if end is None or (end != line_end and len(fields) != n_columns):
            fields, end = [], line_end
        text_end = end - 1 if block[end - 1 : end] == b"\r" and end > position else end
        if len(fields) > 1 or max(block[position:text_end], default=0) > _BLANK:
            starts.append(position)
            ends.append(text_end)
            counts.append(len(fields))
            walked[position] = fields
        position = end + 1
    return Records(
        np.array(starts, np.int64), np.array(ends, np.int64), np.array(counts, np.int64), position, walked
    )


def _read_record(block: bytes, position: int, line_end: int, mark: bytes) -> tuple[list[bytes], int | None]:
    """The fields of the record at `position` and the position of its line end.

    The fields are empty where a quoted field goes on behind its closing quote; the end is None
    where a quote is not closed within this block and `MAX_RECORD`.
    """
    fields: list[bytes] = []
    while True:
        if block[position : position + 1] != b'"':
            stop = block.find(mark, position, line_end)
            if stop < 0:
                fields.append(block[position:line_end].removesuffix(b"\r"))
                return fields, line_end
            fields.append(block[position:stop])
            position = stop + 1
            continue
        close = _find_close(block, position)
        if close is None:
            return [], None
        fields.append(block[position + 1 : close].replace(b'""', b'"'))
        if close >= line_end:
            line_end = block.find(b"\n", close)
        rest = block[close + 1 : close + 3]
        if rest[:1] == mark:
            position = close + 2
        elif rest[:1] == b"\n" or rest == b"\r\n":
            return fields, line_end
        elif rest in {b"", b"\r"}:  # whether the field ends here is in the next block
            return [], None
        else:
            return [], line_end


def _find_close(block: bytes, position: int) -> int | None:
    limit = position + MAX_RECORD
    close = block.find(b'"', position + 1, limit)
    while close >= 0 and block[close + 1 : close + 2] == b'"':
        close = block.find(b'"', close + 2, limit)
    return close if close >= 0 else None


def _join(first: Records, then: Records) -> Records:
    return Records(
        np.concatenate((first.starts, then.starts)),
        np.concatenate((first.ends, then.ends)),
        np.concatenate((first.n_fields, then.n_fields)),
        then.stop,
        then.walked,
    )
