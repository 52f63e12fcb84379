"""Numbers as people write them -> values: `18,373`, `1.8万`, `一万八`, `3千5`, `2.5 lakh`, `twelve hundred`.

Rules of the two languages, not a list of cases. Chinese: a digit behind a unit without one of its own
counts in the next lower unit (一万八 is 18,000, 三百五 is 350, 一万零八 is 10,008). English: words
multiply by hundred, thousand, lakh, million, and add up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_DIGITS: Final = {
    sign: value
    for signs, value in (
        ("零〇", 0),
        ("一壹", 1),
        ("二两贰俩", 2),
        ("三叁仨", 3),
        ("四肆", 4),
        ("五伍", 5),
        ("六陆", 6),
        ("七柒", 7),
        ("八捌", 8),
        ("九玖", 9),
    )
    for sign in signs
}
_UNITS: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000, "k": 1_000}
_MYRIADS: Final = {"万": 10**4, "w": 10**4, "亿": 10**8}
_HAN_DIGITS: Final = "".join(_DIGITS)
_HAN: Final = rf"[{_HAN_DIGITS}十拾百佰千仟万亿廿]"

_ARABIC: Final = (
    r"(?:\d{1,3}(?:,\d{3})+(?:\.\d{1,2})?(?!\d)|\d{1,3}(?:,\d{2})+,\d{3}(?:\.\d{1,2})?(?!\d)"
    r"|\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)|\d{1,3}(?:[ '\u2009]\d{3})+(?:[.,]\d{1,2})?(?!\d)"
    r"|\d{1,12}(?:[.,]\d{1,4})?)"
)
_MIXED: Final = re.compile(
    rf"(?<![\d.a-z])(?P<arabic>{_ARABIC})(?:\s?[多余来几]?(?P<unit>万|亿|千|百|仟|佰|w(?![a-z])|k(?![a-z]))"
    r"(?P<tail>(?:零?\d{1,4}(?:[千百十]"
    r"|(?![\d.,])))*)(?P<more>(?:[一二两三四五六七八九]千?(?:[一二两三四五六七八九]百?)?)?))?"
)
_NUMERAL: Final = re.compile(rf"[{_HAN_DIGITS}十拾廿]{_HAN}{{0,20}}")

#: English words of numbers below a hundred that are one word.
WORDS: Final = {
    word: value
    for value, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
} | {
    word: value * 10
    for value, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2
    )
}
_SCALES: Final = {
    "hundred": 100,
    "thousand": 1_000,
    "grand": 1_000,
    "k": 1_000,
    "lakh": 10**5,
    "lakhs": 10**5,
    "lac": 10**5,
    "lacs": 10**5,
    "million": 10**6,
    "mn": 10**6,
    "m": 10**6,
    "crore": 10**7,
}
_WORD: Final = "|".join(
    sorted([*WORDS, "hundred", "thousand", "grand", "lakh", "lakhs", "million"], key=len, reverse=True)
)
_SPELLED: Final = re.compile(
    rf"\b(?:half a million|a (?:couple|few) (?:of )?(?:hundred|thousand|grand)"
    rf"|(?:an? )?(?:{_WORD})(?:(?:[\s-]+|\s+and\s+)(?:{_WORD})){{0,9}})\b"
)
_SCALED: Final = re.compile(
    rf"(?<![\d.a-z])(?P<arabic>{_ARABIC})\s?(?P<scale>hundred|thousand|grand|k|lakhs?|lacs?"
    rf"|million|mn|m|crore)(?![a-z])"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number at code points `start` to `end`."""

    start: int
    end: int
    value: float


def find_numbers(plain: str) -> list[Number]:
    """Numbers of a lower-case, half-width text in order of place, none within another."""
    candidates = [*_find_scaled(plain), *_find_mixed(plain), *_find_numerals(plain), *_find_spelled(plain)]
    found: list[Number] = []
    for number in sorted(candidates, key=lambda n: (n.start, -n.end)):
        if not found or number.start >= found[-1].end:
            found.append(number)
    return found


