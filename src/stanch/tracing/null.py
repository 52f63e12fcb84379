"""How strong the evidence against anybody gets where nobody logged leaked: simulated histories.

Each history keeps the shop's exposures and, complaint by complaint, the time of contact and how
many orders it may be about. Orders and cited fields are drawn anew:

- `none`: any order placed before the contact, by the shop's habits of region and age;
- `unlogged`: one placed within a week of the cited one, as if a copy of the table of those weeks were
  being worked through: most of what leaked by time alone is kept.

Fields are drawn from the callers' citing habits, not kept with the complaint: kept, they would
carry the true source's own fields into every history and hide it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.progress import Progress
from stanch.tracing.baseline import count_cited, count_regions
from stanch.tracing.case import UNKNOWN, Floats, Ints
from stanch.tracing.evidence import Ground, collect_hits, find_strongest
from stanch.tracing.habits import N_SETS, fit_factors

#: An `unlogged` history's order is placed within so much of the cited one, before or after: a week.
_NEAR_US: Final = 84 * 3_600_000_000
#: Histories drawn at once, and rows of these; bounds memory.
_BATCH: Final = 200
_ROWS: Final = 100_000
#: Histories after which it is looked whether naming is out of reach anyway.
_GLANCE: Final = 200


@dataclass(frozen=True, slots=True)
class Histories:
    """Per simulated history, the strongest evidence against a source that could be named.

    Evidence is the log Bayes factor and the log prior.
    """

    none: Floats
    unlogged: Floats

    def rate(self, strength: float) -> float:
        """Share of histories in which some source reaches `strength`; the worse of the two kinds."""
        return max(float((kind >= strength).mean()) for kind in (self.none, self.unlogged))


def simulate_histories(ground: Ground, n: int, strongest: float, seed: int, progress: Progress) -> Histories:
    """Draw `n` histories of each kind; fewer where the rate at `strongest` is clearly over 1 %."""
    kinds = ("none", "unlogged")
    found: dict[str, Floats] = {}
    with progress.task("Simulating shops without a leak", 2 * n, unit="histories") as task:
        for number, kind in enumerate(kinds):
            rng = np.random.default_rng([seed, number])
            parts: list[Floats] = []
            chances = _list_chances(ground, near=kind == "unlogged")
            done = 0
            while done < n:
                size = min(_BATCH, max(1, _ROWS // len(ground.case.victims.candidate)), n - done)
                parts.append(_draw_strongest(ground, chances, size, rng))
                done += size
                task.advance(size)
                if done >= _GLANCE and (np.concatenate(parts) >= strongest).mean() > 0.1:
                    break
            found[kind] = np.concatenate(parts)
    return Histories(found["none"], found["unlogged"])


@dataclass(frozen=True, slots=True)
class _Chances:
    """What each candidate may become: one row per candidate, one column per class of age."""

    #: Running talkativeness of all orders' regions; orders of one class are drawn in proportion to it.
    total: Floats
    #: Of that, where each class begins and ends.
    begin: Floats
    end: Floats
    #: Running chance of the classes; the last is 1.
    by_class: Floats
    #: First and last order that may be drawn.
    first: Ints
    last: Ints


def _list_chances(ground: Ground, *, near: bool) -> _Chances:
    case, baseline = ground.case, ground.baseline
    factors = np.exp(fit_factors(count_cited(case), baseline.by_region)[0][0])
    total = np.concatenate([[0.0], np.cumsum(factors[case.orders.region])])
    edges = baseline.edges[case.victims.of_victim]
    first, stop = np.zeros(len(edges), dtype=np.int64), edges[:, 0]
    if near:
        placed = case.orders.time_us[case.victims.candidate]
        first = np.searchsorted(case.orders.time_us, placed - _NEAR_US)
        stop = np.minimum(np.searchsorted(case.orders.time_us, placed + _NEAR_US, side="right"), stop)
    inside = np.clip(edges, first[:, None], stop[:, None])
    begin, end = total[inside[:, 1:]], total[inside[:, :-1]]
    by_class = np.cumsum(baseline.chance[case.victims.of_victim] * (end - begin), axis=1)
    return _Chances(total, begin, end, by_class / by_class[:, [-1]], first, stop - 1)


def _draw_strongest(ground: Ground, chances: _Chances, n: int, rng: np.random.Generator) -> Floats:
    draws, cited = _draw_complaints(ground, chances, n, rng)
    hits = collect_hits(ground, draws, cited)
    draw, _, order, share = draws
    by_region = count_regions(ground.case, draw, order, share, n)
    return find_strongest(ground, hits, by_region)


def _draw_complaints(
    ground: Ground, chances: _Chances, n: int, rng: np.random.Generator
) -> tuple[tuple[Ints, Ints, Ints, Floats], Ints]:
    """Orders and cited fields of `n` histories: (draw, victim, order, share), and sets of fields."""
    victims = ground.case.victims
    n_rows = len(victims.candidate)
    chance = rng.random((n, n_rows))
    age = np.minimum((chance[:, :, None] >= chances.by_class).sum(axis=2), chances.by_class.shape[1] - 1)
    row = np.arange(n_rows)
    begin, end = chances.begin[row, age], chances.end[row, age]
    at = begin + rng.random((n, n_rows)) * (end - begin)
    order = np.searchsorted(chances.total, at, side="right") - 1
    order = np.clip(order, chances.first, chances.last)
    cited = rng.choice(N_SETS, size=(n, len(victims)), p=ground.citing.p_set)
    cited[:, victims.fields == UNKNOWN] = UNKNOWN
    draw = np.repeat(np.arange(n), n_rows)
    return (draw, np.tile(victims.of_victim, n), order.ravel(), np.tile(victims.share, n)), cited.ravel()
