"""Small shops unlike the simulator's: branches whose staff share queues, two couriers a region, a
region that complains a lot, and leaks of every kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from stanch.engine import Engine, EngineSettings, open_engine

DAY: Final = 86_400_000_000
HOUR: Final = 3_600_000_000
START: Final = 1_700_000_000_000_000
FIELDS: Final = {
    "staff": "name|phone|items|price",
    "partner": "name|phone|address",
    "service": "price|payment",
    "unit": "name|phone|items|price",
}


@dataclass(frozen=True)
class Plan:
    """What a shop is like and who leaks in it."""

    n_orders: int = 3000
    days: int = 40
    n_regions: int = 6
    staff_per_branch: int = 4
    #: `staff:…` by kind: how many leak; or `none`, `unlogged`.
    leaks: tuple[str, ...] = ("staff",)
    n_from_leak: int = 15
    n_other: int = 2
    loud: float = 1.0
    #: Chance that a colleague saw an order of the same queue as well.
    linked: float = 0.3
    window_days: float = 12
    no_order: float = 0.0
    no_contact: float = 0.0
    with_fields: bool = True
    #: So many customers' accounts that saw an order or two of others.
    strangers: int = 0
    #: Whether the agents of a region are told as a branch as well.
    branches: bool = False


@dataclass
class Shop:
    """Tables as the stages before tracing leave them, and the truth."""

    orders: pl.DataFrame
    exposures: pl.DataFrame
    victims: pl.DataFrame
    truth: list[str] = field(default_factory=list)


def make_shop(seed: int, plan: Plan = Plan()) -> Shop:
    rng = np.random.default_rng(seed)
    n = plan.n_orders
    times = START + np.sort(rng.integers(0, plan.days * DAY, n))
    region = rng.choice(plan.n_regions, n, p=rng.dirichlet(np.full(plan.n_regions, 3.0)))
    account = rng.integers(0, n * 2 // 3, n)
    orders = pl.DataFrame({
        "order": [f"o{i:06d}" for i in range(n)], "account": [f"a{i}" for i in account],
        "time_us": times, "region": [f"r{r}" for r in region],
    })  # fmt: skip
    seen = _make_exposures(rng, plan, times, region)
    loudness = np.exp(rng.normal(0, 0.4, plan.n_regions))
    loudness[int(rng.integers(plan.n_regions))] *= plan.loud
    rows, truth = _make_complaints(rng, plan, times, loudness[region], seen)
    exposures = pl.DataFrame(
        [(s, f"o{i:06d}", t, t, _show(s, plan), 1.0) for (s, i), t in seen.items()],
        schema=["source", "order", "first_us", "last_us", "fields", "weight"], orient="row",
        schema_overrides={"fields": pl.String},
    )  # fmt: skip
    return Shop(orders, exposures, _write_victims(rng, plan, rows, orders), truth)


def _show(source: str, plan: Plan) -> str | None:
    return FIELDS.get(source.partition(":")[0]) if plan.with_fields else None


def _make_exposures(
    rng: np.random.Generator, plan: Plan, times: Any, region: Any
) -> dict[tuple[str, int], int]:
    seen: dict[tuple[str, int], int] = {}
    second = rng.uniform(0.2, 0.5, plan.n_regions)
    for i, (t, r) in enumerate(zip(times.tolist(), region.tolist(), strict=True)):
        seen["service:payments", i] = t + 60_000_000
        courier = f"partner:courier{r}{'b' if rng.random() < second[r] else 'a'}"
        seen[courier, i] = t + int(rng.uniform(8, 40) * HOUR)
        seen[f"staff:packer{rng.integers(5)}", i] = t + int(rng.uniform(2, 20) * HOUR)
        if rng.random() < 0.35:
            at = t + int(rng.exponential(30) * HOUR)
            first = int(rng.integers(plan.staff_per_branch))
            seen[f"staff:agent{r}{first}", i] = at
            if rng.random() < plan.linked:
                seen[f"staff:agent{r}{(first + 1) % plan.staff_per_branch}", i] = at + 5 * HOUR
            if plan.branches:
                seen[f"unit:branch={r}", i] = at
    for k in range(plan.strangers):
        for i in rng.integers(0, len(times), rng.integers(1, 4)).tolist():
            seen[f"customer:stranger{k}", i] = int(times[i]) + HOUR
    return seen


def _make_complaints(
    rng: np.random.Generator, plan: Plan, times: Any, loud: Any, seen: dict[tuple[str, int], int]
) -> tuple[list[tuple[int, int, str | None]], list[str]]:
    rows: list[tuple[int, int, str | None]] = []
    truth: list[str] = []
    for kind in plan.leaks:
        begin = START + int(rng.uniform(5, plan.days - plan.window_days - 6) * DAY)
        end = begin + int(plan.window_days * DAY)
        if kind == "none":
            continue
        if kind == "unlogged":
            pairs = [(i, end) for i in range(len(times)) if begin <= times[i] < end]
            fields = "name|phone|items|price|order_id"
        else:
            names = sorted(
                {s for s, _ in seen if s.startswith(kind) and s not in truth and "payments" not in s}
            )
            inside = {s: [(i, t) for (q, i), t in seen.items() if q == s and begin <= t < end] for s in names}
            big = [s for s in names if len(inside[s]) >= plan.n_from_leak] or [
                max(names, key=lambda s: len(inside[s]))
            ]
            source = big[int(rng.integers(len(big)))]
            truth.append(source)
            pairs, fields = inside[source], FIELDS.get(kind, "name|phone|items")
        p = np.array([loud[i] for i, _ in pairs])
        chosen = rng.choice(len(pairs), min(plan.n_from_leak, len(pairs)), replace=False, p=p / p.sum())
        for k in chosen.tolist():
            cited = "|".join(f for f in fields.split("|") if rng.random() < 0.6)
            rows.append(
                (pairs[k][0], pairs[k][1] + int(np.exp(rng.normal(0.7, 0.6)) * DAY) + HOUR, cited or None)
            )
    n_other = plan.n_other if plan.leaks != ("none",) else plan.n_from_leak
    for _ in range(n_other):
        at = START + int(rng.uniform(8, plan.days) * DAY)
        before = np.flatnonzero(times < at - DAY)
        # Fresh orders are on people's minds.
        p = loud[before] * np.exp(-(at - times[before]) / (8 * DAY))
        rows.append(
            (int(rng.choice(before, p=p / p.sum())), at, "name|phone" if rng.random() < 0.7 else "name")
        )
    return rows, truth


def _write_victims(
    rng: np.random.Generator, plan: Plan, rows: list[Any], orders: pl.DataFrame
) -> pl.DataFrame:
    made = []
    for number, (order, contacted, cited) in enumerate(rows):
        bare = rng.random() < plan.no_order
        silent = rng.random() < plan.no_contact
        made.append({
            "complaint": f"k{number:04d}",
            "order": None if bare else orders["order"][order],
            "account": orders["account"][order] if bare else None,
            "phone": None,
            "received_us": contacted + int(rng.exponential(20) * HOUR),
            "contacted_us": None if silent else contacted,
            "known_fields": cited if plan.with_fields else None,
            "region": None,
        })  # fmt: skip
    kinds = {"received_us": pl.Int64, "contacted_us": pl.Int64}
    names = (
        "complaint",
        "order",
        "account",
        "phone",
        "received_us",
        "contacted_us",
        "known_fields",
        "region",
    )
    return pl.DataFrame(made, schema={name: kinds.get(name, pl.String) for name in names})


def put_shop(shop: Shop, engine: Engine | None = None) -> Engine:
    engine = engine or open_engine("duckdb", EngineSettings(memory_limit_mb=512, threads=1))
    engine.put("known_orders", shop.orders)
    engine.put("exposures", shop.exposures)
    engine.put("victims", shop.victims)
    return engine
