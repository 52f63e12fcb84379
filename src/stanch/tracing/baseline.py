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
    """Chance of each order, given when the contact was: by the habit of ages, in evenly talkative regions."""

    #: Per victim: orders up to here were placed before the contact. Orders lie in order of time.
    stop: Ints
    #: Chance that a complaint is about an order of each class of age.
    by_age: Floats
    #: Share of complaints by region in which coincidence would come, were regions evenly talkative; the last
    #: is that of orders whose region is not known.
    by_region: Floats

    def weigh(self, case: Case, victim: int) -> Floats:
        """Chance, by coincidence, of each order placed before the contact; they sum to 1."""
        stop = int(self.stop[victim])
        first, sizes = _list_ages(case, victim, stop)
        chance = np.zeros(stop)
        for begin, size, p in zip(first.tolist(), sizes.tolist(), self.by_age.tolist(), strict=True):
            if size:
                chance[begin : begin + size] = p / size
        return np.asarray(chance / chance.sum(), dtype=np.float64)


def compare_orders(case: Case) -> Baseline:
    """The habit of ages, from the complaints themselves, and the regions of such orders."""
    orders, victims = case.orders, case.victims
    n_ages = len(_AGES_US) + 1
    stop = np.searchsorted(orders.time_us, victims.contact_us, side="right").astype(np.int64)
    np.maximum.at(stop, victims.of_victim, victims.candidate + 1)
    age = np.searchsorted(_AGES_US, victims.contact_us[victims.of_victim] - orders.time_us[victims.candidate])
    by_age = np.bincount(age, victims.share, minlength=n_ages) + _AGES_WORTH / n_ages
    even = Baseline(stop, by_age / by_age.sum(), np.zeros(0))
    by_region = np.zeros(orders.n_regions + 1)
    for victim, end in enumerate(stop.tolist()):
        by_region += np.bincount(
            orders.region[:end] % len(by_region), even.weigh(case, victim), minlength=len(by_region)
        )
    return replace(even, by_region=by_region / max(by_region.sum(), 1e-9))


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


def _list_ages(case: Case, victim: int, stop: int) -> tuple[Ints, Ints]:
    """Where each class of age begins among the orders before the contact, and how many it holds."""
    edges = case.victims.contact_us[victim] - _AGES_US
    older = np.minimum(np.searchsorted(case.orders.time_us[:stop], edges), stop)
    begin = np.concatenate([older, [0]])
    end = np.concatenate([[stop], older])
    return begin.astype(np.int64), (end - begin).astype(np.int64)
