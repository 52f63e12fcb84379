"""What happened when: attempts, orders seen and complaints, binned onto one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, NamedTuple

import polars as pl

from stanch.engine import Engine
from stanch.findings import Attribution, Campaign, Early, Findings
from stanch.reporting.clock import Clock
from stanch.reporting.warnings import split_group

MINUTE_US: Final = 60_000_000
DAY_US: Final = 86_400_000_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
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
SELECT s.time_us, count(*) AS n FROM (
  SELECT e."order", min(e.first_us) AS time_us FROM exposures e JOIN chart_leads c ON c.source = e.source
  WHERE e.first_us IS NOT NULL GROUP BY e."order"
) s GROUP BY s.time_us ORDER BY s.time_us
"""
_FILE_SPANS: Final = """
SELECT min(time_us) AS first_us, max(time_us) AS last_us FROM logins
WHERE time_us IS NOT NULL GROUP BY file_id ORDER BY 1, 2
"""

_WINDOWS: Final = "SELECT source, leak_start_us, leak_end_us FROM sources ORDER BY source"


class Span(NamedTuple):
    """From, to (microseconds UTC) and what it is."""

    start_us: int
    end_us: int
    name: str = ""


@dataclass(frozen=True)
class Lane:
    """What one source saw, on its own panel."""

    source: str
    #: `time_us`, `n`: orders first seen by it.
    seen: pl.DataFrame
    #: When it leaked, if it is named.
    window: Span | None


@dataclass(frozen=True)
class Timeline:
    """Everything that the chart and its table twin show; times are those of the report's wall clock."""

    span: Span
    #: `time_us` (start of bin), `ordinary`, `attack`; every bin of the span is there.
    attempts: pl.DataFrame
    attempts_bin_us: int
    #: First to last attempt, None without any: outside of it nothing is known.
    logged: Span | None
    lanes: list[Lane]
    #: `time_us`, `n`: complaints received.
    complaints: pl.DataFrame
    events_bin_us: int
    campaigns: list[Span]
    #: Whether orders seen before the span were left out.
    is_cut: bool
    gaps: list[Span]
    #: Ends of the days on which it could have been known, and was acted on: `alarm`, `named`, `acted`.
    marks: list[Span]


