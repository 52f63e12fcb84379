"""The figures of a consumer council, and one victim counted once."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.complaints import count_complaints
from stanch.complaints.victims import fold_duplicates
from stanch.engine import Engine, EngineSettings, open_engine
from stanch.evidence.tables import TABLES

DAY = 86_400_000_000
START = 1_428_710_400_000_000  # 2015-04-11T00:00:00Z
KINDS: dict[str, Any] = {"INTEGER": pl.Int32, "BIGINT": pl.Int64, "VARCHAR": pl.String, "DOUBLE": pl.Float64}


def put(engine: Engine, table: str, rows: list[dict[str, Any]]) -> None:
    schema = {name: KINDS[kind] for name, kind in TABLES[table].stored_schema.items()}
    full = [dict.fromkeys(schema) | {"file_id": 0, "line": i + 1} | row for i, row in enumerate(rows)]
    engine.put(table, pl.DataFrame(full, schema=schema))


@pytest.fixture
def engine() -> Engine:
    return open_engine("duckdb", EngineSettings(memory_limit_mb=256, threads=1))


def report(number: int, **more: Any) -> dict[str, Any]:
    return {"complaint": f"k{number}", "received_us": START + number * DAY // 2, "order": f"o{number}"} | more


def council() -> list[dict[str, Any]]:
    """23 complaints in two weeks from six regions, 120,000 yuan in all, 18,373 the largest."""
    cents = [1_837_300] + [(12_000_000 - 1_837_300) // 22] * 22
    cents[-1] += 12_000_000 - sum(cents)
    regions = ["Guangdong", "Jiangsu", "Zhejiang", "Beijing", "Sichuan", "Hubei"]
    return [
        report(i, loss=c / 100, currency="CNY", region=regions[i % 6], received_us=START + i * 14 * DAY // 23)
        for i, c in enumerate(cents)
    ]


def test_the_councils_figures_are_reproduced(engine: Engine) -> None:
    again = [
        {**row, "complaint": f"again{i}", "received_us": row["received_us"] + DAY}
        for i, row in enumerate(council()[:5])
    ]
    put(engine, "complaints", [*again, *council()])
    counts = count_complaints(engine)
    assert counts.count == 23
    assert counts.duplicates == 5
    assert (counts.first[:10], counts.last[:10]) == ("2015-04-11", "2015-04-24")
    assert counts.loss_total == {"CNY": 120_000.0}
    assert counts.loss_max == {"CNY": 18_373.0}
    assert len(counts.by_region) == 6
    assert sum(counts.by_region.values()) == sum(counts.by_day.values()) == 23
    assert list(counts.by_day) == sorted(counts.by_day)
    assert engine.count("victims") == 23


@pytest.mark.parametrize(
    ("second", "n"),
    [
        ({"order": "o0"}, 1),
        ({"order": None, "account": "anna"}, 1),
        ({"order": None, "phone": "139"}, 1),
        ({"order": "o-annas-other"}, 1),
        ({"order": None, "account": "bert"}, 2),
        ({"order": "o0", "received_us": START + 90 * DAY}, 2),
    ],
    ids=["order", "account", "phone", "account of the order", "somebody else", "months later"],
)
def test_reports_of_one_victim_count_once(engine: Engine, second: dict[str, Any], n: int) -> None:
    put(engine, "orders", [
        {"order": "o0", "account": "anna", "time_us": START, "region": "Hubei"},
        {"order": "o-annas-other", "account": "anna", "time_us": START},
    ])  # fmt: skip
    put(engine, "complaints", [report(0, phone="139"), report(1) | second])
    assert count_complaints(engine).count == n
    assert engine.fetch("SELECT region FROM victims WHERE complaint = 'k0'")["region"][0] == "Hubei"


def test_a_report_that_joins_two_makes_them_one_victim(engine: Engine) -> None:
    """First by phone, then by order, and then with both: one person, who lost the largest sum once."""
    rows = [
        report(0, order=None, account=None, phone="139", loss=100.0, currency="CNY"),
        report(1, order="o9", account=None, phone=None, loss=300.0, currency="CNY", received_us=START + DAY),
        report(2, order="o9", account=None, phone="139", received_us=START + 2 * DAY),
        report(3, order=None, account=None, phone="139", received_us=START + 3 * DAY),
    ]
    put(engine, "complaints", rows)
    counts = count_complaints(engine)
    assert (counts.count, counts.duplicates) == (1, 3)
    assert counts.loss_total == counts.loss_max == {"CNY": 300.0}


def test_what_callers_knew_is_counted_by_victim(engine: Engine) -> None:
    rows = [
        report(0, phone="1", known_fields="name|phone"),
        report(1, order="o0", phone="1", known_fields="order_id"),
        report(2, phone="3", known_fields="name"),
        report(3, phone="4", known_fields=None),
    ]
    put(engine, "complaints", rows)
    counts = count_complaints(engine)
    assert counts.known_fields == {"name": 2, "order_id": 1, "phone": 1}


def test_a_later_report_fills_in_what_the_first_left_open(engine: Engine) -> None:
    put(engine, "complaints", [
        report(0, known_fields="name|phone"),
        report(0, complaint="k9", received_us=START + DAY, known_fields="phone|items",
               contacted_us=START - DAY, loss=500.0, currency="CNY"),
    ])  # fmt: skip
    assert count_complaints(engine).loss_total == {"CNY": 500.0}
    victim = engine.fetch("SELECT * FROM victims").row(0, named=True)
    assert (victim["complaint"], victim["known_fields"]) == ("k0", "name|phone|items")
    assert victim["contacted_us"] == START - DAY


def test_losses_are_added_in_cents_and_kept_apart_by_currency(engine: Engine) -> None:
    losses = [(0.1, "CNY"), (0.2, "CNY"), (19.99, "GBP"), (5.0, None), (0.0, "EUR"), (None, "USD")]
    put(engine, "complaints", [report(i, loss=loss, currency=c) for i, (loss, c) in enumerate(losses)])
    counts = count_complaints(engine)
    assert counts.loss_total == {"CNY": 0.3, "GBP": 19.99, "XXX": 5.0}
    assert counts.loss_max == {"CNY": 0.2, "GBP": 19.99, "XXX": 5.0}


def test_one_victim_may_lose_in_two_currencies(engine: Engine) -> None:
    reports = [(300.0, "CNY"), (80.0, "GBP"), (500.0, "CNY"), (20.0, "GBP"), (None, None)]
    put(engine, "complaints", [
        report(0, complaint=f"r{i}", loss=loss, currency=c) for i, (loss, c) in enumerate(reports)
    ] + [report(1, loss=90.0, currency="GBP")])  # fmt: skip
    counts = count_complaints(engine)
    assert (counts.count, counts.duplicates) == (2, 4)
    assert counts.loss_total == {"CNY": 500.0, "GBP": 170.0}
    assert counts.loss_max == {"CNY": 500.0, "GBP": 90.0}


def test_a_loss_without_a_currency_is_not_counted_beside_the_same_with_one(engine: Engine) -> None:
    put(engine, "complaints", [
        report(0, loss=500.0, currency="CNY"), report(0, complaint="k9", loss=500.0),
    ])  # fmt: skip
    assert count_complaints(engine).loss_total == {"CNY": 500.0}


def test_no_rows_give_no_figures(engine: Engine) -> None:
    put(engine, "complaints", [])
    counts = count_complaints(engine)
    assert (counts.count, counts.first, counts.last, counts.loss_total) == (0, "", "", {})
    assert engine.count("victims") == 0


@given(st.permutations([*council()[:8], report(0, complaint="z", loss=9e5), report(3, complaint="a")]))
def test_the_order_of_rows_is_irrelevant(rows: list[dict[str, Any]]) -> None:
    names = (
        "complaint",
        "order",
        "account",
        "phone",
        "received_us",
        "contacted_us",
        "known_fields",
        "loss",
        "currency",
        "region",
    )
    kinds = TABLES["complaints"].stored_schema
    schema = {name: KINDS[kinds[name]] for name in names}
    frames = [
        pl.DataFrame([dict.fromkeys(names) | r for r in some], schema=schema)
        for some in (rows, sorted(rows, key=str))
    ]
    (one, lost), (two, lost_too) = (fold_duplicates(frame, {}) for frame in frames)
    assert one.equals(two)
    assert lost.equals(lost_too)
    assert one.height == 8


def test_the_latest_report_counts_as_last_even_if_it_repeats_one(engine: Engine) -> None:
    put(engine, "complaints", [report(0), report(0, complaint="k9", received_us=START + 3 * DAY)])
    counts = count_complaints(engine)
    assert (counts.count, counts.first[:10], counts.last[:10]) == (1, "2015-04-11", "2015-04-14")


def test_days_are_those_of_the_zone(engine: Engine) -> None:
    put(engine, "complaints", [report(0, received_us=START - DAY // 12)])  # 22:00 of the day before, UTC
    assert count_complaints(engine).by_day == {"2015-04-10": 1}
    assert count_complaints(engine, "Asia/Shanghai").by_day == {"2015-04-11": 1}


def test_regions_that_differ_in_case_alone_are_one(engine: Engine) -> None:
    put(
        engine,
        "complaints",
        [report(i, region=r) for i, r in enumerate(["hebei", "Hebei", "Hebei", "Hubei"])],
    )
    assert count_complaints(engine).by_region == {"Hebei": 3, "Hubei": 1}
