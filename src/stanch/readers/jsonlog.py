"""What the JSON formats share: one object a line, values found by dotted names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from stanch.readers.contract import NO_ROWS, Chunk, Parsed, ReadContext, Reject

Record = Mapping[str, Any]

_SHOWN_CHARACTERS: Final = 500


class UnreadableError(Exception):
    """A record of the format that lacks what a row needs; the text is the reason."""


def look(record: Record, *names: str) -> Any:
    """The first value found under one of `names`, None if there is none.

    `source.ip` is found as `{"source": {"ip": …}}`, `{"source.ip": …}` and mixtures of both; of an
    array the first element is taken. Empty texts, and `-`, with which web servers mean nothing,
    count as none.
    """
    for name in names:
        found = _descend(record, name)
        if found is not None and found not in ("", "-"):
            return found
    return None


def _descend(record: Any, name: str) -> Any:
    if isinstance(record, list):
        record = record[0] if record else None
    if not isinstance(record, Mapping):
        return None
    if name in record:
        value = record[name]
        return (value[0] if value else None) if isinstance(value, list) else value
    at = name.find(".")
    while at >= 0:
        if name[:at] in record and (found := _descend(record[name[:at]], name[at + 1 :])) is not None:
            return found
        at = name.find(".", at + 1)
    return None


def look_all(record: Record, name: str) -> list[Any]:
    """Like `look`, with every element where the value is an array."""
    head, dot, rest = name.partition(".")
    if name in record:
        value = record[name]
        return value if isinstance(value, list) else [value]
    inner = record.get(head)
    return look_all(inner, rest) if dot and isinstance(inner, Mapping) else []


def as_text(value: Any) -> str | None:
    """A scalar as text; objects, truth values and nothing as None."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Without an exponent: 1.7e9 is a time.
        return f"{value:f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return None


def decode_record(text: str | bytes) -> Record | None:
    """The JSON object in `text`, None if it is none."""
    try:
        record = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


class JsonReader:
    """Base of formats with one JSON object a line; a subclass says which fits and how it is read."""

    name: str
    reference: str
    tables = frozenset({"logins"})
    columns: Sequence[str] = (
        *("time", "ip", "account", "outcome"),
        *("user_agent", "device", "session", "country", "asn", "path"),
    )

    def __init__(self, context: ReadContext) -> None:
        self.settings = context.settings

    def fits(self, record: Record) -> bool:
        """Whether a record is of this format, whatever it is about."""
        raise NotImplementedError

    def read(self, record: Record) -> dict[str, Any] | None:
        """A row, values as they stand; None if the record is about something else.

        Raises:
            UnreadableError: a login without the values that a row needs.
        """
        raise NotImplementedError

    def decode(self, text: str) -> Record | None:
        """The record in a line, None if it holds none."""
        return decode_record(text) if text.lstrip()[:1] == "{" else None

    def recognise(self, sample: Sequence[str]) -> float:
        """Share of the sample that decodes and fits."""
        lines = [line for line in sample if line.strip()]
        records = [self.decode(line) for line in lines]
        return sum(record is not None and self.fits(record) for record in records) / max(len(lines), 1)

    def parse(self, table: str, chunk: Chunk) -> Parsed:
        """Rows as text."""
        rows: list[dict[str, Any]] = []
        numbers: list[int] = []
        rejects: list[Reject] = []
        for index, number in enumerate(chunk.numbers.tolist()):
            text = chunk.text_at(index)
            record = self.decode(text)
            if record is None:
                rejects.append(Reject(number, "not a JSON object", text[:_SHOWN_CHARACTERS]))
                continue
            try:
                row = self.read(record) if self.fits(record) else None
            except UnreadableError as error:
                rejects.append(Reject(number, str(error), text[:_SHOWN_CHARACTERS]))
                continue
            if row is not None:
                rows.append(row)
                numbers.append(number)
        frame = self.make_frame(numbers, rows)
        return Parsed(frame, rejects, len(chunk.numbers) - len(rejects) - len(rows))

    def make_frame(self, numbers: list[int], rows: list[dict[str, Any]]) -> pl.DataFrame:
        """Rows as columns of text beside their line numbers."""
        series = [pl.Series("line", numbers, dtype=pl.Int64)]
        for column in self.columns:
            texts = [as_text(row.get(column)) for row in rows]
            series.append(pl.Series(column, texts, dtype=pl.String))
        return pl.DataFrame(series)

    def settle(self, table: str, parsed: Parsed) -> Parsed:
        """Nothing is held back."""
        return parsed

    def finish(self, table: str) -> Parsed:
        """Nothing is left."""
        return Parsed(NO_ROWS)
