"""How much better a source explains the complaints than coincidence does: Bayes factors.

The noisy-OR of the design, with small hazards, makes the complaints about order i a Poisson count
of rate b_i + s_j w_ij for a source j that saw it with weight w_ij. Given when the contact was, the
chance that it is about the order cited is, against coincidence,

    (1 + l x) / (1 + l e),   l = s_j / b,

where x is the exposure of the cited order (0: not exposed) and e the mean exposure of all orders that
it might have been about by coincidence, both before the contact and within the leak's window: the linear
excess relative risk of case-control studies (Breslow & Day 1980, ch. 5; Thomas 1981), in which b cancels
out. The Bayes factor averages this over a grid of l and over windows of exposure time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.tracing.baseline import Baseline
from stanch.tracing.case import Case, Flags, Floats, Ints, Numbers, expand_ranges
from stanch.tracing.habits import Citing, fit_factors
from stanch.tracing.lags import KERNELS, N_KERNELS, classify_lags
from stanch.tracing.usual import N_CELLS, N_PARTS, cut_into_parts, measure_parts

#: Odds that a complaint comes from the source, from one in five to nearly all: higher ones are hardly told
#: from these, and lower ones name nobody; log-uniform. Divided by its mean exposure they are how many times
#: likelier an exposed order is to be complained about.
ODDS: Final = np.geomspace(0.25, 60.0, 8)
#: The whole log is the likeliest window; as likely as all others together are calls that follow looks.
P_WHOLE: Final = 0.4
P_KERNELS: Final = 0.3
#: Pairs of draw and source that are held against the complaints at once: they stay in the processor's cache.
_BLOCK: Final = 512
#: A source held against fewer complaints is never strong evidence.
LEAST_HITS: Final = 2
#: Fewer complaints about its orders name nobody, whatever the odds.
LEAST_SEEN: Final = 3


@dataclass(frozen=True, slots=True)
class Windows:
    """When a source leaked: runs of cells from `begin` up to `end`.

    First runs of parts, then the whole log under each kernel of the lag.
    """

    begin: Ints
    end: Ints
    #: 0 for runs of parts, else the number of the kernel, from 1.
    kernel: Ints
    log_prior: Floats

    def holds(self, window: int, part: Ints) -> Flags:
        """Whether these parts lie inside: all of them where lags decide."""
        inside = (part >= self.begin[window]) & (part < self.end[window])
        return np.asarray(inside | (self.kernel[window] > 0), dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class Scale:
    """What does not depend on which orders were cited, per source."""

    windows: Windows
    #: Part of each exposure's time among the source's exposures.
    part: Ints
    #: Whether the source saw orders enough to be named at all; of the others nothing more is computed.
    able: Flags
    #: How many times likelier an exposed order is to be complained about: per source and kernel (the first is
    #: none).
    ratios: Floats
    #: sum over victims of log(1 + l e): one row per source, window and ratio.
    cost: Floats
    #: Share of the complaints that come from the source: one row per source, window and ratio.
    explained: Floats
    #: Mean exposure of orders like each victim's: one row per victim, one column per source.
    mean: Floats
    #: Where the orders that a source saw were sent: shares by region, one row per source.
    regions: Floats


@dataclass(frozen=True, slots=True)
class Ground:
    """What complaints are held against: the case, and what coincidence would do in it."""

    case: Case
    baseline: Baseline
    citing: Citing
    scale: Scale
    #: Log prior odds of each source among the logged ones.
    log_prior: Floats


@dataclass(frozen=True, slots=True)
class Hits:
    """One row per draw, victim and source that saw a candidate order in time."""

    draw: Ints
    victim: Ints
    source: Ints
    part: Ints
    #: Weight of the exposure, times share of the candidate, times fit of the fields cited.
    value: Floats
    #: Class of the lag from look to contact.
    lag: Ints


@dataclass(frozen=True, slots=True)
class Strengths:
    """One row per draw and source with hits enough."""

    draw: Ints
    source: Ints
    log_factor: Floats
    #: Index of the likeliest window.
    window: Ints


def list_windows(n_parts: int = N_PARTS) -> Windows:
    """All runs of parts, the whole first, then the kernels."""
    runs = [(0, n_parts)] + [
        (a, b) for a in range(n_parts) for b in range(a + 1, n_parts + 1) if (a, b) != (0, n_parts)
    ]
    prior = np.full(len(runs), (1 - P_WHOLE - P_KERNELS) / (len(runs) - 1))
    prior[0] = P_WHOLE
    begin, end = np.array(runs + [(n_parts + m, n_parts + m + 1) for m in range(N_KERNELS)]).T
    kernel = np.concatenate([np.zeros(len(runs), dtype=np.int64), np.arange(1, N_KERNELS + 1)])
    return Windows(begin, end, kernel, np.log(np.append(prior, np.full(N_KERNELS, P_KERNELS / N_KERNELS))))


def measure_scale(case: Case, baseline: Baseline) -> Scale:
    """Cut exposures into parts and add up what each source's mean exposure costs it."""
    windows = list_windows()
    n_sources = len(case.exposures.sources)
    part = cut_into_parts(case)
    able = np.bincount(case.exposures.source, minlength=n_sources) >= LEAST_SEEN
    mean = np.zeros((len(case.victims), n_sources))
    ratios = np.zeros((n_sources, 1 + N_KERNELS, len(ODDS)))
    cost = np.zeros((n_sources, len(windows.begin), len(ODDS)))
    explained = np.zeros_like(cost)
    for chunk, occasions, parts in measure_parts(case, baseline, part):
        own = parts[:, :, :N_PARTS].sum(axis=2)
        mean[:, chunk] = own[occasions.of_victim]
        whole = np.concatenate([own[:, :, None], parts[:, :, N_PARTS:]], axis=2)
        ratios[chunk] = scale_ratios(np.moveaxis(whole, 0, -1), occasions.n_victims)
        kept = np.flatnonzero(able[chunk])
        if not len(kept):
            continue
        sums = sum_windows(parts[:, kept].reshape(-1, N_CELLS), windows)
        n_victims = occasions.n_victims.astype(np.float64)
        share = n_victims / len(case.victims)
        for i in range(len(ODDS)):
            by_window = ratios[chunk[kept]][:, windows.kernel, i]
            odds = 1 + sums.reshape(len(share), len(kept), -1) * by_window
            cost[chunk[kept], :, i] = np.tensordot(n_victims, np.log(odds), axes=1)
            explained[chunk[kept], :, i] = 1 - np.tensordot(share, 1 / odds, axes=1)
    return Scale(windows, part, able, ratios, cost, explained, mean, _share_regions(case))


