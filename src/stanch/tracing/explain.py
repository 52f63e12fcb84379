"""Which few sources together explain the complaints: small sets that compete (explaining away).

A set S of sources that leak at once is worth the product over complaints of
(1 + sum l_j x_j) / (1 + sum l_j e_j), averaged over each l_j. A source that saw what a true one saw
adds little to it, so its own set loses and their common set pays a prior for nothing. Where the
likeliest set is as large as sets get, its members beyond doubt are believed, and the others race anew
for the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

from stanch.tracing.case import Floats
from stanch.tracing.evidence import Ground, Hits, weigh_hits
from stanch.tracing.race import MOST_TOGETHER, P_ANOTHER, Beside, Observed, Race, fit_ratios, run_race

#: Prior chance that some logged source leaked; `none` and `unlogged` share the rest.
P_LOGGED: Final = 0.65
#: Members of a set this sure are believed in the next race; so many races are run at most.
_BEYOND_DOUBT: Final = 0.99
_MOST_RACES: Final = 6


@dataclass(frozen=True, slots=True)
class Explanation:
    """The outcome of the race between sources, `none` and `unlogged`."""

    #: The last race; those believed before it are among its tried, but in none of its sets.
    race: Race
    posterior: Floats
    p_none: float
    p_unlogged: float
    p_set: Floats

    def p_any(self, sources: set[int]) -> float:
        """Chance that at least one of these sources leaked (exact for those tried together)."""
        inside = [bool(sources & {self.race.tried[i] for i in s}) for s in self.race.sets]
        p = float(self.p_set[np.array(inside, dtype=bool)].sum()) if inside else 0.0
        return max([p, *(float(self.posterior[j]) for j in sources)])


def explain_complaints(
    ground: Ground,
    hits: Hits,
    by_region: Floats,
    log_odds_leak: float,
    log_unlogged: float,
) -> Explanation:
    """Compare all small sets of the strongest sources, `none` and `unlogged`.

    `by_region`: complaints by region, one row. `log_odds_leak`: log Bayes factor of any leak against
    coincidence from what the callers knew; `log_unlogged`: of a copied table from which orders were cited.
    """
    one = np.ones(len(ground.case.victims))
    observed = Observed(ground, hits, weigh_hits(ground, hits, by_region), by_region)
    race = run_race(observed, Beside((), one, one, np.zeros(0)))
    found = _normalise(race, ground.log_prior, log_odds_leak, log_unlogged)
    believed: list[int] = []
    for _ in range(_MOST_RACES - 1):
        sure = _list_sure(found, believed)
        if not sure:
            break
        believed += sure
        found = _race_again(observed, found, believed)
    return found


def share_complaints(found: Explanation, sources: list[int]) -> tuple[Floats, Floats]:
    """Per victim: chance that each of `sources` caused the complaint, and the likelihood against coincidence.

    Both at the likeliest ratios, given that exactly these sources leaked.
    """
    beside = _believe(found.race, sources)
    at = [found.race.tried.index(j) for j in sources]
    ratios = fit_ratios(found.race.seen[at], found.race.usual[at], found.race.ratios[at])
    return ratios[:, None] * found.race.seen[at] / beside.top, beside.top / beside.bottom


def _list_sure(found: Explanation, believed: list[int]) -> list[int]:
    """Members beyond doubt of the likeliest set, if it is as large as sets get."""
    if not found.race.sets:
        return []
    best = found.race.sets[int(found.race.log_sets.argmax())]
    members = [found.race.tried[i] for i in best]
    sure = [j for j in members if found.posterior[j] >= _BEYOND_DOUBT and j not in believed]
    return sure if len(best) == MOST_TOGETHER else []


def _believe(race: Race, sources: list[int]) -> Beside:
    at = [race.tried.index(j) for j in sources]
    ratios = fit_ratios(race.seen[at], race.usual[at], race.ratios[at])
    bottom = 1 + ratios @ race.usual[at]
    shares = (ratios[:, None] * race.usual[at] / bottom).mean(axis=1)
    return Beside(tuple(sources), 1 + ratios @ race.seen[at], bottom, shares)


def _race_again(observed: Observed, found: Explanation, believed: list[int]) -> Explanation:
    """The race of the others beside those `believed`, who keep what they have."""
    old = found.race
    new = run_race(observed, _believe(old, believed))
    logs = np.concatenate([[np.log(1 - P_ANOTHER)], new.log_sets])
    p = np.exp(logs - logsumexp(logs))
    posterior = np.zeros(len(new.window))
    for chance, members in zip(p[1:], new.sets, strict=True):
        for i in members:
            posterior[new.tried[i]] += chance
    at = [old.tried.index(j) for j in believed]
    window, strength = new.window.copy(), new.strength.copy()
    for j in believed:
        posterior[j], window[j], strength[j] = found.posterior[j], old.window[j], old.strength[j]
    race = Race(
        new.log_factor,
        window,
        strength,
        new.tried + believed,
        new.sets,
        new.log_sets,
        np.concatenate([new.seen, old.seen[at]]),
        np.concatenate([new.usual, old.usual[at]]),
        np.concatenate([new.ratios, old.ratios[at]]),
    )
    return Explanation(race, posterior, found.p_none, found.p_unlogged, p[1:])


def _normalise(race: Race, log_prior: Floats, log_odds_leak: float, log_unlogged: float) -> Explanation:
    others = np.setdiff1d(np.arange(len(log_prior)), race.tried)
    alone = race.log_factor[others] + log_prior[others]
    known = np.log(P_LOGGED) + log_odds_leak
    rest = np.log((1 - P_LOGGED) / 2)
    logs = np.concatenate([[rest, rest + log_odds_leak + log_unlogged], known + alone, known + race.log_sets])
    p = np.exp(logs - logsumexp(logs))
    posterior = np.zeros(len(log_prior))
    posterior[others] = p[2 : 2 + len(others)]
    p_set = p[2 + len(others) :]
    for chance, members in zip(p_set, race.sets, strict=True):
        for i in members:
            posterior[race.tried[i]] += chance
    return Explanation(race, posterior, float(p[0]), float(p[1]), p_set)
