"""Sources that the evidence cannot tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from stanch.tracing.case import Case, Flags, Ints
from stanch.tracing.evidence import Hits
from stanch.tracing.explain import Explanation

#: Two sources are alike if they share so much of the orders that either of them saw (of one kind: that the
#: one who saw fewer saw; a colleague's further looks tell them apart only by complaints about these) …
LEAST_COMMON: Final = 0.75
#: … and of the complainants' orders all but this share of them, or all but one.
MOST_DIFFERENT: Final = 0.2
#: A larger group names nobody; it is only described.
MOST_MEMBERS: Final = 5
#: A weight or fit below this is not counted as a complainant's order seen.
_PLAIN_HIT: Final = 0.1


def find_groups(case: Case, hits: Hits, found: Explanation) -> list[list[int]]:
    """Groups of at least two sources, all alike pair by pair, one of which was tried; members in order."""
    tried = sorted(found.race.tried, key=lambda j: (-found.posterior[j], j))
    seen = _list_seen(hits, len(case.exposures.sources), len(case.victims))
    able = [j for j in np.flatnonzero(seen.any(axis=1)).tolist() if j not in tried]
    orders: dict[int, Ints] = {}
    groups: list[list[int]] = []
    for j in [*tried, *able]:
        for group in groups:
            if all(_are_alike(case, orders, seen, j, k) for k in group):
                group.append(j)
                break
        else:
            if j in tried:
                groups.append([j])
    return [sorted(g) for g in groups if len(g) > 1]


def name_group(sources: Sequence[str], members: Sequence[int]) -> str:
    """`group:A+B`."""
    return "group:" + "+".join(sources[j] for j in members)


def split_group(source: str) -> list[str]:
    """The members of `group:A+B`, or the source itself."""
    return source.removeprefix("group:").split("+") if source.startswith("group:") else [source]


def _list_seen(hits: Hits, n_sources: int, n_victims: int) -> Flags:
    seen = np.zeros((n_sources, n_victims), dtype=np.bool_)
    plain = hits.value > _PLAIN_HIT
    seen[hits.source[plain], hits.victim[plain]] = True
    return seen


def _are_alike(case: Case, orders: dict[int, Ints], seen: Flags, a: int, b: int) -> bool:
    either = int((seen[a] | seen[b]).sum())
    if int((seen[a] != seen[b]).sum()) > max(MOST_DIFFERENT * either, 1) or not (seen[a] & seen[b]).any():
        return False
    for j in (a, b):
        if j not in orders:
            orders[j] = case.exposures.order[case.exposures.rows_of(j)]
    common = len(np.intersect1d(orders[a], orders[b], assume_unique=True))
    sizes = len(orders[a]), len(orders[b])
    kind, other = (case.exposures.sources[j].partition(":")[0] for j in (a, b))
    return common >= LEAST_COMMON * (min(sizes) if kind == other else sum(sizes) - common)
