"""Little or no evidence gives an answer that says so."""

from __future__ import annotations

import polars as pl
import pytest

from stanch.progress import SilentProgress
from stanch.tracing import TracingSettings, trace_sources
from stanch.tracing.reasons import write_expected, write_percent
from tracing.shops import Plan, make_shop, put_shop

TINY = Plan(n_orders=300, n_from_leak=6)


@pytest.mark.parametrize(
    ("emptied", "verdict"),
    [
        (("victims",), "no_leak"),
        (("exposures",), "not_examined"),
        (("victims", "exposures"), "no_leak"),
        (("known_orders",), "undetermined"),
    ],
)
def test_empty_tables(emptied: tuple[str, ...], verdict: str) -> None:
    engine = put_shop(make_shop(1, TINY))
    for table in emptied:
        engine.put(table, engine.fetch(f'SELECT * FROM "{table}" LIMIT 0'))
    found = trace_sources(engine, TracingSettings(), 0, SilentProgress())
    assert found.verdict == verdict
    assert found.sources == []
    assert found.why
    assert engine.has("sources")
    assert engine.has("source_reasons")


def test_complaints_that_name_no_known_order() -> None:
    shop = make_shop(1, TINY)
    shop.victims = shop.victims.with_columns(order=pl.lit("elsewhere"))
    engine = put_shop(shop)
    found = trace_sources(engine, TracingSettings(), 0, SilentProgress())
    assert (found.verdict, found.sources, found.cleared) == ("undetermined", [], [])
    assert "order numbers" in found.would_settle[0]


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_complaints_name_nobody(n: int) -> None:
    shop = make_shop(1, TINY)
    shop.victims = shop.victims.head(n)
    found = trace_sources(put_shop(shop), TracingSettings(), 0, SilentProgress())
    assert found.sources == []
    assert found.cleared == []


def test_posteriors_are_probabilities() -> None:
    engine = put_shop(make_shop(1, TINY))
    trace_sources(engine, TracingSettings(), 0, SilentProgress())
    rows = engine.fetch("SELECT source, posterior FROM sources")
    assert rows["posterior"].is_between(0, 1).all()
    assert {"none", "unlogged"} <= set(rows["source"])
    assert rows["source"].is_unique().all()


def test_times_before_the_first_order_and_odd_names() -> None:
    shop = make_shop(1, TINY)
    shop.victims = shop.victims.with_columns(received_us=pl.lit(0), contacted_us=pl.lit(None, pl.Int64))
    shop.exposures = shop.exposures.with_columns(source=pl.col("source") + "+'; DROP TABLE victims")
    engine = put_shop(shop)
    assert trace_sources(engine, TracingSettings(), 0, SilentProgress()).sources == []
    assert engine.has("victims")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [1, 2, 8, 25])
def test_an_undetermined_answer_says_what_would_settle_it(n: int, seed: int) -> None:
    shop = make_shop(seed, Plan(n_orders=300, leaks=("none",), n_from_leak=n))
    found = trace_sources(put_shop(shop), TracingSettings(), 0, SilentProgress())
    assert found.verdict == "undetermined"
    assert found.would_settle


def test_where_all_look_alike_nobody_is_pointed_at() -> None:
    shop = make_shop(1, Plan(n_orders=300, leaks=("none",), n_from_leak=12))
    shop.exposures = pl.concat(
        shop.exposures.filter(pl.col("source") == shop.exposures["source"][0]).with_columns(
            source=pl.lit(f"staff:{name}")
        )
        for name in ("a", "b", "c")
    )
    found = trace_sources(put_shop(shop), TracingSettings(), 0, SilentProgress())
    assert "No source stands out." in found.why
    assert not [told for told in [*found.why, *found.would_settle] if "likeliest" in told]


@pytest.mark.parametrize(
    ("share", "told"),
    [(1.0, "over 99.9"), (0.9999, "over 99.9"), (0.5, "50"), (0.025, "2.5"), (0.0, "under 0.1")],
)
def test_shares_are_told_in_plain_decimals(share: float, told: str) -> None:
    assert write_percent(share) == told


@pytest.mark.parametrize(
    ("value", "told"), [(0.0, "under 0.1"), (-0.0, "under 0.1"), (3.14, "3.1"), (5_799.2, "5,799")]
)
def test_expectations_are_told_in_plain_decimals(value: float, told: str) -> None:
    assert write_expected(value) == told
