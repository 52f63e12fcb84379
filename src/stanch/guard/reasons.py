"""Why: which of an attempt's levels speak for an attack, in words."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

from stanch.guard.attempts import Reason
from stanch.guard.features import BLOCKS
from stanch.guard.scorecard import Scorecard

#: Smaller addends are no reason, in nats.
_LEAST: Final = 0.5
_MOST: Final = 3
_SUSPECT: Final = (4, 5)


@cache
def load_texts(lang: str) -> dict[str, str]:
    """The texts of "en" or "zh"."""
    return tomllib.loads(files("stanch.guard").joinpath(f"texts/{lang}.toml").read_text("utf-8"))


def list_reasons(scorecard: Scorecard, levels: tuple[int, ...], lang: str) -> tuple[Reason, ...]:
    """The strongest reasons first, at most three."""
    addends = [
        (addend, name)
        for name, level in zip(BLOCKS, levels, strict=False)
        if level >= 0 and (addend := scorecard.addends[name][level]) >= _LEAST
    ]
    addends.sort(reverse=True)
    codes = [name for _, name in addends[:_MOST]]
    if levels and levels[0] % 6 in _SUSPECT:
        codes = ["suspect", *(code for code in codes if code != "behaviour")]
    return tuple(_name_reason(code, lang) for code in codes)


@cache
def _name_reason(code: str, lang: str) -> Reason:
    return Reason(code, load_texts(lang)[code])
