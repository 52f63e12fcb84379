"""Attempts, accounts and orders of an incident: found by any of their marks, explained, under pseudonyms."""

from pathlib import Path

import polars as pl
import pytest

from console.desks import ConsoleDesk, Member
from stanch.cases.people import Role
from stanch.console.evidence import TABLES, find_folder
from stanch.console.pages import PAGE_SIZE


def read(desk: ConsoleDesk, number: int, table: str) -> pl.DataFrame:
    return pl.read_parquet(find_folder(desk.service, number) / TABLES / f"{table}.parquet")


def test_nothing_is_shown_where_nothing_was_investigated(team: dict[Role, Member], desk: ConsoleDesk) -> None:
    number = desk.open_incident()
    for name in ("attempts", "accounts", "orders"):
        page = team["agent"].get(f"/{name}")
        assert page.status_code == 200
        assert "No incident has been investigated yet" in page.text
        assert team["agent"].get(f"/{name}?incident={number}").status_code == 404


def test_attempts_are_filtered_counted_and_cut(
    desk: ConsoleDesk, team: dict[Role, Member], investigated: int
) -> None:
    attempts, analyst = read(desk, investigated, "attempts"), team["analyst"]
    whole = analyst.load("/attempts.json")
    assert whole["incident"]["number"] == investigated
    assert whole["attempts"]["n"] == attempts.height
    assert len(whole["attempts"]["rows"]) == PAGE_SIZE
    assert sum(bar["attempts"] for bar in whole["bars"]) == attempts.height
    assert whole["attack"] == pytest.approx(attempts["p_attack"].cast(pl.Float64).sum(), rel=1e-4)
    likely = attempts.filter(pl.col("p_attack") >= pl.lit(0.9, pl.Float32))
    first = likely.row(0, named=True)
    for query, expected in (
        ("least=0.9", likely.height),
        (f"ip={first['ip']}", attempts.filter(pl.col("ip").str.starts_with(first["ip"])).height),
        ("outcome=success", attempts.filter(pl.col("outcome") == "success").height),
        (f"until={first['time_us']}", attempts.filter(pl.col("time_us") < first["time_us"]).height),
        (f"network={first['network']}", attempts.filter(pl.col("network") == first["network"]).height),
    ):
        assert analyst.load(f"/attempts.json?{query}")["attempts"]["n"] == expected, query
    worst = analyst.load("/attempts.json?by=attack")["attempts"]["rows"]
    assert worst[0]["p_attack"] == pytest.approx(attempts["p_attack"].max())
    last = whole["attempts"]["n"] // PAGE_SIZE + 1
    assert len(analyst.load(f"/attempts.json?page={last}")["attempts"]["rows"]) == attempts.height % PAGE_SIZE


def test_an_attempt_is_explained_by_addends_that_add_up_in_both_languages(
    desk: ConsoleDesk, team: dict[Role, Member], investigated: int
) -> None:
    attempts, analyst = read(desk, investigated, "attempts"), team["analyst"]
    one = (
        attempts.filter(pl.col("account").is_not_null()).sort("p_attack", descending=True).row(0, named=True)
    )
    path = f"/attempts.json?incident={investigated}&id={one['id']}"
    told = analyst.load(path)["explained"]
    assert told["attempt"]["p_attack"] == pytest.approx(one["p_attack"])
    assert sum(a["addend"] for a in told["addends"]) == pytest.approx(one["log_odds"], abs=1e-3)
    heaviest = told["addends"][0]
    assert heaviest["addend"] > 0
    assert heaviest["facts"]
    page = analyst.get(path.replace(".json", "")).text
    assert 'id="explained"' in page
    assert f"/console/incidents/{investigated}/names/{one['account']}" in page
    assert (analyst.id, "attempts.look") in {(who, action) for who, action, _ in desk.audited()}
    analyst.act("/account/language", language="zh")
    assert analyst.load(path)["explained"]["addends"][0]["title"] != heaviest["title"]
    assert analyst.get(f"/attempts?incident={investigated}&id=999999999").status_code == 404


def test_an_account_is_shown_with_its_orders_and_no_name(
    desk: ConsoleDesk, team: dict[Role, Member], investigated: int, case: Path
) -> None:
    accounts, agent = read(desk, investigated, "accounts"), team["agent"]
    orders = read(desk, investigated, "orders")
    whole = agent.load("/accounts.json")["accounts"]
    assert whole["n"] == accounts.height
    chances = [row["p_compromised"] for row in whole["rows"]]
    assert chances == sorted(chances, reverse=True)
    account = orders.filter(pl.col("account").is_in(accounts["account"].to_list()))["account"][0]
    told = agent.load(f"/accounts.json?incident={investigated}&account={account[:12]}")
    assert [row["account"] for row in told["accounts"]["rows"]] == [account]
    assert {one["order"] for one in told["orders"]} == set(
        orders.filter(pl.col("account") == account)["order"].to_list()[:50]
    )
    names = pl.read_csv(case / "logins.csv", infer_schema=False)["account"].drop_nulls().unique().to_list()
    page = agent.get("/accounts").text
    assert not [name for name in names if len(name) > 5 and name in page]


def test_an_order_tells_who_saw_which_of_its_fields_and_when(
    desk: ConsoleDesk, team: dict[Role, Member], investigated: int
) -> None:
    orders, accesses = read(desk, investigated, "orders"), read(desk, investigated, "accesses")
    agent = team["agent"]
    order = orders.sort("accesses", descending=True)["order"][0]
    seen = accesses.filter(pl.col("order") == order).sort("time_us")
    told = agent.load(f"/orders.json?incident={investigated}&order={order}")
    assert told["accesses"]["n"] == seen.height
    rows = told["accesses"]["rows"]
    assert [(row["time_us"], row["source"]) for row in rows] == list(
        seen.select("time_us", "source").head(PAGE_SIZE).iter_rows()
    )
    assert rows[0]["fields"] == (seen["fields"][0] or "").split("|")
    source = rows[0]["source"]
    by_source = accesses.filter(pl.col("source") == source)["order"].n_unique()
    assert agent.load(f"/orders.json?source={source}")["orders"]["n"] == by_source
    exposed = orders.filter(pl.col("exposed_us").is_not_null()).height
    assert agent.load("/orders.json?exposed=true")["orders"]["n"] == exposed
    assert agent.get(f"/orders?order={order}").status_code == 200
    assert agent.get("/orders").status_code == 200


@pytest.mark.parametrize("text", ["'; DROP TABLE attempts; --", "%", "$1", "\\", "x" * 128, "🦊"])
def test_whatever_is_typed_is_only_looked_for(team: dict[Role, Member], investigated: int, text: str) -> None:
    analyst = team["analyst"]
    for page, names in (
        ("attempts", ("account", "ip", "network", "client", "campaign")),
        ("accounts", ("account", "campaign")),
        ("orders", ("order", "account", "source")),
    ):
        for name in names:
            answer = analyst.ask(
                "GET", f"/console/{page}.json", params={name: text, "incident": investigated}
            )
            assert answer.status_code in (200, 400), answer.text
            if answer.status_code == 200:
                assert answer.json()[page]["n"] == 0
    assert analyst.get("/attempts?from=nonsense").status_code == 400
