"""What happened when: attempts, orders seen and complaints, binned onto one time axis."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from stanch.engine import Engine
from stanch.findings import Attribution, Campaign, Findings
from stanch.reporting.warnings import split_group

MINUTE_US: Final = 60_000_000
DAY_US: Final = 86_400_000_000
_MAX_BINS: Final = 240
_MAX_EVENT_BINS: Final = 90
#: Over more than a week, orders and complaints are counted per day, as people speak of them.
_LONG_US: Final = 7 * DAY_US
#: Exposures are drawn from so long before the first complaint.
_BEFORE_COMPLAINTS_US: Final = 30 * DAY_US
_MAX_TABLE_ROWS: Final = 62
_MAX_LEADS: Final = 3
_LEAST_POSTERIOR: Final = 0.2

_NICE_US: Final = tuple(
    m * MINUTE_US
    for m in (1, 5, 10, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160, 40320, 80640, 161280, 524160)
)

#: A run of empty bins is a gap of the log when this many attempts would have been expected there.
_EXPECTED_IN_GAP: Final = 30.0

_ATTEMPTS: Final = "SELECT bin_us AS time_us, attempts, attack FROM attempt_bins ORDER BY bin_us"
_RECEIVED: Final = (
    "SELECT received_us AS time_us FROM victims WHERE received_us IS NOT NULL ORDER BY received_us"
)
_SEEN: Final = """
SELECT e.first_us AS time_us, count(*) AS n FROM exposures e JOIN chart_leads c ON c.source = e.source
WHERE e.first_us IS NOT NULL GROUP BY e.first_us ORDER BY e.first_us
"""

_WINDOWS: Final = "SELECT source, leak_start_us, leak_end_us FROM sources ORDER BY source"


class Span(NamedTuple):
    """From, to (microseconds UTC) and what it is."""

    start_us: int
    end_us: int
    name: str = ""


@dataclass(frozen=True)
class Timeline:
    """Everything that the chart and its table twin show."""

    span: Span
    #: `time_us` (start of bin), `ordinary`, `attack`; every bin of the span is there.
    attempts: pl.DataFrame
    attempts_bin_us: int
    #: `time_us`, `n`: orders first seen by `leads`.
    exposures: pl.DataFrame
    leads: list[str]
    #: `time_us`, `n`: complaints received.
    complaints: pl.DataFrame
    events_bin_us: int
    campaigns: list[Span]
    leak: Span | None
    #: Whether orders seen before the span were left out.
    is_cut: bool
    gaps: list[Span]


def build_timeline(findings: Findings, engine: Engine, bin_us: int) -> Timeline | None:
    """Bin what there is; None where nothing has a time."""
    attempts = _fetch_attempts(engine)
    leads = choose_leads(findings.attribution, engine)
    seen = _fetch_seen(engine, leads)
    received = (
        engine.fetch(_RECEIVED) if engine.has("victims") else pl.DataFrame(schema={"time_us": pl.Int64})
    )
    received = received.with_columns(pl.lit(1, pl.Int64).alias("n"))
    leak = _find_leak(findings.attribution, engine)
    first = _choose_start(attempts, seen, received, leak)
    if first is None:
        return None
    is_cut = bool((seen["time_us"] < first).any())
    seen = seen.filter(pl.col("time_us") >= first)
    ends = [int(frame["time_us"][-1]) for frame in (attempts, seen, received) if frame.height]
    last = max(ends) + max(bin_us, MINUTE_US)
    attempt_bin = choose_bin(last - first, _MAX_BINS, bin_us)
    event_bin = choose_bin(last - first, _MAX_EVENT_BINS, DAY_US if last - first > _LONG_US else 0)
    span = Span(first // event_bin * event_bin, -(-last // event_bin) * event_bin)
    return Timeline(
        span=span,
        attempts=_rebin(attempts, attempt_bin, span, ["ordinary", "attack"]),
        attempts_bin_us=attempt_bin,
        exposures=_rebin(seen, event_bin, span, ["n"]),
        leads=leads,
        complaints=_rebin(received, event_bin, span, ["n"]),
        events_bin_us=event_bin,
        campaigns=[_span_campaign(campaign) for campaign in findings.campaigns],
        leak=leak,
        is_cut=is_cut,
        gaps=find_gaps(attempts, bin_us),
    )


def _choose_start(
    attempts: pl.DataFrame, seen: pl.DataFrame, received: pl.DataFrame, leak: Span | None
) -> int | None:
    """When the story begins: exposures may go back for years, what matters of them does not."""
    starts = [int(attempts["time_us"][0])] if attempts.height else []
    starts += [int(received["time_us"][0]) - _BEFORE_COMPLAINTS_US] if received.height else []
    starts += [leak.start_us] if leak else []
    earliest = [int(frame["time_us"][0]) for frame in (attempts, seen, received) if frame.height]
    return max(min(starts), min(earliest)) if starts else min(earliest, default=None)


def choose_leads(attribution: Attribution, engine: Engine) -> list[str]:
    """Sources whose exposures are worth drawing: the named, else the likeliest, else every campaign's."""
    real = {s: p for s, p in attribution.posterior.items() if s not in ("none", "unlogged")}
    likely = sorted((s for s, p in real.items() if p >= _LEAST_POSTERIOR), key=lambda s: (-real[s], s))
    chosen = attribution.sources or likely[:_MAX_LEADS]
    if not chosen and engine.has("exposures"):
        found = engine.fetch(
            "SELECT DISTINCT source FROM exposures WHERE source LIKE 'campaign:%' ORDER BY source"
        )
        chosen = found["source"].to_list()
    return chosen


