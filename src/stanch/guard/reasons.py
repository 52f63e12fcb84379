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


def list_reasons(
    scorecard: Scorecard, levels: tuple[int, ...], lang: str, *, leaked: bool = False
) -> tuple[Reason, ...]:
    """The strongest reasons first, at most three."""
    addends = [
        (addend, name)
        for name, level in zip(BLOCKS, levels, strict=False)
        if level >= 0 and (addend := scorecard.addends[name][level]) >= _LEAST
    ]
    if leaked and scorecard.leaked >= _LEAST:
        addends.append((scorecard.leaked, "leaked"))
    addends.sort(reverse=True)
    codes = [name for _, name in addends[:_MOST]]
    if levels and levels[0] % 6 in _SUSPECT:
        codes = ["suspect", *(code for code in codes if code != "behaviour")]
    return tuple(_name_reason(code, lang) for code in codes)


@cache
def _name_reason(code: str, lang: str) -> Reason:
    return Reason(code, load_texts(lang)[code])


def tell_misfit(block: str, distance: float, usual: float, lang: str) -> str:
    """That a scorecard does not fit, in words; empty if it does."""
    if distance <= usual:
        return ""
    percent, most = tell_apart(distance, usual)
    return load_texts(lang)["misfit"].format(block=block, percent=percent, usual=most)


def tell_apart(one: float, other: float) -> tuple[str, str]:
    """Two shares as percent, with as many decimals as it takes to see that they differ, at most four."""
    for decimals in range(5):
        told = f"{100 * one:.{decimals}f}", f"{100 * other:.{decimals}f}"
        if told[0] != told[1]:
            break
    return told
