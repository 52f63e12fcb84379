"""Who could have known which order, from when."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from stanch.engine import Engine, EngineSettings, open_engine
from stanch.evidence.tables import READABLE
from stanch.exposure import ExposureResult, ExposureSettings, find_exposures
from stanch.progress import SilentProgress

DAY = 86_400_000_000
HOUR = DAY // 24
START = 1_428_710_400_000_000
KINDS: dict[str, Any] = {"INTEGER": pl.Int32, "BIGINT": pl.Int64, "VARCHAR": pl.String, "DOUBLE": pl.Float64}


@pytest.fixture
def engine() -> Engine:
    return open_engine("duckdb", EngineSettings(memory_limit_mb=256, threads=1))


def put(engine: Engine, table: str, rows: list[dict[str, Any]]) -> None:
    schema = {name: KINDS[kind] for name, kind in READABLE[table].stored_schema.items()}
    full = [dict.fromkeys(schema) | {"file_id": 0, "line": i + 1} | row for i, row in enumerate(rows)]
    engine.put(table, pl.DataFrame(full, schema=schema))


def look(actor: str | None, kind: str, order: str, hours: float, **more: Any) -> dict[str, Any]:
    return {"actor": actor, "actor_kind": kind, "order": order, "time_us": START + int(hours * HOUR)} | more


def place(order: str, account: str | None, hours: float) -> dict[str, Any]:
    return {"order": order, "account": account, "time_us": START + int(hours * HOUR)}


def fall(engine: Engine, account: str, hours: float, p: float = 0.9, ip: str = "203.0.113.7") -> None:
    engine.put("fallen_accounts", pl.DataFrame({
        "account": [account], "p_compromised": [p], "campaign": ["c1"],
        "first_success_us": [START + int(hours * HOUR)], "ip": [ip],
    }))  # fmt: skip


def find(engine: Engine) -> tuple[ExposureResult, dict[tuple[str, str], dict[str, Any]]]:
    result = find_exposures(engine, ExposureSettings(), SilentProgress())
    rows = engine.fetch("SELECT * FROM exposures").rows(named=True)
    assert len({(r["source"], r["order"]) for r in rows}) == len(rows)
    return result, {(r["source"], r["order"]): r for r in rows}


def test_one_row_per_source_and_order_with_times_and_united_fields(engine: Engine) -> None:
    put(engine, "orders", [place("o1", "anna", 0)])
    put(engine, "accesses", [
        look("agent07", "staff", "o1", 5, fields="phone|items"),
        look("agent07", "staff", "o1", 2, fields="name|order_id"),
        look("east", "partner", "o1", 3, fields="name"),
        look("east", "partner", "o1", 4, fields=None),
        look("/track", "anonymous", "o1", 6, channel="/track/order"),
        look("export", "service", "o1", 7),
    ])  # fmt: skip
    _, rows = find(engine)
    agent = rows["staff:agent07", "o1"]
    assert (agent["first_us"], agent["last_us"]) == (START + 2 * HOUR, START + 5 * HOUR)
    assert (agent["fields"], agent["weight"]) == ("name|phone|items|order_id", 1.0)
    assert rows["partner:east", "o1"]["fields"] is None
    assert {source for source, _ in rows} == {
        "staff:agent07",
        "partner:east",
        "endpoint:/track/order",
        "service:export",
    }


def test_a_customer_is_a_source_only_for_orders_of_others(engine: Engine) -> None:
    put(engine, "orders", [place("o1", "anna", 0), place("o2", "bert", 0), place("guest", None, 0)])
    put(engine, "accesses", [
        look("anna", "customer", "o1", 1), look("anna", "customer", "o2", 2),
        look("anna", "customer", "guest", 3),
    ])  # fmt: skip
    assert set(find(engine)[1]) == {("customer:anna", "o2")}


def test_a_fallen_account_exposes_its_orders_from_its_first_success_on(engine: Engine) -> None:
    put(
        engine,
        "orders",
        [place("before", "anna", 0), place("soon", "anna", 60), place("much later", "anna", 500)],
    )
    fall(engine, "anna", 48)
    _, rows = find(engine)
    assert set(rows) == {("campaign:c1", "before"), ("campaign:c1", "soon")}
    assert rows["campaign:c1", "before"]["first_us"] == START + 48 * HOUR
    assert rows["campaign:c1", "soon"]["first_us"] == START + 60 * HOUR
    assert rows["campaign:c1", "before"]["weight"] == pytest.approx(0.9)


def test_looks_out_of_the_attack_weigh_more_than_the_customers_own(engine: Engine) -> None:
    put(engine, "orders", [place(o, "anna", 0) for o in ("read", "own", "earlier", "untouched")])
    put(engine, "accesses", [
        look("anna", "customer", "earlier", 10, ip="198.51.100.1"),
        look("anna", "customer", "read", 49, ip="203.0.113.7", fields="name"),
        look("anna", "customer", "own", 50, ip="198.51.100.1"),
    ])  # fmt: skip
    fall(engine, "anna", 48)
    _, rows = find(engine)
    weights = {order: row["weight"] for (_, order), row in rows.items()}
    assert weights["read"] == pytest.approx(0.9)
    assert weights["read"] > weights["own"] > weights["untouched"] == weights["earlier"] > 0
    assert {source for source, _ in rows} == {"campaign:c1"}


@pytest.mark.parametrize("given", [(), ("orders",), ("accesses",), ("orders", "accesses")])
def test_any_subset_and_no_rows(engine: Engine, given: tuple[str, ...]) -> None:
    for table in given:
        put(engine, table, [])
    result, rows = find(engine)
    assert rows == {}
    assert engine.count("known_orders") == 0
    assert result.coverage == []


def test_without_orders_the_first_customer_to_look_owns_the_order(engine: Engine) -> None:
    put(engine, "accesses", [
        look("agent", "staff", "o1", 1), look("anna", "customer", "o1", 2), look("bert", "customer", "o1", 3),
    ])  # fmt: skip
    _, rows = find(engine)
    assert set(rows) == {("staff:agent", "o1"), ("customer:bert", "o1")}
    known = engine.fetch("SELECT * FROM known_orders").row(0, named=True)
    assert (known["account"], known["time_us"]) == ("anna", START + HOUR)


def test_missing_kinds_late_logs_gaps_and_clocks_are_told(engine: Engine) -> None:
    put(engine, "orders", [place(f"o{i}", f"a{i}", i) for i in range(480)])
    put(engine, "complaints", [{"complaint": "k1", "received_us": START + 20 * DAY, "order": "o3"}])
    staff = [look("agent", "staff", f"o{i}", i + 0.1) for i in range(96, 480) if i // 24 != 11]
    partner = [look("east", "partner", f"o{i}", i - 0.5) for i in range(480)]
    put(engine, "accesses", [*staff, *partner])
    result, _ = find(engine)
    told = "\n".join(result.coverage)
    assert "staff accounts starts 2015-04-15, 3 days after the first order that was complained about" in told
    assert "staff accounts has no row on 2015-04-22" in told
    assert "480 of 480 orders were seen by partners" in told
    assert "30 minutes" in told
    missing = "\n".join(result.not_examined)
    assert "services" in missing
    assert "open endpoints" in missing
    assert "staff" not in missing


def test_gaps_are_told_by_the_day_of_the_zone_and_as_one(engine: Engine) -> None:
    # Ten looks an hour from 00:00 to 10:00 UTC; the 20th to the 22nd and the 25th are missing in Shanghai.
    days = [d for d in range(28) if d not in (9, 10, 11, 14)]
    put(engine, "accesses", [
        look("agent1", "staff", f"o{d}-{h}", 24 * d + h - 8) for d in days for h in range(2, 12)
    ])  # fmt: skip
    told = find_exposures(engine, ExposureSettings(), SilentProgress(), "Asia/Shanghai").coverage
    log = "log of staff accounts has no row"
    assert told == [
        f"{log} from 2015-04-20 to 2015-04-22, where 10 are usual on a day",
        f"{log} on 2015-04-25, where 10 are usual on a day",
    ]


def test_a_month_without_a_row_is_one_gap(engine: Engine) -> None:
    put(engine, "accesses", [
        look("agent1", "staff", f"o{d}-{h}", 24 * d + h)
        for d in range(60) if not 15 <= d < 45 and d % 7 not in (5, 6) for h in range(9)
    ])  # fmt: skip
    (told,) = find_exposures(engine, ExposureSettings(), SilentProgress()).coverage
    assert "has no row from 2015-04-26 to " in told


def test_a_terminal_that_several_use_is_a_source_beside_them(engine: Engine) -> None:
    put(engine, "orders", [place(f"o{i}", f"buyer{i}", 0) for i in range(4)])
    put(engine, "accesses", [
        look("agent07", "staff", "o0", 1, device="till-4", team="east", ip="192.0.2.1", fields="name"),
        look("agent07", "staff", "o1", 2, device="till-4", team="east", ip="192.0.2.1"),
        look("agent08", "staff", "o2", 3, device="till-4", team="east", ip="192.0.2.2"),
        look("agent08", "staff", "o3", 4, device="till-5", team="east", ip="192.0.2.2"),
        look("buyer0", "customer", "o0", 5, ip="192.0.2.1"),
    ])  # fmt: skip
    _, rows = find(engine)
    seen: dict[str, set[str]] = {}
    for source, order in rows:
        seen.setdefault(source, set()).add(order)
    # A device or address that one account alone used is that account.
    assert seen == {
        "staff:agent07": {"o0", "o1"},
        "staff:agent08": {"o2", "o3"},
        "unit:device=till-4": {"o0", "o1", "o2"},
        "unit:team=east": {"o0", "o1", "o2", "o3"},
    }
    assert rows["unit:team=east", "o0"]["first_us"] == START + HOUR
    assert rows["unit:team=east", "o0"]["fields"] == "name"


def test_a_file_may_say_who_belongs_together(engine: Engine) -> None:
    put(engine, "orders", [place(f"o{i}", "anna", 0) for i in range(4)])
    put(engine, "accesses", [
        look("agent07", "staff", "o0", 1), look("agent08", "staff", "o1", 2),
        look("east", "partner", "o2", 3), look("agent07", "service", "o3", 4),
    ])  # fmt: skip
    put(engine, "actor_groups", [
        {"actor": "agent07", "actor_kind": "staff", "branch": "north"},
        {"actor": "agent08", "branch": "north", "vendor": "calls"},
        {"actor": "east", "vendor": "calls"},
        {"actor": "nobody", "branch": "north"},
    ])  # fmt: skip
    units = {key for key in find(engine)[1] if key[0].startswith("unit:")}
    assert units == {
        ("unit:branch=north", "o0"), ("unit:branch=north", "o1"),
        ("unit:vendor=calls", "o1"), ("unit:vendor=calls", "o2"),
    }  # fmt: skip


def test_a_unit_most_of_which_is_one_member_is_that_member(engine: Engine) -> None:
    put(engine, "orders", [place(f"o{i}", "anna", 0) for i in range(5)])
    put(engine, "accesses", [
        *(look("agent07", "staff", f"o{i}", 1, team="east") for i in range(4)),
        look("agent08", "staff", "o4", 2, team="east"),
    ])  # fmt: skip
    assert {source for source, _ in find(engine)[1]} == {"staff:agent07", "staff:agent08"}


def test_a_list_page_exposes_every_order_on_it(engine: Engine) -> None:
    put(engine, "orders", [place(f"o{i}", f"buyer{i}", 0) for i in range(4)])
    put(engine, "accesses", [
        *(look("agent07", "staff", f"o{i}", 1, channel="search") for i in (0, 2, 3)),
        look("agent08", "staff", "o1", 2),
    ])  # fmt: skip
    keys = set(find(engine)[1])
    assert {order for source, order in keys if source == "staff:agent07"} == {"o0", "o2", "o3"}
    assert {order for source, order in keys if source == "staff:agent08"} == {"o1"}


def test_staff_who_opened_an_order_may_have_read_the_customers_earlier_ones(engine: Engine) -> None:
    put(engine, "orders", [
        place("old", "anna", 0), place("earlier", "anna", 40 * 24), place("opened", "anna", 50 * 24),
        place("later", "anna", 60 * 24), place("other", "bert", 50 * 24), place("nobody's", None, 50 * 24),
    ])  # fmt: skip
    put(engine, "accesses", [
        look("agent07", "staff", "opened", 51 * 24, fields="name|items"),
        look("agent08", "staff", "opened", 51 * 24), look("agent08", "staff", "earlier", 55 * 24),
        look("agent09", "staff", "nobody's", 51 * 24),
        look("east", "partner", "opened", 51 * 24),
    ])  # fmt: skip
    _, rows = find(engine)
    assert set(rows) == {
        ("staff:agent07", "opened"), ("staff:agent07", "earlier"), ("staff:agent08", "opened"),
        ("staff:agent08", "earlier"), ("staff:agent09", "nobody's"), ("partner:east", "opened"),
    }  # fmt: skip
    listed = rows["staff:agent07", "earlier"]
    assert 0 < listed["weight"] < 0.5
    assert (listed["first_us"], listed["fields"]) == (START + 51 * 24 * HOUR, "name|items")
    # What staff opened itself counts in full, from then on.
    own = rows["staff:agent08", "earlier"]
    assert (own["weight"], own["first_us"]) == (1.0, START + 55 * 24 * HOUR)


def test_screens_that_show_no_other_orders_expose_none(engine: Engine) -> None:
    put(engine, "orders", [place("earlier", "anna", 0), place("opened", "anna", 24)])
    put(engine, "accesses", [look("agent07", "staff", "opened", 25)])
    find_exposures(engine, ExposureSettings(history_weight=0), SilentProgress())
    assert engine.fetch('SELECT "order" FROM exposures')["order"].to_list() == ["opened"]
