"""Sets of a few sources held against the complaints, beside what is believed already."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

from stanch.tracing.case import Floats, Ints
from stanch.tracing.evidence import (
    ODDS,
    Ground,
    Hits,
    Strengths,
    Windows,
    excuse_regions,
    mean_by_part,
    sum_windows,
)
from stanch.tracing.lags import KERNELS, N_KERNELS
from stanch.tracing.usual import N_CELLS, N_PARTS

#: So many sources are tried together.
MOST_TOGETHER: Final = 3
#: Prior chance that beside one source that leaked there is another.
P_ANOTHER: Final = 0.5
#: Sources that are tried in sets; the rest only alone.
MOST_TRIED: Final = 9
#: Of these, so many are the strongest alone; the others explain best what the strongest leaves over.
_FIRST_TRIED: Final = 4
#: A rival saw so many of the complainants' orders that the strongest saw; at most so many are tried first.
_RIVAL: Final = 0.7
_MOST_RIVALS: Final = 6
#: A complaint counts as explained by the strongest source at this of `ODDS`.
_STRONG: Final = 4


@dataclass(frozen=True, slots=True)
class Observed:
    """The complaints, held against each source."""

    ground: Ground
    hits: Hits
    #: Each source alone.
    strengths: Strengths
    #: Complaints by region: one row.
    by_region: Floats


@dataclass(frozen=True, slots=True)
class Beside:
    """What is believed already: its likelihood against coincidence is `top` / `bottom` for each victim."""

    sources: tuple[int, ...]
    top: Floats
    bottom: Floats
    #: Share of the complaints that each of `sources` explains.
    shares: Floats


@dataclass(frozen=True, slots=True)
class Race:
    """Sources by number, and sets of those tried together."""

    #: Log Bayes factor of each source alone, against coincidence.
    log_factor: Floats
    #: Likeliest window of each source.
    window: Ints
    #: `log_factor` and log prior; for members of the likeliest set, beside its other members if that is more.
    strength: Floats
    #: Sources tried together, and sets of them (indices into `tried`).
    tried: list[int]
    sets: list[tuple[int, ...]]
    #: Log Bayes factor and log prior of each set.
    log_sets: Floats
    #: Exposure of each victim's order, and of orders like it, per tried source.
    seen: Floats
    usual: Floats
    #: Ratios that are averaged over, per tried source.
    ratios: Floats


def run_race(observed: Observed, beside: Beside) -> Race:
    """All sets of one to `MOST_TOGETHER` sources that are not believed already."""
    ground, hits, strengths, log_prior = (
        observed.ground,
        observed.hits,
        observed.strengths,
        observed.ground.log_prior,
    )
    n_sources = len(log_prior)
    log_factor, window = np.zeros(n_sources), np.zeros(n_sources, dtype=np.int64)
    log_factor[strengths.source] = strengths.log_factor
    window[strengths.source] = strengths.window
    left = sorted(set(strengths.source.tolist()) - set(beside.sources))
    ranked = sorted(left, key=lambda j: (-(log_factor[j] + log_prior[j]), j))
    tried = _choose_tried(ground, hits, ranked, beside)
    seen, usual, windows, spread = _fit_windows(ground, hits, tried, beside)
    window[tried] = windows
    ratios = ground.scale.ratios[tried, ground.scale.windows.kernel[windows]]
    sizes = range(1, MOST_TOGETHER + 1)
    sets = [s for size in sizes for s in itertools.combinations(range(len(tried)), size)]
    relative = (seen / beside.top, usual / beside.bottom)
    weighed = [_weigh_set(s, *relative, ratios) for s in sets]
    gains = np.array([w[0] + spread[list(s)].sum() for w, s in zip(weighed, sets, strict=True)])
    shares = np.array([w[1] for w in weighed]).reshape(len(sets), len(tried))
    gains -= _excuse_sets(observed, tried, shares, beside)
    # The first leak is known to be one where others are believed already.
    n_free = 0 if beside.sources else 1
    log_sets = gains + np.array([
        sum(log_prior[tried[i]] for i in s) + (len(s) - n_free) * np.log(P_ANOTHER) for s in sets
    ])  # fmt: skip
    strength = _find_strengths(log_factor, tried, sets, gains, log_sets) + log_prior
    return Race(log_factor, window, strength, tried, sets, log_sets, seen, usual, ratios)


def fit_ratios(seen: Floats, usual: Floats, ratios: Floats) -> Floats:
    """Likeliest ratio of each source, given that all of them leaked: in turns, until none changes."""
    at = np.full(len(ratios), _STRONG)
    rows = np.arange(len(ratios))
    for _ in range(2 * len(ratios) + 2):
        before = at.copy()
        for i in rows:
            others = ratios[rows, at] * (rows != i)
            top = 1 + others @ seen + ratios[i][:, None] * seen[i]
            bottom = 1 + others @ usual + ratios[i][:, None] * usual[i]
            at[i] = int((np.log(top) - np.log(bottom)).sum(axis=1).argmax())
        if (at == before).all():
            break
    return np.asarray(ratios[rows, at], dtype=np.float64)


def _choose_tried(ground: Ground, hits: Hits, ranked: list[int], beside: Beside) -> list[int]:
    """The strongest alone, its rivals for the same complaints, and those that best explain what is left over.

    Beside sources that are believed already, only what these leave over counts.
    """
    if len(ranked) <= MOST_TRIED:
        return ranked
    n = len(ground.case.exposures.sources)
    value = np.minimum(hits.value, 1.0)
    if beside.sources:
        left, tried = 1 / beside.top, []
    else:
        seen, usual = (x[:, :, :N_PARTS].sum(axis=2) for x in measure_cells(ground, hits, ranked[:1]))
        ratio = ground.scale.ratios[ranked[0], 0, _STRONG]
        left = 1 / (1 + ratio * seen[0] / (1 + ratio * usual[0]))
        shared = np.bincount(hits.source, (seen[0] > 0)[hits.victim] * value, minlength=n)
        tried = ranked[:_FIRST_TRIED]
        rivals = [j for j in ranked[_FIRST_TRIED:] if shared[j] >= _RIVAL * shared[ranked[0]]]
        tried += rivals[: _MOST_RIVALS - _FIRST_TRIED]
    due = left @ ground.scale.mean
    surprise = (np.bincount(hits.source, left[hits.victim] * value, minlength=n) - due) / np.sqrt(due + 0.5)
    rest = sorted(set(ranked) - set(tried), key=lambda j: (-surprise[j], j))
    return tried + rest[: MOST_TRIED - len(tried)]


def measure_cells(ground: Ground, hits: Hits, tried: list[int]) -> tuple[Floats, Floats]:
    """Exposure of each victim's order, and of orders like it: by source, victim and cell."""
    seen = np.zeros((len(tried), len(ground.case.victims), N_CELLS))
    for i, source in enumerate(tried):
        own = hits.source == source
        victim, value = hits.victim[own], hits.value[own]
        np.add.at(seen[i], (victim, hits.part[own]), value)
        for m in range(N_KERNELS):
            np.add.at(seen[i, :, N_PARTS + m], victim, value * KERNELS[m][hits.lag[own]])
    return seen, mean_by_part(ground, tried)


