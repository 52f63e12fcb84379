"""Every way to write a moment gives the same microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.errors import UsageError
from stanch.evidence.times import check_zone, parse_times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
moments = st.integers(631_238_400_000_000, 4_102_358_400_000_000).map(
    lambda u: EPOCH + timedelta(microseconds=u)
)
offsets = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))


def read(*cells: str, zone: str = "UTC") -> list[int | None]:
    return parse_times(pl.Series(cells, dtype=pl.String), zone).us.to_list()


def us_of(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@given(st.lists(st.tuples(moments, offsets), min_size=1, max_size=20))
def test_any_offset_gives_the_same_moment(rows: list[tuple[datetime, timezone]]) -> None:
    expected = [us_of(moment) for moment, _ in rows]
    for separator in "T ":
        texts = [moment.astimezone(offset).isoformat(separator) for moment, offset in rows]
        assert read(*texts) == expected
    assert read(*(m.isoformat().replace("+00:00", "Z") for m, _ in rows)) == expected
    assert read(*(m.strftime("%Y/%m/%d %H:%M:%S.%f+0000") for m, _ in rows)) == expected


@given(st.lists(moments, min_size=1, max_size=20))
def test_unix_time_text_and_numbers_agree(rows: list[datetime]) -> None:
    whole = [us_of(moment) // 10**6 for moment in rows]
    expected = [second * 10**6 for second in whole]
    assert read(*map(str, whole)) == expected
    assert parse_times(pl.Series(whole), "UTC").us.to_list() == expected
    assert parse_times(pl.Series([float(s) for s in whole]), "UTC").us.to_list() == expected
    for unit, factor in (("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        assert parse_times(pl.Series([s * factor for s in whole]), "UTC").us.to_list() == expected
        typed = pl.Series(rows).cast(pl.Datetime(unit, "UTC"))
        seconds = [u // 10**6 for u in parse_times(typed, "Asia/Shanghai").us.to_list()]
        assert seconds == whole


@given(
    st.lists(moments, min_size=1, max_size=20),
    st.sampled_from(["Asia/Shanghai", "Asia/Kolkata", "America/Lima"]),
)
def test_without_an_offset_the_zone_counts(rows: list[datetime], zone: str) -> None:
    local = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in rows]
    expected = [us_of(wall.replace(tzinfo=ZoneInfo(zone))) for wall in local]
    texts = pl.Series([wall.isoformat() for wall in local])
    times = parse_times(texts, zone)
    assert times.us.to_list() == expected
    assert times.n_without_offset == len(rows)
    assert parse_times(pl.Series(local, dtype=pl.Datetime("us")), zone).us.to_list() == expected


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("2024-03-01T10:00:00.123456789Z", "2024-03-01T10:00:00.123456+00:00"),
        ("2024-03-01t10:00:00z", "2024-03-01T10:00:00+00:00"),
        ("2024-03-01 10:00:00,5", "2024-03-01T10:00:00.5+00:00"),
        ("2024-03-01 10:00:00 UTC", "2024-03-01T10:00:00+00:00"),
        ("2024-03-01T10:00:00+08", "2024-03-01T02:00:00+00:00"),
        ("2024/3/1 9:05", "2024-03-01T09:05:00+00:00"),
        ("2024-03-01", "2024-03-01T00:00:00+00:00"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("1709287200.123456789", "2024-03-01T10:00:00.123456+00:00"),
        (" 2024-03-01T10:00:00Z ", "2024-03-01T10:00:00+00:00"),
    ],
)
def test_how_people_and_programs_write(cell: str, meant: str) -> None:
    assert read(cell) == [us_of(datetime.fromisoformat(meant))]


@pytest.mark.parametrize(
    "cell",
    [
        "", "yesterday", "01/02/2024", "2024-02-30T00:00:00Z", "2024-03-01T24:30:00Z", "1989-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z", "0000-00-00 00:00:00", "12345", "-1709287200", "1e9",
        "99999999999999999999999",
        "2024-03-01T10:00:00+99:00", "٢٠٢٤-٠٣-٠١",
    ],
)  # fmt: skip
def test_what_is_no_time_is_null_and_does_not_disturb_its_neighbours(cell: str) -> None:
    assert read(cell, "2024-03-01T10:00:00Z") == [None, 1709287200000000]


def test_summer_time_first_of_two_hours_and_offset_before_a_gap() -> None:
    twice, gap = "2024-10-27T01:30:00", "2024-03-31T01:30:00"
    expected = [
        us_of(datetime.fromisoformat(t).replace(tzinfo=ZoneInfo("Europe/London"), fold=0))
        for t in (twice, gap)
    ]
    assert read(twice, gap, zone="Europe/London") == expected
    assert read("2024-10-27 1:30", "2024-03-31 1:30", zone="Europe/London") == expected


def test_zone_that_does_not_exist() -> None:
    with pytest.raises(UsageError, match="Mars/Base"):
        check_zone("Mars/Base")
    with pytest.raises(UsageError):
        check_zone("../../etc/passwd")