def choose_bin(span_us: int, max_bins: int, least_us: int) -> int:
    """The narrowest round width of at least `least_us` that cuts `span_us` into at most `max_bins`."""
    for width in _NICE_US:
        if width >= least_us and (not least_us or width % least_us == 0) and span_us <= width * max_bins:
            return width
    width = max(least_us, DAY_US)
    return -(-span_us // (width * max_bins)) * width


def find_gaps(attempts: pl.DataFrame, bin_us: int) -> list[Span]:
    """Runs of bins without one attempt where the hours around the day let many be expected.

    Expected is the median of the same hour on the days that have any, so a quiet night is no gap.
    """
    if attempts.height < 2 or not bin_us:
        return []
    first, last = int(attempts["time_us"][0]), int(attempts["time_us"][-1])
    filled = _rebin(attempts, bin_us, Span(first, last + bin_us), ["ordinary"]).with_columns(
        (pl.col("time_us") // (60 * MINUTE_US) % 24).alias("hour")
    )
    usual = filled.group_by("hour").agg(
        pl.col("ordinary").filter(pl.col("ordinary") > 0).median().fill_null(0.0).alias("usual")
    )
    runs = (
        filled.join(usual, on="hour", how="left", maintain_order="left")
        .with_columns((pl.col("ordinary") > 0).rle_id().alias("run"))
        .group_by("run", maintain_order=True)
        .agg(pl.col("ordinary", "time_us").first(), pl.col("usual").sum(), pl.len().alias("bins"))
        .filter((pl.col("ordinary") == 0) & (pl.col("usual") >= _EXPECTED_IN_GAP))
    )
    return [Span(start, start + n * bin_us) for start, n in runs.select("time_us", "bins").iter_rows()]


def tabulate(timeline: Timeline) -> pl.DataFrame:
    """The chart as a table: `time_us`, `ordinary`, `attack`, `seen`, `complaints`; about sixty rows."""
    length = timeline.span.end_us - timeline.span.start_us
    width = choose_bin(length, _MAX_TABLE_ROWS, max(timeline.events_bin_us, timeline.attempts_bin_us))
    span = Span(timeline.span.start_us // width * width, timeline.span.end_us)
    table = _rebin(timeline.attempts, width, span, ["ordinary", "attack"])
    for name, frame in (("seen", timeline.exposures), ("complaints", timeline.complaints)):
        counts = _rebin(frame, width, span, ["n"]).rename({"n": name})
        table = table.join(counts, on="time_us", how="left", maintain_order="left")
    return table


def parse_time(text: str) -> int | None:
    """RFC 3339 -> microseconds UTC; None for the empty text."""
    return round(datetime.fromisoformat(text).timestamp() * 1e6) if text else None


def _fetch_attempts(engine: Engine) -> pl.DataFrame:
    if not engine.has("attempt_bins"):
        return pl.DataFrame(schema={"time_us": pl.Int64, "ordinary": pl.Float64, "attack": pl.Float64})
    return engine.fetch(_ATTEMPTS).select(
        pl.col("time_us").cast(pl.Int64),
        (pl.col("attempts") - pl.col("attack")).clip(lower_bound=0).alias("ordinary"),
        pl.col("attack").cast(pl.Float64),
    )


def _fetch_seen(engine: Engine, leads: list[str]) -> pl.DataFrame:
    if not engine.has("exposures") or not leads:
        return pl.DataFrame(schema={"time_us": pl.Int64, "n": pl.Int64})
    members = sorted({member for lead in leads for member in split_group(lead)})
    engine.put("chart_leads", pl.DataFrame({"source": members}, schema={"source": pl.String}))
    seen = engine.fetch(_SEEN)
    engine.drop("chart_leads")
    return seen.cast({"n": pl.Int64})


def _rebin(frame: pl.DataFrame, width_us: int, span: Span, values: list[str]) -> pl.DataFrame:
    """Sums of `values` in bins of `width_us` from the span's start, empty ones as 0."""
    starts = pl.DataFrame({"time_us": pl.int_range(span.start_us, span.end_us, width_us, eager=True)})
    offset = pl.col("time_us") - span.start_us
    sums = (
        frame.with_columns((offset // width_us * width_us + span.start_us).alias("time_us"))
        .group_by("time_us", maintain_order=True)
        .agg(pl.col(values).sum())
    )
    return starts.join(sums, on="time_us", how="left", maintain_order="left").fill_null(0)


def _span_campaign(campaign: Campaign) -> Span:
    start, end = parse_time(campaign.start), parse_time(campaign.end)
    assert start is not None
    assert end is not None
    return Span(start, end, campaign.id)


def _find_leak(attribution: Attribution, engine: Engine) -> Span | None:
    """When the named source leaked."""
    if len(attribution.sources) != 1 or not engine.has("sources"):
        return None
    # Matched here, not in SQL: names come from evidence and may hold what no literal can (NUL).
    windows = engine.fetch(_WINDOWS).filter(pl.col("source") == attribution.sources[0])
    if windows.is_empty():
        return None
    _, start, end = windows.row(0)
    return Span(start, end) if start is not None and end is not None else None