def _fit_windows(
    ground: Ground, hits: Hits, tried: list[int], beside: Beside
) -> tuple[Floats, Floats, Ints, Floats]:
    """Exposures inside each source's likeliest window, given that the strongest source leaked.

    Also that window, and what a source gains or loses by not knowing it.
    """
    windows = ground.scale.windows
    seen_parts, usual_parts = measure_cells(ground, hits, tried)
    seen, usual = np.zeros(seen_parts.shape[:2]), np.zeros(usual_parts.shape[:2])
    window, spread = np.zeros(len(tried), dtype=np.int64), np.zeros(len(tried))
    believed = (beside.top[:, None], beside.bottom[:, None])
    with_first = believed
    for i, j in enumerate(tried):
        x, e = sum_windows(seen_parts[i], windows), sum_windows(usual_parts[i], windows)
        ratios = ground.scale.ratios[j][windows.kernel].T
        # Beside the strongest source, unless it is the stronger alone: then it is a rival, not a companion.
        logs, joint = max(
            (_weigh_windows(x / other[0], e / other[1], windows, ratios) for other in (with_first, believed)),
            key=lambda found: float(found[1].max()),
        )
        w = int(joint.argmax())
        by_window = logsumexp(logs[:, w]) - np.log(len(ODDS))
        window[i], spread[i] = w, float(logsumexp(joint) - by_window)
        seen[i], usual[i] = x[:, w], e[:, w]
        if i == 0:
            ratio = ratios[int(logs[:, w].argmax()), w]
            with_first = (believed[0] + ratio * x[:, [w]], believed[1] + ratio * e[:, [w]])
    return seen, usual, window, spread


