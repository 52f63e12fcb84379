"""What is usual: a level that is learnt day by day, with weekdays, season and over-dispersion.

The level is a gamma-Poisson mean with forgetting. It is multiplied by a factor for the weekday, and by how
busy these days are: by what the same week a year ago had above its level (sales come back), or by the volume
of orders, whichever is more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Final

#: Over-dispersion (variance = mean + alpha mean²) before the series has shown its own, worth so many days.
_ALPHA: Final = 0.3
_ALPHA_DAYS: Final = 21.0
_LEAST_ALPHA: Final = 0.05
#: The level before any day is seen: hardly a guess.
PRIOR_COUNT: Final = 0.3
_PRIOR_DAYS: Final = 0.6
#: Weekday factors are shrunk to 1 by such a count.
_WEEKDAY_COUNT: Final = 15.0
#: Days on either side of the day 52 weeks ago that tell what is usual at this time of the year.
_SEASON_DAYS: Final = 3
_YEAR_DAYS: Final = 364
#: What is busier is so less so many deviations, so that chance is none (more of them for the volume, since
#: the busiest of several spans counts), shrunk to none by such a count, and held to be at most so much: a
#: leak is no season.
_SEASON_DEVIATIONS: Final = 1.0
_VOLUME_DEVIATIONS: Final = 2.0
_BUSY_COUNT: Final = 4.0
_MOST_BUSY: Final = 3.0
#: Spans of days, up to the day, over which the volume is looked at: complaints follow orders at once or later
_SPANS: Final = (1, 3, 7, 14)
#: Days from which on a level is trusted; before, it is learnt without caution.
WARM_UP_DAYS: Final = 14


@dataclass(slots=True)
class Usual:
    """The usual count of each day of one series. Feed days in order, none left out."""

    half_life_days: float
    #: A day learnt from counts as no more than so many times what was expected, and three deviations.
    tolerated_rise: float
    _counts: float = 0.0
    _exposure: float = 0.0
    _weekday: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0] for _ in range(7)])
    _excess: float = 0.0
    _excess_days: float = 0.0
    #: Count and level without season of each day of the last year, by its ordinal.
    _year: dict[int, tuple[int, float]] = field(default_factory=dict)

    def expect(self, day: date, busy: float = 1.0) -> float:
        """Mean of `day` where the volume of these days is `busy` times the usual one."""
        return self._find_level() * self._find_factor(day, busy)

    def learn(self, day: date, count: int, busy: float = 1.0, *, careful: bool) -> None:
        """Take in one day.

        Not `careful`, before the level is trusted, the level alone is learnt; later a rise is not believed at
        once, so that it does not hide itself.
        """
        keep = self._keep
        factor = self._find_factor(day, busy)
        mean = self._find_level() * factor
        usual = mean / self._find_weekday(day)
        learnt = float(count)
        if careful:
            spread = math.sqrt(mean + self.alpha * mean**2)
            learnt = min(learnt, self.tolerated_rise * mean + 3.0 * spread + 1.0)
            self._excess = keep * self._excess + ((learnt - mean) ** 2 - mean) / max(mean, 0.1) ** 2
            self._excess_days = keep * self._excess_days + 1.0
            seen = self._weekday[day.weekday()]
            slow = keep**7
            seen[0], seen[1] = slow * seen[0] + learnt, slow * seen[1] + usual
        self._counts = keep * self._counts + learnt
        self._exposure = keep * self._exposure + factor

    def learn_none(self, n_days: int) -> None:
        """Take in `n_days` days without any, before all others."""
        keep = self._keep
        self._exposure = (1.0 - keep**n_days) / (1.0 - keep)

    def forget(self) -> None:
        """Start the level anew; weekdays stay."""
        self._counts = self._exposure = 0.0

    def remember(self, day: date, count: int) -> None:
        """Keep the day for its season a year later."""
        self._year[day.toordinal()] = (count, self._find_level() * self._find_weekday(day))
        self._year.pop(day.toordinal() - _YEAR_DAYS - _SEASON_DAYS, None)

    @property
    def alpha(self) -> float:
        """Over-dispersion: variance = mean + alpha mean²."""
        alpha = (_ALPHA * _ALPHA_DAYS + self._excess) / (_ALPHA_DAYS + self._excess_days)
        return max(alpha, _LEAST_ALPHA)

    @property
    def size(self) -> float:
        """Size of the negative binomial of a day, the uncertainty of the level included."""
        return 1.0 / (self.alpha + 1.0 / (self._counts + PRIOR_COUNT))

    @property
    def _keep(self) -> float:
        """What a day's weight keeps from one day to the next."""
        return float(0.5 ** (1.0 / self.half_life_days))

    def _find_level(self) -> float:
        return (self._counts + PRIOR_COUNT) / (self._exposure + _PRIOR_DAYS)

    def _find_factor(self, day: date, busy: float) -> float:
        return self._find_weekday(day) * max(self._find_season(day), busy)

    def _find_weekday(self, day: date) -> float:
        counts, expected = self._weekday[day.weekday()]
        return (counts + _WEEKDAY_COUNT) / (expected + _WEEKDAY_COUNT)

    def _find_season(self, day: date) -> float:
        """By how much the same days a year ago were above their level."""
        middle = day.toordinal() - _YEAR_DAYS
        near = range(middle - _SEASON_DAYS, middle + _SEASON_DAYS + 1)
        return find_busy([self._year[at] for at in near if at in self._year], self.alpha, _SEASON_DEVIATIONS)


@dataclass(slots=True)
class Volume:
    """How busy the shop is: a count of its own, such as orders, against what is usual for it."""

    usual: Usual
    n_days: int = 0
    #: Latest days: day, count and what was expected.
    _latest: list[tuple[date, int, float]] = field(default_factory=list)

    def add(self, day: date, count: int) -> float:
        """Take in one day; how many times busier than usual the days up to it are, at least 1."""
        self.n_days += 1
        if self.n_days <= WARM_UP_DAYS:
            self.usual.learn(day, count, careful=False)
            return 1.0
        self._latest.append((day, count, self.usual.expect(day)))
        if len(self._latest) > _SPANS[-1]:
            earlier, n, _ = self._latest.pop(0)
            self.usual.learn(earlier, n, careful=True)
        seen = [(n, expected) for _, n, expected in self._latest]
        return max(find_busy(seen[-span:], self.usual.alpha, _VOLUME_DEVIATIONS) for span in _SPANS)


def find_busy(seen: list[tuple[int, float]], alpha: float, deviations: float) -> float:
    """By how much counts are surely above what was expected of them, from 1 to `_MOST_BUSY`."""
    if not seen:
        return 1.0
    counts, expected = (float(sum(part)) for part in zip(*seen, strict=True))
    spread = expected + alpha * sum(mean**2 for _, mean in seen)
    sure = counts - deviations * math.sqrt(spread)
    return min(max((sure + _BUSY_COUNT) / (expected + _BUSY_COUNT), 1.0), _MOST_BUSY)
