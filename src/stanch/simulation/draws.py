"""Random draws that numpy has no single call for, and the array types of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Words: TypeAlias = npt.NDArray[np.uint64]
Generator: TypeAlias = np.random.Generator
#: Lowest and highest value that a seed may draw.
Bounds: TypeAlias = tuple[float, float]

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

Item = TypeVar("Item")


def draw_between(rng: Generator, bounds: Bounds) -> float:
    """Evenly between the bounds."""
    return float(rng.uniform(bounds[0], bounds[1]))


def draw_log_between(rng: Generator, bounds: Bounds) -> float:
    """Evenly between the bounds on a logarithmic scale: 1 to 10 as likely as 10 to 100."""
    return float(np.exp(rng.uniform(np.log(bounds[0]), np.log(bounds[1]))))


def draw_count(rng: Generator, bounds: Bounds) -> int:
    """A whole number, logarithmically even between positive bounds; 0 is drawn evenly."""
    if bounds[0] <= 0:
        return int(rng.integers(int(bounds[0]), int(bounds[1]) + 1))
    return round(draw_log_between(rng, bounds))


def pick(rng: Generator, items: Sequence[Item]) -> Item:
    """One of the items."""
    return items[int(rng.integers(len(items)))]


def choose(rng: Generator, n: int, weights: npt.NDArray[np.floating] | Sequence[float]) -> Ints:
    """`n` indices, each with a chance in proportion to its weight."""
    edges = np.cumsum(np.asarray(weights, dtype=np.float64))
    found = np.searchsorted(edges, rng.random(n) * edges[-1], side="right")
    return np.asarray(np.minimum(found, len(edges) - 1))


def draw_by_quantiles(rng: Generator, n: int, shares: Sequence[float], values: Sequence[float]) -> Floats:
    """`n` draws of a positive quantity whose quantiles are given; log-linear between them."""
    return np.asarray(np.exp(np.interp(rng.random(n), np.asarray(shares), np.log(np.asarray(values)))))


def draw_zipf_weights(rng: Generator, n: int, exponent: float) -> Floats:
    """Shares of `n` things of which few are common, in random order; sum 1."""
    weights = np.arange(1, n + 1, dtype=np.float64) ** -exponent
    return rng.permutation(weights / weights.sum())


def mix(*keys: Ints | Words | int) -> Words:
    """A hash of integer keys, row by row: the finaliser of SplitMix64 (Steele, Lea, Flood 2014)."""
    state = np.asarray(0x9E3779B97F4A7C15, dtype=np.uint64)
    with np.errstate(over="ignore"):
        for key in keys:
            value = np.asarray(key)
            state = state ^ (value.astype(np.uint64) if value.dtype != np.uint64 else value)
            state = (state + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return np.asarray(state, dtype=np.uint64)


def mix_below(limit: Ints | int, *keys: Ints | Words | int) -> Ints:
    """A hash of the keys, from 0 to `limit` - 1."""
    return (mix(*keys) % np.asarray(limit).astype(np.uint64)).astype(np.int64)


def count_within(counts: Ints) -> Ints:
    """0, 1, 2 … within each group, for groups of these sizes laid one after another."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total, dtype=np.int64) - np.repeat(ends - counts, counts)
