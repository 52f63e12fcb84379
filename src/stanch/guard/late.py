"""Logins of strangers that were let in, and wait to be looked at again by what came after them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from stanch.guard.guard import Context

#: When a login by a stranger is looked at again, in seconds after it.
LOOKS_S: Final = (600, 3_600, 21_600, 86_400)
#: Further ahead than its look can lie, one was put off by a clock that was wrong.
AHEAD_S: Final = 3_600
#: So many wait for each look; then the oldest are given up.
_MOST: Final = 50_000


class Look(NamedTuple):
    """One login, and which of `LOOKS_S` is due when."""

    due_s: int
    stage: int
    context: Context


def plan_look(context: Context, stage: int) -> Look:
    """The look of a stage at a login."""
    return Look(context.time_s + LOOKS_S[stage], stage, context)


class LateLooks:
    """Those that wait in this process, in bounded memory."""

    def __init__(self) -> None:
        self._queues: list[deque[Look]] = [deque(maxlen=_MOST) for _ in LOOKS_S]

    def add(self, look: Look) -> None:
        """Have one wait."""
        self._queues[look.stage].append(look)

    def take(self, now_s: int, most: int) -> list[Look]:
        """Those whose time has come, at most so many."""
        taken: list[Look] = []
        for queue, after_s in zip(self._queues, LOOKS_S, strict=True):
            latest_s = now_s + after_s + AHEAD_S
            while queue and not now_s < queue[0].due_s <= latest_s and len(taken) < most:
                taken.append(queue.popleft())
        return taken

    def take_all(self) -> list[Look]:
        """All that wait, due or not: to be kept elsewhere."""
        taken = [look for queue in self._queues for look in queue]
        for queue in self._queues:
            queue.clear()
        return taken

    def give_back(self, looks: Iterable[Look]) -> None:
        """They could not be kept elsewhere: have them wait here again, before newer ones."""
        by_stage: list[list[Look]] = [[] for _ in LOOKS_S]
        for look in looks:
            by_stage[look.stage].append(look)
        for stage, older in enumerate(by_stage):
            self._queues[stage] = deque([*older, *self._queues[stage]], maxlen=_MOST)