def _weigh_windows(seen: Floats, usual: Floats, windows: Windows, ratios: Floats) -> tuple[Floats, Floats]:
    """Log Bayes factors by ratio and window, and averaged over ratios with the windows' prior.

    `ratios`: one row per ratio, by window or for all of them.
    """
    logs = np.stack([(np.log1p(r * seen) - np.log1p(r * usual)).sum(axis=0) for r in ratios])
    return logs, logsumexp(logs, axis=0) - np.log(len(ODDS)) + windows.log_prior


def _find_strengths(
    log_factor: Floats, tried: list[int], sets: list[tuple[int, ...]], gains: Floats, log_sets: Floats
) -> Floats:
    """Log Bayes factor of each source: alone, or for the likeliest set's members beside the others."""
    strength = log_factor.copy()
    if not sets:
        return strength
    of = {s: float(g) for s, g in zip(sets, gains, strict=True)}
    best = sets[int(log_sets.argmax())]
    for i in best:
        rest = tuple(k for k in best if k != i)
        strength[tried[i]] = max(strength[tried[i]], of[best] - of.get(rest, 0.0))
    return strength


def _weigh_set(members: tuple[int, ...], seen: Floats, usual: Floats, ratios: Floats) -> tuple[float, Floats]:
    """Log Bayes factor of one set, its ratios averaged over; share that each tried explains then."""
    rows = list(members)
    grid = np.array(list(itertools.product(*ratios[rows])))
    hit = seen[rows].any(axis=0)
    logs = np.log1p(grid @ seen[rows][:, hit]).sum(axis=1) - np.log1p(grid @ usual[rows]).sum(axis=1)
    best = grid[int(logs.argmax())]
    shares = np.zeros(len(seen))
    shares[rows] = (best[:, None] * usual[rows] / (1 + best @ usual[rows])).mean(axis=1)
    return float(logsumexp(logs) - np.log(len(grid))), shares


def _excuse_sets(observed: Observed, tried: list[int], shares: Floats, beside: Beside) -> Floats:
    """How much better talkative regions excuse coincidence, beside what is believed, than each set.

    `shares` of the complaints that are left over: one row per set, one column per tried source.
    """
    ground, by_region = observed.ground, observed.by_region
    regions = ground.scale.regions
    believed = beside.shares @ regions[list(beside.sources)]
    p_believed = float(beside.shares.sum())
    from_leaks = believed + (1 - p_believed) * shares @ regions[tried]
    explained = p_believed + (1 - p_believed) * shares.sum(axis=1)
    without = excuse_regions(ground, by_region, believed[None], np.array([p_believed]))
    return without - excuse_regions(ground, by_region, from_leaks, explained)
