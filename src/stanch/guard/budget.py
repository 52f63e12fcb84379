"""The budget: which score an attempt needs so that not too many genuine logins are challenged.

Whoever gets in is genuine with probability 1 - p, p being that of an attack after the success. The scores
that such logins had before their password was checked make a histogram that fades over a week; the
threshold is the lowest score above which it holds no more than the share that the operator allows.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
from msgspec import Struct

from stanch.guard.counters import Counters

#: Log-odds from -8 to 12 in steps of a quarter.
_FIRST: Final = -8.0
_STEP: Final = 0.25
_N: Final = 81
_FADE_S: Final = 7 * 86_400.0
#: Genuine logins, at least, that a share is taken of: a shop that starts may challenge a few.
_LEAST: Final = 1_000.0


class _State(Struct):
    logins: list[float]
    total: float = 0.0
    time_s: int = 0


class Budget:
    """Scores of genuine logins, and the threshold that follows."""

    def __init__(self, counters: Counters, share: float) -> None:
        self._counters = counters
        self.share = share
        saved = counters.load("budget")
        self._state = msgspec.msgpack.decode(saved, type=_State) if saved else _State([0.0] * _N)
        #: Log-odds below which nobody is challenged.
        self.threshold = _FIRST
        self.sweep(0)

    def note(self, log_odds: float, genuine: float) -> None:
        """A login that was let in, genuine with this probability."""
        bin = int((log_odds - _FIRST) / _STEP)
        if bin >= 0:
            self._state.logins[min(bin, _N - 1)] += genuine
        self._state.total += genuine

    def spent(self, log_odds: float) -> float:
        """Share of genuine logins with at least this score."""
        first = min(max(math.ceil((log_odds - _FIRST) / _STEP), 0), _N - 1)
        return sum(self._state.logins[first:]) / max(self._state.total, _LEAST)

    def sweep(self, time_s: int) -> None:
        """Let the past fade, set the threshold."""
        state = self._state
        age = time_s - state.time_s
        if age > 0:
            fade = math.exp(-age / _FADE_S) if state.time_s else 1.0
            state.logins = [n * fade for n in state.logins]
            state.total *= fade
            state.time_s = time_s
        allowed = self.share * max(state.total, _LEAST)
        above, threshold = 0.0, math.inf
        for bin in range(_N - 1, -1, -1):
            above += state.logins[bin]
            if above > allowed:
                break
            threshold = _FIRST + bin * _STEP
        self.threshold = threshold
        self._counters.save("budget", msgspec.msgpack.encode(state))
