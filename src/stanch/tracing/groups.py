"""Sources that the evidence cannot tell apart."""

from __future__ import annotations

from typing import Final

import numpy as np

from stanch.tracing.case import Case, Ints
from stanch.tracing.explain import Explanation

#: Two sources are alike if they share so much of the orders either of them saw …
LEAST_COMMON: Final = 0.9
#: … and saw the same complainants' orders, up to this share of them.
MOST_DIFFERENT: Final = 0.02
#: A larger group names nobody; it is only described.
MOST_MEMBERS: Final = 5


def find_groups(case: Case, found: Explanation) -> list[list[int]]:
    """Groups of at least two of the sources tried together, each with its members in order."""
    tried = found.race.tried
    orders = {j: np.unique(case.exposures.order[case.exposures.source == j]) for j in tried}
    leader = {j: j for j in tried}
    for a, first in enumerate(tried):
        for b in range(a + 1, len(tried)):
            if _are_alike(orders[first], orders[tried[b]], found, a, b):
                old, new = leader[tried[b]], leader[first]
                leader = {j: new if k == old else k for j, k in leader.items()}
    groups = [sorted(j for j in tried if leader[j] == k) for k in sorted(set(leader.values()))]
    return [g for g in groups if len(g) > 1]


def name_group(sources: list[str], members: list[int]) -> str:
    """`group:A+B`."""
    return "group:" + "+".join(sources[j] for j in members)


def _are_alike(first: Ints, second: Ints, found: Explanation, a: int, b: int) -> bool:
    common = len(np.intersect1d(first, second, assume_unique=True))
    if common < LEAST_COMMON * (len(first) + len(second) - common):
        return False
    hits_a, hits_b = found.race.seen[a] > 0.1, found.race.seen[b] > 0.1
    return int((hits_a != hits_b).sum()) <= MOST_DIFFERENT * max(int((hits_a | hits_b).sum()), 1)
