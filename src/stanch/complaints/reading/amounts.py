"""An amount of money as features: what the learned part of the reading weighs to tell whether it was lost."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stanch.complaints.reading.money import Money
from stanch.complaints.reading.senses import load_senses
from stanch.complaints.reading.text import Text

N_FEATURES: Final = 1 << 14
_LEFT: Final = {"zh": 24, "en": 60}
_RIGHT: Final = {"zh": 14, "en": 40}
_WORD: Final = re.compile(r"[a-z]+(?:'[a-z]+)?|\d[\d.,]*|[^\s\w]")
_DIGITS: Final = re.compile(r"\d[\d.,]*")


def describe_amount(
    text: Text, amounts: Sequence[Money], at: int, role: str | None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Indices below `N_FEATURES` and values for `amounts[at]`.

    `role` is what the rules make of it; None: unknown.
    """
    ids = np.array(
        sorted({zlib.crc32(f.encode()) % N_FEATURES for f in _list(text, amounts, at)}), dtype=np.int64
    )
    values = np.full(len(ids), 1 / np.sqrt(max(1, len(ids))), dtype=np.float32)
    if role is not None:
        said = zlib.crc32(f"role {role}".encode()) % N_FEATURES
        ids, values = np.append(ids, said), np.append(values, np.float32(0.6))
    return ids, values


def _list(text: Text, amounts: Sequence[Money], at: int) -> Iterator[str]:
    money, plain = amounts[at], text.plain
    low = max(amounts[at - 1].end if at else 0, money.start - _LEFT[text.language])
    high = min(
        amounts[at + 1].start if at + 1 < len(amounts) else len(plain), money.end + _RIGHT[text.language]
    )
    start, end = text.sentence_at(money.start)
    left, right = plain[max(low, start) : money.start], plain[money.end : min(high, max(end, money.end))]
    yield from _near("l", left, text.language)
    yield from _near("r", right, text.language)
    senses = load_senses(text.language)
    clause = text.clause_at(money.start)
    spans = [(clause[0], money.start), (money.end, max(money.end, clause[1])), (start, end), (0, len(plain))]
    for name, (a, b) in zip(("cl", "cr", "s", "t"), spans, strict=True):
        found = sorted(senses.find_between(plain, a, b))
        yield from (f"{name} {senses.names[i]}" for i in found)
        if name in ("cl", "s"):
            yield from (f"{name} {i} {j}" for i in found for j in found if i < j)
    same = [m for m in amounts if m.amount == money.amount]
    yield f"explicit {money.explicit}"
    yield f"first {at == 0}"
    yield f"last {at == len(amounts) - 1}"
    yield f"count {min(len(amounts), 4)}"
    yield f"told again {len(same) > 1 and same[0] is not money}"
    yield f"largest {money.amount >= max(m.amount for m in amounts)}"
    yield f"size {len(str(int(money.amount)))}"
    yield f"sum {abs(sum(m.amount for m in amounts) - 2 * money.amount) < 0.01 and len(amounts) > 2}"
    if at:
        gap = plain[amounts[at - 1].end : money.start]
        yield f"gap {gap.strip()}" if len(gap) <= 8 else "gap far"


def _near(side: str, said: str, language: str) -> Iterator[str]:
    if language == "zh":
        said = _DIGITS.sub("0", said)
        signs = said[::-1] if side == "l" else said
        for n in (1, 2, 3):
            for i in range(len(signs) - n + 1):
                run = signs[i : i + n]
                yield f"{side}{n} {run}"
                if i < 4:
                    yield f"{side}{n} {i} {run}"
        return
    words = ["0" if w[0].isdigit() else w for w in _WORD.findall(said)]
    words = words[::-1] if side == "l" else words
    for i, word in enumerate(words):
        yield f"{side} {word}"
        if i < 4:
            yield f"{side} {i} {word}"
        if i + 1 < len(words):
            yield f"{side} {word} {words[i + 1]}"
