"""Little or no evidence gives an answer that says so."""

from __future__ import annotations

import polars as pl
import pytest

from stanch.progress import SilentProgress
from stanch.tracing import TracingSettings, trace_sources
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
