"""Rules of thumb, which need no history: they ring by a count alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from stanch.complaints.early.level import Alarm

_WEEK: Final = timedelta(days=7)
#: A script is new for so long after its first complaint.
_NEW: Final = timedelta(days=30)


@dataclass(slots=True)
class WeeklyVictims:
    """More than `most` victims in seven days; rings anew once the count has been at or below it."""

    most: int
    _days: deque[tuple[date, int]] = field(default_factory=deque)
    _is_ringing: bool = False

    def add(self, day: date, count: int) -> Alarm | None:
        """Take in one day."""
        self._days.append((day, count))
        while self._days[0][0] <= day - _WEEK:
            self._days.popleft()
        total = sum(n for _, n in self._days)
        was_ringing, self._is_ringing = self._is_ringing, total > self.most
        if not self._is_ringing or was_ringing:
            return None
        since = next(d for d, n in self._days if n)
        return Alarm(day, "all", "", "victims_a_week", since, total, float(self.most))


@dataclass(slots=True)
class NewScripts:
    """A script whose complaints reach `needed` within a month of its first."""

    needed: int
    _first: dict[str, date] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, day: date, counts: dict[str, int]) -> Iterator[Alarm]:
        """Take in one day: complaints by script."""
        for script, count in sorted(counts.items()):
            first = self._first.setdefault(script, day)
            before = self._counts.get(script, 0)
            self._counts[script] = before + count
            if before < self.needed <= before + count and day - first <= _NEW:
                yield Alarm(day, "script", script, "new_script", first, before + count, 0.0)
