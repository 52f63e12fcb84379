"""What a source must be told from: colleagues of one queue, copied spans, talkative regions, a few hits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from stanch.findings import Attribution
from stanch.progress import SilentProgress
from stanch.tracing import TracingSettings, trace_sources
from tracing.shops import DAY, HOUR, Plan, Shop, make_shop, put_shop

SMALL = Plan(n_orders=1800)
SCRAPER = "endpoint:/parcel"


def trace(shop: Shop) -> Attribution:
    return trace_sources(put_shop(shop), TracingSettings(), 0, SilentProgress())


def add_exposures(shop: Shop, rows: list[tuple[str, str, int]]) -> None:
    """More exposures: source, order, time; all fields may have been seen."""
    more = pl.DataFrame(
        [(source, order, at, at, None, 1.0) for source, order, at in rows],
        schema=shop.exposures.schema,
        orient="row",
    )
    shop.exposures = pl.concat([shop.exposures, more])


def list_rows(shop: Shop, source: str) -> list[tuple[str, int]]:
    return list(shop.exposures.filter(pl.col("source") == source).select("order", "first_us").iter_rows())


def cite(shop: Shop, rows: list[tuple[str, int]]) -> None:
    """Complaints about these orders at these times of contact, instead of the shop's own."""
    one = shop.victims.row(0, named=True)
    made = [
        one
        | {"complaint": f"c{i:03d}", "order": order, "account": None, "known_fields": None}
        | {"contacted_us": at, "received_us": at + HOUR}
        for i, (order, at) in enumerate(rows)
    ]
    shop.victims = pl.DataFrame(made, schema=shop.victims.schema)


def pick_span(shop: Shop, first_day: float, days: float) -> list[tuple[str, int]]:
    """Every order of some days, with its time."""
    start = shop.orders["time_us"].min() + int(first_day * DAY)  # type: ignore[operator]
    inside = pl.col("time_us").is_between(start, start + int(days * DAY), closed="left")
    return list(shop.orders.filter(inside).sort("time_us").select("order", "time_us").iter_rows())


def test_colleagues_of_one_queue_are_one_group_although_a_few_looks_differ() -> None:
    """One saw a seventh less than the other, and looked one complainant's order up before the call."""
    shop = make_shop(11, SMALL)
    cited = set(shop.victims["order"])
    rows = list_rows(shop, shop.truth[0])
    twin = [("staff:twin", o, t + HOUR) for i, (o, t) in enumerate(rows) if i % 7 or o in cited]
    calls = shop.victims.filter(~pl.col("order").is_in([o for o, _ in rows])).drop_nulls("contacted_us")
    order, contacted_us = calls.select("order", "contacted_us").row(0)
    add_exposures(shop, [*twin, ("staff:twin", order, contacted_us - 2 * HOUR)])
    assert trace(shop).sources == ["group:" + "+".join(sorted([shop.truth[0], "staff:twin"]))]


