"""Rows of logins out of a log that is being written, a block of lines at a time."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import polars as pl

from stanch.errors import EvidenceError
from stanch.evidence.checks import check_rows
from stanch.evidence.tables import TABLES
from stanch.readers.contract import LogReader, ReadContext
from stanch.readers.detect import detect_format, open_format
from stanch.readers.lines import iterate_chunks, sample_lines
from stanch.readers.settings import ReaderSettings
from stanch.readers.weblog import Decided, StatusMeaning

#: So many logins tell what the statuses of a web log mean.
MIN_LOGINS: Final = 100
#: Lines of one connection stand close together; after so long what is held back is given.
_HOLD_S: Final = 10.0
#: The same for a web log that has not shown yet what its statuses mean.
_HOLD_UNDECIDED_S: Final = 3_600.0
_TABLE: Final = TABLES["logins"]


class LiveLog:
    """Turns blocks of whole lines into checked rows of `logins`.

    Some formats have rows wait for what follows: a web log until it is plain what its statuses mean, sshd
    for the other lines of a connection. `is_settled` says whether none waits.
    """

    def __init__(
        self, settings: ReaderSettings, zone: str, log_format: str | None, now_us: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._zone = zone
        self._format = log_format
        self._now_us = now_us
        self._reader: LogReader | None = None
        self._decided: Decided | None = None
        self._n_held = 0
        self._held_since_us = 0
        self.n_lines = 0
        self.n_rejects = 0

    @property
    def format(self) -> str:
        """Name of the format; empty until it is known."""
        return self._format or ""

    @property
    def is_settled(self) -> bool:
        """Whether no row waits."""
        return self._n_held == 0

    @property
    def decided(self) -> Decided | None:
        """What a web log's statuses mean, once that is known."""
        meaning = _find_meaning(self._reader)
        return meaning.save() if meaning is not None else self._decided

    @decided.setter
    def decided(self, decided: Decided | None) -> None:
        self._decided = decided

    def take(self, block: bytes) -> Iterator[pl.DataFrame]:
        """The rows of a block that need not wait, and of earlier ones that do no longer.

        Raises:
            EvidenceError: the lines are of no known format.
        """
        reader = self._reader or self._open(block)
        for chunk in iterate_chunks(io.BytesIO(block), len(block) + 64):
            self.n_lines += len(chunk.numbers)
            parsed = reader.parse("logins", chunk)
            self.n_rejects += len(parsed.rejects) + len(chunk.rejects)
            if not self._n_held:
                self._held_since_us = self._now_us()
            self._n_held += parsed.frame.height
            yield from self._give(reader.settle("logins", parsed).frame)

    def rest(self) -> Iterator[pl.DataFrame]:
        """At the end of what is written: rows that have waited long enough."""
        if self._n_held and self._is_due():
            yield from self.finish()

    def finish(self) -> Iterator[pl.DataFrame]:
        """All rows that wait."""
        if self._reader is None:
            return
        yield from self._give(self._reader.finish("logins").frame)
        self._n_held = 0
        if _find_meaning(self._reader) is None:
            # It keeps the present of its start, which would tell years wrongly some day.
            self._reader = None

    def _is_due(self) -> bool:
        waited_s = (self._now_us() - self._held_since_us) / 1e6
        if _find_meaning(self._reader) is not None:
            is_plain = bool(self._settings.web.login_success)
            return is_plain or self._n_held >= MIN_LOGINS or waited_s >= _HOLD_UNDECIDED_S
        return waited_s >= _HOLD_S

    def _give(self, frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
        if not frame.height:
            return
        self._n_held = max(self._n_held - frame.height, 0)
        checked = check_rows(_TABLE, frame, self._zone)
        self.n_rejects += len(checked.rejects)
        if checked.frame.height:
            yield checked.frame

    def _open(self, block: bytes) -> LogReader:
        now = datetime.fromtimestamp(self._now_us() / 1e6, UTC)
        context = ReadContext(settings=self._settings, reference=now)
        if self._format is None:
            found = detect_format(sample_lines(io.BytesIO(block))[0], "logins", context)
            if found is None:
                raise EvidenceError(
                    "the lines are of no log format that is known", hint="name it with --log-format"
                )
            self._format = found.name
        self._reader = reader = open_format(self._format, "logins", context)
        meaning = _find_meaning(reader)
        if self._decided is not None and meaning is not None:
            meaning.restore(self._decided)
        return reader


def _find_meaning(reader: LogReader | None) -> StatusMeaning | None:
    """What a web log's reader learns about statuses; None for others."""
    meaning = getattr(reader, "meaning", None)
    return meaning if isinstance(meaning, StatusMeaning) else None
