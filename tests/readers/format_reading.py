"""Reads bytes as a log, as the flow does: detected or named, read, checked."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from stanch.evidence.checks import check_rows
from stanch.evidence.tables import TABLES
from stanch.readers.contract import LogReader, ReadContext
from stanch.readers.detect import detect_format, open_format
from stanch.readers.lines import sample_lines
from stanch.readers.logs import read_log
from stanch.readers.settings import ReaderSettings, WebLogSettings

REFERENCE = datetime(2024, 3, 15, tzinfo=UTC)


@dataclass
class Outcome:
    """What became of a log."""

    format: str
    frame: pl.DataFrame
    #: Line -> reason, of the reader and of the checks.
    rejects: dict[int, str] = field(default_factory=dict)
    raws: dict[int, str] = field(default_factory=dict)
    n_other: int = 0
    notes: set[str] = field(default_factory=set)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows in the order of the file, times as text, without empty cells."""
        return [
            {k: _show(k, v) for k, v in row.items() if v is not None}
            for row in self.frame.sort("line", maintain_order=True).iter_rows(named=True)
        ]


def read_bytes(
    data: bytes,
    table: str = "logins",
    *,
    log_format: str | None = None,
    web: WebLogSettings | None = None,
    reference: datetime | None = REFERENCE,
    n_threads: int = 1,
    chunk_bytes: int = 1 << 22,
    zone: str = "UTC",
) -> Outcome:
    context = ReadContext(ReaderSettings(web=web or WebLogSettings()), reference)
    sample, stream = sample_lines(io.BytesIO(data))
    reader: LogReader | None
    if log_format is not None:
        reader = open_format(log_format, table, context)
    else:
        reader = detect_format(sample, table, context)
    assert reader is not None, f"no format was recognised in {sample[:3]!r}"
    outcome = Outcome(reader.name, pl.DataFrame())
    frames = []
    for parsed in read_log(stream, reader, table, n_threads=n_threads, chunk_bytes=chunk_bytes):
        checked = check_rows(TABLES[table], parsed.frame, zone)
        lines = parsed.frame["line"]
        frames.append(checked.frame)
        outcome.rejects |= {reject.line: reject.reason for reject in parsed.rejects}
        outcome.raws |= {reject.line: reject.raw for reject in parsed.rejects}
        outcome.rejects |= {lines[position]: reason for position, reason in checked.rejects}
        outcome.n_other += parsed.n_other
        outcome.notes |= parsed.notes
    outcome.frame = pl.concat(frames, how="diagonal_relaxed")
    return outcome


def _show(name: str, value: Any) -> Any:
    if not name.endswith("_us"):
        return value
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    return moment.isoformat().replace("+00:00", "Z")
