"""Every case: deterministic, in the contract's format, its truth in agreement with its tables."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from stanch.errors import UsageError
from stanch.evidence.tables import TABLES
from stanch.simulation import CASES, PEACEFUL, simulate, write_incident

from .incidents import attack_lines, make, split_logins, stored


def test_equal_case_seed_and_scale_give_equal_incidents() -> None:
    first, again = make("two-campaigns"), simulate("two-campaigns", 1, scale=0.05)
    assert first.truth == again.truth
    assert all(first.tables[name].equals(again.tables[name]) for name in TABLES)


def test_another_seed_gives_another_incident() -> None:
    assert not make("botnet").tables["logins"].equals(make("botnet", seed=2).tables["logins"])


def test_scale_multiplies_the_shop() -> None:
    small, large = make("insider", scale=0.05), make("insider", scale=0.2)
    n_small, n_large = (i.tables["orders"]["account"].n_unique() for i in (small, large))
    assert 3 < n_large / n_small < 5


@pytest.mark.parametrize(
    ("case", "scale", "seed"), [("no-such-case", 1.0, 0), ("botnet", 0.0, 0), ("botnet", 1.0, -1)]
)
def test_what_cannot_be_simulated_is_one_plain_error(case: str, scale: float, seed: int) -> None:
    with pytest.raises(UsageError):
        simulate(case, seed, scale=scale)


@pytest.mark.parametrize("case", CASES)
def test_tables_keep_to_the_contract(case: str) -> None:
    incident = make(case)
    for name, table in TABLES.items():
        frame = incident.tables[name]
        assert set(frame.columns) <= set(table.column_names)
        assert set(table.required_names) <= set(frame.columns)
        kept = stored(case, name)  # asserts that no row and no cell is refused
        assert len(kept) == len(frame)
        clock = "received_us" if name == "complaints" else "time_us"
        assert kept[clock].is_sorted()
    assert not stored(case, "orders")["order"].is_duplicated().any()
    assert not stored(case, "complaints")["complaint"].is_duplicated().any()


@pytest.mark.parametrize("case", CASES)
def test_tables_refer_to_each_other(case: str) -> None:
    orders = stored(case, "orders")
    accesses = stored(case, "accesses").join(orders, on="order", how="left", suffix="_placed")
    assert accesses["account"].null_count() == 0
    assert (accesses["time_us"] >= accesses["time_us_placed"]).all()
    complaints = stored(case, "complaints")
    named = complaints["order"].drop_nulls()
    assert named.is_in(orders["order"].implode()).all()
    late = complaints.filter(pl.col("contacted_us") > pl.col("received_us"))
    assert late.is_empty()


@pytest.mark.parametrize("case", CASES)
def test_planted_campaigns_are_in_the_log(case: str) -> None:
    incident = make(case)
    attack, genuine = split_logins(case)
    assert len(incident.truth["campaigns"]) == len(CASES[case].attacks)
    assert (
        len(attack) == len(attack_lines(incident)) == sum(c["attempts"] for c in incident.truth["campaigns"])
    )
    for campaign in incident.truth["campaigns"]:
        rows = attack.filter(pl.col("line").is_in(incident.truth["attack_rows"][campaign["id"]]))
        opened = set(rows.filter(pl.col("outcome") == "success")["account"].to_list())
        assert set(campaign["compromised"]) == opened - set(campaign["own_accounts"])
        first = rows.filter(pl.col("line").is_in(incident.truth["first_success_rows"][campaign["id"]]))
        assert sorted(first["account"].to_list()) == campaign["compromised"]
        assert campaign["addresses"] == rows["ip"].n_unique()
        assert campaign["accounts"] == rows["account"].n_unique()
    # What the shop calls unknown never opened for anybody.
    unknown = genuine.filter(pl.col("outcome") == "unknown_account")["account"]
    success = genuine.filter(pl.col("outcome") == "success")["account"]
    assert not unknown.is_in(success.unique().implode()).any()


@pytest.mark.parametrize("case", sorted(PEACEFUL))
def test_peaceful_cases_hold_no_attack_and_no_leak(case: str) -> None:
    truth = make(case).truth
    assert truth["attack_rows"] == {}
    assert truth["campaigns"] == []
    assert truth["leak"]["kind"] == "none"
    assert truth["complaints_from_leak"] == []


def test_an_incident_is_written_as_it_was_made(tmp_path: Path) -> None:
    incident = make("courier")
    write_incident(incident, tmp_path / "new" / "folder")
    for name, table in incident.tables.items():
        written = pl.read_csv(tmp_path / "new" / "folder" / f"{name}.csv", infer_schema=False)
        assert written.equals(table.select(pl.all().cast(pl.String)))
    assert (
        json.loads((tmp_path / "new" / "folder" / "truth.json").read_text(encoding="utf-8")) == incident.truth
    )


def test_a_folder_that_cannot_be_written_is_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot write"):
        write_incident(make("courier"), tmp_path / "file")
