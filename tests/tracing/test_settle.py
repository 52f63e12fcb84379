"""What is said to settle the question does settle it, in about the complaints and days foretold."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from stanch.findings import Attribution, Settling
from stanch.progress import SilentProgress
from stanch.tracing import TracingSettings, trace_sources
from tracing.shops import DAY, Plan, Shop, make_shop, put_shop

#: Long enough that many complaints come after a split.
LONG = Plan(n_orders=3000, days=60, window_days=45, n_from_leak=60, n_other=20)
MANY = Plan(n_orders=2500, n_from_leak=40, n_other=15)


def trace(shop: Shop) -> Attribution:
    return trace_sources(put_shop(shop), TracingSettings(), 0, SilentProgress())


def pick(found: Attribution, action: str) -> list[Settling]:
    return [plan for plan in found.settle if plan.action == action]


def until(shop: Shop, time_us: int, victims: pl.DataFrame) -> Shop:
    """The shop as its logs stand at that time."""
    return Shop(
        shop.orders.filter(pl.col("time_us") <= time_us),
        shop.exposures.filter(pl.col("first_us") <= time_us),
        victims,
        shop.truth,
    )


@pytest.mark.parametrize("leak", ["staff", "partner"])
def test_about_as_many_complaints_are_needed_as_foretold(leak: str) -> None:
    """More complaints come one by one, until the source is named."""
    logs = []
    for seed in (2, 3, 5):
        shop = make_shop(seed, replace(MANY, leaks=(leak,)))
        victims = shop.victims.sample(fraction=1.0, shuffle=True, seed=seed)
        found = [trace(replace(shop, victims=victims.head(k))) for k in range(3, 16)]
        named = next(k for k, answer in enumerate(found) if answer.sources == shop.truth)
        for k, answer in enumerate(found[: named - 1]):
            first = pick(answer, "complaints")[0]
            if first.complaints_needed and first.sources in ([], shop.truth):
                logs.append(math.log(first.complaints_needed / (named - k)))
    assert len(logs) >= 8
    assert abs(np.mean(logs)) < math.log(2)
    assert np.mean(np.abs(logs) < math.log(3)) >= 0.75


@pytest.mark.parametrize(("leak", "seed"), [("staff", 0), ("staff", 3), ("partner", 1)])
def test_a_split_tells_twins_apart_in_about_the_days_foretold(leak: str, seed: int) -> None:
    shop = make_shop(seed, replace(LONG, leaks=(leak,)))
    (truth,), rng = shop.truth, np.random.default_rng(seed)
    own = shop.exposures.filter(pl.col("source") == truth)
    split_us = int(own["first_us"].quantile(0.45) or 0)
    early, late = own.filter(pl.col("first_us") < split_us), own.filter(pl.col("first_us") >= split_us)
    kept = pl.Series(rng.random(late.height) < 0.5)
    twin = pl.lit(f"{leak}:zz").alias("source")
    rest = shop.exposures.filter(pl.col("source") != truth)
    shop.exposures = pl.concat(
        [rest, early, early.with_columns(twin), late.filter(kept), late.filter(~kept).with_columns(twin)]
    )
    victims = shop.victims.sort("received_us")
    before = victims.filter(pl.col("received_us") < split_us)
    name = f"group:{truth}+{leak}:zz"
    found = trace(until(shop, split_us, before))
    assert found.sources == [name]
    (plan,) = pick(found, "split")
    assert plan.sources == name.removeprefix("group:").split("+")
    assert plan.days is not None
    assert plan.complaints_needed is not None
    gone = late.filter(~kept)["order"].implode()
    new = shop.orders.filter(pl.col("time_us") >= split_us - DAY)["order"].implode()
    told = pl.col("order").is_in(new) & ~pl.col("order").is_in(gone)
    after = victims.filter(pl.col("received_us") >= split_us, told)
    for k, now_us in enumerate(after["received_us"], start=1):
        if trace(until(shop, now_us, pl.concat([before, after.head(k)]))).sources == [truth]:
            break
    else:
        pytest.fail("never told apart")
    assert 0.5 < (now_us - split_us) / DAY / plan.days < 2
    assert 1 / 3 < k / plan.complaints_needed < 3


def test_canaries_are_as_many_as_make_one_call_all_but_sure() -> None:
    """Of so many planted orders one is among those that the leak would have used."""
    shop = make_shop(3, replace(LONG, leaks=("staff",)))
    own = shop.exposures.filter(pl.col("source") == shop.truth[0])
    shop.exposures = pl.concat([shop.exposures, own.with_columns(source=pl.lit("staff:zz"))])
    (plan,) = pick(trace(shop), "canary")
    assert plan.orders is not None
    start, end = shop.victims["contacted_us"].min(), shop.victims["contacted_us"].max()
    inside = own.filter(pl.col("first_us").is_between(start - 2 * DAY, end))["order"].to_list()  # type: ignore[operator]
    called = set(shop.victims["order"])
    rng = np.random.default_rng(0)
    size = min(plan.orders, len(inside))
    met = [bool(called & set(rng.choice(inside, size, replace=False))) for _ in range(400)]
    assert np.mean(met) >= 0.9
    assert np.mean([bool(called & set(rng.choice(inside, max(size // 4, 1)))) for _ in range(400)]) < 0.9


def test_what_is_quickest_comes_first_and_every_plan_has_its_sentence() -> None:
    shop = make_shop(1, replace(MANY, n_from_leak=4, n_other=2, with_fields=False))
    lost = shop.victims.head(2).with_columns(
        order=pl.lit(None, pl.String), complaint=pl.lit("x") + pl.col("complaint")
    )
    lost = lost.with_columns(account=pl.lit(None, pl.String), phone=pl.lit("+440000000000"))
    shop.victims = pl.concat([shop.victims, lost])
    found = trace(replace(shop, victims=shop.victims.tail(5)))
    assert found.verdict == "undetermined"
    assert found.would_settle == [plan.what for plan in found.settle]
    assert found.settle[0].action == "order_numbers"
    days = [plan.days for plan in found.settle if plan.days is not None]
    assert days == sorted(days)
    assert found.settle[-1].action == "fields"


def test_a_single_named_source_needs_nothing_more() -> None:
    found = trace(make_shop(11, Plan(n_orders=1800)))
    assert found.verdict == "named"
    assert found.settle == []
