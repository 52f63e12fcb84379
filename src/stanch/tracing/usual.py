"""How much each source saw of the orders that complaints are compared with: mean exposures.

The mean exposure of a source at a contact is the sum, over its exposures before that contact, of weight
times the chance of the order by coincidence. Orders lie in order of time and contacts are sorted, so an
exposure counts in one run of contacts per class of age: from the later of the contact at which its order
comes of that age and the first after the look, up to the contact at which the order grows out of the class.
Adding the ends of these runs and summing along the contacts takes time in proportion to the exposures,
however many complaints there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from stanch.tracing.baseline import Baseline
from stanch.tracing.case import Case, Exposures, Floats, Ints
from stanch.tracing.lags import KERNELS, LAGS_US, N_KERNELS

#: A source's exposures are cut into this many parts of equal size; a window is a run of parts.
N_PARTS: Final = 8
#: What mean exposures are kept of: each part, then the whole log under each kernel of the lag.
N_CELLS: Final = N_PARTS + N_KERNELS
#: More contacts than this are grouped with their neighbours in time.
_MOST_OCCASIONS: Final = 512
#: Exposures that are added up at once, and numbers in the sums: they stay in the processor's cache.
_ROWS: Final = 500_000
_CELLS: Final = 1_000_000
#: What is left of sums and differences of the same numbers.
_NOTHING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Occasions:
    """Contacts at which mean exposures are measured; near ones stand for each other."""

    #: Of each victim.
    of_victim: Ints
    #: Victims that each stands for, and one of them.
    n_victims: Ints
    victim: Ints
    #: Runs of occasions with one margin between contact and last look, each in order of time.
    runs: list[slice]


@dataclass(frozen=True, slots=True)
class _Run:
    """Occasions with one margin between contact and last look, in order of time."""

    occasions: slice
    before_us: Ints
    #: Chance of each order of a class of age: one row per occasion.
    chance: Floats
    #: Per edge between classes of age and order: the first occasion at which the order is that fresh.
    place: list[Ints]


def list_occasions(case: Case) -> Occasions:
    """Occasions of the victims, who differ in contact and in how long before it a look must be."""
    victims = case.victims
    margin = victims.contact_us - victims.before_us
    of_victim = np.zeros(len(victims), dtype=np.int64)
    chosen: list[Ints] = []
    runs: list[slice] = []
    n = 0
    for value in np.unique(margin):
        own = np.flatnonzero(margin == value)
        own = own[np.argsort(victims.contact_us[own], kind="stable")]
        size = max(1, min(len(own), _MOST_OCCASIONS * len(own) // len(victims)))
        place = np.arange(len(own)) * size // len(own)
        of_victim[own] = n + place
        first = np.searchsorted(place, np.arange(size))
        last = np.searchsorted(place, np.arange(size), side="right") - 1
        chosen.append(own[(first + last) // 2])
        runs.append(slice(n, n + size))
        n += size
    return Occasions(of_victim, np.bincount(of_victim, minlength=n), np.concatenate(chosen), runs)


def measure_parts(
    case: Case, baseline: Baseline, part: Ints, sources: Sequence[int] | None = None
) -> Iterator[tuple[Ints, Occasions, Floats]]:
    """Mean exposures of some sources at a time: by occasion, source and cell (parts, then kernels)."""
    occasions = list_occasions(case)
    runs = [_list_places(case, baseline, occasions, run) for run in occasions.runs]
    for chunk in _cut_sources(case, len(occasions.victim), sources):
        yield chunk, occasions, _measure_chunk(case, part, chunk, runs)


def measure_mean(case: Case, baseline: Baseline) -> Floats:
    """Mean exposure of orders like each victim's: one row per victim, one column per source."""
    mean = np.zeros((len(case.victims), len(case.exposures.sources)))
    for chunk, occasions, parts in measure_parts(
        case, baseline, np.zeros(len(case.exposures.source), np.int8)
    ):
        mean[:, chunk] = parts[:, :, 0][occasions.of_victim]
    return mean


def cut_into_parts(case: Case) -> Ints:
    """Part of each exposure: equal shares of its source's exposures by time, equal times together."""
    exposures = case.exposures
    part = np.zeros(len(exposures.source), dtype=np.int8)
    for chunk in _cut_sources(case, 1, None):
        rows = exposures.by_source[exposures.source_start[chunk[0]] : exposures.source_start[chunk[-1] + 1]]
        rows = rows[np.lexsort((exposures.first_us[rows], exposures.source[rows]))]
        source, times = exposures.source[rows], exposures.first_us[rows]
        if not len(rows):
            continue
        first = exposures.source_start[source] - exposures.source_start[chunk[0]]
        new = np.concatenate([[True], (source[1:] != source[:-1]) | (times[1:] != times[:-1])])
        # Rows of one time take the rank of the first of them.
        rank = np.maximum.accumulate(np.where(new, np.arange(len(rows)), 0)) - first
        part[rows] = rank * N_PARTS // (exposures.source_start[source + 1] - exposures.source_start[source])
    return part


