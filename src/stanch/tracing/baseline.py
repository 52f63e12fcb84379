"""Which orders complaints are about by coincidence: what every source is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from stanch.tracing.case import Case, Floats, Ints

_HOUR_US: Final = 3_600_000_000
#: Edges of the ages (contact minus order) at which callers' choice may differ, in hours.
_AGES_US: Final = np.array([3, 6, 12, 24, 48, 96, 192, 384, 768, 1536], dtype=np.int64) * _HOUR_US
#: Each class of age doubles the one before and is as likely as any other; that is worth so many complaints.
_AGES_WORTH: Final = 3.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """Chance of each order, given when the contact was: by the habit of ages, in evenly talkative regions.

    Orders lie in order of time, so those of one class of age lie together and are equally likely.
    """

    #: Per victim: class of age i holds the orders from `edges[i + 1]` up to `edges[i]`, the freshest first.
    edges: Ints
    #: Per victim: chance of each order of a class.
    chance: Floats
    #: Share of complaints by region in which coincidence would come, were regions evenly talkative; the last
    #: is that of orders whose region is not known.
    by_region: Floats

    def chance_before(self, order: Ints) -> Floats:
        """Chance that the order has a lower number than each of `order`: one row per victim."""
        total = np.zeros((len(self.edges), len(order)))
        for i in range(self.chance.shape[1]):
            first, end = self.edges[:, [i + 1]], self.edges[:, [i]]
            total += self.chance[:, [i]] * (np.clip(order, first, end) - first)
        return total


def compare_orders(case: Case) -> Baseline:
    """The habit of ages, from the complaints themselves, and the regions of such orders."""
    orders, victims = case.orders, case.victims
    n_ages = len(_AGES_US) + 1
    stop = np.searchsorted(orders.time_us, victims.contact_us, side="right").astype(np.int64)
    age = np.searchsorted(_AGES_US, victims.contact_us[victims.of_victim] - orders.time_us[victims.candidate])
    by_age = np.bincount(age, victims.share, minlength=n_ages) + _AGES_WORTH / n_ages
    older = np.searchsorted(orders.time_us, victims.contact_us[:, None] - _AGES_US)
    edges = np.zeros((len(victims), n_ages + 1), dtype=np.int64)
    edges[:, 0] = stop
    edges[:, 1:-1] = np.minimum(older, stop[:, None])
    sizes = edges[:, :-1] - edges[:, 1:]
    by_class = np.where(sizes > 0, by_age, 0.0)
    chance = by_class / np.maximum(by_class.sum(axis=1, keepdims=True), 1e-300) / np.maximum(sizes, 1)
    even = Baseline(edges, chance, np.zeros(0))
    by_region = np.bincount(
        orders.region % (orders.n_regions + 1), _add_up(even, len(orders)), minlength=orders.n_regions + 1
    )
    return replace(even, by_region=by_region / max(by_region.sum(), 1e-9))


def _add_up(baseline: Baseline, n_orders: int) -> Floats:
    """Expected complaints about each order by coincidence."""
    change = np.zeros(n_orders + 1)
    np.add.at(change, baseline.edges[:, 1:], baseline.chance)
    np.subtract.at(change, baseline.edges[:, :-1], baseline.chance)
    return np.asarray(np.maximum(np.cumsum(change)[:-1], 0.0), dtype=np.float64)


def count_regions(case: Case, draw: Ints, order: Ints, share: Floats, n_draws: int) -> Floats:
    """Complaints by region: one row per draw; the last column is that of unknown regions."""
    n_regions = case.orders.n_regions + 1
    at = draw * n_regions + case.orders.region[order] % n_regions
    counts = np.bincount(at, share, minlength=n_draws * n_regions).astype(np.float64)
    return counts.reshape(n_draws, n_regions)


def count_cited(case: Case) -> Floats:
    """The complaints themselves by region: one row."""
    candidate = case.victims.candidate
    return count_regions(case, np.zeros_like(candidate), candidate, case.victims.share, 1)
