"""Who would have been cited by coincidence: orders like the cited one, by time, age and region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.tracing.case import Case, Floats, Ints
from stanch.tracing.habits import shrink_factors

_DAY_US: Final = 86_400_000_000
_HOUR_US: Final = 3_600_000_000
#: Fewer orders than this are no comparison: the window is widened until it holds as many.
_LEAST_ORDERS: Final = 60
#: Edges of the ages (contact minus order) at which callers' choice may differ, in hours.
_AGES_US: Final = np.array([3, 6, 12, 24, 48, 96, 192, 384, 768], dtype=np.int64) * _HOUR_US


@dataclass(frozen=True, slots=True)
class Baseline:
    """Each candidate order of each victim is compared with the orders placed about when it was.

    Row by row with `Victims.candidate`: orders `first` up to `stop` were placed within the window and before
    the contact. Orders lie in order of time, so these are ranges.
    """

    first: Ints
    stop: Ints
    #: How much more an order draws complaints, by its region and by its age at the contact.
    by_region: Floats
    by_age: Floats

    def weigh(self, case: Case, row: int) -> Floats:
        """Relative chance, by coincidence, of each order of candidate `row`'s range."""
        span = slice(int(self.first[row]), int(self.stop[row]))
        age_us = case.victims.contact_us[case.victims.of_victim[row]] - case.orders.time_us[span]
        by_region = self.by_region[case.orders.region[span]]
        return np.asarray(by_region * self.by_age[np.searchsorted(_AGES_US, age_us)], dtype=np.float64)

    def narrow(self, case: Case, half_width_us: int) -> Baseline:
        """The same with a narrower window."""
        first, stop = _find_ranges(case, half_width_us)
        first, stop = np.maximum(first, self.first), np.minimum(stop, self.stop)
        few = stop - first < 1
        return Baseline(
            np.where(few, self.first, first), np.where(few, self.stop, stop), self.by_region, self.by_age
        )


def compare_orders(case: Case, half_width_days: float) -> Baseline:
    """Windows of `half_width_days` on both sides; talkative regions and ages from the complaints."""
    first, stop = _find_ranges(case, round(half_width_days * _DAY_US))
    even = Baseline(first, stop, np.ones(case.orders.n_regions + 1), np.ones(len(_AGES_US) + 1))
    orders, victims = case.orders, case.victims
    contact_us = victims.contact_us[victims.of_victim]
    n_ages, n_regions = len(_AGES_US) + 1, orders.n_regions + 1
    # Region -1 (unknown) is the last entry.
    counts_region = np.bincount(
        orders.region[victims.candidate] % n_regions, victims.share, minlength=n_regions
    )
    age = np.searchsorted(_AGES_US, contact_us - orders.time_us[victims.candidate])
    counts_age = np.bincount(age, victims.share, minlength=n_ages)
    expected_region, expected_age = np.zeros(n_regions), np.zeros(n_ages)
    for row in range(len(first)):
        span = slice(int(first[row]), int(stop[row]))
        p = even.weigh(case, row) * (victims.share[row] / max(span.stop - span.start, 1))
        expected_region += np.bincount(orders.region[span] % n_regions, p, minlength=n_regions)
        ages = np.searchsorted(_AGES_US, contact_us[row] - orders.time_us[span])
        expected_age += np.bincount(ages, p, minlength=n_ages)
    by_region = shrink_factors(counts_region, expected_region)
    by_region[-1] = 1.0
    return Baseline(first, stop, by_region, shrink_factors(counts_age, expected_age))


def _find_ranges(case: Case, half_width_us: int) -> tuple[Ints, Ints]:
    times, victims = case.orders.time_us, case.victims
    placed = times[victims.candidate]
    last = np.searchsorted(times, np.maximum(victims.contact_us[victims.of_victim], placed), side="right")
    first = np.searchsorted(times, placed - half_width_us)
    stop = np.minimum(np.searchsorted(times, placed + half_width_us, side="right"), last)
    few = np.maximum(_LEAST_ORDERS - (stop - first), 0)
    first = np.maximum(first - few, 0)
    few = np.maximum(_LEAST_ORDERS - (stop - first), 0)
    stop = np.maximum(np.minimum(stop + few, last), first + 1)
    return first.astype(np.int64), stop.astype(np.int64)
