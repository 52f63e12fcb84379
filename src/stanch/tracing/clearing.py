"""How many of the complaints a source can explain at most."""

from __future__ import annotations

from typing import Final

import numpy as np

from stanch.tracing.case import Case, Floats
from stanch.tracing.evidence import Hits

#: Contract: with 95 % certainty less than 5 % of the complaints, or less than one.
MOST_SHARE: Final = 0.05
MOST_COUNT: Final = 1.0
#: Fewer linked complaints clear nobody.
LEAST_VICTIMS: Final = 4
#: A share is excluded if its log likelihood lies so far below the greatest: one-sided test at 5 %,
#: half the 90 % quantile of chi-squared with one degree of freedom (Wilks 1938).
_FALL: Final = 1.353
_SHARES: Final = np.linspace(0.0, 0.995, 200)


def bound_complaints(case: Case, hits: Hits, mean: Floats, likelihood: Floats) -> Floats:
    """Upper 95 % bound on the complaints that each source explains, all victims counted.

    A share p of the complaints comes from the source and the rest from what is already believed,
    under which each complaint is worth `likelihood` against coincidence. A complaint about an order
    that the source saw is worth x / e if it comes from it, any other nothing. The bound is the greatest
    p that the likelihood does not exclude, whatever was believed of the source beforehand. A source that
    saw none of these orders explains none of these complaints; of victims without a known order it may
    explain the share p.
    """
    n_victims = len(case.victims)
    worth = hits.value / np.maximum(mean[hits.victim, hits.source], 1e-9) / likelihood[hits.victim]
    by_source = np.argsort(hits.source, kind="stable")
    edges = np.searchsorted(hits.source[by_source], np.arange(len(case.exposures.sources) + 1))
    bounds = np.zeros(len(case.exposures.sources))
    for j in range(len(bounds)):
        own = worth[by_source[edges[j] : edges[j + 1]]]
        n_able = case.victims.n_all - (0 if len(own) else n_victims)
        bounds[j] = _bound_share(own, n_victims) * n_able
    return bounds


def is_cleared(bound: float, n_all: int) -> bool:
    """Whether a source that explains at most `bound` of `n_all` complaints is cleared."""
    return bound < max(MOST_COUNT, MOST_SHARE * n_all)


def _bound_share(worth: Floats, n_victims: int) -> float:
    mixed = (1 - _SHARES)[:, None] + _SHARES[:, None] * worth
    logs = np.log(mixed).sum(axis=1) + (n_victims - len(worth)) * np.log1p(-_SHARES)
    return float(_SHARES[np.flatnonzero(logs >= logs.max() - _FALL)[-1]])
