"""Findings and engine tables made by hand: the shapes that the stages give, without the stages."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from stanch.engine import Engine, EngineSettings, open_engine
from stanch.evidence.tables import TABLES
from stanch.findings import (
    Attribution,
    Campaign,
    ComplaintCounts,
    Early,
    Findings,
    Heard,
    HeardColumn,
    HeardScript,
    Input,
    Interval,
    Logins,
    Period,
    Run,
    Tool,
)
from stanch.stuffing.blocks import BLOCKS

MINUTE: Final = 60_000_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
START: Final = 1_428_710_400_000_000  # 2015-04-11T00:00:00Z

NO_FINDINGS: Final = Findings(
    schema=1,
    run=Run(version="0.1.0", started="2026-01-02T03:04:05+00:00", seconds=1.5),
    inputs=[],
    period=Period(),
    logins=Logins(),
    campaigns=[],
    complaints=ComplaintCounts(),
    attribution=Attribution(),
)


def make_engine() -> Engine:
    return open_engine("duckdb", EngineSettings(memory_limit_mb=512, threads=1))


def make_input(table: str, path: str = "", rows: int = 100, **more: Any) -> Input:
    path = path or f"evidence/{table}.csv"
    return Input(table, path, "0f" * 32, rows, 0, format="csv", encoding="utf-8", **more)


def put_evidence(engine: Engine, name: str, rows: list[dict[str, Any]]) -> None:
    """Evidence table `name` with the columns not named in `rows` NULL."""
    kinds = {"INTEGER": pl.Int32, "BIGINT": pl.Int64, "VARCHAR": pl.String, "DOUBLE": pl.Float64}
    schema = {column: kinds[kind] for column, kind in TABLES[name].stored_schema.items()}
    full = [dict.fromkeys(schema) | {"file_id": 0, "line": i + 1} | row for i, row in enumerate(rows)]
    engine.put(name, pl.DataFrame(full, schema=schema))


def put_known_orders(engine: Engine) -> None:
    """What the search for exposures leaves beside them."""
    engine.put("known_orders", engine.fetch('SELECT "order", account, time_us, region FROM orders'))


CAMPAIGN: Final = Campaign(
    id="c1",
    kind="stuffing",
    start="2015-04-13T02:00:00Z",
    end="2015-04-14T20:00:00Z",
    attempts=41_200,
    addresses=14,
    accounts=40_911,
    compromised=Interval(212.4, 203, 221),
    success_rate=0.0052,
    tools=[Tool("t12d Requests/2.3", 0.87, 0.0004)],
    opened_share=Interval(0.00516, 0.0046, 0.0057),
    existing_share=Interval(0.31, 0.302, 0.318),
    list_size_unknown="accounts were tried about once each, so nothing shows how long the list goes on",
    overlap={"c2": 0.25},
    why=[
        "99.3% of its attempts failed, against 11% of ordinary ones.",
        "Each account was tried 1.0 times; customers who fail try again.",
    ],
)


def make_named(source: str = "campaign:c1", n_orders: int = 300) -> tuple[Findings, Engine]:
    """The burst of 2015: one wave, fallen accounts, orders read, complaints that fit it."""
    engine = make_engine()
    rng = np.random.default_rng(5)
    accounts = [f"user{i:04d}" for i in range(n_orders)]
    orders = [f"20150401{i:05d}" for i in range(n_orders)]
    put_evidence(engine, "orders", [
        {"order": o, "account": a, "time_us": START - DAY * (i % 9), "region": "Guangdong"}
        for i, (o, a) in enumerate(zip(orders, accounts, strict=True))
    ])  # fmt: skip
    put_known_orders(engine)
    put_evidence(engine, "logins", [
        {"time_us": START + HOUR * i, "ip": "203.0.113.7", "account": a, "outcome": "success"}
        for i, a in enumerate(accounts)
    ])  # fmt: skip
    put_evidence(engine, "accesses", [])
    put_evidence(engine, "complaints", [])
    _put_attempts(engine, accounts)
    engine.put("fallen_accounts", pl.DataFrame({
        "account": accounts[:220],
        "p_compromised": np.round(np.linspace(0.999, 0.02, 220), 4),
        "campaign": "c1",
        "first_success_us": [START + 2 * DAY + 7 * MINUTE * i for i in range(220)],
        "ip": [f"198.51.100.{i % 14 + 1}" for i in range(220)],
    }))  # fmt: skip
    _put_bins(engine, rng)
    engine.put("address_risk", engine.fetch(
        "SELECT ip, count(*) AS attempts, sum(p_attack) AS attack, sum(1 - p_attack) AS genuine,"
        " count(DISTINCT account) AS accounts FROM attempts WHERE ip LIKE '198.51.100.%' GROUP BY ip"
    ))  # fmt: skip
    seen = range(300)
    engine.put("exposures", pl.DataFrame({
        "source": [source] * 220 + ["staff:agent07"] * 300,
        "order": orders[:220] + orders,
        "first_us": [START + 2 * DAY + 9 * MINUTE * i for i in range(220)] + [START + HOUR * i for i in seen],
        "last_us": [START + 3 * DAY + 9 * MINUTE * i for i in range(220)] + [START + HOUR * i for i in seen],
        "fields": "name|phone|items", "weight": [0.9] * 220 + [1.0] * 300,
    }))  # fmt: skip
    engine.put("heard", pl.DataFrame({
        "file_id": 0, "line": [1, 1, 2], "complaint": ["k0", "k0", "k1"],
        "column": ["currency", "loss", "order"],
        "value": ["CNY", "18373.0", "201504100001"], "confidence": [0.95, 0.95, 0.7],
    }))  # fmt: skip
    victims = sorted(rng.choice(200, 60, replace=False).tolist())
    engine.put("victims", pl.DataFrame({
        "complaint": [f"k{i}" for i in range(60)],
        "order": [orders[i] for i in victims],
        "account": [accounts[i] if i % 2 else None for i in victims],
        "phone": None,
        "received_us": [START + 5 * DAY + 11 * HOUR * i // 2 for i in range(60)],
        "contacted_us": None, "known_fields": "name|items", "region": "Hubei",
    }, schema_overrides={"phone": pl.String, "contacted_us": pl.Int64}))  # fmt: skip
    _put_sources(engine, source)
    return _named_findings(source), engine


def _put_attempts(engine: Engine, accounts: list[str]) -> None:
    """Each account's own login, and 14 addresses of the attack, of which 4 are shared with customers."""
    n = len(accounts)
    own = pl.DataFrame({
        "line": range(1, n + 1), "time_us": [START + HOUR * i for i in range(n)], "ip": "203.0.113.7",
        "account": accounts, "outcome": "success", "p_attack": 0.02,
        "campaign": pl.Series([None] * n, dtype=pl.String),
    })  # fmt: skip
    tries = pl.DataFrame({
        "line": range(n + 1, n + 1401), "time_us": [START + 2 * DAY + MINUTE * i for i in range(1400)],
        "ip": [f"198.51.100.{i % 14 + 1}" for i in range(1400)], "account": [f"gone{i}" for i in range(1400)],
        "outcome": "unknown_account", "p_attack": [0.9999 if i % 14 < 10 else 0.8 for i in range(1400)],
        "campaign": "c1",
    })  # fmt: skip
    both = pl.concat([own, tries], how="vertical_relaxed")
    put_attempts(
        engine, both.with_columns(pl.lit(0, pl.Int32).alias("file_id"), pl.lit(2.0).alias("log_odds"))
    )


