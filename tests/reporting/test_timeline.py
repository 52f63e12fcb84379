"""Bins, gaps and ticks of the time line."""

import made
import msgspec
import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from stanch.findings import Early, format_time
from stanch.reporting.catalogue import load_catalogue
from stanch.reporting.charts import MONTH_US, choose_ticks, draw_timeline, format_day
from stanch.reporting.clock import Clock
from stanch.reporting.sections import build_early
from stanch.reporting.timeline import Span, build_timeline, choose_bin, find_gaps, tabulate

ONE_FILE = Span(made.START - made.HOUR, made.START + 40 * made.DAY)


def hourly(counts: list[float]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"time_us": [made.START + made.HOUR * i for i in range(len(counts))], "ordinary": counts}
    )
    return frame.with_columns(pl.lit(0.0).alias("attack"))


def busy_days(n_days: int) -> list[float]:
    return [60.0 + 50 * np.sin((hour % 24) / 24 * 2 * np.pi) for hour in range(24 * n_days)]


def test_a_silent_day_is_a_gap() -> None:
    kept = pl.concat([(frame := hourly(busy_days(8)))[:75], frame[90:]])
    assert find_gaps(kept, made.HOUR, [ONE_FILE]) == [
        Span(made.START + 75 * made.HOUR, made.START + 90 * made.HOUR)
    ]


def test_quiet_nights_and_sparse_logs_have_no_gap() -> None:
    nights = [0.0 if hour % 24 < 7 else 80.0 for hour in range(24 * 8)]
    assert find_gaps(hourly(nights).filter(pl.col("ordinary") > 0), made.HOUR, [ONE_FILE]) == []
    sparse = [1.0 if hour % 9 == 0 else 0.0 for hour in range(24 * 8)]
    assert find_gaps(hourly(sparse).filter(pl.col("ordinary") > 0), made.HOUR, [ONE_FILE]) == []


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=48, max_size=24 * 8),
    st.integers(0, 7), st.integers(1, 8),
)  # fmt: skip
def test_no_attempt_of_any_kind_lies_in_a_gap(counts: list[tuple[int, int]], first: int, last: int) -> None:
    frame = hourly([float(ordinary) for ordinary, _ in counts])
    frame = frame.with_columns(pl.Series("attack", [float(attack) for _, attack in counts]))
    frame = frame.filter(pl.col("ordinary") + pl.col("attack") > 0)
    file = Span(made.START + first * made.DAY, made.START + last * made.DAY)
    for gap in find_gaps(frame, made.HOUR, [file]):
        inside = frame.filter(pl.col("time_us").is_between(gap.start_us, gap.end_us - 1))
        assert inside.height == 0
        assert file.start_us < gap.start_us < gap.end_us <= file.end_us


def test_a_time_of_nothing_but_attack_is_no_gap() -> None:
    frame = (
        hourly(busy_days(8))
        .with_row_index("i")
        .with_columns(
            pl.when(pl.col("i").is_between(75, 90)).then(0.0).otherwise("ordinary").alias("ordinary"),
            pl.when(pl.col("i").is_between(75, 90)).then(40.0).otherwise(0.0).alias("attack"),
        )
    )
    assert find_gaps(frame.drop("i"), made.HOUR, [ONE_FILE]) == []


def test_between_the_logs_of_two_machines_is_no_gap() -> None:
    frame = pl.concat([(whole := hourly(busy_days(20)))[: 24 * 8], whole[24 * 12 :]])
    files = [Span(made.START, made.START + 8 * made.DAY), Span(made.START + 12 * made.DAY, ONE_FILE.end_us)]
    assert find_gaps(frame, made.HOUR, files) == []
    assert len(find_gaps(frame, made.HOUR, [ONE_FILE])) == 1


def test_ticks_of_months_stand_on_the_first() -> None:
    ticks, step = choose_ticks(Span(made.START, made.START + 200 * made.DAY), 8)
    assert step >= MONTH_US
    assert [format_day(tick)[-3:] for tick in ticks] == ["-01"] * len(ticks)


