"""How to add a log format: copy this file, say what the lines look like, and cite their source.

Reference: put the address of the format's own documentation here; it is also `reference` below.

    2024-03-01T12:00:00Z login user=alice from=203.0.113.7 result=ok

| line | row |
|---|---|
| `login … result=ok` | success |
| `login … result=bad` | failure |
| other verbs | about something else |

Then:

1. List the reader in `stanch.readers.detect.FORMATS`; detection and `--log-format` follow.
2. Put lines of your own making and the rows expected into `tests/readers/vectors/NAME/`.
3. Run `tests/readers`: the contract suite takes every listed reader through hostile input.

Formats with one JSON object a line start from `stanch.readers.jsonlog.JsonReader`, access logs of
web servers from `stanch.readers.weblog.WebReader`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from stanch.readers.contract import NO_ROWS, Chunk, Parsed, ReadContext, Reject

#: Expressions of Rust's regex crate (through polars): linear in the length of any line. Let what a
#: visitor can choose (here the user) match last, or match greedily up to what follows it.
LINE: Final = (
    r"^(?P<time>\S+) (?P<verb>[a-z]+)(?: user=(?P<account>.*) from=(?P<ip>\S+) result=(?P<result>[a-z]+))?$"
)
RESULTS: Final = {"ok": "success", "bad": "failure"}


class TemplateReader:
    """The smallest reader that keeps the contract."""

    name = "template"
    reference = "https://example.org/where-the-format-is-described"
    tables = frozenset({"logins"})

    def __init__(self, context: ReadContext) -> None:
        """Settings and the file's date are in `context`; this format needs neither."""

    def recognise(self, sample: Sequence[str]) -> float:
        """Share of the sample that is of this format."""
        lines = pl.Series([line for line in sample if line.strip()], dtype=pl.String)
        return float(lines.str.contains(LINE).sum()) / max(len(lines), 1)

    def parse(self, table: str, chunk: Chunk) -> Parsed:
        """Rows as text; what cells mean is checked later, for all formats alike."""
        lines = chunk.lines
        parts = pl.concat([lines, lines["text"].str.extract_groups(LINE).struct.unnest()], how="horizontal")
        unread = parts.filter(pl.col("verb").is_null())
        rejects = [
            Reject(line, "not a line of this format", text[:500])
            for line, text in unread.select("line", "text").rows()
        ]
        logins = parts.filter(pl.col("verb") == "login").select(
            "line",
            "time",
            "ip",
            "account",
            outcome=pl.col("result").replace_strict(RESULTS, default="unknown"),
        )
        return Parsed(logins, rejects, lines.height - logins.height - len(rejects))

    def settle(self, table: str, parsed: Parsed) -> Parsed:
        """Only formats in which the meaning of a line depends on others hold rows back here."""
        return parsed

    def finish(self, table: str) -> Parsed:
        """Nothing was held back."""
        return Parsed(NO_ROWS)
