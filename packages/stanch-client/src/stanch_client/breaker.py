"""A circuit breaker (Nygard, "Release It!", 2007): a dead guard is not asked at every login."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

#: So many failures in a row open it.
N_FAILURES: Final = 5
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 30.0


class Breaker:
    """Closed: everybody asks. Open: nobody asks for a while, then one who tries for all."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._n_failures = 0
        self._pause_s = FIRST_PAUSE_S
        #: When the next may try; None while closed.
        self._next_try: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the guard counts as dead."""
        return self._next_try is not None

    def may_ask(self) -> bool:
        """Whether this caller asks. Of those who come after a pause the first does."""
        if self._next_try is None:
            return True
        now = self._clock()
        if now < self._next_try:
            return False
        self._next_try = now + self._pause_s
        return True

    def note_success(self) -> None:
        """The guard answered."""
        self._n_failures, self._pause_s, self._next_try = 0, FIRST_PAUSE_S, None

    def note_failure(self) -> None:
        """It did not."""
        self._n_failures += 1
        if self._next_try is not None:
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        if self._n_failures >= N_FAILURES:
            self._next_try = self._clock() + self._pause_s
