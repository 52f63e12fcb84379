"""The budget: which score an attempt needs so that not too many genuine logins are challenged.

Attempts and logins are counted by the score that they had before their password was checked, fading over a
week. Lists open at most a share s of what they try (5 %, `docs/method/stuffing.md`), so of S logins among N
attempts of one score at least S - s N are genuine, whatever the scorecard says of them (Herley & Schechter
2019, section 4, with the success rate of customers at its largest). The threshold is the lowest score from
which on these are no more than the share of all logins that the operator allows.
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
_FADE_S: Final = 14 * 86_400.0
#: Genuine logins, at least, that a share is taken of: a shop that starts may challenge a few.
_LEAST: Final = 1_000.0
#: It is told from so long a time, at least, how many come.
_SOON_S: Final = 86_400.0
_MOST_OPENED: Final = 0.05


class _State(Struct):
    #: By score: logins; attempts; the scorecard's sum of genuine logins.
    logins: list[float]
    attempts: list[float]
    genuine: list[float]
    total: float = 0.0
    time_s: int = 0
    since_s: int = 0


class Budget:
    """Scores of genuine logins, and the threshold that follows."""

    def __init__(self, counters: Counters, share: float) -> None:
        self._counters = counters
        self.share = share
        saved = counters.load("budget")
        self._state = msgspec.msgpack.decode(saved, type=_State) if saved else _make_state()
        #: Log-odds below which nobody is challenged.
        self.threshold = math.inf
        self._above, self._total = np.zeros(_N), _LEAST
        self.sweep(0)

    def note(self, log_odds: float, genuine: float, *, success: bool = True, again: bool = False) -> None:
        """An attempt with its score; `genuine`: the probability that its login is a customer's.

        `again`: its account is under suspicion already, and counted.
        """
        bin = int((log_odds - _FIRST) / _STEP)
        if bin >= 0:
            bin = min(bin, _N - 1)
            self._state.attempts[bin] += 1
            if success and not again:
                self._state.logins[bin] += 1
                self._state.genuine[bin] += genuine
        if success:
            self._state.total += genuine

    def spent(self, log_odds: float) -> float:
        """Share of genuine logins with at least this score, at the last look."""
        first = min(max(math.ceil((log_odds - _FIRST) / _STEP), 0), _N - 1) if log_odds < math.inf else _N - 1
        return float(self._above[first]) / self._total

    def sweep(self, time_s: int) -> None:
        """Let the past fade, set the threshold."""
        state = self._state
        # No more fades at a step, however far the clock jumps; nor does it wait for a clock that was ahead.
        age = min(time_s - state.time_s, 86_400) if state.time_s else 0
        if age < 0 or not state.time_s:
            state.time_s = time_s
        state.since_s = min(state.since_s or time_s, time_s)
        if age > 0:
            fade = math.exp(-age / _FADE_S)
            state.logins = [n * fade for n in state.logins]
            state.attempts = [n * fade for n in state.attempts]
            state.genuine = [n * fade for n in state.genuine]
            state.total *= fade
            state.time_s = time_s
        logins, attempts, genuine = np.cumsum(
            [state.logins[::-1], state.attempts[::-1], state.genuine[::-1]], axis=1
        )[:, ::-1]
        self._above = np.maximum(logins - _MOST_OPENED * attempts, genuine)
        # Who has just begun has as much as whoever has gone on like this for long.
        whole = 1 - math.exp(-max(time_s - state.since_s, _SOON_S) / _FADE_S)
        self._total = max(state.total / whole, _LEAST)
        allowed = np.flatnonzero(self._above <= self.share * self._total)
        self.threshold = _FIRST + float(allowed[0]) * _STEP if len(allowed) and self.share else math.inf
        self._counters.save("budget", msgspec.msgpack.encode(state))


def _make_state() -> _State:
    return _State([0.0] * _N, [0.0] * _N, [0.0] * _N)
