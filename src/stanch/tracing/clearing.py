"""How many of the complaints a source can explain at most."""

from __future__ import annotations

from typing import Final

import numpy as np

from stanch.tracing.case import Floats
from stanch.tracing.evidence import Ground, Hits

#: Levels of the contract: with 95 % certainty less than 5 % of the complaints, or less than one.
LEVEL: Final = 0.95
MOST_SHARE: Final = 0.05
MOST_COUNT: Final = 1.0
#: Fewer linked complaints clear nobody.
LEAST_VICTIMS: Final = 4
_SHARES: Final = np.linspace(0.0, 0.995, 200)


def bound_complaints(ground: Ground, hits: Hits, likelihood: Floats) -> Floats:
    """Upper 95 % bound on the complaints that each source explains, all victims counted.

    A share p of the complaints comes from the source and the rest from what is already believed,
    under which each complaint is worth `likelihood` against coincidence. A complaint about an order
    that the source saw is worth x / e if it comes from it, any other nothing. Uniform prior on p.
    Victims without a known order are taken to be like the others.
    """
    case, scale = ground.case, ground.scale
    victims = case.victims
    n_sources = len(case.exposures.sources)
    worth = hits.value / np.maximum(scale.mean[hits.victim, hits.source], 1e-9) / likelihood[hits.victim]
    by_source = np.argsort(hits.source, kind="stable")
    edges = np.searchsorted(hits.source[by_source], np.arange(n_sources + 1))
    bounds = np.zeros(n_sources)
    for j in range(n_sources):
        own = worth[by_source[edges[j] : edges[j + 1]]]
        if len(own):
            bounds[j] = _bound(own, len(victims))
    return bounds * victims.n_all / max(len(victims), 1)


def is_cleared(bound: float, n_all: int) -> bool:
    """Whether a source that explains at most `bound` of `n_all` complaints is cleared."""
    return bound < max(MOST_COUNT, MOST_SHARE * n_all)


def _bound(worth: Floats, n_victims: int) -> float:
    mixed = (1 - _SHARES)[:, None] + _SHARES[:, None] * worth
    logs = np.log(mixed).sum(axis=1) + (n_victims - len(worth)) * np.log1p(-_SHARES)
    below = np.cumsum(np.exp(logs - logs.max()))
    share = _SHARES[min(int(np.searchsorted(below, LEVEL * below[-1])), len(_SHARES) - 1)]
    return float((share * worth / (1 - share + share * worth)).sum())
