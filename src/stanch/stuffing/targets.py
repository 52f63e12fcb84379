"""The list that an attacker works with: how much of it is customers, how long it is, who else has it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from scipy.optimize import brentq
from scipy.stats import chi2

from stanch.engine import Engine, load_step
from stanch.findings import Interval
from stanch.stuffing.fallen import Victims
from stanch.stuffing.intervals import Z90, describe_quotient, describe_share

_SQL: Final = "stanch.stuffing.sql"
#: A try again sooner is one of the tool, which repeats what went wrong.
_AGAIN_US: Final = 60_000_000
#: Accounts that must have been tried again to say how many there are.
_LEAST_AGAIN: Final = 20
#: Below this chance tries do not fall on accounts, or on times, at random.
_UNLIKELY: Final = 0.001
#: Rounds over the same accounts, again and again: on average, and share of accounts tried in one only.
_ROUNDS: Final = 2.5
_ONE_ROUND: Final = 0.1
#: Accounts that fell, at least, to say which share of the shop's accounts is seen alive.
_LEAST_FALLEN: Final = 8.0

ONCE: Final = "accounts were tried about once each, so nothing shows how long the list goes on"
UNEVEN: Final = "tries again do not fall at random, so the accounts that are left cannot be counted"
UNNAMED: Final = "the log names no accounts"
UNTOLD: Final = "the log does not tell unknown accounts, and too few accounts fell to judge by them"


@dataclass(frozen=True, slots=True)
class TargetList:
    """What is known of one campaign's list; where a share or size is None, why."""

    existing: Interval | None = None
    existing_unknown: str = UNNAMED
    size: Interval | None = None
    size_unknown: str = UNNAMED
    #: Other campaign -> share of this campaign's accounts that it tried as well.
    overlap: dict[str, float] = field(default_factory=dict)


def describe_lists(engine: Engine, victims: dict[str, Victims], *, told: bool) -> dict[str, TargetList]:
    """The list of each campaign of `attempts`; `told`: whether the log tells unknown accounts."""
    engine.run(load_step(_SQL, "stuffing_rounds", again_us=_AGAIN_US))
    engine.run(load_step(_SQL, "stuffing_listed", told=told))
    engine.run(load_step(_SQL, "stuffing_shared_targets"))
    shared = engine.fetch("SELECT campaign, other, n FROM stuffing_shared_targets").sort("campaign", "other")
    found = engine.fetch(
        "SELECT campaign, count(*) AS n, CAST(sum(found) AS BIGINT) AS exist, count(found) AS told"
        " FROM stuffing_listed GROUP BY campaign"
    )
    rounds = engine.fetch("SELECT campaign, rounds, tenth, n FROM stuffing_rounds")
    engine.drop("stuffing_rounds", "stuffing_listed", "stuffing_shared_targets")
    lists = {}
    for name, n, exist, n_told in found.sort("campaign").iter_rows():
        existing = _tell_existing(n, exist or 0, n_told, victims.get(name, Victims()), told=told)
        of = rounds.filter(campaign=name)
        twice = of.filter(rounds=2).group_by("tenth").agg(n=pl.col("n").sum())
        size, unknown = estimate_size(
            dict(of.group_by("rounds").agg(n=pl.col("n").sum()).iter_rows()), dict(twice.iter_rows())
        )
        overlap = {o: round(k / n, 6) for _, o, k in shared.filter(campaign=name).iter_rows()}
        lists[name] = TargetList(existing, "" if existing else UNTOLD, size, unknown, overlap)
    return lists


def estimate_size(by_rounds: dict[int, int], tenths: dict[int, int]) -> tuple[Interval | None, str]:
    """Number of accounts on a list of which so many were tried in one round, in two, and so on; else why not.

    `tenths`: of accounts tried in two rounds, how many tenths of the campaign lay between them. Whoever picks
    at random tries each account a Poisson number of times, independent of when he did before: the mean of
    the counts seen, which lack the zeros, gives the accounts not tried yet. Variance by Sanathanan (1977),
    interval log-normal in the unseen (Chao 1987). A list worked through in order tells nothing of the rest.
    """
    counts = np.array(sorted(by_rounds.items()), dtype=np.float64).reshape(-1, 2)
    n = float(counts[:, 1].sum())
    once = float(by_rounds.get(1, 0))
    mean = float(counts[:, 0] @ counts[:, 1]) / max(n, 1.0)
    if mean >= _ROUNDS and once <= _ONE_ROUND * n:
        return Interval(n, n, n + once), ""
    if n - once < _LEAST_AGAIN:
        return None, ONCE
    rate = float(brentq(lambda x: x / -np.expm1(-x) - mean, 1e-9, 60.0, full_output=False))
    if not _falls_at_random(by_rounds, n, rate) or not _is_triangular(tenths):
        return None, UNEVEN
    unseen = n / math.expm1(rate)
    variance = (n + unseen) / max(math.expm1(rate) - rate, 1e-9)
    spread = math.exp(Z90 * math.sqrt(math.log1p(variance / unseen**2)))
    low, high = n + unseen / spread, n + unseen * spread
    return Interval(round(n + unseen, 1), float(math.floor(low)), float(math.ceil(high))), ""


def _falls_at_random(by_rounds: dict[int, int], n: float, rate: float) -> bool:
    """Whether the counts are those of a Poisson distribution without its zeros; large ones together."""
    most = max(by_rounds)
    k = np.arange(1, most + 1)
    log_p = k * np.log(rate) - rate - np.cumsum(np.log(k)) - np.log(-np.expm1(-rate))
    expected = n * np.exp(log_p)
    seen = np.array([by_rounds.get(int(i), 0) for i in k], dtype=np.float64)
    last = max(int(np.flatnonzero(expected >= 5).max(initial=0)), 1)
    seen = np.append(seen[:last], seen[last:].sum())
    expected = np.append(expected[:last], max(n - float(expected[:last].sum()), 1e-9))
    if last < 2:
        return True
    excess = float(((seen - expected) ** 2 / np.maximum(expected, 1.0)).sum())
    return bool(chi2.sf(excess, len(seen) - 2) > _UNLIKELY)


def _is_triangular(tenths: dict[int, int]) -> bool:
    """Whether times between two tries are those of two picks at random: densest at 0, none at the whole."""
    seen = np.array([tenths.get(i, 0) for i in range(10)], dtype=np.float64)
    expected = seen.sum() * (19 - 2 * np.arange(10)) / 100
    if not expected.sum():
        return True
    excess = float(((seen - expected) ** 2 / np.maximum(expected, 0.1)).sum())
    return bool(chi2.sf(excess, 9) > _UNLIKELY)


def _tell_existing(n: int, exist: int, n_told: int, victims: Victims, *, told: bool) -> Interval | None:
    """Share of the list's accounts that the shop has.

    Where the log does not tell, those seen alive are a part of them, and the accounts that fell, which
    exist for certain, say how large a part.
    """
    if told:
        return describe_share(exist, n_told) if n_told else None
    if victims.living + victims.lifeless < _LEAST_FALLEN:
        return None
    return describe_quotient(exist, n, victims.living, victims.lifeless)
