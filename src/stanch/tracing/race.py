"""Sets of a few sources held against the complaints, beside what is believed already."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

from stanch.tracing.case import Floats, Ints
from stanch.tracing.evidence import (
    N_PARTS,
    ODDS,
    Ground,
    Hits,
    Strengths,
    Windows,
    excuse_regions,
    mean_by_part,
    sum_windows,
)

#: So many sources are tried together.
MOST_TOGETHER: Final = 3
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


def run_race(
    ground: Ground,
    hits: Hits,
    strengths: Strengths,
    by_region: Floats,
    log_prior: Floats,
    beside: Beside,
) -> Race:
    """All sets of one to `MOST_TOGETHER` sources that are not believed already."""
    n_sources = len(log_prior)
    log_factor, window, fixed = np.zeros(n_sources), np.zeros(n_sources, dtype=np.int64), np.zeros(n_sources)
    log_factor[strengths.source] = strengths.log_factor
    window[strengths.source] = strengths.window
    fixed[strengths.source] = strengths.log_factor_window
    left = sorted(set(strengths.source.tolist()) - set(beside.sources))
    ranked = sorted(left, key=lambda j: (-(log_factor[j] + log_prior[j]), j))
    tried = _choose_tried(ground, hits, ranked, beside)
    # What a source gains or loses by not knowing its window.
    spread = log_factor - fixed
    seen, usual = _fit_windows(ground, hits, tried, beside, window, spread)
    ratios = ground.scale.ratios[tried]
    sizes = range(1, MOST_TOGETHER + 1)
    sets = [s for size in sizes for s in itertools.combinations(range(len(tried)), size)]
    relative = (seen / beside.top, usual / beside.bottom)
    weighed = [_weigh_set(s, *relative, ratios) for s in sets]
    gains = np.array([w[0] + sum(spread[tried[i]] for i in s) for w, s in zip(weighed, sets, strict=True)])
    gains -= _excuse_sets(ground, by_region, tried, sets, [w[1] for w in weighed], beside)
    log_sets = gains + np.array([sum(log_prior[tried[i]] for i in s) for s in sets])
    strength = _find_strengths(log_factor, tried, sets, gains, log_sets) + log_prior
    return Race(log_factor, window, strength, tried, sets, log_sets, seen, usual, ratios)


def fit_ratios(seen: Floats, usual: Floats, ratios: Floats) -> Floats:
    """Likeliest ratio of each source, given that all of them leaked: one after the other, until none changes."""
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
    """The strongest alone, its rivals for the same complaints, and those that best explain what it leaves over.

    Beside sources that are believed already, only what these leave over counts.
    """
    if len(ranked) <= MOST_TRIED:
        return ranked
    n = len(ground.case.exposures.sources)
    value = np.minimum(hits.value, 1.0)
    if beside.sources:
        left, tried = 1 / beside.top, []
    else:
        seen, usual = (x.sum(axis=2) for x in _measure_tried(ground, hits, ranked[:1]))
        ratio = ground.scale.ratios[ranked[0], _STRONG]
        left = 1 / (1 + ratio * seen[0] / (1 + ratio * usual[0]))
        shared = np.bincount(hits.source, (seen[0] > 0)[hits.victim] * value, minlength=n)
        tried = ranked[:_FIRST_TRIED]
        rivals = [j for j in ranked[_FIRST_TRIED:] if shared[j] >= _RIVAL * shared[ranked[0]]]
        tried += rivals[: _MOST_RIVALS - _FIRST_TRIED]
    due = left @ ground.scale.mean
    surprise = (np.bincount(hits.source, left[hits.victim] * value, minlength=n) - due) / np.sqrt(due + 0.5)
    rest = sorted(set(ranked) - set(tried), key=lambda j: (-surprise[j], j))
    return tried + rest[: MOST_TRIED - len(tried)]


def _measure_tried(ground: Ground, hits: Hits, tried: list[int]) -> tuple[Floats, Floats]:
    """Exposure of each victim's order, and of orders like it: by source, victim and part."""
    seen = np.zeros((len(tried), len(ground.case.victims), N_PARTS))
    for i, source in enumerate(tried):
        own = hits.source == source
        np.add.at(seen[i], (hits.victim[own], hits.part[own]), hits.value[own])
    return seen, mean_by_part(ground, tried)


