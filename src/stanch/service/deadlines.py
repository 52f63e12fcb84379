"""How long requests may take: all of them are looked at now and then, instead of a timer for each."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

#: Requests are looked at so often; one is ended this much too late at most.
_EVERY_S: Final = 0.5


class Deadlines:
    """Cancels tasks that are overdue. For one event loop."""

    def __init__(self) -> None:
        self._until: dict[asyncio.Task[Any], float] = {}
        self._overdue: set[asyncio.Task[Any]] = set()
        self._is_looking = False

    def start(self, task: asyncio.Task[Any], seconds: float) -> None:
        """`task`, which calls this, has so long from now on."""
        self._until[task] = time.monotonic() + seconds
        if not self._is_looking:
            self._is_looking = True
            task.get_loop().call_later(_EVERY_S, self._look, task.get_loop())

    def end(self, task: asyncio.Task[Any]) -> bool:
        """`task` is done with it; True if it was cancelled because it was overdue."""
        self._until.pop(task, None)
        if task not in self._overdue:
            return False
        self._overdue.discard(task)
        task.uncancel()
        return True

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = time.monotonic()
        for task in [task for task, until in self._until.items() if until <= now]:
            del self._until[task]
            self._overdue.add(task)
            task.cancel()
        self._is_looking = bool(self._until)
        if self._is_looking:
            loop.call_later(_EVERY_S, self._look, loop)
