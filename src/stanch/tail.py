"""A shop's log into the guard, line by line as it is written: for shops whose code cannot be changed.

The guard learns of an attempt when it is over. It cannot challenge that one any more, but it says what it
would have done, and what it decides about addresses holds for the next.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import polars as pl
from msgspec import Struct

from stanch.errors import StoreError
from stanch.guard.attempts import Attempt, Reason
from stanch.guard.decisions import Decision
from stanch.guard.guard import Guard, Reset, Sweep
from stanch.guard.rehearse import list_rows
from stanch.readers.follow import Follower, Position
from stanch.readers.live import LiveLog
from stanch.readers.weblog import Decided

#: The guard looks at the whole so often, by the clock of the log and, when nothing comes, by ours.
_SWEEP_US: Final = 30_000_000
#: By the clock of the log only after so many attempts, or so much later: little changes in a quiet hour.
_SWEEP_ATTEMPTS: Final = 100
_SWEEP_LATER_US: Final = 270_000_000
#: Logs are written a little late, so that the clock of a quiet log is behind ours.
_LATE_US: Final = 5_000_000


class Remark(Struct, frozen=True):
    """One attempt about which the guard would have done something."""

    time_us: int
    ip: str
    action: str
    score: float
    reasons: tuple[Reason, ...]
    simulated: bool


@dataclass(slots=True)
class Seen:
    """What one step brought."""

    n_attempts: int = 0
    remarks: list[Remark] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    resets: list[Reset] = field(default_factory=list)


class Progress(Struct, frozen=True):
    """Where to go on after a restart."""

    path: str
    position: Position
    decided: Decided | None = None


class Tail:
    """One log, followed."""

    def __init__(self, follower: Follower, log: LiveLog, guard: Guard, now_us: Callable[[], int]) -> None:
        self._follower = follower
        self._log = log
        self._guard = guard
        self._now_us = now_us
        self._next_sweep_us = self._last_us = 0
        self._n_since = 0
        #: Behind the last line none of whose rows waits.
        self.position = follower.position

    def step(self) -> tuple[Seen, bool]:
        """Read on once; what was seen, and whether there may be more to read at once."""
        seen = Seen()
        block = self._follower.read()
        rows = self._log.take(block) if block else self._log.rest()
        for frame in rows:
            self._feed(frame, seen)
        if not block:
            self._sweep_last(seen)
            now_us = self._now_us() - _LATE_US
            if now_us >= self._next_sweep_us:
                self._sweep(now_us, seen)
        if self._log.is_settled:
            self.position = self._follower.position
        return seen, bool(block)

    def finish(self) -> Seen:
        """Rows that still wait, where nothing will follow."""
        seen = Seen()
        for frame in self._log.finish():
            self._feed(frame, seen)
        self._sweep_last(seen)
        self.position = self._follower.position
        return seen

    def _feed(self, rows: pl.DataFrame, seen: Seen) -> None:
        assess, settle, remarks = self._guard.assess, self._guard.settle, seen.remarks
        for time_us, ip, account, agent, ja4, device, country, asn, outcome in list_rows(rows):
            if time_us >= self._next_sweep_us and (
                self._n_since >= _SWEEP_ATTEMPTS or time_us >= self._next_sweep_us + _SWEEP_LATER_US
            ):
                self._sweep(time_us, seen)
            self._n_since += 1
            found = assess(Attempt(time_us, ip, account or "", agent, ja4, device, country=country, asn=asn))
            after = settle(found.context, outcome)
            answer = after if after.action == "reset" else found.answer
            if answer.action != "allow":
                remarks.append(
                    Remark(time_us, ip, answer.action, answer.score, answer.reasons, answer.simulated)
                )
        seen.n_attempts += len(rows)
        self._last_us = max(self._last_us, int(rows["time_us"].max()))  # type: ignore[arg-type]

    def _sweep_last(self, seen: Seen) -> None:
        """Look at the whole as of when the log ends, so that what is long over leads to nothing now."""
        if self._n_since:
            self._sweep(self._last_us, seen)

    def _sweep(self, now_us: int, seen: Seen) -> None:
        self._n_since = 0
        self._next_sweep_us = now_us + _SWEEP_US
        sweep: Sweep = self._guard.sweep(now_us)
        seen.decisions.extend(sweep.decisions)
        seen.resets.extend(sweep.resets)

    @property
    def decided(self) -> Decided | None:
        """What is to be remembered of the log's format."""
        return self._log.decided


def list_current(decisions: Sequence[Decision], now_us: int) -> Iterator[Decision]:
    """Those still in force: what an old part of the log led to is over."""
    return (decision for decision in decisions if decision.until_us > now_us)


def load_progress(path: Path) -> Progress | None:
    """What an earlier run left; None if there was none.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise StoreError(
            f"cannot be read: {error}", file=str(path), hint="remove it to start anew"
        ) from error


def save_progress(path: Path, progress: Progress) -> None:
    """Write it whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    draft = path.with_suffix(".part")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(msgspec.json.encode(progress))
        os.replace(draft, path)
    except OSError as error:
        raise StoreError(f"cannot be written: {error.strerror}", file=str(path)) from error
