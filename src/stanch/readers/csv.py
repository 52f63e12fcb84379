"""CSV files (RFC 4180): any of `, ; tab |` between fields, header row, any order of columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl

from stanch.errors import EvidenceError
from stanch.readers.batches import Batch
from stanch.readers.contract import Reject
from stanch.readers.encodings import Utf8Stream
from stanch.readers.header import Matched
from stanch.readers.records import MAX_RECORD, Records, find_records, split_record

DELIMITERS: Final = (",", ";", "\t", "|")
_BLOCK: Final = 16 << 20
_RAW: Final = 1_000
_REMOVED: Final = "[removed]"
#: Cells that are surely no name and no secret: times, addresses, outcomes.
_PLAIN: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]{4,6})?)?|(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
    r"|(?=(?:[^:]*:){2})[0-9a-fA-F:.]+|success|failure|unknown_account|challenged|denied|unknown"
)
_BLANK: Final = re.compile(rb"[\r\n]*")


def split_header(head: bytes, delimiter: str) -> tuple[list[str], int]:
    """The fields of the first line that is not blank, and how many bytes it takes up to its end.

    Raises:
        EvidenceError: no line ends within `head`.
    """
    text = head.replace(b"\r", b"\n") if b"\n" not in head else head
    blank = _BLANK.match(text)
    start = blank.end() if blank else 0
    if b"\n" not in text[start:]:
        raise EvidenceError("the first line is too long to be a header")
    fields, stop = split_record(text[start:], ord(delimiter))
    return [field.decode("utf-8", "replace").strip() for field in fields], start + stop


def guess_delimiter(head: bytes) -> str:
    """The delimiter that cuts the first line into most fields, `,` where none does."""
    return max(DELIMITERS, key=lambda d: (len(split_header(head, d)[0]), -DELIMITERS.index(d)))


def read_csv(stream: Utf8Stream, delimiter: str, matched: Matched) -> Iterator[Batch]:
    """Read rows; the header was read before."""
    n_rows = 0
    carry = b""
    skipping = False
    while True:
        more = stream.read_fully(_BLOCK)
        is_last = not more
        block = _close_block(carry + more, is_last=is_last)
        if skipping:
            # The line was rejected when it grew too long; what is left of it is no data.
            cut = block.find(b"\n")
            block, skipping = (block[cut + 1 :], False) if cut >= 0 else (b"", True)
        batch, n_rows, stop = _read_block(block, delimiter, matched, n_rows, is_last=is_last)
        yield batch
        carry = block[stop:]
        if len(carry) > MAX_RECORD and b"\n" not in carry:
            n_rows += 1
            raw = _keep_plain(carry[:_RAW].decode("utf-8", "replace"), delimiter, matched)
            yield _reject_only(matched, Reject(n_rows, f"the row is longer than {MAX_RECORD:,} bytes", raw))
            carry, skipping = b"", True
        if is_last:
            return


def _close_block(block: bytes, *, is_last: bool) -> bytes:
    if b"\r" in block and b"\n" not in block:
        # Line ends of old Macintosh programs; a return at the very end may be half of a pair.
        block = block.replace(b"\r", b"\n")
    return block + b"\n" if is_last and block and not block.endswith(b"\n") else block


def _read_block(
    block: bytes, delimiter: str, matched: Matched, n_rows: int, *, is_last: bool
) -> tuple[Batch, int, int]:
    records = find_records(block, ord(delimiter), matched.n_columns, is_last=is_last)
    lines = np.arange(n_rows + 1, n_rows + 1 + len(records.starts), dtype=np.int64)
    right = records.n_fields == matched.n_columns
    rejects = [
        Reject(
            int(lines[i]),
            _describe(int(records.n_fields[i]), matched),
            _keep_plain(_decode(block, records, i), delimiter, matched),
        )
        for i in np.flatnonzero(~right).tolist()
    ]
    good = np.flatnonzero(right)
    frame = _parse(block, records, good, delimiter, matched)
    frame = frame.insert_column(0, pl.Series("line", lines[good]))

    def raw(position: int) -> str:
        return _show_masked(block, records, int(good[position]), delimiter, matched)

    return Batch(frame, raw, rejects), n_rows + len(records.starts), records.stop


def _parse(
    block: bytes, records: Records, good: np.typing.NDArray[np.int64], delimiter: str, matched: Matched
) -> pl.DataFrame:
    """The wanted columns of the good records, all as text."""
    names = {position: column for column, position in matched.positions.items()}
    if not len(good):
        return pl.DataFrame(schema=dict.fromkeys(matched.positions, pl.String))
    if not records.walked:
        frame = _parse_fast(_cut(block, records, good), len(good), delimiter, matched)
        if frame is not None:
            return frame
    rows = [_fields(block, records, int(i), ord(delimiter)) for i in good]
    return pl.DataFrame(
        {
            column: [row[position].decode("utf-8", "replace") for row in rows]
            for position, column in names.items()
        },
        schema=dict.fromkeys((names[p] for p in names), pl.String),
    )


def _cut(block: bytes, records: Records, good: np.typing.NDArray[np.int64]) -> bytes:
    """The bytes of the good records; the block itself where nothing else is in it."""
    if len(good) == len(records.starts) and len(good):
        gaps = records.starts[1:] - records.ends[:-1]
        if (gaps <= 2).all() and records.starts[0] == 0:
            return block[: records.stop]
    return b"".join(block[records.starts[i] : records.ends[i]] + b"\n" for i in good)


def _parse_fast(part: bytes, n_rows: int, delimiter: str, matched: Matched) -> pl.DataFrame | None:
    """The same by Polars; None where it counts rows or fields in another way."""
    positions = sorted(matched.positions.values())
    try:
        frame = pl.read_csv(
            part,
            has_header=False,
            separator=delimiter,
            columns=positions,
            infer_schema=False,
            new_columns=None,
        )
    except pl.exceptions.PolarsError:
        return None
    if frame.height != n_rows or frame.width != len(positions):
        return None
    names = {position: column for column, position in matched.positions.items()}
    frame.columns = [names[position] for position in positions]
    return frame


def _fields(block: bytes, records: Records, i: int, delimiter: int) -> list[bytes]:
    start = int(records.starts[i])
    if start in records.walked:
        return records.walked[start]
    return split_record(block[start : int(records.ends[i])] + b"\n", delimiter)[0]


def _describe(n_fields: int, matched: Matched) -> str:
    if n_fields == 0:
        return "a quoted field is not closed, or goes on behind its closing quote"
    return f"{n_fields} fields where the header has {matched.n_columns}"


def _keep_plain(row: str, delimiter: str, matched: Matched) -> str:
    """A row of the wrong shape; where one of its cells may be a secret, only what surely is none."""
    if not matched.secret_positions:
        return row
    fields = row.split(delimiter)
    return delimiter.join(f if not f or _PLAIN.fullmatch(f.strip(' "')) else _REMOVED for f in fields)


def _show_masked(block: bytes, records: Records, i: int, delimiter: str, matched: Matched) -> str:
    if not matched.secret_positions:
        return _decode(block, records, i)
    fields: Sequence[str] = [f.decode("utf-8", "replace") for f in _fields(block, records, i, ord(delimiter))]
    hidden = set(matched.secret_positions)
    outcome, account = matched.positions.get("outcome"), matched.positions.get("account")
    if outcome is not None and account is not None and fields[outcome].strip().casefold() == "success":
        hidden.discard(account)  # an account of the shop, not a password typed in its place
    return delimiter.join(
        _REMOVED if position in hidden and field else field for position, field in enumerate(fields)
    )


def _decode(block: bytes, records: Records, i: int) -> str:
    start = int(records.starts[i])
    return block[start : min(int(records.ends[i]), start + 4 * _RAW)].decode("utf-8", "replace")


def _reject_only(matched: Matched, reject: Reject) -> Batch:
    schema = {"line": pl.Int64} | dict.fromkeys(matched.positions, pl.String)
    return Batch(pl.DataFrame(schema=schema), lambda _: "", [reject])
