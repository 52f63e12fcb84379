"""Many reports read, by several processes where that is faster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final

from stanch.complaints.reading import Reader, Report
from stanch.complaints.reading.text import Text
from stanch.complaints.scripts import Told
from stanch.complaints.vectors import list_features

#: Below this many reports one process is faster than several.
_MANY: Final = 4_000
_CHUNK: Final = 1_000


def read_many(reports: Sequence[Report], reader: Reader, advance: Callable[[int], None]) -> Iterator[Told]:
    """Each report read, in order; `advance` is told how many more are done."""
    chunks = [reports[at : at + _CHUNK] for at in range(0, len(reports), _CHUNK)]
    n_workers = min(os.cpu_count() or 1, 8)
    if len(reports) < _MANY or n_workers < 2:
        for chunk in chunks:
            yield from _read_chunk(reader, chunk)
            advance(len(chunk))
        return
    with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
        for found in pool.map(partial(_read_chunk, reader), chunks):
            yield from found
            advance(len(found))


def _read_chunk(reader: Reader, reports: Sequence[Report]) -> list[Told]:
    return [Told(reader(report), list_features(Text.of(report.text))) for report in reports]
