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


#: What a stratum may be: peace, or a level of one of these, in the order in which they apply.
ORIGINS: Final = {"peace": 0, "bin": 1, "client": 2, "place": 3, "address": 4, "network": 5, "target": 5}


@dataclass(frozen=True, slots=True)
class Strata:
    """Strata by number; 0 is peace."""

    prior_share: Floats  #: of attack per stratum
    origin: Ints  #: per stratum: what it is, as in `ORIGINS`
    null: Null
    most_cold_refused: float  #: share of ordinary attempts that may be cold refusals


def find_strata(bins: Ints, n_bins: int, codes: dict[str, Ints], n: Floats) -> tuple[Strata, Ints]:
    """Look for excess by time, client and place, and for foul addresses and hammered targets.

    `n` are attempts per pattern and bin; it may be 0, so that patterns set aside get a stratum as well.
    Returns the strata and the stratum of every pattern: the first that applies of its bin, client, place,
    address, network and target.
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
    shares, origin = [0.0], [ORIGINS["peace"]]

    def number(name: str, excess: Floats, levels: Ints, n: Floats) -> Ints:
        """Give each level with an excess the next number, its prior share excess / attempts; others get 0."""
        found = excess > 0
        numbers = np.zeros(len(excess), dtype=np.int64)
        numbers[found] = len(shares) + np.arange(found.sum())
        total = np.bincount(levels, n, len(excess))[found]
        shares.extend(np.clip(excess[found] / np.maximum(total, 1.0), 1e-4, 0.95).tolist())
        origin.extend([ORIGINS[name]] * int(found.sum()))
        return numbers[levels]

    stratum = number("bin", excess, bins, n)
    for name in ("client", "place"):
        free = stratum == 0
        size = int(codes[name].max(initial=0)) + 1
        counts = count_groups(codes[name], size, behaviour, hammered | ~free, n * free)
        excess = find_suspect_kinds(counts, null, by_bin)
        if name == "place":
            excess[:N_SHARED_LEVELS] = 0.0
        stratum = np.where(free, number(name, excess, codes[name], n * free), stratum)
    refused = behaviour // (N_HABITS * N_AGAIN) != SUCCESS
    for name, levels in (
        ("address", FOUL_ADDRESSES),
        ("network", FOUL_NETWORKS),
        ("target", HAMMERED_TARGETS),
    ):
        marked = (stratum == 0) & np.isin(codes[name], levels)
        if float(n[marked & refused].sum()) >= 20:
            stratum = np.where(marked, len(shares), stratum)
            shares.append(0.5)
            origin.append(ORIGINS[name])
    return Strata(np.array(shares), np.array(origin), null, most), stratum