def put_attempts(engine: Engine, attempts: pl.DataFrame) -> None:
    """Table `attempts`; what `attempts` lacks is filled with something plain."""
    n = attempts.height
    plain = {
        "time_us": pl.Series(range(n)), "ip": pl.lit("203.0.113.7"), "account": pl.lit(None, pl.String),
        "outcome": pl.lit("failure"), "log_odds": pl.lit(0.0),
    }  # fmt: skip
    plain |= {"prior": pl.lit(0.0), "ev_sequel": pl.lit(0.0)}
    plain |= {name: pl.lit(0) for name in ("origin", "lv_sequel", "attack", "pattern", "habit")}
    missing = [value.alias(name) for name, value in plain.items() if name not in attempts.columns]
    full = attempts.with_columns(missing)
    engine.put("attempts", full.with_columns(account_id=pl.col("account").rank("dense").cast(pl.Int64)))
    weights = {f"ev_{name}": [0.0] for name in BLOCKS} | {f"lv_{name}": [0] for name in BLOCKS}
    engine.put("pattern_addends", pl.DataFrame({"attack": [0], "pattern": [0], **weights}))
    engine.create("level_names", {"block": "VARCHAR", "level": "INTEGER", "name": "VARCHAR"})


def _put_bins(engine: Engine, rng: np.random.Generator) -> None:
    hours = np.arange(24 * 20)
    usual = 260 * (1.15 + np.sin((hours % 24 - 9) / 24 * 2 * np.pi)) + 30
    ordinary = rng.poisson(usual).astype(float)
    ordinary[24 * 9 + 4 : 24 * 9 + 21] = 0
    attack = np.where((hours >= 50) & (hours < 92), rng.poisson(980, hours.size), 3).astype(float)
    attack[ordinary == 0] = 0
    keep = ordinary > 0
    engine.put("attempt_bins", pl.DataFrame({
        "bin_us": START + HOUR * hours[keep], "attempts": (ordinary + attack)[keep], "attack": attack[keep],
    }))  # fmt: skip