def _fit_windows(
    ground: Ground, hits: Hits, tried: list[int], beside: Beside, window: Ints, spread: Floats
) -> tuple[Floats, Floats]:
    """Exposures inside each source's likeliest window, given that the strongest source leaked.

    Changes `window` and `spread` of the others in place.
    """
    windows = ground.scale.windows
    seen_parts, usual_parts = _measure_tried(ground, hits, tried)
    seen, usual = np.zeros(seen_parts.shape[:2]), np.zeros(usual_parts.shape[:2])
    believed = (beside.top[:, None], beside.bottom[:, None])
    with_first = believed
    for i, j in enumerate(tried):
        x, e = sum_windows(seen_parts[i], windows), sum_windows(usual_parts[i], windows)
        ratios = ground.scale.ratios[j]
        # Beside the strongest source, unless it is the stronger alone: then it is a rival, not a companion.
        logs, joint = max(
            (_weigh_windows(x, e, windows, ratios, *other) for other in (with_first, believed)),
            key=lambda found: float(found[1].max()),
        )
        w = int(joint.argmax())
        by_window = logsumexp(logs[:, w]) - np.log(len(ODDS))
        window[j], spread[j] = w, float(logsumexp(joint) - by_window)
        seen[i], usual[i] = x[:, w], e[:, w]
        if i == 0:
            ratio = ratios[int(logs[:, w].argmax())]
            with_first = (believed[0] + ratio * x[:, [w]], believed[1] + ratio * e[:, [w]])
    return seen, usual


def _weigh_windows(
    seen: Floats, usual: Floats, windows: Windows, ratios: Floats, top: Floats, bottom: Floats
) -> tuple[Floats, Floats]:
    """Log Bayes factors by ratio and window beside what is believed, and averaged with the windows' prior."""
    logs = np.stack([(np.log1p(r * seen / top) - np.log1p(r * usual / bottom)).sum(axis=0) for r in ratios])
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


def _weigh_set(
    members: tuple[int, ...], seen: Floats, usual: Floats, ratios: Floats
) -> tuple[float, Floats]:
    """Log Bayes factor of one set, its ratios averaged over the grid, and shares explained at the likeliest."""
    rows = list(members)
    grid = np.array(list(itertools.product(*ratios[rows])))
    logs = (np.log1p(grid @ seen[rows]) - np.log1p(grid @ usual[rows])).sum(axis=1)
    best = grid[int(logs.argmax())]
    shares = (best[:, None] * usual[rows] / (1 + best @ usual[rows])).mean(axis=1)
    return float(logsumexp(logs) - np.log(len(grid))), shares


def _excuse_sets(
    ground: Ground,
    by_region: Floats,
    tried: list[int],
    sets: list[tuple[int, ...]],
    shares: list[Floats],
    beside: Beside,
) -> Floats:
    """How much better talkative regions excuse coincidence, beside what is believed, than each set."""
    regions = ground.scale.regions
    believed = beside.shares @ regions[list(beside.sources)] if beside.sources else np.zeros(regions.shape[1])
    rest = 1 - beside.shares.sum()
    mixed = np.array([
        believed + rest * share @ regions[[tried[i] for i in s]] for s, share in zip(sets, shares, strict=True)
    ])  # fmt: skip
    explained = np.array([beside.shares.sum() + rest * share.sum() for share in shares])
    if not sets:
        return np.zeros(0)
    alone = excuse_regions(ground, by_region, believed[None, :] / max(1 - rest, 1e-9), np.array([1 - rest]))
    mixed /= np.maximum(explained, 1e-9)[:, None]
    counts = np.repeat(by_region, len(sets), axis=0)
    return np.asarray(alone - excuse_regions(ground, counts, mixed, explained), dtype=np.float64)