def _cut_sources(case: Case, n_occasions: int, sources: Sequence[int] | None) -> Iterator[Ints]:
    """Sources in runs that are small enough to be added up at once."""
    asked = np.arange(len(case.exposures.sources)) if sources is None else np.array(sources, dtype=np.int64)
    start = case.exposures.source_start
    cost = np.cumsum(np.maximum((start[asked + 1] - start[asked]) / _ROWS, N_CELLS * n_occasions / _CELLS))
    for group in np.split(asked, np.flatnonzero(np.diff(np.floor(cost))) + 1):
        if len(group):
            yield group


def _list_places(case: Case, baseline: Baseline, occasions: Occasions, run: slice) -> _Run:
    victim = occasions.victim[run]
    edges, n_orders = baseline.edges[victim], len(case.orders)
    place = [
        np.cumsum(np.bincount(edges[:, i], minlength=n_orders + 1)[:n_orders], dtype=np.int16)
        for i in range(edges.shape[1])
    ]
    return _Run(run, case.victims.before_us[victim], baseline.chance[victim], place)


def _measure_chunk(case: Case, part: Ints, chunk: Ints, runs: list[_Run]) -> Floats:
    exposures = case.exposures
    column = np.zeros(len(exposures.sources), dtype=np.int64)
    column[chunk] = np.arange(len(chunk)) * N_CELLS
    sums = np.zeros((runs[-1].occasions.stop, len(chunk) * N_CELLS))
    rows = np.concatenate([exposures.rows_of(j) for j in chunk.tolist()])
    for piece in np.array_split(rows, max(1, len(rows) // _ROWS)):
        at = column[exposures.source[piece]]
        for run in runs:
            _add_run(sums[run.occasions], run, exposures, piece, (at + part[piece], at + N_PARTS))
    sums[sums < _NOTHING] = 0.0
    return sums.reshape(len(sums), len(chunk), N_CELLS)


def _add_run(sums: Floats, run: _Run, exposures: Exposures, rows: Ints, columns: tuple[Ints, Ints]) -> None:
    """Add `rows` of the exposures to `sums`: one row per occasion of one run.

    `columns`: where the part of each exposure is added up, and where the kernels of its source begin.
    """
    order, weight, first_us = exposures.order[rows], exposures.weight[rows], exposures.first_us[rows]
    # The first occasion at which the look is so long ago.
    looked = [np.searchsorted(run.before_us, first_us + lag, side="right") for lag in LAGS_US.tolist()]
    n_columns = sums.shape[1]
    end = run.place[0][order].astype(np.int64)
    for i in range(run.chance.shape[1]):
        begin, end = end, run.place[i + 1][order].astype(np.int64)
        start = np.maximum(begin, looked[0])
        kept = np.flatnonzero(start < end)
        if not len(kept):
            continue
        w, span = weight[kept], (start[kept], end[kept])
        spans = [(span[0] * n_columns + columns[0][kept], span[1] * n_columns + columns[0][kept], w)]
        spans += _cut_by_lag(n_columns, columns[1][kept], span, w, [at[kept] for at in looked])
        change = _count_spans(spans, (len(sums) + 1) * n_columns)
        sums += np.cumsum(change.reshape(-1, n_columns)[:-1], axis=0) * run.chance[:, [i]]


#: Where a span begins and ends among all occasions and columns, and what it weighs.
_Spans: TypeAlias = list[tuple[Ints, Ints, Floats]]


def _count_spans(spans: _Spans, size: int) -> Floats:
    """Weights that come in where spans begin, and go where they end."""
    at = np.concatenate([x for start, end, _ in spans for x in (start, end)])
    weights = np.concatenate([x for *_, w in spans for x in (w, -w)])
    return np.asarray(np.bincount(at, weights, minlength=size), dtype=np.float64)


def _cut_by_lag(
    n_columns: int, column: Ints, span: tuple[Ints, Ints], w: Floats, looked: list[Ints]
) -> _Spans:
    """Spans under each kernel: by class of lags, from the occasion on at which a look falls in it."""
    spans: _Spans = []
    for c, since in enumerate(looked):
        until = np.minimum(looked[c + 1], span[1]) if c + 1 < len(looked) else span[1]
        first = np.maximum(span[0], since)
        inside = np.flatnonzero(first < until)
        start, end = first[inside] * n_columns + column[inside], until[inside] * n_columns + column[inside]
        spans += [(start + m, end + m, w[inside] * KERNELS[m, c]) for m in range(N_KERNELS)]
    return spans
