"""The files of a run: which there are, their columns, their order, and that they repeat."""

import json
from pathlib import Path

import made
import msgspec
import polars as pl
import pytest

from stanch.findings import Run
from stanch.reporting import open_rejects, prepare_out, replace_answer, write_outputs
from stanch.reporting.cells import mask_name
from stanch.reporting.folder import OUTPUT_NAMES

ATTEMPTS = {"file": pl.String, "line": pl.Int64, "p_attack": pl.Float64, "campaign": pl.String}

COLUMNS = {
    "accounts.csv": "account,p_compromised,campaign,first_success,ip,orders_exposed",
    "sources.csv": "source,posterior,exposed,victims,log10_bayes_factor,leak_start,leak_end,verdict",
    "reset.csv": "account,p_compromised,campaign,since",
    "warn.csv": "account,order,reason,priority",
    "addresses.csv": "entry,list,attempts,attack_attempts,genuine_logins,genuine_accounts",
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("named")
    findings, engine = made.make_named()
    write_outputs(out, findings, engine, made.HOUR, "en")
    engine.close()
    return out


def test_every_file_of_the_contract_is_written_and_no_other(written: Path) -> None:
    assert {file.name for file in written.iterdir()} | {"rejects.jsonl"} == set(OUTPUT_NAMES)


def test_csv_headers_are_those_of_the_contract(written: Path) -> None:
    for name, header in COLUMNS.items():
        assert (written / name).read_text(encoding="utf-8").splitlines()[0] == header


def test_without_any_table_all_tables_have_their_columns_and_no_rows(tmp_path: Path) -> None:
    engine = made.make_engine()
    write_outputs(tmp_path, made.NO_FINDINGS, engine, 0, "en")
    for name, header in COLUMNS.items():
        assert (tmp_path / name).read_text(encoding="utf-8") == header + "\n"
    assert (tmp_path / "blocklist.txt").read_bytes() == b""
    attempts = pl.read_parquet(tmp_path / "attempts.parquet")
    assert (attempts.height, attempts.schema) == (0, ATTEMPTS)
    assert not (tmp_path / "evidence.parquet").exists()
    assert not (tmp_path / "heard.csv").exists()
    assert b'"heard"' not in (tmp_path / "findings.json").read_bytes()


def test_accounts_are_ranked_and_only_likely_ones_are_reset(written: Path) -> None:
    accounts = pl.read_csv(written / "accounts.csv")
    resets = pl.read_csv(written / "reset.csv")
    assert accounts["p_compromised"].to_list() == sorted(accounts["p_compromised"], reverse=True)
    assert accounts["orders_exposed"].to_list() == [1] * accounts.height
    assert resets["account"].to_list() == accounts.filter(pl.col("p_compromised") >= 0.2)["account"].to_list()
    assert accounts["first_success"][0] == "2015-04-13T00:00:00Z"


def test_a_name_that_never_logged_in_is_masked_everywhere(tmp_path: Path) -> None:
    findings, engine = made.make_named()
    secret = "hunter2-my-typed-password"
    fallen = engine.fetch("SELECT * FROM fallen_accounts").with_columns(
        pl.when(pl.col("account") == "user0003").then(pl.lit(secret)).otherwise("account").alias("account")
    )
    engine.put("fallen_accounts", fallen)
    write_outputs(tmp_path, findings, engine, made.HOUR, "en")
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes(), file.name
    assert "h***" in (tmp_path / "accounts.csv").read_text(encoding="utf-8")


def test_attempts_hold_one_row_per_login_row_in_input_order_with_the_path_as_given(tmp_path: Path) -> None:
    n = 300_000
    engine = made.make_engine()
    order = pl.int_range(n, eager=True).shuffle(seed=3)
    made.put_attempts(engine, pl.DataFrame({
        "file_id": (order % 2).cast(pl.Int32), "line": order // 2 + 1, "p_attack": order / n,
        "campaign": pl.Series([None] * n, dtype=pl.String),
    }))  # fmt: skip
    inputs = [made.make_input("logins", "b/second.csv"), made.make_input("logins", "./a first.log")]
    write_outputs(tmp_path, msgspec.structs.replace(made.NO_FINDINGS, inputs=inputs), engine, 0, "en")
    read = pl.read_parquet(tmp_path / "attempts.parquet")
    assert read.columns == ["file", "line", "p_attack", "campaign"]
    assert read["file"].to_list() == ["b/second.csv"] * (n // 2) + ["./a first.log"] * (n // 2)
    assert read["line"].to_list() == [*range(1, n // 2 + 1)] * 2
    assert read["p_attack"][1] == 2 / n
    assert read.schema == ATTEMPTS


def test_evidence_names_only_accounts_that_the_shop_has(tmp_path: Path) -> None:
    names = [
        "let-in",
        "let-in",
        "has-order",
        "p",
        "hunter2-typed",
        "密码在此",
        "hunter3-typed",
        "hunter2-typed",
    ]
    engine = made.make_engine()
    made.put_attempts(engine, pl.DataFrame({
        "file_id": pl.Series([0] * len(names), dtype=pl.Int32), "line": range(1, len(names) + 1),
        "account": names, "outcome": ["success"] + ["failure"] * (len(names) - 1), "p_attack": 0.5,
        "campaign": pl.Series([None] * len(names), dtype=pl.String),
    }))  # fmt: skip
    made.put_evidence(engine, "orders", [{"order": "o1", "account": "has-order", "time_us": made.START}])
    made.put_known_orders(engine)
    findings = msgspec.structs.replace(made.NO_FINDINGS, inputs=[made.make_input("logins")])
    write_outputs(tmp_path, findings, engine, 0, "en", notes={"stanch_levels": "x'y"})
    read = pl.read_parquet(tmp_path / "evidence.parquet")
    known = read.filter(pl.col("stranger").is_null())["account"].to_list()
    assert known == ["let-in", "let-in", "has-order"]
    strangers = read.filter(pl.col("stranger").is_not_null())
    assert strangers["account"].to_list() == [mask_name(name) for name in names[3:]]
    assert strangers["stranger"].to_list() == [1, 2, 3, 4, 2], "one number per name, in the order they came"
    assert pl.read_parquet_metadata(tmp_path / "evidence.parquet")["stanch_levels"] == "x'y"


def test_same_findings_give_the_same_bytes_whatever_the_order_of_rows(written: Path, tmp_path: Path) -> None:
    findings, engine = made.make_named()
    for table in ("exposures", "fallen_accounts", "sources", "victims", "attempt_bins", "address_risk"):
        engine.put(table, engine.fetch(f"SELECT * FROM {table}").sample(fraction=1, shuffle=True, seed=9))
    write_outputs(tmp_path, findings, engine, made.HOUR, "en")
    for file in written.iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes(), file.name


def test_findings_json_differs_only_in_run(written: Path, tmp_path: Path) -> None:
    findings, engine = made.make_named()
    later = msgspec.structs.replace(findings, run=Run(version="0.1.0", started="2030-01-01", seconds=9.9))
    write_outputs(tmp_path, later, engine, made.HOUR, "zh")
    one, other = (json.loads((out / "findings.json").read_text()) for out in (written, tmp_path))
    assert one.pop("run") != other.pop("run")
    assert one == other


def test_a_second_run_replaces_the_first(written: Path, tmp_path: Path) -> None:
    engine = made.make_engine()
    for name in OUTPUT_NAMES:
        (tmp_path / name).write_text("stale")
    (tmp_path / "findings.json").write_bytes((written / "findings.json").read_bytes())
    (tmp_path / "rejects.jsonl").write_text("")
    prepare_out(tmp_path)
    with open_rejects(tmp_path) as rejects:
        rejects.touch()
        replace_answer(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rejects.jsonl"]
    write_outputs(tmp_path, made.NO_FINDINGS, engine, 0, "en")
    assert not (tmp_path / "evidence.parquet").exists()
