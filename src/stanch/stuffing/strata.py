"""Strata of attempts: peace, and the places where attack is looked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.stuffing.blocks import N_AGAIN, N_HABITS, N_SHARED_LEVELS, SUCCESS, Floats, Ints
from stanch.stuffing.suspicion import (
    Null,
    count_groups,
    find_suspect_bins,
    find_suspect_kinds,
    fit_null,
    limit_cold_refusals,
)

#: Codes of the `address` block: more than five others ever, at least 80 % of them refused.
FOUL_ADDRESSES = np.array([17 * now + ever for now in range(13) for ever in (12, 16)])
#: ... of the `network` block: more than three accounts beside, at least 80 % refused.
FOUL_NETWORKS = np.array([13 * rarity + beside for rarity in range(9) for beside in (8, 12)])
#: ... of the `target` block: 30 tries and more on one account from one network, or refused from 20
#: networks elsewhere.
HAMMERED_TARGETS = np.array([3, 7, 11, 15, 16, 17, 18, 19])

#: People who try again and again make at most so many times the refusals predicted.
_LOUD: Final = 5.0


@dataclass(frozen=True, slots=True)
class Strata:
    """Which stratum an attempt is in: the first that applies of bin, client, place, address,
    network, target; else peace, number 0."""

    of_bin: Ints  #: stratum per bin, 0 none
    of_level: dict[str, Ints]  #: block -> stratum per level, 0 none
    prior_share: Floats  #: per stratum
    null: Null
    most_cold_refused: float  #: share of ordinary attempts that may be cold refusals


def find_strata(bins: Ints, n_bins: int, codes: dict[str, Ints], n: Floats) -> tuple[Strata, Ints]:
    """Look for excess by time, client and place, and for foul addresses and hammered targets.

    Returns the strata and the stratum of every pattern.
    """
    behaviour = codes["behaviour"]
    hammered = np.isin(codes["target"], HAMMERED_TARGETS)
    by_bin = count_groups(bins, n_bins, behaviour, hammered, n)
    null = fit_null(by_bin)
    with_retries = count_groups(bins, n_bins, behaviour, hammered, n, dropped=False)
    null_with_retries = fit_null(with_retries)
    most = limit_cold_refusals(with_retries, null_with_retries)
    loud = find_suspect_bins(with_retries, null_with_retries, least_ratio=_LOUD)
    excess = np.maximum(find_suspect_bins(by_bin, null), loud)
    total = np.bincount(bins, n, n_bins).astype(np.float64)
    of_bin, shares = _number(excess, total, [0.0])
    stratum = of_bin[bins].copy()
    of_level: dict[str, Ints] = {}
    for name in ("client", "place"):
        free = stratum == 0
        size = int(codes[name].max(initial=0)) + 1
        counts = count_groups(codes[name], size, behaviour, hammered | ~free, n * free)
        excess = find_suspect_kinds(counts, null, by_bin)
        if name == "place":
            excess[:N_SHARED_LEVELS] = 0.0
        of_level[name], shares = _number(
            excess, np.bincount(codes[name], n * free, size).astype(np.float64), shares
        )
        stratum = np.where(free, of_level[name][codes[name]], stratum)
    for name, levels in (
        ("address", FOUL_ADDRESSES),
        ("network", FOUL_NETWORKS),
        ("target", HAMMERED_TARGETS),
    ):
        free = stratum == 0
        marked = np.isin(codes[name], levels) & (behaviour // (N_HABITS * N_AGAIN) != SUCCESS)
        table = np.zeros(max(int(levels.max()), int(codes[name].max(initial=0))) + 1, dtype=np.int64)
        if float(n[free & marked].sum()) >= 20:
            table[levels] = len(shares)
            shares = [*shares, 0.5]
            stratum = np.where(free, table[codes[name]], stratum)
        of_level[name] = table
    return Strata(of_bin, of_level, np.array(shares), null, most), stratum


def _number(excess: Floats, total: Floats, shares: list[float]) -> tuple[Ints, list[float]]:
    """Give each group with an excess the next stratum number; its share is excess / total."""
    found = excess > 0
    numbers = np.zeros(len(excess), dtype=np.int64)
    numbers[found] = len(shares) + np.arange(found.sum())
    new = np.clip(excess[found] / np.maximum(total[found], 1.0), 1e-4, 0.95)
    return numbers, [*shares, *new.tolist()]