def test_each_named_source_has_its_own_lane_and_window() -> None:
    findings, engine = made.make_named()
    two = ["campaign:c1", "staff:agent07"]
    attribution = msgspec.structs.replace(findings.attribution, sources=two)
    timeline = build_timeline(
        msgspec.structs.replace(findings, attribution=attribution), engine, made.HOUR, Clock()
    )
    assert timeline is not None
    assert [(lane.source, int(lane.seen["n"].sum())) for lane in timeline.lanes] == [
        (two[0], 220),
        (two[1], 300),
    ]
    assert [lane.window for lane in timeline.lanes] == [
        Span(made.START + 2 * made.DAY, made.START + 4 * made.DAY),
        Span(made.START, made.START + 9 * made.DAY),
    ]


def test_days_are_counted_by_the_clock_of_the_zone() -> None:
    findings, engine = made.make_named()
    timelines = [
        build_timeline(findings, engine, made.HOUR, Clock(zone)) for zone in ("UTC", "Asia/Shanghai")
    ]
    first, shifted = (t.complaints.filter(pl.col("n") > 0) for t in timelines if t)
    assert first["n"].sum() == shifted["n"].sum() == 60
    assert first["n"].to_list() != shifted["n"].to_list()


@given(st.integers(0, 2**51), st.sampled_from(["Europe/London", "Asia/Kolkata", "America/St_Johns"]))
def test_columns_and_moments_tell_the_same_time(time_us: int, zone: str) -> None:
    clock = Clock(zone)
    assert clock.wall_column(pl.Series([time_us])).to_list() == [clock.wall(time_us)]
    assert clock.moment(format_time(time_us)) == format_time(clock.wall(time_us))[:16].replace("T", " ")


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
    timeline = build_timeline(findings, engine, made.HOUR, Clock())
    assert timeline is not None
    bins = engine.fetch("SELECT sum(attempts) AS n, sum(attack) AS a FROM attempt_bins").row(0)
    table = tabulate(timeline)
    for frame in (timeline.attempts, table):
        assert frame["attack"].sum() == bins[1]
        assert frame["attack"].sum() + frame["ordinary"].sum() == bins[0]
    assert timeline.lanes[0].seen["n"].sum() == table["seen_0"].sum() == 220
    assert timeline.complaints["n"].sum() == table["complaints"].sum() == 60
    assert table.height <= 62


def test_days_that_could_have_been_known_are_marked_once_each_and_inside_only() -> None:
    findings, engine = made.make_named()
    early = Early(1.0, 1.0, "2015-04-17", 6, "2015-04-17", 6, "2015-04-24", 38)
    findings = msgspec.structs.replace(findings, early=early)
    timeline = build_timeline(findings, engine, made.HOUR, Clock())
    assert timeline is not None
    assert [(format_time(m.end_us), m.name) for m in timeline.marks] == [
        ("2015-04-18T00:00:00Z", "alarm"),
        ("2015-04-18T00:00:00Z", "named"),
        ("2015-04-25T00:00:00Z", "acted"),
    ]
    drawing = draw_timeline(timeline, load_catalogue("en"))["wide"]
    assert drawing.count("alarm, source named") == 1
    assert drawing.count("shop acted") == 1
    late = msgspec.structs.replace(findings, early=Early(1.0, 1.0, acted="2016-01-01"))
    later = build_timeline(late, engine, made.HOUR, Clock())
    assert later is not None
    assert later.marks == []


def test_the_report_sets_the_alarm_beside_the_day_on_which_the_shop_acted() -> None:
    en = load_catalogue("en")
    told = build_early(Early(1.0, 1.0, "2015-04-17", 6, "", 0, "2015-04-24", 38), en)
    assert told is not None
    assert "7 days after the first alarm" in told["told"]
    assert "32 more complaints" in told["told"]
    assert [row[1] for row in told["rows"]] == ["2015-04-17", "2015-04-24"]
    for early, words in (
        (Early(1.0, 1.0, "2015-04-17", 6), "was not told"),
        (Early(1.0, 1.0, "2015-04-17", 6, "", 0, "2015-04-10", 0), "before an alarm"),
        (Early(1.0, 1.0, acted="2015-04-10"), "No alarm"),
    ):
        told = build_early(early, en)
        assert told is not None
        assert words in told["told"]
    assert build_early(Early(1.0, 1.0), en) is None
