"""Which few sources together explain the complaints: small sets that compete (explaining away).

Up to `MOST_TOGETHER` sources leak at once. A set S is worth the product over
complaints of (1 + sum l_j x_j) / (1 + sum l_j e_j), averaged over each l_j. A source that saw what
a true one saw adds little to it, so its own set loses and their common set pays a prior for nothing.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

from stanch.tracing.case import Floats, Ints
from stanch.tracing.evidence import (
    N_PARTS,
    RATIOS,
    Ground,
    Hits,
    Strengths,
    Windows,
    mean_by_part,
    sum_windows,
)

MOST_TOGETHER: Final = 3
#: Sources that are tried in sets; the rest only alone.
MOST_TRIED: Final = 9
#: Of these, so many are the strongest alone; the others explain best what the strongest leaves over.
_FIRST_TRIED: Final = 4
#: Ratio at which a complaint counts as explained by the strongest source.
_STRONG: Final = 30.0
#: Prior chance that some logged source leaked; `none` and `unlogged` share the rest.
P_LOGGED: Final = 0.5
#: A source of these kinds is so many times as likely beforehand as an account of staff: an attack
#: is known to have happened; of very many customers hardly one is a thief.
_PRIOR_WEIGHT: Final = {"campaign": 10.0, "customer": 0.2}


@dataclass(frozen=True, slots=True)
class Race:
    """Sources by number, and sets of those tried together."""

    #: Log Bayes factor of each source alone, against coincidence.
    log_factor: Floats
    #: Likeliest window of each source.
    window: Ints
    #: As `log_factor`; for members of the likeliest set, beside its other members if that is more.
    strength: Floats
    #: Sources tried together, and sets of them (indices into `tried`).
    tried: list[int]
    sets: list[tuple[int, ...]]
    #: Exposure of each victim's order, and of orders like it, per tried source.
    seen: Floats
    usual: Floats


@dataclass(frozen=True, slots=True)
class Explanation:
    """The outcome of the race between sources, `none` and `unlogged`."""

    race: Race
    posterior: Floats
    p_none: float
    p_unlogged: float
    p_set: Floats

    def p_any(self, sources: set[int]) -> float:
        """Chance that at least one of these sources leaked (exact for those tried together)."""
        inside = [bool(sources & {self.race.tried[i] for i in s}) for s in self.race.sets]
        return float(self.p_set[np.array(inside, dtype=bool)].sum()) if inside else 0.0


def weigh_prior(sources: list[str]) -> Floats:
    """Prior odds of each source among the logged ones; they sum to 1."""
    weights = np.array([_PRIOR_WEIGHT.get(s.partition(":")[0], 1.0) for s in sources])
    return np.asarray(weights / max(weights.sum(), 1.0), dtype=np.float64)


def explain_complaints(ground: Ground, hits: Hits, strengths: Strengths, log_odds_leak: float) -> Explanation:
    """Compare all small sets of the strongest sources, `none` and `unlogged`.

    `log_odds_leak`: log Bayes factor of any leak against coincidence from what the callers knew.
    """
    sources = ground.case.exposures.sources
    n_sources = len(sources)
    log_factor = np.zeros(n_sources)
    window = np.zeros(n_sources, dtype=np.int64)
    fixed = np.zeros(n_sources)
    log_factor[strengths.source] = strengths.log_factor
    window[strengths.source] = strengths.window
    fixed[strengths.source] = strengths.log_factor_window
    log_prior = np.log(weigh_prior(sources))
    ranked = sorted(strengths.source.tolist(), key=lambda j: (-(log_factor[j] + log_prior[j]), j))
    tried = _choose_tried(ground, hits, ranked)
    parts = _measure_tried(ground, hits, tried)
    # What a source gains or loses by not knowing its window.
    spread = log_factor - fixed
    seen, usual = _fit_windows(ground.scale.windows, parts, tried, window, spread)
    sets = [
        s for size in range(1, MOST_TOGETHER + 1) for s in itertools.combinations(range(len(tried)), size)
    ]
    gains = np.array([_weigh_set(s, seen, usual) + sum(spread[tried[i]] for i in s) for s in sets])
    log_sets = gains + np.array([sum(log_prior[tried[i]] for i in s) for s in sets])
    strength = _find_strengths(log_factor, tried, sets, gains, log_sets)
    race = Race(log_factor, window, strength, tried, sets, seen, usual)
    return _normalise(race, log_prior, log_sets, log_odds_leak)


def share_complaints(found: Explanation, sources: list[int]) -> tuple[Floats, Floats]:
    """Per victim: chance that each of `sources` caused the complaint, and the likelihood against coincidence.

    Ratios are averaged over their posterior given that exactly these sources leaked.
    """
    race = found.race
    at = [race.tried.index(j) for j in sources]
    if not at:
        return np.zeros((0, race.seen.shape[1])), np.ones(race.seen.shape[1])
    grid = np.array(list(itertools.product(RATIOS, repeat=len(at))))
    top, bottom = 1 + grid @ race.seen[at], 1 + grid @ race.usual[at]
    logs = (np.log(top) - np.log(bottom)).sum(axis=1)
    p = np.exp(logs - logsumexp(logs))
    shares = np.stack(
        [(p[:, None] * grid[:, [i]] * race.seen[at[i]] / top).sum(axis=0) for i in range(len(at))]
    )
    return shares, np.asarray((p[:, None] * top / bottom).sum(axis=0))


def _choose_tried(ground: Ground, hits: Hits, ranked: list[int]) -> list[int]:
    """The strongest alone, and those that best explain what the strongest leaves over."""
    if len(ranked) <= MOST_TRIED:
        return ranked
    seen, usual = (x.sum(axis=2) for x in _measure_tried(ground, hits, ranked[:1]))
    left = 1 / (1 + _STRONG * seen[0] / (1 + _STRONG * usual[0]))
    n = len(ground.case.exposures.sources)
    got = np.bincount(hits.source, left[hits.victim] * np.minimum(hits.value, 1.0), minlength=n)
    due = left @ ground.scale.mean
    surprise = (got - due) / np.sqrt(due + 0.5)
    rest = sorted(ranked[_FIRST_TRIED:], key=lambda j: (-surprise[j], j))
    return ranked[:_FIRST_TRIED] + rest[: MOST_TRIED - _FIRST_TRIED]


def _measure_tried(ground: Ground, hits: Hits, tried: list[int]) -> tuple[Floats, Floats]:
    """Exposure of each victim's order, and of orders like it: by source, victim and part."""
    seen = np.zeros((len(tried), len(ground.case.victims), N_PARTS))
    for i, source in enumerate(tried):
        own = hits.source == source
        np.add.at(seen[i], (hits.victim[own], hits.part[own]), hits.value[own])
    return seen, mean_by_part(ground, tried)


