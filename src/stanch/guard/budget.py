"""The budget: which score an attempt needs so that not too many genuine logins are challenged.

Attempts and logins are counted by the score that they had before their password was checked, fading over a
fortnight. Lists open at most a share s of what they try (5 %, `docs/method/stuffing.md`), so of S logins
among N attempts of one score at least S - s N are genuine, whatever the scorecard says of them (Herley &
Schechter 2019, section 4, with the success rate of customers at its largest). The threshold is the lowest
score from which on these, or what the scorecard holds genuine if that is more, are no more than the share of
all logins that the operator allows.

The sums lie with the counters: at each look a guard adds what it has seen since, so guards that share
counters keep one budget.
"""

from __future__ import annotations

import math
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from stanch.guard.counters import Counters, tell_fade

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

    def add(self, new: _State, time_s: int) -> None:
        """Let the past fade, add what is new."""
        fade = tell_fade(self.time_s, time_s, _FADE_S)
        self.logins = [n * fade + m for n, m in zip(self.logins, new.logins, strict=True)]
        self.attempts = [n * fade + m for n, m in zip(self.attempts, new.attempts, strict=True)]
        self.genuine = [n * fade + m for n, m in zip(self.genuine, new.genuine, strict=True)]
        self.total = self.total * fade + new.total
        self.time_s = time_s
        self.since_s = min(self.since_s or time_s, time_s)


class Budget:
    """Scores of genuine logins, and the threshold that follows."""

    def __init__(self, counters: Counters, share: float) -> None:
        self._counters = counters
        self.share = share
        #: Counted here since the last look.
        self._new = _make_state()
        #: Log-odds below which nobody is challenged.
        self.threshold = math.inf
        self._take_over(_read(counters.load("budget")))

    def note(self, log_odds: float, genuine: float, *, success: bool = True, again: bool = False) -> None:
        """An attempt with its score; `genuine`: the probability that its login is a customer's.

        `again`: its account is under suspicion already, and counted.
        """
        bin = int((log_odds - _FIRST) / _STEP)
        if bin >= 0:
            bin = min(bin, _N - 1)
            self._new.attempts[bin] += 1
            if success and not again:
                self._new.logins[bin] += 1
                self._new.genuine[bin] += genuine
        if success:
            self._new.total += genuine

    def spent(self, log_odds: float) -> float:
        """Share of genuine logins with at least this score, at the last look."""
        first = min(max(math.ceil((log_odds - _FIRST) / _STEP), 0), _N - 1) if log_odds < math.inf else _N - 1
        return float(self._above[first]) / self._total

    def sweep(self, time_s: int) -> None:
        """Add to the sums what was counted here, set the threshold."""
        new = self._new

        def add(saved: bytes) -> bytes:
            state = _read(saved)
            state.add(new, time_s)
            return msgspec.msgpack.encode(state)

        state = _read(self._counters.update("budget", add))
        self._new = _make_state()
        self._take_over(state)

    def _take_over(self, state: _State) -> None:
        logins, attempts, genuine = np.cumsum(
            [state.logins[::-1], state.attempts[::-1], state.genuine[::-1]], axis=1
        )[:, ::-1]
        self._above = np.maximum(logins - _MOST_OPENED * attempts, genuine)
        # Who has just begun has as much as whoever has gone on like this for long.
        whole = 1 - math.exp(-max(state.time_s - state.since_s, _SOON_S) / _FADE_S)
        self._total = max(state.total / whole, _LEAST)
        allowed = np.flatnonzero(self._above <= self.share * self._total)
        self.threshold = _FIRST + float(allowed[0]) * _STEP if len(allowed) and self.share else math.inf


def _make_state() -> _State:
    return _State([0.0] * _N, [0.0] * _N, [0.0] * _N)


def _read(saved: bytes) -> _State:
    return msgspec.msgpack.decode(saved, type=_State) if saved else _make_state()
