"""Years for time stamps without one, as in `Mar 27 13:06:56` (RFC 3164 section 4.1.2).

Lines follow each other: where the calendar goes back by more than a quarter, as from December to
January, it is the next year; where it goes back by less, lines came late or files were put
together, and over New Year that means the year before. That gives every line a year relative to the
first. The year of the first is the latest for which no line is after the reference (the file's last
change, or now) and every 29 February exists.
"""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

#: Clocks and zones may differ by as much between the log and the reference.
SLACK: Final = timedelta(days=1)
#: Sequences without a possible year are not older than that.
_MAX_YEARS_BACK: Final = 12
_DAYS_BEFORE: Final = np.cumsum([0, 0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30])
_YEAR_S: Final = 366 * 86_400
#: How far a line may go back before it is taken for one of the next year.
_LATE_S: Final = 91 * 86_400


@dataclass(frozen=True, slots=True)
class Stamps:
    """The year-less stamps of one chunk, in its order; second of a leap year, from 0."""

    seconds: npt.NDArray[np.int64]
    #: Year of each, relative to the first of the chunk.
    years: npt.NDArray[np.int32]


def unwrap_years(months: pl.Series, days: pl.Series, seconds: pl.Series) -> Stamps:
    """Relative years of stamps given as month (1-12), day and second of the day, none null."""
    month = months.to_numpy().astype(np.int64)
    second = (_DAYS_BEFORE[month] + days.to_numpy() - 1) * 86_400 + seconds.to_numpy()
    steps = _count_turns(np.diff(second))
    years = np.zeros(len(second), np.int32)
    years[1:] = np.cumsum(steps)
    return Stamps(second, years)


def _count_turns(difference: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """+1 where the calendar goes back by more than a line may be late, -1 where it only seems to go on."""
    late = difference > _YEAR_S - _LATE_S
    return (difference < -_LATE_S).astype(np.int32) - late.astype(np.int32)


@dataclass(slots=True)
class YearCount:
    """What is known of a file's years after the chunks seen so far."""

    #: Year of the last line, relative to the first of the file.
    last_year: int = 0
    last_second: int | None = None
    #: The latest stamp: (relative year, second of a leap year).
    latest: tuple[int, int] = (0, 0)
    #: Relative years in which the log has a 29 February.
    leap_years: set[int] = field(default_factory=set)

    def add(self, stamps: Stamps) -> int:
        """Take in a chunk; the year of its first line relative to the first of the file."""
        if not len(stamps.seconds):
            return self.last_year
        first = self.last_year
        if self.last_second is not None:
            first += int(_count_turns(np.array([stamps.seconds[0] - self.last_second]))[0])
        years = stamps.years + first
        top = int(years.max())
        candidate = (top, int(stamps.seconds[years == top].max()))
        self.latest = candidate if self.last_second is None else max(self.latest, candidate)
        on_leap_day = (stamps.seconds // 86_400) == _DAYS_BEFORE[2] + 28
        self.leap_years |= set(np.unique(years[on_leap_day]).tolist())
        self.last_year, self.last_second = int(years[-1]), int(stamps.seconds[-1])
        return first

    def find_base(self, reference: datetime) -> int | None:
        """The calendar year of the first line; None if there is none that fits.

        `reference` is compared as a wall clock, whatever its zone.
        """
        limit = reference.replace(tzinfo=None) + SLACK
        year, second = self.latest
        for base in range(limit.year - year, limit.year - year - _MAX_YEARS_BACK, -1):
            if not all(isleap(base + leap) for leap in self.leap_years):
                continue
            day, rest = divmod(second, 86_400)
            if base + year >= 1 and _to_datetime(base + year, day) + timedelta(seconds=rest) <= limit:
                return base
        return None


def _to_datetime(year: int, leap_day_number: int) -> datetime:
    month = int(np.searchsorted(_DAYS_BEFORE[1:], leap_day_number, side="right"))
    return datetime(year, month, int(leap_day_number - _DAYS_BEFORE[month]) + 1)  # noqa: DTZ001
