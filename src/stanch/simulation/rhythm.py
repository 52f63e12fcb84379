"""When things happen: the shop's calendar, its week, its growth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from stanch.simulation.draws import DAY_US, HOUR_US, Floats, Generator, Ints, draw_between

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Calendar:
    """A span of whole hours that starts at a midnight of the shop's zone."""

    zone: str
    start_us: int
    n_days: int

    @property
    def end_us(self) -> int:
        """First microsecond after the span."""
        return self.start_us + self.n_days * DAY_US

    @cached_property
    def hour_of_week(self) -> Ints:
        """For each hour of the span, 0 (Monday midnight) to 167, as clocks in the zone show."""
        zone = ZoneInfo(self.zone)
        first = _EPOCH + timedelta(microseconds=self.start_us)
        local = [(first + timedelta(hours=h)).astimezone(zone) for h in range(self.n_days * 24)]
        return np.array([24 * moment.weekday() + moment.hour for moment in local], dtype=np.int64)

    def at(self, share: float) -> int:
        """The moment at which this share of the span has passed."""
        return self.start_us + int(share * self.n_days * DAY_US)

    def widen(self, days_before: int) -> Calendar:
        """The same span with so many days put before it."""
        return Calendar(self.zone, self.start_us - days_before * DAY_US, self.n_days + days_before)


def make_calendar(zone: str, date: tuple[int, int, int], n_days: int) -> Calendar:
    """A calendar of `n_days` from the midnight that begins this year, month and day in `zone`."""
    midnight = datetime(*date, tzinfo=ZoneInfo(zone))
    return Calendar(zone, (midnight - _EPOCH) // timedelta(microseconds=1), n_days)


def draw_week(rng: Generator) -> Floats:
    """How busy a shop is in each hour of the week: a night's low, a noon's and an evening's peak."""
    hours = np.arange(24)
    noon, evening = draw_between(rng, (10.5, 14)), draw_between(rng, (19, 22))
    width = draw_between(rng, (1.8, 3.2))
    day = draw_between(rng, (0.02, 0.1)) + _bump(hours, noon, width) * draw_between(rng, (0.5, 1.0))
    day += _bump(hours, evening, width) * draw_between(rng, (0.7, 1.3))
    weekday = np.ones(7)
    weekday[5:] *= draw_between(rng, (0.6, 1.5))
    weekday *= rng.uniform(0.9, 1.1, 7)
    week = np.outer(weekday, day).ravel()
    return np.asarray(week / week.mean())


def working_week(first_hour: int, last_hour: int, weekend: float) -> Floats:
    """Busy between two hours of the day, a little outside of them; weekends at a share of that."""
    day = np.full(24, 0.03)
    day[first_hour:last_hour] = 1.0
    week = np.outer(np.array([1, 1, 1, 1, 1, weekend, weekend]), day).ravel()
    return np.asarray(week / week.mean())


def spread_over(calendar: Calendar, week: Floats, growth: float = 1.0, noise: Floats | None = None) -> Floats:
    """Relative busyness of each hour of the span; `growth` is its level at the end against the start."""
    level = np.geomspace(1.0, growth, calendar.n_days * 24)
    if noise is not None:
        level = level * np.repeat(noise[: calendar.n_days], 24)
    return np.asarray(week[calendar.hour_of_week] * level)


def draw_times(rng: Generator, n: int, hourly: Floats, start_us: int) -> Ints:
    """`n` moments (unordered, whole milliseconds) with a density in proportion to `hourly`."""
    edges = np.concatenate(([0.0], np.cumsum(hourly)))
    at = np.interp(rng.random(n) * edges[-1], edges, np.arange(len(edges)))
    return np.asarray(start_us + (at * HOUR_US).astype(np.int64) // 1000 * 1000)


def move_into_week(rng: Generator, times_us: Ints, calendar: Calendar, open_hours: Ints) -> Ints:
    """Each moment moved on to the next hour of the week in `open_hours` (and a random minute of it)."""
    hour = np.clip((times_us - calendar.start_us) // HOUR_US, 0, calendar.n_days * 24 - 1)
    is_open = np.isin(calendar.hour_of_week, open_hours)
    n_hours = len(is_open)
    following = np.where(is_open, np.arange(n_hours), n_hours)
    following = np.minimum.accumulate(following[::-1])[::-1]
    target = following[hour]
    moved = calendar.start_us + target * HOUR_US + (rng.random(len(hour)) * HOUR_US).astype(np.int64)
    return np.where(target == hour, times_us, moved)


def _bump(hours: Ints, centre: float, width: float) -> Floats:
    distance = np.abs(hours + 0.5 - centre)
    distance = np.minimum(distance, 24 - distance)
    return np.asarray(np.exp(-0.5 * (distance / width) ** 2))
