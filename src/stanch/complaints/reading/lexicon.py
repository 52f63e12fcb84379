"""The words of each language, read from `words/*.toml` and compiled once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from stanch.complaints.reading.text import Language

_TILDE: Final = re.compile(r" ?~\?? ?")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Patterns of one language by what they tell. Each holds bounded repeats only: time stays linear."""

    pretexts: Mapping[str, re.Pattern[str]]
    asked: Mapping[str, re.Pattern[str]]
    known: Mapping[str, re.Pattern[str]]
    identity: Mapping[str, re.Pattern[str]]
    #: Kind -> any sign of it.
    kinds: Mapping[str, re.Pattern[str]]
    negated: Mapping[str, re.Pattern[str]]
    #: `strong`: what only a story of fraud says; `signs`: what it shares with others.
    fraud: Mapping[str, re.Pattern[str]]


@cache
def load_patterns(language: Language, section: str, gap: int) -> dict[str, re.Pattern[str]]:
    """One section of `words/LANGUAGE.toml`; `~` stands for up to `gap` characters within a sentence."""
    filler = (r"[^。!?\n]" if language == "zh" else r"[^.!?\n]") + f"{{0,{gap}}}?"
    return {
        name: re.compile(_TILDE.sub(lambda _: filler, pattern))
        for name, pattern in _load_words(language)[section].items()
    }


@cache
def load_lexicon(language: Language) -> Lexicon:
    """The words of `language`."""
    words = _load_words(language)

    def compile_all(section: str) -> dict[str, re.Pattern[str]]:
        return {name: _compile(fragments, language) for name, fragments in words[section].items()}

    return Lexicon(
        pretexts=compile_all("pretexts"),
        asked=compile_all("asked"),
        known=compile_all("known"),
        identity=compile_all("identity"),
        kinds=compile_all("kinds"),
        negated=compile_all("negated"),
        fraud=compile_all("fraud"),
    )


@cache
def _load_words(language: Language) -> dict[str, Any]:
    file = resources.files("stanch.complaints.reading").joinpath(f"words/{language}.toml")
    return tomllib.loads(file.read_text("utf-8"))


def _compile(fragments: str | Sequence[str], language: Language) -> re.Pattern[str]:
    joined = fragments if isinstance(fragments, str) else "|".join(fragments)
    if language == "zh":
        return re.compile(_TILDE.sub(lambda _: r"[^。!?\n]{0,14}?", joined))
    gapped = _TILDE.sub(lambda _: r"[^.!?\n]{0,30}?(?<![a-z])", joined)
    return re.compile(rf"\b(?:{gapped})(?![a-z])")
