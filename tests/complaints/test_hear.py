"""What texts add to the table of complaints, and what they must not touch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from stanch.complaints.hear import hear_complaints
from stanch.engine import Engine, EngineSettings, open_engine
from stanch.evidence.tables import TABLES, Kind
from stanch.findings import Heard
from stanch.progress import SilentProgress

RECEIVED = "2015-05-08T10:00:00+08:00"
ORDERS = [
    {"order": "201504270001", "account": "ann@example.org"},
    {"order": "201504270002", "account": "bob@example.org"},
    {"order": "4711", "account": "bob@example.org"},
]


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = open_engine("duckdb", EngineSettings())
    put(engine, "orders", ORDERS)
    yield engine
    engine.close()


def to_us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def put(engine: Engine, table: str, rows: list[dict[str, Any]]) -> None:
    types = {Kind.TIME: pl.Int64, Kind.AMOUNT: pl.Float64}
    schema = {"file_id": pl.Int32, "line": pl.Int64} | {
        column.stored_name: types.get(column.kind, pl.String) for column in TABLES[table].columns
    }
    numbered = [{"file_id": 0, "line": i, **row} for i, row in enumerate(rows, 1)]
    engine.put(
        table, pl.DataFrame([{name: row.get(name) for name in schema} for row in numbered], schema=schema)
    )


def hear(engine: Engine, *rows: dict[str, Any], zone: str = "Asia/Shanghai") -> Heard | None:
    usual = {"received_us": to_us(RECEIVED), "phone": "13900139000"}
    put(engine, "complaints", [usual | {"complaint": f"c{i}"} | row for i, row in enumerate(rows)])
    return hear_complaints(engine, zone, SilentProgress())[0]


def first_row(engine: Engine) -> dict[str, Any]:
    return engine.fetch("SELECT * FROM complaints ORDER BY complaint").row(0, named=True)


STORY = (
    "4月30日接到电话,对方自称店铺客服,知道我的姓名和收货地址,说我被误设为批发商,"
    "让我打开退款网页 tk.example-refund.top 填卡号,结果被转走18373元。"
)


def test_open_cells_are_filled_and_each_value_is_marked(engine: Engine) -> None:
    heard = hear(engine, {"text": STORY})
    row = first_row(engine)
    assert (row["known_fields"], row["loss"], row["currency"]) == ("name|address", 18373.0, "CNY")
    assert row["scam_url"] == "tk.example-refund.top"
    assert heard is not None
    assert heard.kinds == {"fake_customer_service": 1}
    assert set(heard.read) == {"contacted", "known_fields", "loss", "currency", "scam_url"}
    marked = dict(engine.fetch('SELECT "column", value FROM heard').iter_rows())
    assert marked["loss"] == "18373.0"
    assert marked["scam_url"] == "tk[.]example-refund[.]top"


def test_what_people_gave_stands(engine: Engine) -> None:
    given = {
        "contacted_us": to_us("2015-05-01T09:00:00+08:00"),
        "known_fields": "phone",
        "loss": 5.0,
        "currency": "EUR",
        "scam_phone": "1",
        "scam_url": "u",
        "order": "x",
    }
    hear(engine, given | {"text": STORY + "订单号201504270001,对方号码17100005678"})
    row = first_row(engine)
    assert {name: row[name] for name in given} == given
    assert engine.count("heard") == 0


def test_losses_in_another_currency_than_the_one_given_do_not_count(engine: Engine) -> None:
    hear(engine, {"text": STORY, "currency": "EUR"})
    assert first_row(engine)["loss"] is None


def test_a_day_stands_for_its_last_moment_and_never_comes_after_the_report(engine: Engine) -> None:
    """A source that saw the order on the evening before a call at an unknown hour must stay possible."""
    hear(engine, {"text": "4月30日接到冒充客服的电话,说要退款"})
    assert first_row(engine)["contacted_us"] == to_us("2015-04-30T23:59:59+08:00")
    hear(engine, {"text": "今天接到冒充客服的电话,说要退款"})
    assert first_row(engine)["contacted_us"] == to_us(RECEIVED)
    hear(engine, {"text": "4月30日下午3点接到冒充客服的电话,说要退款"})
    assert first_row(engine)["contacted_us"] == to_us("2015-04-30T15:00:00+08:00")


@pytest.mark.parametrize(
    ("text", "account", "order"),
    [
        ("冒充客服的人知道我的订单201504270001,要退款", None, "201504270001"),
        ("A scammer knew my order no. 201504270001.", None, "201504270001"),
        ("The caller knew order ２０１５０４２７０００１ exactly.", None, "201504270001"),
        ("冒充客服的人知道订单号4711", None, "4711"),
        ("骗子让我转了4711元", None, None),
        ("He asked about 201504270001 and 201504270002.", None, None),
        ("The caller knew order 201504270001.", "bob@example.org", None),
        ("The caller knew order 201504279999.", None, None),
        ("我的电话1201504270001", None, None),
    ],
)
def test_an_order_is_taken_from_the_text_only_beyond_doubt(
    engine: Engine, text: str, account: str | None, order: str | None
) -> None:
    hear(engine, {"text": text, "account": account})
    assert first_row(engine)["order"] == order


def test_an_account_or_the_victims_own_number_may_be_named_in_the_text_alone(engine: Engine) -> None:
    hear(engine, {"phone": None, "text": "Somebody posing as you called me. My login is bob@example.org."})
    assert first_row(engine)["account"] == "bob@example.org"
    hear(engine, {"phone": None, "text": "有人冒充你们客服打给我,我的手机13800138000"})
    assert first_row(engine)["phone"] == "13800138000"
    assert engine.fetch("SELECT value FROM heard WHERE \"column\" = 'phone'").item() is None


def test_a_text_that_names_nobody_is_taken_out_and_told(engine: Engine) -> None:
    rows = [
        {"complaint": "a", "received_us": to_us(RECEIVED), "text": "A scammer called me about a refund."},
        {"complaint": "b", "received_us": to_us(RECEIVED), "text": " "},
        {"complaint": "c", "received_us": to_us(RECEIVED), "order": "201504270001"},
    ]
    put(engine, "complaints", rows)
    _, unnamed = hear_complaints(engine, "UTC", SilentProgress())
    assert sorted(row.line for row in unnamed) == [1, 2]
    assert first_row(engine)["complaint"] == "c"


def test_without_texts_nothing_is_touched(engine: Engine) -> None:
    assert hear(engine, {"order": "201504270001"}, {"text": ""}) is None
    assert not engine.has("heard")


def test_the_order_of_rows_is_irrelevant(engine: Engine) -> None:
    stories = [STORY, "A fake agent of the shop called me about a refund.", "快递三天没更新,请催一下"] * 4
    rows = [
        {"complaint": f"c{i}", "text": text, "received_us": to_us(RECEIVED) + i % 5 * 86_400_000_000}
        for i, text in enumerate(stories)
    ]
    assert hear(engine, *rows) == hear(engine, *reversed(rows))


def test_pseudonyms_in_a_text_are_no_words_and_still_name_the_order(engine: Engine) -> None:
    order = "5000a13900139000aaaaaaaa"
    put(engine, "orders", [{"order": order, "account": "x"}])
    heard = hear(engine, {"text": f"冒充客服的人知道我的订单 {order} ,让我转账,我没转"})
    row = first_row(engine)
    assert (row["order"], row["loss"], row["scam_phone"]) == (order, None, None)
    assert heard is not None


def test_words_are_of_the_zone_of_the_language_where_none_is_given(engine: Engine) -> None:
    late = int(datetime(2015, 5, 8, 17, tzinfo=UTC).timestamp() * 1e6)  # the 9th in Shanghai
    hear(engine, {"text": "昨天接到冒充客服的电话,说要退款", "received_us": late}, zone="UTC")
    assert first_row(engine)["contacted_us"] == to_us("2015-05-08T23:59:59+08:00")