def parse_arabic(text: str) -> float:
    """`18,373`, `1.234,56`, `89,90`, `1 234`: the last sign before one or two digits parts the decimals."""
    bare = re.sub(r"[ '\u2009]", "", text)
    decimals = re.search(r"[.,](\d{1,2}|\d{4})$", bare)
    if decimals and not re.search(r",\d{4}$", bare):
        return float(re.sub(r"[.,]", "", bare[: decimals.start()]) + "." + decimals[1])
    return float(re.sub(r"[.,]", "", bare))


def parse_numeral(text: str) -> float | None:
    """A Chinese numeral of any usual form; None where it is none (`一一〇` is a phone, not a number)."""
    if not any(sign in _UNITS or sign in _MYRIADS for sign in text) and "廿" not in text:
        return float(_DIGITS[text]) if len(text) == 1 else None
    total = section = digit = 0
    last, zero, pending = 1, False, False
    for sign in text.replace("廿", "二十"):
        if sign in _DIGITS:
            zero = zero or _DIGITS[sign] == 0
            digit, pending = _DIGITS[sign], _DIGITS[sign] != 0
        elif sign in _UNITS:
            unit = _UNITS[sign]
            section += (digit if pending else 1) * unit
            digit, pending, last, zero = 0, False, unit, False
        else:
            myriad = _MYRIADS[sign]
            total = (
                (total + section + digit) * myriad if myriad > 10**4 else total + (section + digit) * myriad
            )
            section, digit, pending, last, zero = 0, 0, False, myriad, False
    if pending and last > 10 and not zero:
        digit *= last // 10
    return float(total + section + digit)


def _find_mixed(plain: str) -> Iterator[Number]:
    for match in _MIXED.finditer(plain):
        if (unit := match["unit"]) is None:
            yield Number(match.start(), match.end(), parse_arabic(match["arabic"]))
            continue
        arabic = match["arabic"]
        value = float(arabic) if arabic.count(".") == 1 and "," not in arabic else parse_arabic(arabic)
        size = _MYRIADS.get(unit) or _UNITS[unit]
        value *= size
        tail = match["tail"] or ""
        last = size
        for part in re.finditer(r"零?(\d{1,4})([千百十]?)", tail):
            n, own = int(part[1]), part[2]
            if own:
                last = _UNITS[own]
                value += n * last
            elif part[0].startswith("零") or len(part[1]) > 1:
                value += n
            else:
                value += n * last / 10
        more = match["more"] or ""
        if more and not tail:
            head = parse_numeral(more)
            if head is not None:
                value += head * (size / 10 if len(more) == 1 else 1)
        yield Number(match.start(), match.end(), round(value, 2))


def _find_scaled(plain: str) -> Iterator[Number]:
    for match in _SCALED.finditer(plain):
        value = parse_arabic(match["arabic"]) * _SCALES[match["scale"]]
        yield Number(match.start(), match.end(), round(value, 2))


def _find_numerals(plain: str) -> Iterator[Number]:
    for match in _NUMERAL.finditer(plain):
        value = parse_numeral(match[0])
        if value is not None:
            yield Number(match.start(), match.end(), value)


def _find_spelled(plain: str) -> Iterator[Number]:
    for match in _SPELLED.finditer(plain):
        value = _parse_words(match[0])
        if value is not None:
            yield Number(match.start(), match.end(), value)


def _parse_words(text: str) -> float | None:
    if text == "half a million":
        return 500_000.0
    words = re.split(r"[\s-]+", text)
    total, current, said = 0, 0, False
    for word in words:
        if word in WORDS:
            current += WORDS[word]
            said = True
        elif word == "hundred":
            current = (current or 1) * 100
            said = True
        elif word in _SCALES:
            total += (current or 1) * _SCALES[word]
            current, said = 0, True
        elif word == "couple":
            current = 2
        elif word == "few":
            return None
    return float(total + current) if said else None
