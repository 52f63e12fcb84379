"""A complaint's text made ready: one spelling of every sign, code point for code point, cut into clauses."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Final, Literal

#: What stands behind this many code points is not read; the longest letters have a tenth of it.
MAX_TEXT: Final = 20_000

Language = Literal["zh", "en"]
Span = tuple[int, int]

_TRADITIONAL: Final = {
    pair[0]: pair[1]
    for pair in resources.files("stanch.complaints.reading")
    .joinpath("words/traditional.txt")
    .read_text("utf-8")
    .split()
}
#: Signs that stay as they are, though NFKC has an ASCII twin: the comma between Chinese clauses is
#: none within a
#: number.
_KEPT: Final = frozenset("，、。")
_QUOTES: Final = {
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "「": '"',
    "」": '"',
    "『": '"',
    "』": '"',
    "′": "'",
}
_HAN: Final = re.compile("[\u3400-\u9fff]")
_LATIN: Final = re.compile("[a-z]+")
_SENTENCE: Final = re.compile(r"[。!?\n…]+|(?<=[^\d\s.])\.(?=\s|$)|(?<=\d)\.(?=\s+\D)|(?<=[\u3400-\u9fff])\.")
_CLAUSE: Final = re.compile(
    r"[。!?\n…，;、]+|(?<!\d),|,(?!\d)|\.(?=\s|$)|(?<=[\u3400-\u9fff~)])\s+(?=[\u3400-\u9fff\d(a-z])"
    r"|(?<=[\da-z])\s+(?=[\u3400-\u9fff])"
)
#: Full stops that end no sentence.
_ABBREVIATED: Final = re.compile(
    r"(?:^|\W)(?:mr|mrs|ms|dr|st|no|approx|rs|re|tel|ref|acc|dept|vs|etc|e\.g|i\.e|a\.m|p\.m)\.$"
)


class _Straighten(dict[int, str]):
    """`str.translate` table: every sign to its plain one, worked out when first met."""

    def __missing__(self, point: int) -> str:
        sign = chr(point)
        plain = sign if sign in _KEPT else _QUOTES.get(sign) or _straighten(sign)
        self[point] = plain
        return plain


def _straighten(sign: str) -> str:
    if sign == "\n":
        return sign
    if unicodedata.category(sign)[0] in "CZ":  # controls, marks without width, blanks, halves of pairs
        return " "
    plain = unicodedata.normalize("NFKC", sign)
    plain = (plain if len(plain) == 1 else sign).lower()
    return _TRADITIONAL.get(plain, plain if len(plain) == 1 else sign)


_TABLE: Final = _Straighten()


@dataclass(frozen=True)
class Text:
    """A text and what all readers need of it; positions mean the same in `raw` and in `plain`."""

    raw: str
    #: In lower case, half-width, simplified characters, blanks for controls; as long as `raw`.
    plain: str
    language: Language

    @classmethod
    def of(cls, raw: str) -> Text:
        """`raw` made ready; only its first `MAX_TEXT` code points."""
        cut = raw[:MAX_TEXT]
        plain = cut.translate(_TABLE)
        n_han = len(_HAN.findall(plain))
        return cls(cut, plain, "zh" if n_han * 2 > sum(1 for _ in _LATIN.finditer(plain)) else "en")

    def without(self, spans: Sequence[Span]) -> Text:
        """The text with `spans` of `plain` made `_`: a link's dots end no sentence."""
        plain = self.plain
        for start, end in spans:
            plain = plain[:start] + "_" * (min(end, len(plain)) - start) + plain[end:]
        return Text(self.raw, plain, self.language)

    @cached_property
    def _sentence_starts(self) -> list[int]:
        ends = [
            m.end()
            for m in _SENTENCE.finditer(self.plain)
            if not (m[0] == "." and _ABBREVIATED.search(self.plain, max(0, m.end() - 8), m.end()))
        ]
        return [0, *ends]

    @cached_property
    def _clause_starts(self) -> list[int]:
        starts = {m.end() for m in _CLAUSE.finditer(self.plain) if not self._is_abbreviation(m)}
        return sorted({0, *starts})

    def _is_abbreviation(self, match: re.Match[str]) -> bool:
        return match[0] == "." and bool(_ABBREVIATED.search(self.plain, max(0, match.end() - 8), match.end()))

    @cached_property
    def sentences(self) -> list[Span]:
        """Sentences in order, without gaps."""
        return self._spans(self._sentence_starts)

    @cached_property
    def clauses(self) -> list[Span]:
        """Clauses in order, without gaps: what stands between commas, or blanks in Chinese."""
        return self._spans(self._clause_starts)

    def sentence_at(self, position: int) -> Span:
        """The sentence around `position`."""
        return self.sentences[bisect_right(self._sentence_starts, position) - 1]

    def clause_index(self, position: int) -> int:
        """Index into `clauses` of the one around `position`."""
        return bisect_right(self._clause_starts, position) - 1

    def clause_at(self, position: int) -> Span:
        """The clause around `position`."""
        return self.clauses[self.clause_index(position)]

    def _spans(self, starts: list[int]) -> list[Span]:
        return list(zip(starts, [*starts[1:], len(self.plain)], strict=True))
