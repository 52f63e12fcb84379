"""Daily counts -> the day on which they are more than usual, with a stated number of false alarms a year.

The usual level of a series is learnt as it goes: a gamma-Poisson mean with forgetting, weekday factors,
what the same week a year ago had above its level (sales come back), and an over-dispersion estimated by
moments. Each day's count is compared with it by likelihood ratios of negative binomials, for rises of several
sizes, summed into a Shiryaev-Roberts statistic (Pollak 1985, Annals of Statistics 13, 206-227)

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

_DAYS_PER_YEAR: Final = 365.25


#: Rises that are looked for, as multiples of what is tolerated, each as likely beforehand.
_RISES: Final = (1.5, 3.0, 8.0)
#: Complaints a day below which a rise is no news, whatever its factor.
_LEAST_RISE: Final = 1.0
#: Over-dispersion (variance = mean + alpha mean²) before the series has shown its own, worth so many days.
_ALPHA: Final = 0.3
_ALPHA_DAYS: Final = 21.0
_LEAST_ALPHA: Final = 0.05
#: The level before any day is seen: hardly a guess.
_PRIOR_COMPLAINTS: Final = 0.3
_PRIOR_DAYS: Final = 0.6
#: Weekday factors are shrunk to 1 by so many complaints.
_WEEKDAY_COMPLAINTS: Final = 15.0
#: Days on either side of the day 52 weeks ago that tell what is usual at this time of the year …
_SEASON_DAYS: Final = 3
_YEAR_DAYS: Final = 364
#: … less so many deviations, so that chance is no season, shrunk to none by so many complaints, and held to
#: be at most so much: a leak is no season.
_SEASON_DEVIATIONS: Final = 1.0
_SEASON_COMPLAINTS: Final = 4.0
_MOST_SEASON: Final = 3.0
#: Days after which a count is learnt from, so that a beginning rise does not hide itself.
_LAG_DAYS: Final = 4
#: Days from which on alarms are raised; before, the level is learnt without lag.
WARM_UP_DAYS: Final = 14
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
    #: Days seen.
    n_days: int = 0
    _complaints: float = 0.0
    _exposure: float = 0.0
    _weekday: list[list[float]] = field(default_factory=lambda: [[0.0, 0.0] for _ in range(7)])
    _excess: float = 0.0
    _excess_days: float = 0.0
    #: Days seen but not learnt from yet: (day, count).
    _waiting: list[tuple[date, int]] = field(default_factory=list)
    #: Count and level without season of each day of the last year, by its ordinal.
    _year: dict[int, tuple[int, float]] = field(default_factory=dict)
    _sums: list[float] = field(default_factory=lambda: [0.0] * len(_RISES))
    #: Greatest log-likelihood ratio of a rise that began on some day, and the days since, by rise.
    _cusum: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)] * len(_RISES))
    _recent: list[tuple[int, float]] = field(default_factory=list)
    _alarm_days: int = 0
    _calm_days: int = 0

    def expect(self, day: date) -> float:
        """Complaints that are usual on `day`."""
        return self._find_level() * self._find_factor(day)

    def skip(self, n_days: int) -> None:
        """Take in `n_days` days without complaints, before all others."""
        keep = self._keep
        self.n_days = n_days
        learnt = n_days if n_days < WARM_UP_DAYS else max(n_days - _LAG_DAYS, WARM_UP_DAYS)
        self._exposure = (1.0 - keep**learnt) / (1.0 - keep)

    def add(self, day: date, count: int, share: float) -> Alarm | None:
        """Take in one day; an alarm if one begins on it. `share` is the series' part of the false alarms."""
        usual = self.expect(day)
        alarm = None
        if self.n_days < WARM_UP_DAYS:
            self._learn(day, count)
        elif self._alarm_days:
            self._sit_out(day, count, usual)
        else:
            alarm = self._judge(day, count, usual, share)
            self._waiting.append((day, count))
            if alarm:
                self._begin_alarm()
            elif len(self._waiting) > _LAG_DAYS:
                self._learn(*self._waiting.pop(0))
        self._remember(day, count)
        self.n_days += 1
        return alarm

    def _judge(self, day: date, count: int, usual: float, share: float) -> Alarm | None:
        self._recent.append((count, usual))
        size = 1.0 / (self._find_alpha() + 1.0 / (self._complaints + _PRIOR_COMPLAINTS))
        tolerated = self.settings.tolerated_rise * usual
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

    def _sit_out(self, day: date, count: int, usual: float) -> None:
        """A day within an alarm: learnt from only once the alarm has become the usual state."""
        self._alarm_days += 1
        calm = count <= max(self.settings.tolerated_rise * usual, 1.0)
        self._calm_days = self._calm_days + 1 if calm else 0
        self._waiting.append((day, count))
        if self._calm_days >= _CALM_DAYS or self._alarm_days > _LONGEST_DAYS:
            if self._alarm_days > _LONGEST_DAYS:
                self._complaints = self._exposure = 0.0
                for earlier in self._waiting[-WARM_UP_DAYS:]:
                    self._learn(*earlier)
            self._waiting.clear()
            self._alarm_days = 0

    def _learn(self, day: date, count: int) -> None:
        keep = self._keep
        season = self._find_season(day)
        usual = self._find_level() * season
        factor = self._find_factor(day)
        mean = self._find_level() * factor
        if self.n_days >= WARM_UP_DAYS:
            most = (
                self.settings.tolerated_rise * mean
                + 3.0 * math.sqrt(mean + self._find_alpha() * mean**2)
                + 1.0
            )
            learnt = min(float(count), most)
            self._excess = keep * self._excess + ((learnt - mean) ** 2 - mean) / max(mean, 0.1) ** 2
            self._excess_days = keep * self._excess_days + 1.0
        else:
            learnt = float(count)
        self._complaints = keep * self._complaints + learnt
        self._exposure = keep * self._exposure + factor
        seen = self._weekday[day.weekday()]
        slow = keep**7
        seen[0], seen[1] = slow * seen[0] + learnt, slow * seen[1] + usual

    @property
    def _keep(self) -> float:
        """What a day's weight keeps from one day to the next."""
        return float(0.5 ** (1.0 / self.settings.half_life_days))

    def _remember(self, day: date, count: int) -> None:
        if self.n_days >= WARM_UP_DAYS:
            self._year[day.toordinal()] = (count, self._find_level() * self._find_weekday(day))
            self._year.pop(day.toordinal() - _YEAR_DAYS - _SEASON_DAYS, None)

    def _find_level(self) -> float:
        return (self._complaints + _PRIOR_COMPLAINTS) / (self._exposure + _PRIOR_DAYS)

    def _find_factor(self, day: date) -> float:
        return self._find_weekday(day) * self._find_season(day)

    def _find_weekday(self, day: date) -> float:
        complaints, expected = self._weekday[day.weekday()]
        return (complaints + _WEEKDAY_COMPLAINTS) / (expected + _WEEKDAY_COMPLAINTS)

    def _find_season(self, day: date) -> float:
        """By how much the same days a year ago were above their level, at least 1."""
        middle = day.toordinal() - _YEAR_DAYS
        near = range(middle - _SEASON_DAYS, middle + _SEASON_DAYS + 1)
        seen = [self._year[at] for at in near if at in self._year]
        if not seen:
            return 1.0
        complaints, usual = (float(sum(part)) for part in zip(*seen, strict=True))
        spread = usual + self._find_alpha() * sum(level**2 for _, level in seen)
        sure = complaints - _SEASON_DEVIATIONS * math.sqrt(spread)
        ratio = (sure + _SEASON_COMPLAINTS) / (usual + _SEASON_COMPLAINTS)
        return min(max(ratio, 1.0), _MOST_SEASON)

    def _find_alpha(self) -> float:
        alpha = (_ALPHA * _ALPHA_DAYS + self._excess) / (_ALPHA_DAYS + self._excess_days)
        return max(alpha, _LEAST_ALPHA)


def _log_ratio(count: int, mean: float, risen: float, size: float) -> float:
    """Log-likelihood ratio of two negative binomials of one `size` (variance = mean + mean² / size)."""
    return count * (math.log(risen / (risen + size)) - math.log(mean / (mean + size))) + size * (
        math.log(size + mean) - math.log(size + risen)
    )
