"""Possible sources of the leak: the table behind sources.csv."""

from __future__ import annotations

from typing import Final

import polars as pl

from stanch.engine import Engine
from stanch.reporting.people import format_times

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


def list_sources(engine: Engine) -> pl.DataFrame:
    """One row per possible source, likeliest first."""
    if not engine.has("sources"):
        return pl.DataFrame(schema=SOURCES_SCHEMA)
    found = engine.fetch(_SOURCES)
    return found.with_columns(
        format_times(found["leak_start_us"]).alias("leak_start"),
        format_times(found["leak_end_us"]).alias("leak_end"),
    ).select(pl.col(name).cast(kind) for name, kind in SOURCES_SCHEMA.items())
