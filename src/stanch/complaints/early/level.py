"""Daily counts -> the day on which they are more than usual, with a stated number of false alarms a year.

The usual level of a series is learnt as it goes (`stanch.complaints.early.usual`). Each day's count is
compared with it by likelihood ratios of negative binomials, for rises of several sizes, summed into a
Shiryaev-Roberts statistic (Pollak 1985, Annals of Statistics 13, 206-227)

    R_t = (1 + R_{t-1}) L_t

As long as counts follow the negative binomial of the usual level, or of any up to the tolerated rise, L_t
has a mean of at most 1 given the past. So R_t - t is a supermartingale, and the mean time to an alarm at
R >= A is at least A days (Shin, Ramdas and Rinaldo 2023, "E-detectors", New England Journal of Statistics in
Data Science). A is 365 over the false alarms a year; nothing is calibrated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from stanch.complaints.early.settings import EarlySettings
from stanch.complaints.early.usual import WARM_UP_DAYS, Usual

_DAYS_PER_YEAR: Final = 365.25

#: Rises that are looked for, as multiples of what is tolerated, each as likely beforehand.
_RISES: Final = (1.5, 3.0, 8.0)
#: Complaints a day below which a rise is no news, whatever its factor.
_LEAST_RISE: Final = 1.0
#: Days after which a count is learnt from, so that a beginning rise does not hide itself.
_LAG_DAYS: Final = 4
#: An alarm is over after so many days at or below what is tolerated …
_CALM_DAYS: Final = 3
#: … or after so many days in all: then the new level is the usual one.
_LONGEST_DAYS: Final = 28


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm: complaints rose above what is usual, or a rule of thumb was met."""

    day: date
    #: What is counted: `all`, `region`, `product`, … and which one of them.
    by: str
    value: str
    #: `level`, or the name of a rule.
    kind: str
    #: First day of the rise, as the counts show it.
    since: date
    #: Complaints from `since` to `day`, and those that were usual for these days.
    count: int
    usual: float


@dataclass(slots=True)
class Watch:
    """One series of daily counts, watched as it comes in. Feed days in order, none left out."""

    by: str
    value: str
    settings: EarlySettings
    usual: Usual
    #: Days seen.
    n_days: int = 0
    #: Days seen but not learnt from yet: (day, count, how busy).
    _waiting: list[tuple[date, int, float]] = field(default_factory=list)
    _sums: list[float] = field(default_factory=lambda: [0.0] * len(_RISES))
    #: Greatest log-likelihood ratio of a rise that began on some day, and the days since, by rise.
    _cusum: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)] * len(_RISES))
    _recent: list[tuple[int, float]] = field(default_factory=list)
    _alarm_days: int = 0
    _calm_days: int = 0

    def skip(self, n_days: int) -> None:
        """Take in `n_days` days without complaints, before all others."""
        self.n_days = n_days
        self.usual.learn_none(n_days if n_days < WARM_UP_DAYS else max(n_days - _LAG_DAYS, WARM_UP_DAYS))

    def add(self, day: date, count: int, share: float, busy: float = 1.0) -> Alarm | None:
        """Take in one day; an alarm if one begins on it.

        `share` is the series' part of the false alarms; the shop is `busy` times as busy as usual.
        """
        mean = self.usual.expect(day, busy)
        alarm = None
        if self.n_days < WARM_UP_DAYS:
            self.usual.learn(day, count, busy, careful=False)
        elif self._alarm_days:
            self._sit_out(day, count, mean, busy)
        else:
            alarm = self._judge(day, count, mean, share)
            self._waiting.append((day, count, busy))
            if alarm:
                self._begin_alarm()
            elif len(self._waiting) > _LAG_DAYS:
                self.usual.learn(*self._waiting.pop(0), careful=True)
        if self.n_days >= WARM_UP_DAYS:
            self.usual.remember(day, count)
        self.n_days += 1
        return alarm

    def _judge(self, day: date, count: int, mean: float, share: float) -> Alarm | None:
        self._recent.append((count, mean))
        size = self.usual.size
        tolerated = self.settings.tolerated_rise * mean
        for i, rise in enumerate(_RISES):
            ratio = _log_ratio(count, tolerated, max(rise * tolerated, tolerated + _LEAST_RISE), size)
            self._sums[i] = (1.0 + self._sums[i]) * math.exp(min(ratio, 500.0))
            best, days = self._cusum[i]
            self._cusum[i] = (best + ratio, days + 1) if best > 0.0 else (ratio, 1)
        needed = _DAYS_PER_YEAR / (self.settings.false_alarms_per_year * share)
        if sum(self._sums) / len(_RISES) < needed:
            del self._recent[: -2 * _LONGEST_DAYS]
            return None
        days = min(max(self._cusum)[1], len(self._recent))
        counts, levels = zip(*self._recent[-days:], strict=True)
        since = day - timedelta(days=days - 1)
        return Alarm(day, self.by, self.value, "level", since, sum(counts), round(sum(levels), 2))

    def _begin_alarm(self) -> None:
        self._alarm_days, self._calm_days = 1, 0
        self._waiting.clear()
        self._recent.clear()
        self._sums = [0.0] * len(_RISES)
        self._cusum = [(0.0, 0)] * len(_RISES)

    def _sit_out(self, day: date, count: int, mean: float, busy: float) -> None:
        """A day within an alarm: learnt from only once the alarm has become the usual state."""
        self._alarm_days += 1
        calm = count <= max(self.settings.tolerated_rise * mean, 1.0)
        self._calm_days = self._calm_days + 1 if calm else 0
        self._waiting.append((day, count, busy))
        if self._calm_days >= _CALM_DAYS or self._alarm_days > _LONGEST_DAYS:
            if self._alarm_days > _LONGEST_DAYS:
                self.usual.forget()
                for earlier in self._waiting[-WARM_UP_DAYS:]:
                    self.usual.learn(*earlier, careful=True)
            self._waiting.clear()
            self._alarm_days = 0


def _log_ratio(count: int, mean: float, risen: float, size: float) -> float:
    """Log-likelihood ratio of two negative binomials of one `size` (variance = mean + mean² / size)."""
    return count * (math.log(risen / (risen + size)) - math.log(mean / (mean + size))) + size * (
        math.log(size + mean) - math.log(size + risen)
    )
