"""The table of complaints in a JSON Lines file: a report is in it once, however often it is imported."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from stanch.errors import UsageError
from stanch.intake.sources import replace_file

Row = dict[str, Any]


class Store:
    """Rows by their number, in the order in which they first came.

    Raises:
        UsageError: the file is there and is no such table.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
        self.n_new = self.n_changed = self.n_same = 0
        if path.suffix != ".jsonl":
            raise UsageError(f"--out {path} is no .jsonl file", hint="name it complaints.jsonl")
        try:
            lines = path.read_bytes().split(b"\n") if path.exists() else []
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", file=str(path)) from error
        for number, line in enumerate(lines, start=1):
            if line.strip():
                self._load(line, number)

    def add(self, rows: Iterable[Row]) -> None:
        """Take in `rows`: a number that is known replaces what was there if it says something else."""
        for row in rows:
            known = self.rows.get(row["complaint"])
            if known is None:
                self.n_new += 1
            elif known == row:
                self.n_same += 1
            else:
                self.n_changed += 1
            self.rows[row["complaint"]] = row

    def save(self) -> None:
        """Replace the file, if anything is new.

        Raises:
            UsageError: it cannot be written.
        """
        if not (self.n_new or self.n_changed) and self.path.exists():
            return
        try:
            replace_file(self.path, b"".join(msgspec.json.encode(row) + b"\n" for row in self.rows.values()))
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", file=str(self.path)) from error

    def _load(self, line: bytes, number: int) -> None:
        try:
            row = msgspec.json.decode(line, type=Row)
            self.rows[str(row["complaint"])] = row
        except (msgspec.MsgspecError, KeyError, RecursionError) as error:
            raise UsageError(
                "is no table of complaints", file=str(self.path), line=number, hint="name another file"
            ) from error