def test_a_colleague_who_searches_beyond_the_queue_is_no_less_alike() -> None:
    """The one who leaked looked at as many orders again that nobody complained about."""
    shop = make_shop(11, SMALL)
    rows, cited = list_rows(shop, shop.truth[0]), set(shop.victims["order"])
    known = {order for order, _ in rows}
    more = [row for row in shop.orders.select("order", "time_us").iter_rows() if row[0] not in cited | known]
    add_exposures(shop, [("staff:twin", o, t + HOUR) for o, t in rows])
    add_exposures(shop, [(shop.truth[0], o, t + HOUR) for o, t in more[:: len(more) // len(rows)]])
    assert trace(shop).sources == ["group:" + "+".join(sorted([shop.truth[0], "staff:twin"]))]


def test_calls_that_follow_its_looks_speak_for_one_of_two_who_saw_the_same() -> None:
    """One looks at orders of any age and calls come a day later; the other saw all when they were placed."""
    shop = make_shop(31, replace(SMALL, leaks=("none",), n_from_leak=2))
    rng = np.random.default_rng(31)
    orders = list(shop.orders.sort("time_us").select("order", "time_us").iter_rows())[:1400:8]
    looks = [(o, t + int(days * DAY)) for (o, t), days in zip(orders, rng.uniform(0, 12, 200), strict=False)]
    add_exposures(shop, [("staff:late", o, t) for o, t in looks])
    add_exposures(shop, [("staff:early", o, t + HOUR) for o, t in orders])
    cite(shop, [(o, t + DAY) for o, t in looks[::14]])
    engine = put_shop(shop)
    trace_sources(engine, TracingSettings(), 0, SilentProgress())
    strength = dict(engine.fetch("SELECT source, log10_bayes_factor FROM sources").iter_rows())
    assert strength["staff:late"] > strength["staff:early"] + 8


def test_half_a_queue_in_common_is_no_group() -> None:
    shop = make_shop(11, SMALL)
    rows = list_rows(shop, shop.truth[0])
    add_exposures(shop, [("staff:half", o, t + HOUR) for o, t in rows[::2]])
    found = trace(shop)
    assert found.sources == shop.truth


def test_a_team_too_large_to_be_named_is_not_named_in_part() -> None:
    shop = make_shop(11, SMALL)
    rows = list_rows(shop, shop.truth[0])
    add_exposures(shop, [(f"staff:team{k:02d}", o, t) for k in range(12) for o, t in rows])
    assert trace(shop).sources == []


def test_scraping_of_a_span_of_numbers_is_told_from_a_copied_table() -> None:
    """Every order of two days was scraped, and the complaints of the next week are about these."""
    shop = make_shop(21, replace(SMALL, leaks=("none",), n_from_leak=2))
    span = pick_span(shop, 14, 2)
    scraped = [order for order, _ in span]
    at = span[-1][1] + 3 * HOUR
    add_exposures(shop, [(SCRAPER, order, at) for order in scraped])
    cite(shop, [(o, at + (i + 1) * DAY // 2) for i, o in enumerate(scraped[:: len(scraped) // 14])])
    assert trace(shop).sources == [SCRAPER]


@pytest.mark.parametrize("days", [1, 3])
def test_a_copied_span_names_no_page_that_was_open_all_the_time(days: float) -> None:
    shop = make_shop(22, replace(SMALL, leaks=("none",), n_from_leak=2))
    everything = shop.orders.sort("time_us").select("order", "time_us").iter_rows()
    add_exposures(shop, [(SCRAPER, o, t + HOUR) for i, (o, t) in enumerate(everything) if i % 10 < 6])
    span = pick_span(shop, 14, days)
    at = span[-1][1] + 3 * HOUR
    cite(shop, [(o, at + (i + 1) * DAY // 3) for i, (o, _) in enumerate(span[:: len(span) // 16])])
    found = trace(shop)
    assert found.sources == []


def make_sole_couriers(shop: Shop) -> None:
    """One courier a region instead of two."""
    courier = pl.col("source").str.contains(r"^partner:courier\d+[ab]$")
    name = pl.when(courier).then(pl.col("source").str.head(-1)).otherwise("source")
    shop.exposures = shop.exposures.with_columns(source=name)


def test_the_only_courier_of_a_small_region_is_named_where_talk_cannot_explain_it() -> None:
    shop = make_shop(31, replace(SMALL, n_regions=14, leaks=("partner",), n_from_leak=14, n_other=4))
    make_sole_couriers(shop)
    assert trace(shop).sources == [shop.truth[0][:-1]]


@pytest.mark.parametrize("seed", range(2))
def test_couriers_are_safe_from_talkative_regions_that_no_table_tells(seed: int) -> None:
    shop = make_shop(seed, replace(SMALL, n_regions=14, leaks=("none",), n_from_leak=40, loud=7))
    make_sole_couriers(shop)
    shop.orders = shop.orders.with_columns(region=pl.lit(None, pl.String))
    assert trace(shop).sources == []


def test_callers_who_know_little_speak_against_nobody_who_shows_little() -> None:
    """A payment service saw every order; strangers' calls cite name and number, the leak's much more."""
    shop = make_shop(4, replace(SMALL, leaks=("staff", "staff"), n_from_leak=12, n_other=14))
    shop.exposures = shop.exposures.with_columns(
        fields=pl.when(pl.col("source") == "service:payments")
        .then(pl.lit("name|phone|price|payment"))
        .otherwise("fields")
    )
    found = trace(shop)
    assert "service:payments" not in found.sources
    assert found.posterior["service:payments"] < 0.5


def test_four_leaks_at_once_are_all_named() -> None:
    shop = make_shop(8, replace(SMALL, leaks=("staff",) * 2 + ("partner",) * 2, n_from_leak=20))
    found = trace(shop)
    assert set(found.sources) <= set(shop.truth)
    assert len(found.sources) == 4


def test_one_hit_among_few_complaints_is_not_cleared() -> None:
    """Of eight complaints one may well be its own: less than one cannot be said."""
    shop = make_shop(11, replace(SMALL, n_from_leak=8, n_other=0))
    hits = set(shop.victims["order"])
    seen = shop.exposures.filter(pl.col("order").is_in(list(hits)))
    found = trace(shop)
    once = {s for s, n in seen.group_by("source").len().iter_rows() if n == 1 and s not in shop.truth}
    never = set(shop.exposures["source"]) - set(seen["source"])
    assert once
    assert not once & set(found.cleared)
    assert never <= set(found.cleared)
