"""How much has come from one address within the last hour, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

_HOUR_US: Final = 3_600_000_000
#: Addresses remembered at once; beyond them, the one seen longest ago is forgotten.
MAX_ADDRESSES: Final = 50_000


class Throttle:
    """The moments of an hour, by address. Nothing older is kept."""

    def __init__(self) -> None:
        #: By the last moment of each, oldest first.
        self._moments: OrderedDict[str, deque[int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._moments)

    def count(self, address: str, now_us: int) -> int:
        """How many `add` counted for an address within the last hour."""
        self._forget(now_us)
        moments = self._moments.get(address)
        while moments and moments[0] <= now_us - _HOUR_US:
            moments.popleft()
        return len(moments) if moments else 0

    def add(self, address: str, now_us: int) -> None:
        """Count one."""
        self._moments.setdefault(address, deque()).append(now_us)
        self._moments.move_to_end(address)
        if len(self._moments) > MAX_ADDRESSES:
            self._moments.popitem(last=False)

    def take_back(self, address: str) -> None:
        """Count the newest one no longer."""
        if moments := self._moments.get(address):
            moments.pop()

    def _forget(self, now_us: int) -> None:
        while self._moments:
            moments = next(iter(self._moments.values()))
            if moments and moments[-1] > now_us - _HOUR_US:
                return
            self._moments.popitem(last=False)
