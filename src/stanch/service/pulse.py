"""The attempts of the last day, minute by minute, as they were judged: what the console shows live.

In memory and of this process alone: after a restart it starts anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from stanch.guard.attempts import Answer

_MINUTE_US: Final = 60_000_000
MINUTES: Final = 1_440


class Beat(Struct):
    """Some minutes. `start_us` is microseconds since 1970-01-01 UTC."""

    start_us: int
    attempts: int = 0
    #: How many of them are expected to be an attack's: the sum of their probabilities.
    attack: float = 0.0
    #: Challenged or denied, and those that would have been if their rule were switched on.
    stopped: int = 0
    simulated: int = 0


class Pulse:
    """The minutes of one service. Written by the event loop, read from anywhere."""

    def __init__(self, now_us: int) -> None:
        self.since_us = now_us
        self._beats: list[Beat | None] = [None] * MINUTES

    def note(self, now_us: int, answer: Answer) -> None:
        """Count an attempt that was judged."""
        minute = now_us // _MINUTE_US
        beat = self._beats[minute % MINUTES]
        if beat is None or beat.start_us != minute * _MINUTE_US:
            beat = self._beats[minute % MINUTES] = Beat(minute * _MINUTE_US)
        beat.attempts += 1
        beat.attack += answer.score
        if answer.action != "allow":
            if answer.simulated:
                beat.simulated += 1
            else:
                beat.stopped += 1

    def read(self, now_us: int, minutes: int, step: int) -> Sequence[Beat]:
        """The last `minutes` in steps of `step`, oldest first; the last one is under way."""
        last = now_us // _MINUTE_US
        first = (last // step + 1) * step - minutes
        beats = [Beat((first + n) * _MINUTE_US) for n in range(0, minutes, step)]
        for found in list(self._beats):
            if found is None:
                continue
            n = (found.start_us // _MINUTE_US - first) // step
            if 0 <= n < len(beats):
                beat = beats[n]
                beat.attempts += found.attempts
                beat.attack += found.attack
                beat.stopped += found.stopped
                beat.simulated += found.simulated
        return beats
