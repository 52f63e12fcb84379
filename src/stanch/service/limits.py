"""How often a key may call: a token bucket each, so that one caller cannot keep the others out.

Token bucket: ITU-T I.371, annex A, in its continuous form.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from stanch.cases.keys import ApiKey
from stanch.service.settings import LimitSettings

_ROUNDING: Final = 1e-6


class Limits:
    """The buckets of all keys; one second's worth may come at once. `clock` gives seconds."""

    def __init__(self, settings: LimitSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def take(self, key: ApiKey) -> bool:
        """Count one request; False if the key called too often."""
        cost: float = 1.0 / getattr(self.settings, key.scope)
        now = self._clock()
        # The moment at which the bucket would be full again stands for what is missing from it.
        full_at = max(self._full_at.get(key.id, 0.0), now) + cost
        if full_at - now > 1.0 + _ROUNDING:
            return False
        self._full_at[key.id] = full_at
        return True
