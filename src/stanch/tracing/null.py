"""How strong the evidence against anybody gets where nobody logged leaked: simulated histories.

Each history keeps the shop's exposures and, complaint by complaint, the time of contact and how
many orders it may be about. Orders and cited fields are drawn anew:

- `none`: an order placed about when the cited one was, by the shop's habits of region and age;
- `unlogged`: the same, but close to the cited one, as if a copy of the table of those hours were
  being worked through: whatever leaked by time alone is kept.

Fields are drawn from the callers' citing habits, not kept with the complaint: kept, they would
carry the true source's own fields into every history and hide it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from stanch.progress import Progress
from stanch.tracing.case import UNKNOWN, Floats, Ints
from stanch.tracing.evidence import Ground, collect_hits, weigh_hits
from stanch.tracing.habits import N_SETS

#: An `unlogged` history's order is placed within so much of the cited one.
_NEAR_US: Final = 12 * 3_600_000_000
#: Histories drawn at once; bounds memory.
_BATCH: Final = 200
#: Histories after which it is looked whether naming is out of reach anyway.
_GLANCE: Final = 200


@dataclass(frozen=True, slots=True)
class Histories:
    """The strongest log Bayes factor of any source in each simulated history."""

    none: Floats
    unlogged: Floats

    def rate(self, log_factor: float) -> float:
        """Share of histories in which some source reaches `log_factor`; the worse of the two kinds."""
        return max(float((kind >= log_factor).mean()) for kind in (self.none, self.unlogged))


def simulate_histories(ground: Ground, n: int, strongest: float, seed: int, progress: Progress) -> Histories:
    """Draw `n` histories of each kind; fewer where the rate at `strongest` is clearly over 1 %."""
    near = replace(ground, baseline=ground.baseline.narrow(ground.case, _NEAR_US))
    kinds = {"none": ground, "unlogged": near}
    found: dict[str, Floats] = {}
    with progress.task("Simulating shops without a leak", 2 * n, unit="histories") as task:
        for number, (kind, around) in enumerate(kinds.items()):
            rng = np.random.default_rng([seed, number])
            parts: list[Floats] = []
            done = 0
            while done < n:
                size = min(_BATCH, n - done)
                parts.append(_draw_strongest(around, size, rng))
                done += size
                task.advance(size)
                if done >= _GLANCE and (np.concatenate(parts) >= strongest).mean() > 0.1:
                    break
            found[kind] = np.concatenate(parts)
    return Histories(found["none"], found["unlogged"])


def _draw_strongest(ground: Ground, n: int, rng: np.random.Generator) -> Floats:
    draws, cited = _draw_complaints(ground, n, rng)
    hits = collect_hits(ground, draws, cited)
    found = weigh_hits(hits, ground.scale, len(ground.case.exposures.sources))
    strongest = np.zeros(n)
    np.maximum.at(strongest, found.draw, found.log_factor)
    return strongest


def _draw_complaints(
    ground: Ground, n: int, rng: np.random.Generator
) -> tuple[tuple[Ints, Ints, Ints, Floats], Ints]:
    """Orders and cited fields of `n` histories: (draw, victim, order, share), and sets of fields."""
    victims, baseline = ground.case.victims, ground.baseline
    n_rows = len(victims.candidate)
    order = np.empty((n, n_rows), dtype=np.int64)
    for row in range(n_rows):
        total = np.cumsum(baseline.weigh(ground.case, row))
        at = np.searchsorted(total, rng.random(n) * total[-1], side="right")
        order[:, row] = baseline.first[row] + np.minimum(at, len(total) - 1)
    cited = rng.choice(N_SETS, size=(n, len(victims)), p=ground.citing.p_set)
    cited[:, victims.fields == UNKNOWN] = UNKNOWN
    draw = np.repeat(np.arange(n), n_rows)
    return (draw, np.tile(victims.of_victim, n), order.ravel(), np.tile(victims.share, n)), cited.ravel()
