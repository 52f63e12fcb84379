"""Measurements kept as JSON lines, so that a long run can be stopped and continued."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parents[1]

Record = dict[str, Any]


def find_version(deciding: Sequence[str]) -> str:
    """Twelve hexadecimal digits that stand for the code in files of these patterns."""
    files = {path for pattern in deciding for path in HERE.glob(pattern) if path.suffix in (".py", ".sql")}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(str(path.relative_to(HERE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


class ResultFile:
    """One record a line, each under the version and the setup that it was measured with."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Record]:
        """All records in order of writing; a line cut short by a kill is left out."""
        return list(self._read_whole_lines()) if self.path.exists() else []

    def _read_whole_lines(self) -> Iterator[Record]:
        with self.path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    continue

    def has(self, version: str, setup: Mapping[str, Any]) -> set[tuple[str, int]]:
        """Families and seeds that are measured already."""
        wanted = {"version": version, **setup}
        return {
            (record["family"], record["seed"])
            for record in self.read()
            if all(record.get(name) == value for name, value in wanted.items())
        }

    def append(self, version: str, setup: Mapping[str, Any], record: Record) -> None:
        """Write one record as one line, at once."""
        line = json.dumps({"version": version, **setup, **record}, allow_nan=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut = self.path.exists() and self.path.stat().st_size and not _ends_a_line(self.path)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(("\n" if cut else "") + line + "\n")


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
