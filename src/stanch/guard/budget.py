"""The budget: which score an attempt needs so that not too many genuine logins are challenged.

Whoever gets in is genuine with probability 1 - p, p being that of an attack after the success. The scores
that such logins had before their password was checked make a histogram that fades over a week; the
threshold is the lowest score above which it holds no more than the share that the operator allows. Lists
open at most 5 % of what they try (`docs/method/stuffing.md`), so more successes than that above a score are
genuine whatever the scorecard says of them.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from stanch.guard.counters import Counters

#: Log-odds from -8 to 12 in steps of a quarter.
_FIRST: Final = -8.0
_STEP: Final = 0.25
_N: Final = 81
_FADE_S: Final = 7 * 86_400.0
#: Genuine logins, at least, that a share is taken of: a shop that starts may challenge a few.
_LEAST: Final = 1_000.0
_MOST_OPENED: Final = 0.05


class _State(Struct):
    #: By score: genuine logins; all logins; all attempts.
    genuine: list[float]
    logins: list[float]
    attempts: list[float]
    total: float = 0.0
    time_s: int = 0


class Budget:
    """Scores of genuine logins, and the threshold that follows."""

    def __init__(self, counters: Counters, share: float) -> None:
        self._counters = counters
        self.share = share
        saved = counters.load("budget")
        self._state = (
            msgspec.msgpack.decode(saved, type=_State)
            if saved
            else _State([0.0] * _N, [0.0] * _N, [0.0] * _N)
        )
        #: Log-odds below which nobody is challenged.
        self.threshold = math.inf
        self._above = np.zeros(_N)
        self.sweep(0)

    def note(self, log_odds: float, genuine: float, *, success: bool = True) -> None:
        """An attempt with its score; `genuine`: the probability that its login is a customer's."""
        bin = int((log_odds - _FIRST) / _STEP)
        if bin >= 0:
            bin = min(bin, _N - 1)
            self._state.attempts[bin] += 1
            if success:
                self._state.logins[bin] += 1
                self._state.genuine[bin] += genuine
        if success:
            self._state.total += genuine

    def spent(self, log_odds: float) -> float:
        """Share of genuine logins with at least this score, at the last look."""
        first = min(max(math.ceil((log_odds - _FIRST) / _STEP), 0), _N - 1) if log_odds < math.inf else _N - 1
        return float(self._above[first]) / max(self._state.total, _LEAST)

    def sweep(self, time_s: int) -> None:
        """Let the past fade, set the threshold."""
        state = self._state
        age = time_s - state.time_s
        if age > 0:
            fade = math.exp(-age / _FADE_S) if state.time_s else 1.0
            state.genuine = [n * fade for n in state.genuine]
            state.logins = [n * fade for n in state.logins]
            state.attempts = [n * fade for n in state.attempts]
            state.total *= fade
            state.time_s = time_s
        genuine, logins, attempts = (
            np.cumsum(counts[::-1])[::-1] for counts in (state.genuine, state.logins, state.attempts)
        )
        self._above = np.maximum(genuine, logins - _MOST_OPENED * attempts)
        allowed = np.flatnonzero(self._above <= self.share * max(state.total, _LEAST))
        self.threshold = _FIRST + float(allowed[0]) * _STEP if len(allowed) and self.share else math.inf
        self._counters.save("budget", msgspec.msgpack.encode(state))
