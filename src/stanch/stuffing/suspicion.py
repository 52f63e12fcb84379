"""Where to look for attacks: the test that peace passes.

Logins of people come from places and devices their account is known in ("warm") or not ("cold"),
and people mistype in both. Whatever makes people fail - a sale, an outage, a broken release, a
reset mail - raises refusals in both, and whatever brings new people raises cold successes as well
as cold refusals. So in peace the odds ratio

    kappa = (cold refusals / warm refusals) / (cold successes / warm successes)

stays near a constant of the shop, while a list of credentials raises cold refusals alone. The
test compares cold refusals with what the other three counts and kappa predict, per bin of time
over windows of several lengths, per client and per place. What passes is held ordinary and teaches
the mixture what peace looks like; what does not is `suspect`, with the excess as prior share.
The idea of testing failures per block against their peaceful distribution is Javed & Paxson
(2013, CCS, section 4); of taking attack as the excess over a least-attacked share, Herley &
Schechter (2019, NDSS, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.stuffing.blocks import AT_HOME, N_AGAIN, N_HABITS, NOT_TOLD, SUCCESS, Flags, Floats, Ints

#: Windows of bins over which an excess is looked for, shortest first.
_WINDOWS: Final = (1, 3, 6, 12, 24, 72, 168, 336)
#: Excess in standard deviations that peace does not reach.
_DEVIATIONS: Final = 6.0
#: Spread of the odds ratio of single bins and of single clients around the shop's, as a share.
_SPREAD_OF_BINS: Final = 0.35
_SPREAD_OF_KINDS: Final = 1.0
#: Smallest excess worth a question.
_LEAST_EXCESS: Final = 20.0
#: Odds ratio of people where the log does not tell: they give up sooner where they are strangers.
_USUAL_KAPPA: Final = 1.0
_MOST_KAPPA: Final = 6.0
#: ... and how many expected refusals that knowledge is worth.
_KAPPA_STRENGTH: Final = 10.0
_SHRINK: Final = 30.0
#: People fail in twos and threes: variance over mean of cold refusals per bin, where the log does not tell.
_USUAL_DISPERSION: Final = 3.0
#: Kappa is estimated from blocks of so many bins, and may differ between them by this share.
_BINS_PER_BLOCK: Final = 24
_SPREAD_OF_DAYS: Final = 0.15


@dataclass(frozen=True, slots=True)
class Counts:
    """Attempts per group by how they went; groups are bins, clients or places."""

    cold_refused: Floats
    warm_refused: Floats
    cold_success: Floats
    warm_success: Floats

    def __getitem__(self, which: Flags) -> Counts:
        return Counts(
            self.cold_refused[which],
            self.warm_refused[which],
            self.cold_success[which],
            self.warm_success[which],
        )


def count_groups(
    group: Ints, n_groups: int, behaviour: Ints, hammered: Flags, n: Floats, *, dropped: bool = True
) -> Counts:
    """Split patterns into the four cells; attempts on hammered targets are judged elsewhere.

    `dropped`: count of the cold refusals only those after which nobody tried again from there.
    """
    outcome = behaviour // (N_HABITS * N_AGAIN)
    habit = behaviour // N_AGAIN % N_HABITS
    again = behaviour % N_AGAIN
    refused = (outcome != SUCCESS) & (outcome != NOT_TOLD) & ~hammered
    known = AT_HOME[habit]

    def total(mask: Flags) -> Floats:
        return np.asarray(np.bincount(group[mask], n[mask], n_groups), dtype=np.float64)

    success = outcome == SUCCESS
    return Counts(
        total(refused & ~known & (again != 2) & ((again != 1) | (not dropped))),
        total(refused & (known | (again == 2))),
        total(success & ~known),
        total(success & known),
    )


def predict_refusals(counts: Counts, kappa: float, whole: Counts) -> Floats:
    """Cold refusals per group that people would make, given the group's other three counts.

    Both ratios are drawn to the whole log's where a group has few attempts (gamma-Poisson).
    """
    warm_refused, warm_success = whole.warm_refused.sum(), whole.warm_success.sum()
    cold_success = whole.cold_success.sum()
    people = counts.cold_success + counts.warm_success + counts.warm_refused
    failing = (warm_refused + 1) / (cold_success + warm_success + warm_refused + 20)
    strangers = (cold_success + 2) / (warm_success + 4)
    rate = (counts.warm_refused + _SHRINK * failing) / (people + _SHRINK)
    odds = (counts.cold_success + _SHRINK * strangers) / (counts.warm_success + _SHRINK)
    return np.asarray(kappa * rate * people * odds)


@dataclass(frozen=True, slots=True)
class Null:
    """How cold refusals behave in peace."""

    kappa: float
    dispersion: float


def fit_null(counts: Counts) -> Null:
    """Estimate kappa and the dispersion of bins around it from the calmer days.

    An attack only raises the odds ratio, perhaps on most days, so kappa starts from the lower
    quartile of days, put right for how far chance alone puts a lower quartile below the middle. Days
    above it by more than chance are set aside, and the rest is averaged.
    """
    expected = predict_refusals(counts, 1.0, counts)
    day = np.arange(len(expected)) // _BINS_PER_BLOCK
    seen_by_day = np.bincount(day, counts.cold_refused).astype(np.float64)
    mean_by_day = np.bincount(day, expected).astype(np.float64)
    busy = mean_by_day > 0.02 * max(float(mean_by_day.max(initial=0.0)), 1e-9)
    if not busy.any():
        return Null(_USUAL_KAPPA, _USUAL_DISPERSION)
    noise = np.sqrt(_USUAL_DISPERSION / np.maximum(seen_by_day[busy], 5.0).mean())
    quartile = float(np.quantile(seen_by_day[busy] / mean_by_day[busy], 0.25))
    kappa = _draw_kappa(quartile * (1 + 0.6745 * min(noise, 0.5)), float(mean_by_day[busy].sum()) / 4)
    calm = busy
    for _ in range(10):
        mean = kappa * mean_by_day
        calm = busy & (_deviations(seen_by_day, mean, _USUAL_DISPERSION, _SPREAD_OF_DAYS) < 2.5)
        if not calm.any():
            break
        weight = float(mean_by_day[calm].sum())
        kappa = _draw_kappa(float(seen_by_day[calm].sum()) / weight, weight)
    return Null(kappa, _measure_dispersion(counts.cold_refused, kappa * expected, calm[day]))


def _draw_kappa(seen: float, weight: float) -> float:
    """Draw an estimate that rests on `weight` expected refusals to what is usual."""
    drawn = (weight * seen + _KAPPA_STRENGTH * _USUAL_KAPPA) / (weight + _KAPPA_STRENGTH)
    return min(drawn, _MOST_KAPPA)


def _measure_dispersion(observed: Floats, mean: Floats, calm: Flags) -> float:
    """Variance of bins over that of a Poisson count, from their median residual."""
    enough = calm & (mean > 1)
    if enough.sum() < 8:
        return _USUAL_DISPERSION
    residual = (observed[enough] - mean[enough]) / np.sqrt(mean[enough])
    return max(float(np.median(np.abs(residual))) ** 2 / 0.6745**2, 1.0)


def _deviations(observed: Floats, mean: Floats, dispersion: float, spread: float) -> Floats:
    return np.asarray((observed - mean) / np.sqrt(dispersion * (mean + 1) + (spread * mean) ** 2))


def limit_cold_refusals(counts: Counts, null: Null) -> float:
    """Largest share of ordinary attempts that may be cold refusals: twice what is predicted."""
    mean = float(predict_refusals(counts, null.kappa, counts).sum())
    people = float(counts.cold_success.sum() + counts.warm_success.sum() + counts.warm_refused.sum())
    return min(2 * (mean + 5) / (people + mean + 10), 0.9)


def find_suspect_bins(counts: Counts, null: Null, *, least_ratio: float = 1.0) -> Floats:
    """Excess of cold refusals per bin, 0 in bins without a significant excess.

    Windows with less than `least_ratio` times what is predicted are let pass.
    """
    mean = predict_refusals(counts, null.kappa, counts)
    observed = counts.cold_refused
    suspect = np.zeros(len(mean), dtype=bool)
    for width in _WINDOWS:
        if width > max(len(mean), 1):
            break
        seen = np.where(suspect, mean, observed)
        totals, means = _slide(seen, width), _slide(mean, width)
        # Bins of one window share their mistakes less than one bin does with itself.
        spread = _SPREAD_OF_BINS * max(width**-0.25, 0.3)
        found = (_deviations(totals, means, null.dispersion, spread) > _DEVIATIONS) & (
            totals - means > _LEAST_EXCESS
        )
        found &= totals >= least_ratio * means
        for first in np.flatnonzero(found):
            suspect[first : first + width] |= True
    suspect = _trim(suspect, observed, mean)
    edges = suspect.copy()
    edges[1:] |= suspect[:-1]
    edges[:-1] |= suspect[1:]
    return np.where(edges, np.maximum(observed - mean, 0.5), 0.0)


def _trim(suspect: Flags, observed: Floats, mean: Floats) -> Flags:
    """Drop bins at the ends of each run of suspect bins that show no excess themselves."""
    kept = suspect.copy()
    for order in (range(len(suspect)), range(len(suspect) - 1, -1, -1)):
        inside = False
        for i in order:
            if not kept[i]:
                inside = False
            elif not inside:
                inside = bool(observed[i] > mean[i] + np.sqrt(mean[i] + 1))
                kept[i] = inside
    return kept


def _slide(values: Floats, width: int) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return np.asarray(sums[width:] - sums[:-width])


def find_suspect_kinds(counts: Counts, null: Null, whole: Counts) -> Floats:
    """Excess of cold refusals per client or place, 0 where it is within what kinds differ by."""
    mean = predict_refusals(counts, null.kappa, whole)
    observed = counts.cold_refused
    found = (_deviations(observed, mean, null.dispersion, _SPREAD_OF_KINDS) > _DEVIATIONS) & (
        observed - mean > _LEAST_EXCESS
    )
    return np.where(found, observed - mean, 0.0)
