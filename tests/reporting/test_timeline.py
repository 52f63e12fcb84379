"""Bins, gaps and ticks of the time line."""

import made
import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from stanch.reporting.charts import choose_ticks
from stanch.reporting.timeline import Span, build_timeline, choose_bin, find_gaps, tabulate


def hourly(counts: list[float]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"time_us": [made.START + made.HOUR * i for i in range(len(counts))], "ordinary": counts}
    )
    return frame.with_columns(pl.lit(0.0).alias("attack"))


def busy_days(n_days: int) -> list[float]:
    return [60.0 + 50 * np.sin((hour % 24) / 24 * 2 * np.pi) for hour in range(24 * n_days)]


def test_a_silent_day_is_a_gap() -> None:
    kept = pl.concat([(frame := hourly(busy_days(8)))[:75], frame[90:]])
    assert find_gaps(kept, made.HOUR) == [Span(made.START + 75 * made.HOUR, made.START + 90 * made.HOUR)]


def test_quiet_nights_and_sparse_logs_have_no_gap() -> None:
    nights = [0.0 if hour % 24 < 7 else 80.0 for hour in range(24 * 8)]
    assert find_gaps(hourly(nights).filter(pl.col("ordinary") > 0), made.HOUR) == []
    sparse = [1.0 if hour % 9 == 0 else 0.0 for hour in range(24 * 8)]
    assert find_gaps(hourly(sparse).filter(pl.col("ordinary") > 0), made.HOUR) == []


@given(st.integers(1, 20 * 365 * made.DAY), st.sampled_from([0, 60_000_000, 600_000_000, 7_000_000]))
def test_bins_are_few_and_multiples_of_what_was_counted(span_us: int, least_us: int) -> None:
    width = choose_bin(span_us, 240, least_us)
    assert span_us <= width * 240
    assert width >= least_us
    assert not least_us or width % least_us == 0


@given(st.integers(0, 2**50), st.integers(60_000_000, 30 * 365 * made.DAY), st.integers(4, 9))
def test_ticks_are_few_and_inside(start_us: int, length_us: int, most: int) -> None:
    span = Span(start_us, start_us + length_us)
    ticks, _ = choose_ticks(span, most)
    assert len(ticks) <= most + 1
    assert all(span.start_us <= tick <= span.end_us for tick in ticks)


def test_nothing_is_lost_in_binning() -> None:
    findings, engine = made.make_named()
    timeline = build_timeline(findings, engine, made.HOUR)
    assert timeline is not None
    bins = engine.fetch("SELECT sum(attempts) AS n, sum(attack) AS a FROM attempt_bins").row(0)
    table = tabulate(timeline)
    for frame in (timeline.attempts, table):
        assert frame["attack"].sum() == bins[1]
        assert frame["attack"].sum() + frame["ordinary"].sum() == bins[0]
    assert timeline.exposures["n"].sum() == table["seen"].sum() == 220
    assert timeline.complaints["n"].sum() == table["complaints"].sum() == 60
    assert table.height <= 62
