"""Counting where it happens thousands of times a second: plain numbers, made into metrics when asked for.

The library's own counters take a lock each time. These are changed by the event loop alone.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector


class Count(Collector):
    """A counter with labels."""

    def __init__(self, name: str, meaning: str, labels: Sequence[str]) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._counts: dict[tuple[str, ...], int] = {}

    def add(self, *values: str) -> None:
        """Count one, by the values of the labels."""
        self._counts[values] = self._counts.get(values, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """The counts so far."""
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for values, n in list(self._counts.items()):
            family.add_metric(values, n)
        yield family


class Tally(Collector):
    """A histogram, by at most one label."""

    def __init__(self, name: str, meaning: str, bounds: Sequence[float], label: str | None = None) -> None:
        self._name, self._meaning, self._bounds = name, meaning, bounds
        self._labels = [] if label is None else [label]
        self._cells: dict[str, list[float]] = {}

    def observe(self, value: float, label: str = "") -> None:
        """Count one value."""
        cells = self._cells.get(label)
        if cells is None:
            # One cell a bound, one for what is above them all, and the sum.
            cells = self._cells[label] = [0.0] * (len(self._bounds) + 2)
        cells[bisect_left(self._bounds, value)] += 1
        cells[-1] += value

    def collect(self) -> Iterator[Metric]:
        """The counts so far."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        for label, (*counts, total) in list(self._cells.items()):
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric([label] if self._labels else [], buckets, sum_value=total)
        yield family
