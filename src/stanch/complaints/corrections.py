"""What a person corrected in a reading: laid over it, and remembered for the next run.

A correction is one row: the complaint, and any of the reading's columns with the right value. Lists are JSON
lists, or words parted by `|`; a loss is `5000 CNY`; an empty cell of a CSV leaves the column alone,
`-` empties
it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from stanch.complaints.reading.identity import IDENTITIES
from stanch.complaints.reading.kinds import KINDS
from stanch.complaints.reading.story import ASKED, PRETEXTS
from stanch.errors import UsageError
from stanch.evidence.tables import FIELDS

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": KINDS,
    "claimed_identity": IDENTITIES,
    "pretexts": PRETEXTS,
    "asked": ASKED,
    "known_fields": FIELDS,
}
_LISTS: Final = ("pretexts", "asked", "known_fields", "scam_phones", "scam_urls", "losses")
COLUMNS: Final = ("kind", "claimed_identity", "contacted", *_LISTS)

Corrections = dict[str, dict[str, Any]]


def read_corrections(path: Path) -> Corrections:
    """Complaint -> column -> right value, from JSON Lines or CSV; a later row of a complaint wins.

    Raises:
        UsageError: the file cannot be read, or a row names an unknown column or word.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"corrections cannot be read: {error}", file=str(path)) from error
    found: Corrections = {}
    rows = _read_json(text, path) if text.lstrip().startswith("{") else _read_csv(text)
    for line, row in rows:
        complaint = row.pop("complaint", None)
        if not isinstance(complaint, str) or not complaint:
            raise UsageError("a correction names no complaint", file=str(path), line=line)
        for column, value in row.items():
            if column not in COLUMNS:
                raise UsageError(
                    f"there is no column {column!r} to correct",
                    file=str(path),
                    line=line,
                    hint=f"known: {' '.join(COLUMNS)}",
                )
            found.setdefault(complaint, {})[column] = _check(column, value, path, line)
    return found


def write_corrections(path: Path, corrections: Corrections) -> None:
    """Keep `corrections` as JSON Lines, one row a complaint."""
    lines = (
        json.dumps({"complaint": complaint, **values}, ensure_ascii=False)
        for complaint, values in corrections.items()
    )
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _read_json(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise UsageError("is no JSON object", file=str(path), line=number) from error
            if not isinstance(row, dict):
                raise UsageError("is no JSON object", file=str(path), line=number)
            yield number, row


def _read_csv(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, row in enumerate(csv.DictReader(text.splitlines()), start=2):
        values: dict[str, Any] = {k: v for k, v in row.items() if k and v}
        for column in _LISTS:
            if column in values:
                values[column] = [] if values[column] == "-" else values[column].split("|")
        yield number, {k: None if v == "-" else v for k, v in values.items()}


def _check(column: str, value: Any, path: Path, line: int) -> Any:
    words = value if column in _LISTS else [value]
    if not isinstance(words, list):
        raise UsageError(f"{column} is a list", file=str(path), line=line)
    if column == "losses":
        return [_read_loss(loss, path, line) for loss in words]
    known = WORDS.get(column)
    for word in words:
        if known is not None and word is not None and word not in known:
            raise UsageError(
                f"{column} cannot be {word!r}", file=str(path), line=line, hint=f"known: {' '.join(known)}"
            )
    return value


def _read_loss(loss: Any, path: Path, line: int) -> dict[str, Any]:
    """`5000 CNY`, or the object of `read.jsonl`."""
    if isinstance(loss, dict):
        return {"start": None, "end": None, **loss}
    amount, _, currency = str(loss).strip().partition(" ")
    try:
        return {"amount": float(amount), "currency": currency or "XXX", "start": None, "end": None}
    except ValueError as error:
        raise UsageError(f"{loss!r} is no loss", file=str(path), line=line, hint="write 5000 CNY") from error
