"""Named days: fixed, by Easter, or by a table of years."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Final


def find_holidays(plain: str, today: date) -> Iterator[tuple[int, int, date]]:
    """Start, end and day of each holiday named in `plain`: the last one not after `today`."""
    for pattern, find in _load():
        for match in pattern.finditer(plain):
            day = find(today)
            if day is not None and not _is_season(plain, match.start(), match.end()):
                yield match.start(), match.end(), day


#: `since Easter`, `the run-up to Christmas`, `清明过后`: a time of the year, and no day.
_BEFORE: Final = re.compile(
    r"\b(?:since|before|after|around|until|by|over|up to|ahead of|between) (?:the )?$"
)
_AFTER: Final = re.compile(
    r"(?:节)?(?:过后|之?后|以来|前后|之?前|期间|前夕|临近)|(?: (?:period|season|holidays?|break|sales?))\b"
)


def _is_season(plain: str, start: int, end: int) -> bool:
    return bool(_BEFORE.search(plain, max(0, start - 16), start) or _AFTER.match(plain, end))


def find_easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm; Meeus, Astronomical
    Algorithms, ch. 8)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)


@cache
def _load() -> list[tuple[re.Pattern[str], Callable[[date], date | None]]]:
    file = resources.files("stanch.complaints.reading").joinpath("words/holidays.toml")
    words = tomllib.loads(file.read_text("utf-8"))
    rules: list[tuple[re.Pattern[str], Callable[[date], date | None]]] = []
    for pattern, (month, day) in words["fixed"].items():
        rules.append((_compile(pattern), _fixed(month, day)))
    for pattern, offset in words["easter"].items():
        rules.append((_compile(pattern), _by_easter(offset)))
    for pattern, days in words["moving"].items():
        rules.append((_compile(pattern), _by_table([date.fromisoformat(d) for d in days])))
    return rules


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})" if pattern.isascii() else pattern)


def _fixed(month: int, day: int) -> Callable[[date], date | None]:
    return lambda today: max(d for y in (today.year - 1, today.year) if (d := date(y, month, day)) <= today)


def _by_easter(offset: int) -> Callable[[date], date | None]:
    def find(today: date) -> date | None:
        days = (find_easter(year) + timedelta(days=offset) for year in (today.year - 1, today.year))
        return max(day for day in days if day <= today)

    return find


def _by_table(days: list[date]) -> Callable[[date], date | None]:
    def find(today: date) -> date | None:
        at = bisect_right(days, today)
        return days[at - 1] if at else None

    return find
