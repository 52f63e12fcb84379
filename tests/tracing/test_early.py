"""The day of naming is the first on which tracing, with what was known then, names the source."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from stanch.engine import Engine
from stanch.findings import Attribution, Early
from stanch.progress import SilentProgress
from stanch.tracing import TracingSettings, tell_early, trace_sources
from tracing.shops import DAY, Plan, Shop, make_shop, put_shop

SETTINGS = TracingSettings()
PLAN = Plan(n_orders=1800, n_from_leak=14)


def replay(engine: Engine, found: Attribution, acted: date | None = None, zone: str = "UTC") -> Early:
    return tell_early(engine, found, SETTINGS, zone=zone, seed=0, acted=acted, progress=SilentProgress())


def trace(engine: Engine) -> Attribution:
    return trace_sources(engine, SETTINGS, 0, SilentProgress())


def day_of(time_us: int) -> date:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)).date()


def cut(shop: Shop, last: date) -> Shop:
    """The tables as they stood at the end of a day (UTC)."""
    end = (last - date(1970, 1, 1)).days * DAY + DAY
    return Shop(
        shop.orders.filter(pl.col("time_us") < end),
        shop.exposures.filter(pl.col("first_us") < end),
        shop.victims.filter(pl.col("received_us") < end),
        shop.truth,
    )


@pytest.mark.parametrize("seed", [2, 3, 11])
def test_on_the_day_told_the_source_is_named_and_the_day_before_it_is_not(seed: int) -> None:
    shop = make_shop(seed, PLAN)
    engine = put_shop(shop)
    found = trace(engine)
    assert found.sources == shop.truth
    told = replay(engine, found)
    named = date.fromisoformat(told.named)
    assert trace(put_shop(cut(shop, named))).sources == shop.truth
    days = sorted({day_of(t) for t in shop.victims["received_us"]})
    if named > days[0]:
        earlier = days[days.index(named) - 1]
        assert trace(put_shop(cut(shop, earlier))).sources != shop.truth
    assert told.named_complaints == sum(day_of(t) <= named for t in shop.victims["received_us"])
    assert told.named_complaints < shop.victims.height


def test_the_order_of_rows_and_a_later_start_change_nothing() -> None:
    shop = make_shop(11, PLAN)
    mixed = replace(shop, victims=shop.victims.sample(fraction=1.0, shuffle=True, seed=1))
    engine, other = put_shop(shop), put_shop(mixed)
    assert replay(engine, trace(engine)) == replay(other, trace(other))


def test_many_complaints_ring_and_one_does_not() -> None:
    shop = make_shop(11, PLAN)
    engine = put_shop(shop)
    told = replay(engine, Attribution())
    assert told.alarm
    assert told.named == ""
    assert 2 <= told.alarm_complaints < shop.victims.height
    alone = replay(put_shop(replace(shop, victims=shop.victims.head(1))), Attribution())
    assert alone.alarm == ""


def test_the_day_of_acting_is_told_with_the_complaints_by_then() -> None:
    shop = make_shop(11, PLAN)
    engine = put_shop(shop)
    last = max(day_of(t) for t in shop.victims["received_us"])
    told = replay(engine, Attribution(), acted=last)
    assert (told.acted, told.acted_complaints) == (last.isoformat(), shop.victims.height)
    before = replay(engine, Attribution(), acted=date(2000, 1, 1))
    assert (before.acted, before.acted_complaints) == ("2000-01-01", 0)


def test_days_are_those_of_the_zone() -> None:
    shop = make_shop(11, PLAN)
    late = [1_700_000_000_000_000 // DAY * DAY + 23 * DAY // 24 + i for i in range(6)]
    victims = shop.victims.head(6).with_columns(received_us=pl.Series(late))
    engine = put_shop(replace(shop, victims=victims))
    utc, east = (replay(engine, Attribution(), zone=zone) for zone in ("UTC", "Asia/Shanghai"))
    assert date.fromisoformat(east.alarm) - date.fromisoformat(utc.alarm) == timedelta(days=1)
