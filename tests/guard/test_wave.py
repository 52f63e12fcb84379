"""The test of the whole site: quiet while a guard gets to know its customers, awake within minutes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stanch.guard.counters import Kind
from stanch.guard.memory import MemoryCounters
from stanch.guard.wave import Wave

DAY_MIN = 1_440


class Minutes(MemoryCounters):
    """Counters of a site whose attempts are given by the minute."""

    def __init__(self, cells: NDArray[np.int64]) -> None:
        super().__init__(None, customers=1_000, recent=1_000)
        self._cells = np.vstack([np.zeros((DAY_MIN, 4), np.int64), cells])

    def minutes(self, time_s: int, n: int) -> NDArray[np.int64]:
        """As planned."""
        end = DAY_MIN + time_s // 60
        return self._cells[end - n : end]

    def site(self, time_s: int) -> Kind:
        """Of the last day."""
        day = tuple(map(float, self.minutes(time_s, DAY_MIN).sum(axis=0)))
        return Kind(day, day, 1.0, 10.0, 100.0)  # type: ignore[arg-type]


def live(days: float, wave_a_minute: float = 0.0) -> list[int]:
    """Minutes of alarm at a busy site with a new guard: on day one all are strangers, later few.

    At its end there are two hours of an attack if `wave_a_minute` refusals come of it.
    """
    rng = np.random.default_rng(5)
    n = round(days * DAY_MIN)
    known = 1 - np.exp(-np.arange(n) / (0.7 * DAY_MIN))
    strangers = 80 * (0.08 + 0.92 * (1 - known))
    rates = np.column_stack([np.full(n, 2.6), 8 * known, strangers, 80 - 0.9 * strangers])
    cells = rng.poisson(rates)
    cells[n - 120 :, 0] += rng.poisson(wave_a_minute, 120)
    wave = Wave(Minutes(cells))
    alarms = []
    for minute in range(1, n, 2):
        wave.sweep(minute * 60)
        if wave.alarm:
            alarms.append(minute - (n - 120))
    return alarms


def test_a_new_guard_at_a_busy_shop_is_quiet() -> None:
    assert live(5) == []


def test_a_wave_is_seen_within_ten_minutes() -> None:
    """One try per address, 5 % of some 95 attempts a minute."""
    alarms = live(5, wave_a_minute=5.0)
    assert 0 <= alarms[0] <= 10
