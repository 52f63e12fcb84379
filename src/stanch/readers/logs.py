"""Drives a log reader over a file: framing and parsing in worker threads, results in file order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import BinaryIO, Final

import numpy as np
import polars as pl

from stanch.evidence.addresses import parse_addresses
from stanch.evidence.checks import MAY_BE_EMPTY
from stanch.evidence.tables import TABLES, Kind
from stanch.evidence.times import parse_times
from stanch.readers.contract import NO_ROWS, Chunk, LogReader, Parsed
from stanch.readers.lines import CHUNK_BYTES, iterate_chunks

#: Chunks that are framed, parsed or wait for the caller; bounds memory.
_N_AHEAD: Final = 4
#: Rows handed over at a time, as fits DuckDB's row groups of 122,880 rows
#: (https://duckdb.org/docs/stable/internals/storage), and chunks whose memory they may keep in use.
_N_ROWS: Final = 250_000
_N_CHUNKS: Final = 48
#: A file that is of another format is all rejects, each with its text.
_N_REJECTS: Final = 20_000
#: Characters of a line that are kept for the log of rejects, before secrets are taken out.
_RAW: Final = 1_000


def read_log(
    stream: BinaryIO, reader: LogReader, table: str, *, n_threads: int = 2, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Parsed]:
    """Rows, rejects and counts of `stream` (uncompressed, UTF-8) for `table`, in file order.

    The stream is read in one thread, chunks are parsed in `n_threads` others, and the caller works
    on one answer meanwhile. The answers are the same for any number of threads and any size of
    chunks, but for where one ends and the next begins.

    Raises:
        EvidenceError: the file cannot be framed (see `iterate_chunks`).
    """
    chunks = iterate_chunks(stream, chunk_bytes)
    with (
        ThreadPoolExecutor(1, thread_name_prefix="stanch-framer") as framer,
        ThreadPoolExecutor(n_threads, thread_name_prefix="stanch-parser") as parser,
    ):
        waiting: deque[Future[Parsed | None]] = deque()

        def look_ahead() -> None:
            chunk = framer.submit(next, chunks, None)
            waiting.append(parser.submit(_parse, reader, table, chunk))

        for _ in range(_N_AHEAD):
            look_ahead()
        gathered: list[Parsed] = []
        while (parsed := waiting.popleft().result()) is not None:
            look_ahead()
            gathered.append(reader.settle(table, parsed))
            n_rejects = sum(len(part.rejects) for part in gathered)
            n_rows = sum(part.frame.height for part in gathered)
            if len(gathered) == _N_CHUNKS or n_rows >= _N_ROWS or n_rejects >= _N_REJECTS:
                yield _merge(gathered)
                gathered = []
    yield _merge([*gathered, reader.finish(table)])


def _merge(parts: Sequence[Parsed]) -> Parsed:
    """Answers to neighbouring chunks as one."""
    frames = [part.frame for part in parts if part.frame.height] or [NO_ROWS]
    return Parsed(
        pl.concat(frames, how="diagonal_relaxed", rechunk=False) if len(frames) > 1 else frames[0],
        [reject for part in parts for reject in part.rejects],
        sum(part.n_other for part in parts),
        frozenset().union(*(part.notes for part in parts)),
    )


def _keep_raw(parsed: Parsed, table: str, chunk: Chunk) -> Parsed:
    """`parsed` with column `raw`: the line of each row that the checks may refuse, else null."""
    frame = parsed.frame
    if not frame.height:
        return replace(parsed, frame=frame.with_columns(pl.Series("raw", [], dtype=pl.String)))
    doubtful = pl.repeat(value=False, n=frame.height, dtype=pl.Boolean, eager=True)
    for column in TABLES[table].columns:
        if column.required and column.name in frame.columns and column.name not in MAY_BE_EMPTY:
            cells = frame[column.name]
            if column.kind is Kind.ADDRESS:
                cells = parse_addresses(cells)
            elif column.kind is Kind.TIME and cells.dtype == pl.String:
                cells = parse_times(cells, "UTC").us
            doubtful = doubtful | cells.is_null()
    raw: list[str | None] = [None] * frame.height
    for position in doubtful.arg_true().to_list():
        index = int(np.searchsorted(chunk.numbers, frame["line"][position]))
        raw[position] = chunk.text_at(index)[:_RAW]
    return replace(parsed, frame=frame.with_columns(pl.Series("raw", raw, dtype=pl.String)))


def _parse(reader: LogReader, table: str, framed: Future[Chunk | None]) -> Parsed | None:
    """What a chunk holds, None after the last one."""
    chunk = framed.result()
    if chunk is None:
        return None
    parsed = _keep_raw(reader.parse(table, chunk), table, chunk)
    if not chunk.rejects and not chunk.notes:
        return parsed
    rejects = sorted([*chunk.rejects, *parsed.rejects], key=lambda reject: reject.line)
    return replace(parsed, rejects=rejects, notes=parsed.notes | chunk.notes)