def build_timeline(findings: Findings, engine: Engine, bin_us: int, clock: Clock) -> Timeline | None:
    """Bin what there is; None where nothing has a time."""
    attempts = _fetch_attempts(engine)
    gaps = find_gaps(attempts, bin_us, _fetch_file_spans(engine))
    attempts = _tell_by(clock, attempts)
    lanes = _fetch_lanes(findings.attribution, engine, clock)
    received = _fetch_received(engine, clock)
    first = _choose_start(attempts, lanes, received)
    if first is None:
        return None
    is_cut = any((lane.seen["time_us"] < first).any() for lane in lanes)
    lanes = [replace(lane, seen=lane.seen.filter(pl.col("time_us") >= first)) for lane in lanes]
    frames = [attempts, received, *(lane.seen for lane in lanes)]
    last = max(int(frame["time_us"][-1]) for frame in frames if frame.height) + max(bin_us, MINUTE_US)
    attempt_bin = choose_bin(last - first, _MAX_BINS, bin_us)
    event_bin = choose_bin(last - first, _MAX_EVENT_BINS, DAY_US if last - first > _LONG_US else 0)
    span = Span(first // event_bin * event_bin, -(-last // event_bin) * event_bin)
    return Timeline(
        span=span,
        attempts=_rebin(attempts, attempt_bin, span, ["ordinary", "attack"]),
        attempts_bin_us=attempt_bin,
        logged=_find_logged(attempts, bin_us),
        lanes=[replace(lane, seen=_rebin(lane.seen, event_bin, span, ["n"])) for lane in lanes],
        complaints=_rebin(received, event_bin, span, ["n"]),
        events_bin_us=event_bin,
        campaigns=[_span_campaign(campaign, clock) for campaign in findings.campaigns],
        is_cut=is_cut,
        gaps=[Span(clock.wall(gap.start_us), clock.wall(gap.end_us)) for gap in gaps],
        marks=[mark for mark in _list_marks(findings.early) if mark.end_us <= span.end_us],
    )


def _list_marks(early: Early | None) -> list[Span]:
    named = [(early.alarm, "alarm"), (early.named, "named"), (early.acted, "acted")] if early else []
    days = [(date.fromisoformat(day).toordinal() - _EPOCH_DAY, name) for day, name in named if day]
    return [Span(day * DAY_US, (day + 1) * DAY_US, name) for day, name in sorted(days, key=lambda d: d[0])]


def _choose_start(attempts: pl.DataFrame, lanes: list[Lane], received: pl.DataFrame) -> int | None:
    """When the story begins: exposures may go back for years, what matters of them does not."""
    starts = [int(attempts["time_us"][0])] if attempts.height else []
    starts += [int(received["time_us"][0]) - _BEFORE_COMPLAINTS_US] if received.height else []
    starts += [lane.window.start_us for lane in lanes if lane.window]
    frames = [attempts, received, *(lane.seen for lane in lanes)]
    earliest = [int(frame["time_us"][0]) for frame in frames if frame.height]
    return max(min(starts), min(earliest)) if starts and earliest else min(earliest, default=None)


def choose_leads(attribution: Attribution, engine: Engine) -> list[str]:
    """Sources whose exposures are worth drawing: the named, else the likeliest, else every campaign's."""
    real = {s: p for s, p in attribution.posterior.items() if s not in ("none", "unlogged")}
    likely = sorted((s for s, p in real.items() if p >= _LEAST_POSTERIOR), key=lambda s: (-real[s], s))
    chosen = attribution.sources or likely
    if not chosen and engine.has("exposures"):
        found = engine.fetch(
            "SELECT DISTINCT source FROM exposures WHERE source LIKE 'campaign:%' ORDER BY source"
        )
        chosen = found["source"].to_list()
    return chosen[:_MAX_LEADS]


def choose_bin(span_us: int, max_bins: int, least_us: int) -> int:
    """The narrowest round width of at least `least_us` that cuts `span_us` into at most `max_bins`."""
    for width in _NICE_US:
        if width >= least_us and (not least_us or width % least_us == 0) and span_us <= width * max_bins:
            return width
    width = max(least_us, DAY_US)
    return -(-span_us // (width * max_bins)) * width


def find_gaps(attempts: pl.DataFrame, bin_us: int, files: Sequence[Span]) -> list[Span]:
    """Runs of bins without one attempt, inside one file, where the days around let many be expected.

    Expected is the median of the same hour over all days, silent ones among them, so that neither a
    quiet night nor a thin log has gaps.
    """
    if attempts.height < 2 or not bin_us:
        return []
    first, last = int(attempts["time_us"][0]), int(attempts["time_us"][-1])
    filled = (
        _rebin(attempts, bin_us, Span(first, last + bin_us), ["ordinary", "attack"])
        .with_columns(
            (pl.col("ordinary") + pl.col("attack")).alias("n"),
            (pl.col("time_us") // (60 * MINUTE_US) % 24).alias("hour"),
        )
        .with_columns(pl.col("n").median().over("hour").alias("usual"))
    )
    runs = (
        filled.with_columns((pl.col("n") > 0).rle_id().alias("run"))
        .group_by("run", maintain_order=True)
        .agg(pl.col("n", "time_us").first(), pl.col("usual").sum(), pl.len().alias("bins"))
        .filter((pl.col("n") == 0) & (pl.col("usual") >= _EXPECTED_IN_GAP))
    )
    gaps = [Span(start, start + n * bin_us) for start, n in runs.select("time_us", "bins").iter_rows()]
    return [gap for gap in gaps if any(f.start_us < gap.start_us and gap.end_us <= f.end_us for f in files)]


def tabulate(timeline: Timeline) -> pl.DataFrame:
    """The chart as a table: `time_us`, `ordinary`, `attack`, `seen_0` and on, `complaints`; in sixty rows."""
    length = timeline.span.end_us - timeline.span.start_us
    width = choose_bin(length, _MAX_TABLE_ROWS, max(timeline.events_bin_us, timeline.attempts_bin_us))
    span = Span(timeline.span.start_us // width * width, timeline.span.end_us)
    table = _rebin(timeline.attempts, width, span, ["ordinary", "attack"])
    events = [(f"seen_{i}", lane.seen) for i, lane in enumerate(timeline.lanes)]
    for name, frame in [*events, ("complaints", timeline.complaints)]:
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


def _fetch_file_spans(engine: Engine) -> list[Span]:
    if not engine.has("logins"):
        return []
    return [Span(first, last) for first, last in engine.fetch(_FILE_SPANS).iter_rows()]


def _fetch_received(engine: Engine, clock: Clock) -> pl.DataFrame:
    if not engine.has("victims"):
        return pl.DataFrame(schema={"time_us": pl.Int64, "n": pl.Int64})
    return _tell_by(clock, engine.fetch(_RECEIVED).with_columns(pl.lit(1, pl.Int64).alias("n")))


def _fetch_lanes(attribution: Attribution, engine: Engine, clock: Clock) -> list[Lane]:
    leads = choose_leads(attribution, engine) if engine.has("exposures") else []
    lanes = []
    for lead in leads:
        engine.put("chart_leads", pl.DataFrame({"source": split_group(lead)}, schema={"source": pl.String}))
        seen = _tell_by(clock, engine.fetch(_SEEN).cast({"n": pl.Int64}))
        engine.drop("chart_leads")
        window = _find_window(lead, engine, clock) if lead in attribution.sources else None
        if seen.height:
            lanes.append(Lane(lead, seen, window))
    return lanes


def _tell_by(clock: Clock, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` by the wall clock, in its order (an hour that the clock repeats is put together)."""
    return frame.with_columns(clock.wall_column(frame["time_us"])).sort("time_us", maintain_order=True)


def _find_logged(attempts: pl.DataFrame, bin_us: int) -> Span | None:
    if attempts.is_empty():
        return None
    return Span(int(attempts["time_us"][0]), int(attempts["time_us"][-1]) + bin_us)


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


def _span_campaign(campaign: Campaign, clock: Clock) -> Span:
    start, end = parse_time(campaign.start), parse_time(campaign.end)
    assert start is not None
    assert end is not None
    return Span(clock.wall(start), clock.wall(end), campaign.id)


def _find_window(source: str, engine: Engine, clock: Clock) -> Span | None:
    """When `source` most likely leaked."""
    if not engine.has("sources"):
        return None
    # Matched here, not in SQL: names come from evidence and may hold what no literal can (NUL).
    windows = engine.fetch(_WINDOWS).filter(pl.col("source") == source)
    if windows.is_empty():
        return None
    _, start, end = windows.row(0)
    return Span(clock.wall(start), clock.wall(end)) if start is not None and end is not None else None