def _share_regions(case: Case) -> Floats:
    exposures, n_regions = case.exposures, case.orders.n_regions + 1
    at = exposures.source * np.int64(n_regions) + case.orders.region[exposures.order] % n_regions
    n_sources = len(exposures.sources)
    sums = np.bincount(at, exposures.weight, minlength=n_sources * n_regions).reshape(n_sources, n_regions)
    return np.asarray(sums / np.maximum(sums.sum(axis=1, keepdims=True), 1e-9), dtype=np.float64)


def scale_ratios(mean: Floats, n: Numbers | int = 1) -> Floats:
    """Ratios that give `ODDS` at the mean exposure of the victims that could tell.

    Victims in the last dimension; each entry stands for `n` of them.
    """
    could_tell = np.maximum(((mean > 0) * n).sum(axis=-1), 1)
    total = (mean * n).sum(axis=-1)
    return np.asarray(ODDS / np.maximum(total / could_tell, 1e-9)[..., None], dtype=np.float64)


def sum_windows(parts: Floats, windows: Windows) -> Floats:
    """Sums over runs of cells, which lie in the second dimension."""
    running = np.concatenate([np.zeros_like(parts[:, :1]), np.cumsum(parts, axis=1)], axis=1)
    return np.asarray(running[:, windows.end] - running[:, windows.begin], dtype=np.float64)


def mean_by_part(ground: Ground, sources: list[int]) -> Floats:
    """Mean exposure of orders like each victim's: by source (in the order given), victim and cell."""
    means = np.zeros((len(sources), len(ground.case.victims), N_CELLS))
    place = {j: i for i, j in enumerate(sources)}
    for chunk, occasions, parts in measure_parts(ground.case, ground.baseline, ground.scale.part, sources):
        for i, j in enumerate(chunk.tolist()):
            means[place[j]] = parts[occasions.of_victim, i]
    return means


def collect_hits(ground: Ground, draws: tuple[Ints, Ints, Ints, Floats], cited: Ints) -> Hits:
    """Who saw the candidate orders in time.

    `draws` are candidates row by row: draw, victim, order, share. `cited` is the set of fields of
    each draw and victim, flat with all victims of a draw together.
    """
    case = ground.case
    n_victims = len(case.victims)
    draw, victim, order, share = draws
    exposures = case.exposures
    of, row = expand_ranges(exposures.start[order], exposures.start[order + 1])
    in_time = exposures.first_us[row] < case.victims.before_us[victim[of]]
    of, row = of[in_time], row[in_time]
    value = (
        exposures.weight[row]
        * share[of]
        * ground.citing.fit[exposures.fields[row], cited[draw[of] * n_victims + victim[of]]]
    )
    lag = classify_lags(case.victims.before_us[victim[of]] - exposures.first_us[row])
    hits = Hits(draw[of], victim[of], exposures.source[row], ground.scale.part[row], value, lag)
    return hits if (share == 1.0).all() else _join_candidates(hits, n_victims, len(exposures.sources))


def weigh_hits(ground: Ground, hits: Hits, by_region: Floats) -> Strengths:
    """Bayes factors of each draw and source with `LEAST_HITS`; the windows and ratios averaged over.

    `by_region`: complaints by region, one row per draw.
    """
    draw, source, gain = _add_gains(ground, hits, LEAST_HITS)
    return _average(ground, by_region, draw, source, _hold_against(ground.scale, source, gain))


