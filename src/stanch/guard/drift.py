"""Does the scorecard fit? Levels of genuine attempts in calm hours here, against those that it was made
from."""

from __future__ import annotations

import math
from typing import Final

import msgspec
from msgspec import Struct

from stanch.guard.counters import Counters
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


class Drift:
    """Levels of this shop's calm hours, fading over a week."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        saved = counters.load("drift")
        empty = _State({name: {} for name in COMPARED})
        self._state = msgspec.msgpack.decode(saved, type=_State) if saved else empty
        self._blocks = [(b, self._state.levels[name]) for b, name in enumerate(BLOCKS) if name in COMPARED]
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
        """Once an hour: let the past fade, compare."""
        age = min(time_s - self._state.time_s, 86_400)
        if age < 0:
            self._state.time_s = time_s
        if age < 3600:
            return
        self.worst = self._compare(scorecard)
        fade = math.exp(-age / _FADE_S) if self._state.time_s else 1.0
        self._state.time_s = time_s
        for _, counts in self._blocks:
            for level in list(counts):
                counts[level] *= fade
                if counts[level] < 0.01:
                    del counts[level]
        self._counters.save("drift", msgspec.msgpack.encode(self._state))

    def _compare(self, scorecard: Scorecard) -> tuple[str, float, float]:
        worst = ("", 0.0, 1.0)
        for block, counts in self._blocks:
            name = tuple(BLOCKS)[block]
            if sum(counts.values()) < _LEAST / _SAMPLED:
                continue
            calm = scorecard.calm[name]
            distance = measure_distance(counts, dict(enumerate(calm)))
            usual = scorecard.usual.get(name, 1.0)
            if distance - usual > worst[1] - worst[2]:
                worst = (name, distance, usual)
        return worst


def measure_distance(one: dict[int, float], other: dict[int, float]) -> float:
    """Total variation between two mixes of levels; `SILENT` ones are left out."""
    first = sum(n for level, n in one.items() if level >= 0) or 1.0
    second = sum(n for level, n in other.items() if level >= 0) or 1.0
    levels = {level for level in one.keys() | other.keys() if level >= 0}
    return 0.5 * sum(abs(one.get(x, 0.0) / first - other.get(x, 0.0) / second) for x in levels)
