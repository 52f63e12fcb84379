"""Words of one sense (`parcel`, `package`), which the learned part of the reading sees alike."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stanch.complaints.reading.text import Language, Span

_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+")
_SIMPLE: Final = re.compile(r"[a-z']+\*?")

Ids = NDArray[np.int64]


@dataclass(frozen=True)
class Senses:
    """The senses of one language, in the order of its file."""

    names: tuple[str, ...]
    #: Words (in English perhaps with `*`) -> their senses; what is more than a word is a pattern.
    plain: dict[str, tuple[int, ...]]
    patterns: tuple[tuple[re.Pattern[str], int], ...]
    longest: int
    language: Language

    @property
    def n_features(self) -> int:
        """Senses, and pairs of them."""
        return len(self.names) * (len(self.names) + 1)

    def find(self, plain: str, units: Sequence[Span]) -> list[set[int]]:
        """Per unit the senses of its words."""
        starts = [start for start, _ in units]
        found: list[set[int]] = [set() for _ in units]
        for position, senses in list_hits(self.language, plain):
            found[max(0, bisect_right(starts, position) - 1)].update(senses)
        return found

    def find_between(self, plain: str, start: int, end: int) -> set[int]:
        """Senses of the words that begin in a part of `plain`."""
        hits = list_hits(self.language, plain)
        low, high = (bisect_left(hits, at, key=lambda hit: hit[0]) for at in (start, end))
        return {sense for _, senses in hits[low:high] for sense in senses}

    def cross(self, senses: set[int]) -> Ids:
        """Feature indices of `senses` and of their pairs."""
        ordered, n = sorted(senses), len(self.names)
        pairs = [n + a * n + b for i, a in enumerate(ordered) for b in ordered[i + 1 :]]
        return np.array([*ordered, *pairs], dtype=np.int64)


@lru_cache(1)
def list_hits(language: Language, plain: str) -> list[tuple[int, tuple[int, ...]]]:
    """Places of words with their senses, in order."""
    senses = load_senses(language)
    hits: list[tuple[int, tuple[int, ...]]] = []
    if language == "zh":
        known, longest = senses.plain, senses.longest
        for start in range(len(plain)):
            for end in range(start + 1, min(start + longest, len(plain)) + 1):
                if (found := known.get(plain[start:end])) is not None:
                    hits.append((start, found))
    else:
        hits = [(match.start(), found) for match in _WORD.finditer(plain) if (found := _look_up(match[0]))]
    hits += [
        (match.start(), (sense,)) for pattern, sense in senses.patterns for match in pattern.finditer(plain)
    ]
    return sorted(hits)


@cache
def load_senses(language: Language) -> Senses:
    """The senses of `language`."""
    text = (
        resources.files("stanch.complaints.reading")
        .joinpath(f"words/senses_{language}.txt")
        .read_text("utf-8")
    )
    names: list[str] = []
    plain: dict[str, tuple[int, ...]] = {}
    patterns: list[tuple[re.Pattern[str], int]] = []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            continue
        name, _, body = line.partition(": ")
        rest = []
        for fragment in _split(body):
            if _SIMPLE.fullmatch(fragment) if language == "en" else not re.search(r"[\\(\[{]", fragment):
                plain[fragment] = (*plain.get(fragment, ()), len(names))
            else:
                rest.append(fragment.replace("*", "[a-z]*") if language == "en" else fragment)
        if rest:
            joined = "|".join(rest)
            patterns.append(
                (re.compile(rf"(?<![a-z])(?:{joined})(?![a-z])" if language == "en" else joined), len(names))
            )
        names.append(name)
    return Senses(tuple(names), plain, tuple(patterns), max(map(len, plain)), language)


def _split(body: str) -> Iterator[str]:
    """Parts between `|` outside brackets."""
    depth = start = 0
    for at, sign in enumerate(body):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            yield body[start:at]
            start = at + 1
    yield body[start:]


@lru_cache(50_000)
def _look_up(word: str) -> tuple[int, ...]:
    """Senses of an English word: of itself, and of every beginning that the file ends with `*`."""
    plain = load_senses("en").plain
    found = [*plain.get(word, ())]
    for size in range(2, len(word) + 1):
        found += plain.get(f"{word[:size]}*", ())
    return tuple(found)