def find_strongest(ground: Ground, hits: Hits, by_region: Floats) -> Floats:
    """Per draw, the strongest evidence (log Bayes factor and prior) against a source that could be named.

    No average is over its largest term, so only sources whose largest term is over the evidence against
    another need averaging.
    """
    draw, source, gain = _add_gains(ground, hits, LEAST_SEEN)
    blocks = [slice(i, i + _BLOCK) for i in range(0, len(draw), _BLOCK)]
    largest = [_hold_against(ground.scale, source[b], gain[b]).max(axis=(1, 2)) for b in blocks]
    most = np.concatenate([np.zeros(0), *largest]) + ground.log_prior[source]
    strongest = np.full(len(by_region), ground.log_prior.max(initial=-np.inf))
    by_draw = np.lexsort((source, -most, draw))
    likeliest = by_draw[np.unique(draw[by_draw], return_index=True)[1]]
    for rows in (likeliest, np.setdiff1d(np.arange(len(draw)), likeliest)):
        at = rows[most[rows] > strongest[draw[rows]]]
        terms = _hold_against(ground.scale, source[at], gain[at])
        found = _average(ground, by_region, draw[at], source[at], terms)
        np.maximum.at(strongest, found.draw, found.log_factor + ground.log_prior[found.source])
    return strongest


def _add_gains(ground: Ground, hits: Hits, least_hits: int) -> tuple[Ints, Ints, Floats]:
    """Draws and sources with so many hits: what these add to the log likelihood by pair, cell and ratio."""
    scale, n_sources = ground.scale, len(ground.case.exposures.sources)
    pair = hits.draw * n_sources + hits.source
    pairs, of, n_hits = np.unique(pair, return_inverse=True, return_counts=True)
    enough = (n_hits >= least_hits) & scale.able[pairs % n_sources]
    kept = enough[of]
    at, n_kept = (np.cumsum(enough) - 1)[of[kept]], int(enough.sum())
    source, part = hits.source[kept], at * N_PARTS + hits.part[kept]
    gain = np.empty((n_kept, N_CELLS, len(ODDS)))
    for m in range(1 + N_KERNELS):
        value = hits.value[kept] if m == 0 else hits.value[kept] * KERNELS[m - 1][hits.lag[kept]]
        for i in range(len(ODDS)):
            logs = np.log1p(scale.ratios[:, m, i][source] * value)
            if m == 0:
                by_part = np.bincount(part, logs, minlength=n_kept * N_PARTS)
                gain[:, :N_PARTS, i] = by_part.reshape(n_kept, N_PARTS)
            else:
                gain[:, N_PARTS + m - 1, i] = np.bincount(at, logs, minlength=n_kept)
    return pairs[enough] // n_sources, pairs[enough] % n_sources, gain


def _hold_against(scale: Scale, source: Ints, gain: Floats) -> Floats:
    """Log likelihood ratio by pair, window and ratio: what the hits add, less what the others cost."""
    terms = sum_windows(gain, scale.windows)
    terms -= scale.cost[source]
    return terms


def _average(ground: Ground, by_region: Floats, draw: Ints, source: Ints, terms: Floats) -> Strengths:
    scale = ground.scale
    joint = add_logs(terms) - np.log(len(ODDS)) + scale.windows.log_prior
    best = joint.argmax(axis=1)
    explained = scale.explained[source, best, terms[np.arange(len(best)), best].argmax(axis=1)]
    none = np.zeros_like(ground.baseline.by_region)
    excuse = excuse_regions(ground, by_region, none, np.zeros(1))[draw] - excuse_regions(
        ground, by_region[draw], scale.regions[source] * explained[:, None], explained
    )
    # Talkative regions excuse coincidence; they never speak for a leak.
    return Strengths(draw, source, add_logs(joint) - np.maximum(excuse, 0.0), best)


def excuse_regions(ground: Ground, by_region: Floats, from_leaks: Floats, explained: Floats) -> Floats:
    """How much better talkative regions make complaints fit, row by row (nats), net of the factors' price.

    Coincidence comes from where orders of the time were sent; the share `explained` by leaks from where the
    orders were sent that these saw: `from_leaks`, by region, which sums to that share.
    """
    rest = np.maximum(1 - explained, 0.0)[:, None]
    return fit_factors(by_region, from_leaks + rest * ground.baseline.by_region)[1]


def add_logs(terms: Floats) -> Floats:
    """Log of the sum of exponentials along the last dimension; much faster than SciPy's, for finite terms."""
    top = terms.max(axis=-1, keepdims=True)
    return np.asarray(np.log(np.exp(terms - top).sum(axis=-1)) + top[..., 0], dtype=np.float64)


def _join_candidates(hits: Hits, n_victims: int, n_sources: int) -> Hits:
    """Candidates of one victim seen by one source become one hit, in the part of the likeliest."""
    key = (hits.draw * n_victims + hits.victim) * n_sources + hits.source
    order = np.lexsort((hits.part, -hits.value, key))
    _, first = np.unique(key[order], return_index=True)
    total = np.add.reduceat(hits.value[order], first) if len(first) else np.zeros(0)
    top = order[first]
    return Hits(hits.draw[top], hits.victim[top], hits.source[top], hits.part[top], total, hits.lag[top])
