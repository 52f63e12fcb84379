"""Which orders complaints are about by coincidence: what every source is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.tracing.case import Case, Floats, Ints
from stanch.tracing.habits import shrink_factors

_HOUR_US: Final = 3_600_000_000
#: Edges of the ages (contact minus order) at which callers' choice may differ, in hours.
_AGES_US: Final = np.array([3, 6, 12, 24, 48, 96, 192, 384, 768, 1536], dtype=np.int64) * _HOUR_US
#: Each class of age doubles the one before and is as likely as any other; that is worth so many complaints.
_AGES_WORTH: Final = 3.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """Chance of each order, given when the contact was: by the habits of ages and regions."""

    #: Per victim: orders up to here were placed before the contact. Orders lie in order of time.
    stop: Ints
    #: How much more an order draws complaints for its region.
    by_region: Floats
    #: Chance that a complaint is about an order of each class of age.
    by_age: Floats

    def weigh(self, case: Case, victim: int) -> Floats:
        """Chance, by coincidence, of each order placed before the contact; they sum to 1."""
        stop = int(self.stop[victim])
        first, sizes = _list_ages(case, victim, stop)
        chance = np.zeros(stop)
        for begin, size, p in zip(first.tolist(), sizes.tolist(), self.by_age.tolist(), strict=True):
            if size:
                chance[begin : begin + size] = p / size
        chance *= self.by_region[case.orders.region[:stop]]
        return np.asarray(chance / chance.sum(), dtype=np.float64)


def compare_orders(case: Case) -> Baseline:
    """Habits of ages and talkative regions, from the complaints themselves."""
    orders, victims = case.orders, case.victims
    n_ages, n_regions = len(_AGES_US) + 1, orders.n_regions + 1
    stop = np.searchsorted(orders.time_us, victims.contact_us, side="right").astype(np.int64)
    np.maximum.at(stop, victims.of_victim, victims.candidate + 1)
    age = np.searchsorted(
        _AGES_US, victims.contact_us[victims.of_victim] - orders.time_us[victims.candidate]
    )
    by_age = np.bincount(age, victims.share, minlength=n_ages) + _AGES_WORTH / n_ages
    even = Baseline(stop, np.ones(n_regions), by_age / by_age.sum())
    # Region -1 (unknown) is the last entry.
    counts = np.bincount(orders.region[victims.candidate] % n_regions, victims.share, minlength=n_regions)
    expected = np.zeros(n_regions)
    for victim, end in enumerate(stop.tolist()):
        expected += np.bincount(
            orders.region[:end] % n_regions, even.weigh(case, victim), minlength=n_regions
        )
    by_region = shrink_factors(counts, expected)
    by_region[-1] = 1.0
    return Baseline(stop, by_region, even.by_age)


def _list_ages(case: Case, victim: int, stop: int) -> tuple[Ints, Ints]:
    """Where each class of age begins among the orders before the contact, and how many it holds."""
    edges = case.victims.contact_us[victim] - _AGES_US
    older = np.minimum(np.searchsorted(case.orders.time_us[:stop], edges), stop)
    begin = np.concatenate([older, [0]])
    end = np.concatenate([[stop], older])
    return begin.astype(np.int64), (end - begin).astype(np.int64)
