"""Facts behind addends in words of one language."""

from __future__ import annotations

import math
from typing import Final

from stanch.explain.folder import Folder
from stanch.explain.weigh import Addend, Level
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text
from stanch.stuffing.levels import Fact, Range, Share, describe_level

#: Less than this share of the attempts is not worth saying that it is not all.
_ALL: Final = 0.995
_MOST_TIMES: Final = 1000


def tell_levels(addend: Addend, folder: Folder, texts: Catalogue) -> list[str]:
    """What stands behind an addend: one line per level, with its share where there are several."""
    told = []
    for level in addend.levels:
        facts = texts.text("sum.gap").join(_tell_facts(addend, level, folder, texts))
        if level.share < _ALL:
            facts = texts.text("sum.mixed", share=texts.share(level.share), facts=facts)
        told.append(facts)
    return told


def tell_weight(addend: Addend, texts: Catalogue) -> str:
    """How many times as frequent in the attack, or in ordinary use; empty where that says nothing."""
    times = math.exp(min(abs(addend.addend), 50.0))
    if addend.name in ("level", "sequel") or times < 1.1:
        return ""
    told = f"{times:,.0f}" if times >= 10 else f"{times:.1f}"
    told = texts.text("sum.times", n=told)
    if times > _MOST_TIMES:
        told = texts.text("sum.times_over", n=f"{_MOST_TIMES:,}")
    return texts.text("sum.more_in_attack" if addend.addend > 0 else "sum.more_in_peace", times=told)


def _tell_facts(addend: Addend, level: Level, folder: Folder, texts: Catalogue) -> list[str]:
    return [
        texts.text(
            f"fact.{_choose_key(fact, level)}",
            **{name: _tell_range(limits, texts) for name, limits in fact.ranges.items()},
            name=show_text((level.name or "").strip(), 120),
            near=folder.near_minutes,
            span=_tell_span(folder.bin_minutes, texts),
            p=_tell_prior(addend, texts),
        )
        for fact in describe_level(addend.name, level.code)
    ]


def _choose_key(fact: Fact, level: Level) -> str:
    """A client or place of its own that has no name is one that the log does not give."""
    unnamed = fact.key in ("client.own", "place.own") and not (level.name or "").strip()
    return fact.key.replace(".own", ".none") if unnamed else fact.key


def _tell_prior(addend: Addend, texts: Catalogue) -> str:
    p = 1 / (1 + math.exp(-max(min(addend.addend, 50.0), -50.0)))
    return texts.text("share.under", share="0.01%") if p < 0.0001 else texts.chance(p)


def _tell_span(minutes: int, texts: Catalogue) -> str:
    return texts.text("span.hour") if minutes == 60 else texts.text("span.minutes", n=minutes)


def _tell_range(limits: Range | Share, texts: Catalogue) -> str:
    if isinstance(limits, Share):
        kind = "from" if limits.most is None else "between" if limits.least else "under"
        return texts.text(f"part.{kind}", least=limits.least, most=limits.most)
    kind = "from" if limits.most is None else "between" if limits.most > limits.least else "exactly"
    return texts.text(f"range.{kind}", least=limits.least, most=limits.most)