def _put_sources(engine: Engine, source: str) -> None:
    names = [source, "none", "unlogged", "staff:agent07", "partner:carrier-east", "service:erp-sync"]
    names += [f"staff:agent{i:02d}" for i in range(20, 45)]
    n = len(names)
    engine.put("sources", pl.DataFrame({
        "source": names,
        "posterior": [0.9983, 0.0, 0.0007, 0.004] + [0.0002] * (n - 4),
        "exposed": [220, 0, 0, 300] + [90] * (n - 4), "victims": [58, 60, 60, 31] + [4] * (n - 4),
        "log10_bayes_factor": [24.31, 0.0, 12.5, 1.25] + [-2.5] * (n - 4),
        "leak_start_us": [START + 2 * DAY, None, None, START] + [None] * (n - 4),
        "leak_end_us": [START + 4 * DAY, None, None, START + 9 * DAY] + [None] * (n - 4),
        "verdict": ["named", "cleared", "undetermined", "undetermined"] + ["cleared"] * (n - 4),
        "why_for": ["58 of 60 complaints are about orders it saw, where 9 would be expected.\n"
                    "Complaints follow its exposures by 3 days."] + [""] * (n - 1),
        "why_against": ["2 complaints are about orders it did not see."] + ["Saw 4 of 60."] * (n - 1),
    }))  # fmt: skip


def _named_findings(source: str) -> Findings:
    return msgspec.structs.replace(
        NO_FINDINGS,
        inputs=[make_input(t) for t in ("logins", "accesses", "orders", "complaints")],
        period=Period("2015-04-01T00:00:00Z", "2015-04-30T22:10:00Z"),
        logins=Logins(182_340, Interval(41_233.0, 41_020, 41_460)),
        campaigns=[CAMPAIGN],
        complaints=ComplaintCounts(
            60, "2015-04-16T00:00:00Z", "2015-04-29T12:00:00Z",
            loss_total={"CNY": 183_400.0}, loss_max={"CNY": 49_999.0},
            by_region={"Guangdong": 22, "Jiangsu": 14, "Zhejiang": 11, "北京": 9, "Sichuan": 4}, duplicates=3,
        ),
        attribution=Attribution(
            "named", [source], {source: 0.9983, "none": 0.0, "unlogged": 0.0007, "staff:agent07": 0.004}, 58,
            ["58 of 60 complaints are about orders that were read through accounts of this attack."],
            ["partner:carrier-east", "service:erp-sync"], ["courier hand-helds: no log given"],
            ["staff log starts 2015-04-20, 9 days after the first exposure that matters"], 0.002, [],
        ),
        heard=Heard(
            40, {"fake_customer_service": 37, "not_fraud": 3}, {"shop": 37}, {"wholesaler": 30, "refund": 12},
            {"refund_page": 28, "card_details": 20}, {"loss": HeardColumn(12, 0.91, 0.61)},
            [HeardScript(
                "s1",
                {"en": "Fake customer service: wrongly made a wholesaler", "zh": "冒充客服：误设为批发商"},
                "fake_customer_service", 30, "2015-04-16", "2015-04-29", "2015-04-17",
                {"wholesaler": 1.0}, {"refund_page": 0.9}, {"name": 1.0, "items": 0.7},
            )],
        ),
        early=Early(1.0, 1.0, "2015-04-17", 6, "2015-04-18", 11, "2015-04-24", 38),
    )  # fmt: skip
