"""Files that Stanch wrote, named by the user: rows, messages and drafts in them are erased.

Tables lose rows; a message to the person goes as a whole; any other text loses the person's names. What
cannot be changed without breaking it (a signed bundle, an archive) is left, and told.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from stanch.errors import UsageError
from stanch.evidence.erasing import Erasing
from stanch.intake.sources import replace_file

_TEXTS: Final = (".html", ".json", ".txt", ".md", ".toml")
#: Keyed hashes alone; keeps a customer from being warned twice.
_KEPT: Final = ("warned.jsonl",)


@dataclass(frozen=True, slots=True)
class Files:
    """What lies at the paths that were named."""

    paths: tuple[Path, ...]
    #: What holds evidence and cannot be changed.
    left: tuple[Path, ...]


def find_files(named: Sequence[Path]) -> Files:
    """Every file at `named`, folders with all that is below them.

    Raises:
        UsageError: a path does not exist.
    """
    found: list[Path] = []
    left: list[Path] = []
    for path in named:
        if not path.exists():
            raise UsageError(f"--also {path}: there is no such file or folder")
        sealed = {seal.parent for seal in path.rglob("manifest.sig")} if path.is_dir() else set()
        left += sorted(sealed)
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in inside:
            if not file.is_file() or file.is_symlink() or sealed & set(file.parents) or file.name in _KEPT:
                continue
            readable = file.suffix in (".jsonl", ".csv", ".parquet", ".eml", *_TEXTS)
            (found if readable else left).append(file)
    return Files(tuple(dict.fromkeys(found)), tuple(left))


def learn_from_files(paths: Sequence[Path], erasing: Erasing) -> None:
    """Gather the names that rows to be erased add, until none does."""
    while sum(erasing.learn(row) for path in paths for row in _read_rows(path)):
        pass


def erase_in_files(paths: Sequence[Path], erasing: Erasing, *, write: bool) -> Counter[Path]:
    """Erase what is wanted; how many rows, messages or texts of each file. Without `write` none changes."""
    erased: Counter[Path] = Counter()
    for path in paths:
        if path.suffix in (".jsonl", ".csv"):
            erased[path] = _erase_rows(path, erasing, write=write)
        elif path.suffix == ".parquet":
            erased[path] = _erase_parquet(path, erasing, write=write)
        else:
            erased[path] = _erase_text(path, erasing, write=write)
    return +erased


def _read_rows(path: Path) -> Iterator[dict[str, Any]]:
    if path.suffix == ".jsonl":
        for line in path.read_bytes().splitlines():
            try:
                row = msgspec.json.decode(line) if line.strip() else None
            except (msgspec.DecodeError, RecursionError):
                continue
            if isinstance(row, dict):
                yield row
    elif path.suffix == ".csv":
        yield from csv.DictReader(io.StringIO(path.read_text("utf-8-sig", "replace"), newline=""))


def _erase_rows(path: Path, erasing: Erasing, *, write: bool) -> int:
    """Rows of a table; a line that is no row loses the person's names like any text."""
    if path.suffix == ".csv":
        reader = csv.DictReader(io.StringIO(path.read_text("utf-8-sig", "replace"), newline=""))
        rows = list(reader)
        kept = [erasing.clean(row) for row in rows if not erasing.wants(row)]
        n = len(rows) - len(kept) + sum(new not in rows for new in kept)
        if n and write:
            out = io.StringIO(newline="")
            writer = csv.DictWriter(out, reader.fieldnames or (), lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(kept)
            replace_file(path, out.getvalue().encode())
        return n
    lines = path.read_bytes().splitlines()
    new = [_erase_line(line, erasing) for line in lines]
    n = sum(line != given for line, given in zip(new, lines, strict=True))
    if n and write:
        replace_file(path, b"".join(line + b"\n" for line in new if line is not None))
    return n


def _erase_line(line: bytes, erasing: Erasing) -> bytes | None:
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return erasing.clean_text(line.decode("utf-8", "replace")).encode()
    if not isinstance(row, dict):
        return line
    if erasing.wants(row):
        return None
    cleaned = erasing.clean(row)
    return line if cleaned == row else msgspec.json.encode(cleaned)


def _erase_parquet(path: Path, erasing: Erasing, *, write: bool) -> int:
    frame = pl.read_parquet(path)
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    if erasing.subject is None or not texts:
        return 0
    kept = frame.filter(~pl.any_horizontal(pl.col(texts).is_in(list(erasing.names)).fill_null(value=False)))
    if kept.height < frame.height and write:
        out = io.BytesIO()
        notes = pl.read_parquet_metadata(path)
        kept.write_parquet(out, metadata={k: v for k, v in notes.items() if k != "ARROW:schema"})
        replace_file(path, out.getvalue())
    return frame.height - kept.height


def _erase_text(path: Path, erasing: Erasing, *, write: bool) -> int:
    """A draft loses names; a message to the person, and anything too old, goes as a whole."""
    text = path.read_text("utf-8", "surrogateescape")
    cleaned = erasing.clean_text(text)
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    goes = erasing.before is not None and written < erasing.before
    if goes or (path.suffix == ".eml" and cleaned != text):
        if write:
            path.unlink()
        return 1
    if cleaned != text and write:
        replace_file(path, cleaned.encode("utf-8", "surrogateescape"))
    return int(cleaned != text)
