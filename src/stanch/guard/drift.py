"""Does the scorecard fit? Levels of genuine attempts in calm hours here, against those that it was made
from. As those of the budget, the sums lie with the counters, and guards that share these share them."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from msgspec import Struct

from stanch.guard.counters import Counters, tell_fade
from stanch.guard.features import BLOCKS
from stanch.guard.scorecard import Scorecard

#: Blocks that are compared: the others are silent in calm hours.
COMPARED: Final = ("behaviour", "address", "network", "standing")
#: One attempt in so many is counted.
_SAMPLED: Final = 8
_FADE_S: Final = 7 * 86_400.0
#: Attempts, at least, before anything is said.
_LEAST: Final = 500.0


class _State(Struct):
    levels: dict[str, dict[int, float]]
    time_s: int = 0

    def add(self, new: dict[str, dict[int, float]], time_s: int) -> None:
        """Let the past fade, add what is new."""
        fade = tell_fade(self.time_s, time_s, _FADE_S)
        for name, counts in self.levels.items():
            for level in list(counts):
                counts[level] *= fade
                if counts[level] < 0.01:
                    del counts[level]
            for level, n in new[name].items():
                counts[level] = counts.get(level, 0.0) + n
        self.time_s = time_s


class Drift:
    """Levels of this shop's calm hours, fading over a week."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._start_anew()
        self._looked_s = -math.inf
        self._turn = 0
        #: The block that is furthest beyond its usual distance, that distance (total variation: the share of
        #: attempts that would have to have another level), and the usual one.
        self.worst = ("", 0.0, 1.0)

    def note(self, levels: tuple[int, ...], genuine: float) -> None:
        """An attempt in a calm hour, genuine with this probability."""
        self._turn = (self._turn + 1) % _SAMPLED
        if self._turn:
            return
        for block, counts in self._blocks:
            level = levels[block]
            counts[level] = counts.get(level, 0.0) + genuine

    def sweep(self, time_s: int, scorecard: Scorecard) -> None:
        """Once an hour: add to the sums what was counted here, compare."""
        if 0 <= time_s - self._looked_s < 3600:
            return
        new = self._new

        def add(saved: bytes) -> bytes:
            state = _read(saved)
            state.add(new, time_s)
            return msgspec.msgpack.encode(state)

        state = _read(self._counters.update("drift", add))
        self._looked_s = time_s
        self._start_anew()
        self.worst = compare(state.levels, scorecard)

    def _start_anew(self) -> None:
        self._new: dict[str, dict[int, float]] = {name: {} for name in COMPARED}
        self._blocks = [(b, self._new[name]) for b, name in enumerate(BLOCKS) if name in COMPARED]


def read_drift(counters: Counters, scorecard: Scorecard) -> tuple[str, float, float]:
    """As `Drift.worst`, of what was counted so far."""
    return compare(_read(counters.load("drift")).levels, scorecard)


def compare(levels: dict[str, dict[int, float]], scorecard: Scorecard) -> tuple[str, float, float]:
    """The block that is furthest beyond its usual distance, that distance, and the usual one."""
    worst = ("", 0.0, 1.0)
    for name, counts in levels.items():
        if sum(counts.values()) < _LEAST / _SAMPLED:
            continue
        distance = measure_distance(counts, dict(enumerate(scorecard.calm[name])))
        usual = scorecard.usual.get(name, 1.0)
        if distance - usual > worst[1] - worst[2]:
            worst = (name, distance, usual)
    return worst


def _read(saved: bytes) -> _State:
    return msgspec.msgpack.decode(saved, type=_State) if saved else _State({name: {} for name in COMPARED})


def measure_distance(one: dict[int, float], other: dict[int, float]) -> float:
    """Total variation between two mixes of levels; `SILENT` ones are left out."""
    first = sum(n for level, n in one.items() if level >= 0) or 1.0
    second = sum(n for level, n in other.items() if level >= 0) or 1.0
    levels = {level for level in one.keys() | other.keys() if level >= 0}
    return 0.5 * sum(abs(one.get(x, 0.0) / first - other.get(x, 0.0) / second) for x in levels)
