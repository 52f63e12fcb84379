"""When the victim was first contacted: which of the days that a text names is the day of the call or
message."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

from stanch.complaints.reading.dates import When
from stanch.complaints.reading.lexicon import load_patterns
from stanch.complaints.reading.text import Language, Text

#: A day without an hour is stored as its noon, so that it is the same day in most zones.
NOON: Final = time(12)
#: What a word of each group near a day says for it being the day of first contact, in nats at no distance.
_WEIGHTS: Final = {"contact": 3.0, "order": -4.0, "report": -2.5, "paid": -0.7}
_REACH: Final = 45


@dataclass(frozen=True, slots=True)
class Contact:
    """The first contact, in UTC, where the text names its day, and how sure that is (0-1)."""

    at: datetime
    start: int
    end: int
    confidence: float
    #: Whether only the day is told, so that `at` is its noon.
    is_day: bool = False


def find_contact(text: Text, dates: Sequence[When], received: datetime) -> Contact | None:
    """The day of first contact among `dates`; None where the text does not tell. `received` is local."""
    if not dates:
        return None
    words = load_patterns(text.language, "contact", 10 if text.language == "zh" else 20)
    scores = [_score(text, i, dates, words) for i in range(len(dates))]
    best = max(scores)
    if best < -0.5:
        return None
    # Several days may be days of contact; the first contact is the earliest of them.
    near = [i for i, score in enumerate(scores) if score >= max(1.5, best - 1.5) or score == best]
    at = min(near, key=lambda i: (dates[i].day, i))
    when, best = dates[at], scores[at]
    hour = when.hour
    if hour is None:
        hour = next((d.hour for d in dates if d.day == when.day and d.hour), None)
    moment = datetime.combine(when.day, hour or NOON, received.tzinfo)
    if when.day == received.date():
        moment = min(moment, received)
    sure = min(0.98, when.sure * (0.95 if best > 1.5 else 0.7 if best > 0 else 0.5))
    return Contact(moment.astimezone(UTC), when.start, when.end, sure, hour is None)


def _score(text: Text, i: int, dates: Sequence[When], words: dict[str, re.Pattern[str]]) -> float:
    """How much speaks for the day `i`: the words around it weigh less with distance and beyond the clause."""
    when = dates[i]
    start, end = text.sentence_at(when.start)
    low = max(start, when.start - _REACH, dates[i - 1].end if i else 0)
    high = min(end, when.end + (_REACH if text.language == "zh" else 2 * _REACH))
    if i + 1 < len(dates):
        high = min(high, max(dates[i + 1].start, when.end))
    score, near = 0.0, {}
    clause = text.clause_at(when.start)
    for name in _WEIGHTS:
        nearest = min(
            (
                _distance(match.start(), match.end(), when, clause, text.language)
                for match in words[name].finditer(text.plain, low, high)
            ),
            default=None,
        )
        if nearest is not None:
            near[name] = nearest
    for name, distance in near.items():
        # The nearest word governs; what stands behind the call tells what it was about.
        share = 0.3 if name != "contact" and near.get("contact", 1e9) < distance else 1.0
        score += share * _WEIGHTS[name] * 0.5 ** (distance / 18)
    if when.relative:
        score -= 0.4
    return score + when.sure - 0.3 * min(i, 3)


def _distance(start: int, end: int, when: When, clause: tuple[int, int], language: Language) -> float:
    """Code points between a word and a day; a clause's end counts as ten more, and Chinese looks ahead."""
    gap = start - when.end if start >= when.end else when.start - end
    far = 0 if clause[0] <= start < clause[1] else 10
    behind = 8 if language == "zh" and end <= when.start else 0
    return max(0, gap) * (1.0 if language == "zh" else 0.5) + far + behind
