"""Why: which of an attempt's levels speak for an attack, in words."""

from __future__ import annotations

from typing import Final

from stanch.guard.attempts import Reason
from stanch.guard.features import BLOCKS
from stanch.guard.scorecard import Scorecard

#: Smaller addends are no reason, in nats.
_LEAST: Final = 0.5
_MOST: Final = 3

#: What a block says where it speaks for an attack.
TEXTS: Final = {
    "behaviour": "the account was never let in from here, nor with this device",
    "address": "other accounts were refused at this address",
    "network": "other accounts were refused in this network",
    "standing": "nobody comes regularly from this address",
    "target": "this account is being tried again and again, or from many networks",
    "wave": "far more strangers are being refused than is usual",
    "client": "this client is frequent among the refusals of the present attack",
    "place": "this place is frequent among the refusals of the present attack",
}


def list_reasons(scorecard: Scorecard, levels: tuple[int, ...]) -> tuple[Reason, ...]:
    """The strongest reasons first, at most three."""
    addends = [
        (scorecard.addends[name][level], name)
        for name, level in zip(BLOCKS, levels, strict=False)
        if level >= 0 and scorecard.addends[name][level] >= _LEAST
    ]
    addends.sort(reverse=True)
    return tuple(Reason(name, TEXTS[name]) for _, name in addends[:_MOST])