def _fit_windows(
    windows: Windows, parts: tuple[Floats, Floats], tried: list[int], window: Ints, spread: Floats
) -> tuple[Floats, Floats]:
    """Exposures inside each source's likeliest window, given that the strongest source leaked.

    Changes `window` and `spread` of the others in place.
    """
    seen_parts, usual_parts = parts
    seen, usual = np.zeros(seen_parts.shape[:2]), np.zeros(usual_parts.shape[:2])
    one = np.ones((1, 1))
    top, bottom = one, one
    for i, j in enumerate(tried):
        x, e = sum_windows(seen_parts[i], windows), sum_windows(usual_parts[i], windows)
        # Beside the strongest source, unless it is the stronger alone: then it is a rival, not a companion.
        logs, joint = max(
            (_weigh_windows(x, e, windows, *beside) for beside in ((top, bottom), (one, one))),
            key=lambda found: float(found[1].max()),
        )
        w = int(joint.argmax())
        by_window = logsumexp(logs[:, w]) - np.log(len(RATIOS))
        window[j], spread[j] = w, float(logsumexp(joint) - by_window)
        seen[i], usual[i] = x[:, w], e[:, w]
        if i == 0:
            ratio = RATIOS[int(logs[:, w].argmax())]
            top, bottom = (1 + ratio * seen[0])[:, None], (1 + ratio * usual[0])[:, None]
    return seen, usual


def _weigh_windows(
    seen: Floats, usual: Floats, windows: Windows, top: Floats, bottom: Floats
) -> tuple[Floats, Floats]:
    """Log Bayes factors by ratio and window beside what is believed, and averaged with the windows' prior."""
    logs = np.stack([(np.log1p(r * seen / top) - np.log1p(r * usual / bottom)).sum(axis=0) for r in RATIOS])
    return logs, logsumexp(logs, axis=0) - np.log(len(RATIOS)) + windows.log_prior


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


def _weigh_set(members: tuple[int, ...], seen: Floats, usual: Floats) -> float:
    """Log Bayes factor of one set, its ratios averaged over the grid."""
    rows = list(members)
    grid = np.array(list(itertools.product(RATIOS, repeat=len(rows))))
    logs = (np.log1p(grid @ seen[rows]) - np.log1p(grid @ usual[rows])).sum(axis=1)
    return float(logsumexp(logs) - np.log(len(grid)))


def _normalise(race: Race, log_prior: Floats, log_sets: Floats, log_odds_leak: float) -> Explanation:
    log_factor, tried, sets = race.log_factor, race.tried, race.sets
    others = np.setdiff1d(np.arange(len(log_factor)), tried)
    alone = log_factor[others] + log_prior[others]
    # That callers knew what only the shop knows speaks for every leak; that they did not does not
    # excuse a source which the exposures point to.
    known = np.log(P_LOGGED) + max(log_odds_leak, 0.0)
    rest = np.log((1 - P_LOGGED) / 2)
    logs = np.concatenate([[rest, rest + log_odds_leak], known + alone, known + log_sets])
    p = np.exp(logs - logsumexp(logs))
    posterior = np.zeros(len(log_factor))
    posterior[others] = p[2 : 2 + len(others)]
    p_set = p[2 + len(others) :]
    for chance, members in zip(p_set, sets, strict=True):
        for i in members:
            posterior[tried[i]] += chance
    return Explanation(race, posterior, float(p[0]), float(p[1]), p_set)
