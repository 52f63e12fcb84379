"""Possible sources of the leak: the table behind sources.csv, and the orders that they exposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from stanch.engine import Engine
from stanch.reporting.people import format_times
from stanch.reporting.warnings import split_group

SOURCES_SCHEMA: Final = {
    "source": pl.String,
    "posterior": pl.Float64,
    "exposed": pl.Int64,
    "victims": pl.Int64,
    "log10_bayes_factor": pl.Float64,
    "leak_start": pl.String,
    "leak_end": pl.String,
    "verdict": pl.String,
}

_SOURCES: Final = """
SELECT source, posterior, exposed, victims, log10_bayes_factor, leak_start_us, leak_end_us, verdict
FROM sources ORDER BY posterior DESC, source
"""

_WINDOWS: Final = (
    "SELECT source, leak_start_us AS start_us, leak_end_us AS end_us FROM sources ORDER BY source"
)
_EXPOSED: Final = """
SELECT count(DISTINCT CASE WHEN (l.start_us IS NULL OR e.first_us >= l.start_us)
    AND (l.end_us IS NULL OR e.first_us <= l.end_us) THEN e."order" ELSE NULL END) AS leaked,
  count(DISTINCT e."order") AS seen
FROM exposures e JOIN exposed_by l ON l.source = e.source
"""


@dataclass(frozen=True, slots=True)
class Exposed:
    """Different orders that some sources saw."""

    #: First seen in the time of the leak; by an attack or where that time is not known, at any time.
    leaked: int
    #: Seen at any time.
    seen: int


def count_exposed(engine: Engine, sources: list[str]) -> Exposed | None:
    """The orders that `sources` saw together; None where there is nothing to count."""
    if not sources or not engine.has("exposures"):
        return None
    windows = {}
    if engine.has("sources"):
        windows = {source: (start, end) for source, start, end in engine.fetch(_WINDOWS).iter_rows()}
    rows = []
    for source in sources:
        # What an attack opened is exposed, whenever complaints about it came.
        window = (None, None) if source.startswith("campaign:") else windows.get(source, (None, None))
        rows += [(member, *window) for member in split_group(source)]
    schema = {"source": pl.String, "start_us": pl.Int64, "end_us": pl.Int64}
    engine.put("exposed_by", pl.DataFrame(rows, schema=schema, orient="row"))
    leaked, seen = engine.fetch(_EXPOSED).row(0)
    engine.drop("exposed_by")
    return Exposed(leaked, seen)


def list_sources(engine: Engine) -> pl.DataFrame:
    """One row per possible source, likeliest first."""
    if not engine.has("sources"):
        return pl.DataFrame(schema=SOURCES_SCHEMA)
    found = engine.fetch(_SOURCES)
    return found.with_columns(
        format_times(found["leak_start_us"]).alias("leak_start"),
        format_times(found["leak_end_us"]).alias("leak_end"),
    ).select(pl.col(name).cast(kind) for name, kind in SOURCES_SCHEMA.items())
