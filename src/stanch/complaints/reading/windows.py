"""A text as windows, and each window as features: what the learned part of the reading looks at.

A window is a clause, or two clauses running. It is made of its n-grams (signs in Chinese; words and runs of
words in English), with every number alike, of the lexicon's patterns and of the senses that stand in it.
"""

from __future__ import annotations

import re
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stanch.complaints.reading.lexicon import Lexicon, load_lexicon
from stanch.complaints.reading.senses import load_senses
from stanch.complaints.reading.text import Language, Span, Text

N_GRAMS: Final = 1 << 16
#: Clauses shorter than this are read with the next.
_SHORT: Final = {"zh": 3, "en": 8}
#: No victim writes more clauses; what stands behind them is not read.
_MOST: Final = 400
_TOKEN: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|\d[\d.,:/-]*|[^\s\w]")
_DIGITS: Final = re.compile(r"\d[\d.,:/-]*")
_STOPS: Final = str.maketrans("，、。", ",,.")
_MASK: Final = np.uint64(N_GRAMS - 1)
#: Odd multipliers, one for each length of n-gram (Knuth's multiplicative hashing).
_MIX: Final = tuple(
    np.uint64(m) for m in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)
)
_SHIFT: Final = np.uint64(40)

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """Spans of `text.plain`, and what was found in each.

    N-grams are indices below `N_GRAMS`, rules indices into `list_rules`, senses those of `Senses.cross`.
    """

    spans: list[Span]
    grams: list[Ids]
    rules: list[Ids]
    senses: list[Ids]
    language: Language


@cache
def count_rules(language: Language) -> int:
    """How many patterns of the lexicon windows are searched for."""
    return len(list_rules(load_lexicon(language)))


def list_rules(words: Lexicon) -> dict[str, re.Pattern[str]]:
    """These patterns by name."""
    groups = {
        "pretexts": words.pretexts,
        "asked": words.asked,
        "known": words.known,
        "identity": words.identity,
        "fraud": words.fraud,
        "kinds": words.kinds,
    }
    return {f"{group}.{name}": p for group, patterns in groups.items() for name, p in patterns.items()}


def cut_windows(text: Text, words: Lexicon) -> Windows:
    """The windows of `text`, clauses first."""
    units = _cut_units(text)
    grams = [_list_grams(text, span) for span in units]
    rules = _find_rules(text, words, units)
    senses = load_senses(text.language)
    told = senses.find(text.plain, units)
    pairs = range(len(units) - 1)
    return Windows(
        [*units, *((units[i][0], units[i + 1][1]) for i in pairs)],
        [*grams, *(np.union1d(grams[i], grams[i + 1]) for i in pairs)],
        [*rules, *(np.union1d(rules[i], rules[i + 1]) for i in pairs)],
        [*map(senses.cross, told), *(senses.cross(told[i] | told[i + 1]) for i in pairs)],
        text.language,
    )


def _cut_units(text: Text) -> list[Span]:
    units: list[Span] = []
    start = 0
    for _, end in text.clauses:
        if len(text.plain[start:end].strip()) >= _SHORT[text.language]:
            units.append((start, end))
            start = end
            if len(units) == _MOST:
                return units
    if start < len(text.plain) or not units:
        if units and len(text.plain) - start < _SHORT[text.language]:
            units[-1] = (units[-1][0], len(text.plain))
        else:
            units.append((start, len(text.plain)))
    return units


def _find_rules(text: Text, words: Lexicon, units: Sequence[Span]) -> list[Ids]:
    starts = [start for start, _ in units]
    hits: list[set[int]] = [set() for _ in units]
    for index, pattern in enumerate(list_rules(words).values()):
        for match in pattern.finditer(text.plain):
            hits[max(0, bisect_right(starts, match.start()) - 1)].add(index)
    return [np.array(sorted(found), dtype=np.int64) for found in hits]


def _list_grams(text: Text, span: Span) -> Ids:
    plain = text.plain[slice(*span)]
    return _list_signs(plain) if text.language == "zh" else _list_words(plain)


def _list_signs(plain: str) -> Ids:
    """Runs of one to four signs; stops of either width are alike, and the ends are marked."""
    signs = "^" + _DIGITS.sub("0", plain.translate(_STOPS)).strip() + "$"
    points = np.frombuffer(signs.encode("utf-32-le"), np.uint32).astype(np.uint64)
    found = [_hash(points * _MIX[0])]
    with np.errstate(over="ignore"):
        run = points * _MIX[0]
        for n in range(1, 4):
            if len(points) <= n:
                break
            run = (run[:-1] ^ (run[:-1] >> np.uint64(29))) * _MIX[n] + points[n:] * _MIX[0]
            found.append(_hash(run + _MIX[n]))
    return np.unique(np.concatenate(found))


def _list_words(plain: str) -> Ids:
    """Words, parts of words, and words in twos (next to each other or with one between) and threes."""
    tokens = ["^", *("0" if t[0].isdigit() else t for t in _TOKEN.findall(plain)), "$"]
    whole = np.array([_crc(t) for t in tokens], dtype=np.uint64)
    with np.errstate(over="ignore"):
        found = [_hash(whole * _MIX[0])]
        if len(whole) > 2:
            found += [
                _hash(whole[:-1] * _MIX[1] + whole[1:] * _MIX[0]),
                _hash(whole[:-2] * _MIX[2] + whole[2:] * _MIX[0]),
                _hash(whole[:-2] * _MIX[3] + whole[1:-1] * _MIX[1] + whole[2:] * _MIX[0]),
            ]
    return np.unique(
        np.concatenate(
            [*found, _hash(np.array([_crc(f"{t[:5]}*") for t in tokens if len(t) > 5], dtype=np.uint64))]
        )
    )


def _hash(mixed: NDArray[np.uint64]) -> Ids:
    return ((mixed >> _SHIFT) & _MASK).astype(np.int64)


@lru_cache(50_000)
def _crc(token: str) -> int:
    return zlib.crc32(token.encode())
