"""The whole flow on simulated incidents: every subset of evidence, the contract's shapes, the truth."""

from __future__ import annotations

import csv
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from stanch.cli import main
from stanch.findings import Findings
from stanch.simulation import simulate, write_incident

TABLES = ("logins", "accesses", "orders", "complaints")
SUBSETS = [s for n in range(1, 5) for s in itertools.combinations(TABLES, n)]

CSV_COLUMNS = {
    "accounts.csv": ["account", "p_compromised", "campaign", "first_success", "ip", "orders_exposed"],
    "sources.csv": [
        "source",
        "posterior",
        "exposed",
        "victims",
        "log10_bayes_factor",
        "leak_start",
        "leak_end",
        "verdict",
    ],
    "reset.csv": ["account", "p_compromised", "campaign", "since"],
    "warn.csv": ["account", "order", "reason", "priority"],
}


@pytest.fixture(scope="session")
def incidents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small incidents, made once per test process."""
    made = {}
    for case, scale in (("burst-2015", 0.15), ("insider", 0.3), ("no-leak", 0.3), ("flash-sale", 0.15)):
        made[case] = tmp_path_factory.mktemp(case)
        write_incident(simulate(case, 3, scale=scale), made[case])
    return made


def run_investigation(
    folder: Path, out: Path, tables: tuple[str, ...] = TABLES, *more: str
) -> dict[str, Any]:
    arguments = ["investigate", "--out", str(out), "--quiet", *more]
    for table in tables:
        arguments += [f"--{table}", str(folder / f"{table}.csv")]
    assert main(arguments) == 0
    answer: dict[str, Any] = json.loads((out / "findings.json").read_bytes())
    return answer


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("tables", SUBSETS, ids="+".join)
def test_any_subset_of_the_tables_gives_an_answer(
    tables: tuple[str, ...], incidents: dict[str, Path], tmp_path: Path
) -> None:
    answer = run_investigation(incidents["burst-2015"], tmp_path / "out", tables)
    msgspec.convert(answer, Findings)
    assert {read["table"] for read in answer["inputs"]} == set(tables)
    for missing in set(TABLES) - set(tables):
        words = {
            "logins": "login",
            "accesses": "access",
            "orders": "orders",
            "complaints": "complaints",
        }[missing]
        assert any(words in line for line in answer["not_examined"]), missing
    for name, columns in CSV_COLUMNS.items():
        with (tmp_path / "out" / name).open(encoding="utf-8", newline="") as stream:
            assert next(csv.reader(stream)) == columns
    for name in ("report.html", "blocklist.txt", "challenge.txt", "rejects.jsonl"):
        assert (tmp_path / "out" / name).exists()
    verdict = answer["attribution"]["verdict"]
    if "complaints" not in tables:
        assert verdict in {"no_leak", "not_examined"}
    assert all(
        answer["attribution"]["posterior"].get(source, 0) >= 0.95
        for source in answer["attribution"]["sources"]
    )


def test_the_wave_of_2015_is_found_and_named(incidents: dict[str, Path], tmp_path: Path) -> None:
    folder, out = incidents["burst-2015"], tmp_path / "out"
    answer = run_investigation(folder, out)
    truth = json.loads((folder / "truth.json").read_text())
    planted = truth["campaigns"][0]
    assert [campaign["kind"] for campaign in answer["campaigns"]] == ["stuffing"]
    assert answer["logins"]["attack_attempts"]["mean"] == pytest.approx(planted["attempts"], rel=0.05)
    assert answer["attribution"]["verdict"] == "named"
    assert answer["attribution"]["sources"] == ["campaign:c1"]
    attempts = pl.read_parquet(out / "attempts.parquet")
    assert attempts.columns == ["file", "line", "p_attack", "campaign"]
    logins = pl.read_csv(folder / "logins.csv", infer_schema=False)
    assert attempts["line"].to_list() == list(range(1, logins.height + 1))
    is_attack = attempts["line"].is_in(truth["attack_rows"][planted["id"]])
    assert attempts.filter(is_attack)["p_attack"].ge(0.5).mean() > 0.98
    assert attempts.filter(~is_attack)["p_attack"].ge(0.5).mean() < 0.001
    fallen = {row["account"] for row in read_rows(out / "accounts.csv") if float(row["p_compromised"]) > 0.5}
    assert len(fallen & set(planted["compromised"])) >= 0.8 * len(planted["compromised"])
    genuine = logins.filter(~is_attack & (pl.col("outcome") == "success"))
    blocked = (out / "blocklist.txt").read_text().split()
    assert blocked
    assert genuine.filter(pl.col("ip").is_in(blocked)).height <= max(1, genuine.height // 1000)


def test_the_insider_is_named_and_nobody_else(incidents: dict[str, Path], tmp_path: Path) -> None:
    answer = run_investigation(incidents["insider"], tmp_path / "out")
    truth = json.loads((incidents["insider"] / "truth.json").read_text())
    assert answer["attribution"]["verdict"] == "named"
    assert answer["attribution"]["sources"] == truth["leak"]["sources"]
    assert not set(truth["leak"]["sources"]) & set(answer["attribution"]["cleared"])


@pytest.mark.parametrize("case", ["no-leak", "flash-sale"])
def test_where_nothing_leaked_nobody_is_named(case: str, incidents: dict[str, Path], tmp_path: Path) -> None:
    answer = run_investigation(incidents[case], tmp_path / "out")
    assert answer["campaigns"] == []
    assert answer["attribution"]["sources"] == []
    assert answer["attribution"]["verdict"] in {"undetermined", "no_leak", "unlogged"}
    assert (tmp_path / "out" / "blocklist.txt").read_text() == ""


def test_same_input_and_seed_give_the_same_bytes(incidents: dict[str, Path], tmp_path: Path) -> None:
    first = run_investigation(incidents["burst-2015"], tmp_path / "out")
    second = run_investigation(incidents["burst-2015"], tmp_path / "out")
    assert first.pop("run") != {}
    second.pop("run")
    assert json.dumps(first) == json.dumps(second)


def test_order_of_rows_is_irrelevant(incidents: dict[str, Path], tmp_path: Path) -> None:
    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    for table in TABLES:
        frame = pl.read_csv(incidents["burst-2015"] / f"{table}.csv", infer_schema=False)
        frame.sample(fraction=1.0, shuffle=True, seed=1).write_csv(shuffled / f"{table}.csv")
    first = run_investigation(incidents["burst-2015"], tmp_path / "a")
    second = run_investigation(shuffled, tmp_path / "b")
    for part in ("period", "logins", "campaigns", "complaints", "attribution"):
        assert first[part] == second[part], part


@pytest.mark.parametrize("missing", ["user_agent", "unknown_account", "optional"])
def test_poorer_logs_still_show_the_wave(missing: str, incidents: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "poor"
    folder.mkdir()
    logins = pl.read_csv(incidents["burst-2015"] / "logins.csv", infer_schema=False)
    if missing == "user_agent":
        logins = logins.drop("user_agent")
    elif missing == "unknown_account":
        logins = logins.with_columns(pl.col("outcome").replace({"unknown_account": "failure"}))
    else:
        logins = logins.select("time", "ip", "account", "outcome")
    logins.write_csv(folder / "logins.csv")
    answer = run_investigation(folder, tmp_path / "out", ("logins",))
    truth = json.loads((incidents["burst-2015"] / "truth.json").read_text())
    assert answer["logins"]["attack_attempts"]["mean"] == pytest.approx(
        truth["campaigns"][0]["attempts"], rel=0.1
    )


def test_pseudonymised_outputs_name_nobody_and_say_the_same(
    incidents: dict[str, Path], tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    folder = incidents["burst-2015"]
    plain = run_investigation(folder, tmp_path / "plain")
    hidden = run_investigation(folder, tmp_path / "hidden", TABLES, "--pseudonymise", str(key))
    assert hidden["attribution"]["verdict"] == plain["attribution"]["verdict"]
    assert len(hidden["campaigns"]) == len(plain["campaigns"])
    assert hidden["logins"]["attack_attempts"]["mean"] == pytest.approx(
        plain["logins"]["attack_attempts"]["mean"], rel=0.01
    )
    accounts = set(pl.read_csv(folder / "orders.csv", infer_schema=False)["account"])
    names = {name for name in accounts if len(name) > 6}
    for path in (tmp_path / "hidden").iterdir():
        if path.suffix != ".parquet":
            text = path.read_text(encoding="utf-8")
            assert not any(name in text for name in itertools.islice(names, 3000)), path.name


def test_web_logs_alone_give_exposures(tmp_path: Path) -> None:
    lines = []
    for minute in range(40):
        order = f"A{1000 + minute}"
        stamp = f"01/Mar/2024:10:{minute:02}:00 +0000"
        lines += [
            f'198.51.100.{minute} - user{minute} [{stamp}] "POST /login HTTP/1.1" 302 0 "-" "Mozilla/5.0"',
            f'198.51.100.{minute} - user{minute} [{stamp}] "GET /orders/{order} HTTP/1.1" 200 9 "-" "x"',
            f'203.0.113.9 - agent07 [{stamp}] "GET /admin/orders/{order} HTTP/1.1" 200 512 "-" "x"',
        ]
    log = tmp_path / "access.log"
    log.write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    assert (
        main(["investigate", "--logins", str(log), "--accesses", str(log), "--out", str(out), "--quiet"]) == 0
    )
    answer = json.loads((out / "findings.json").read_bytes())
    rows = {read["table"]: read["rows"] for read in answer["inputs"]}
    assert rows["logins"] == 40
    assert rows["accesses"] == 80


def write_logins(path: Path, outcomes: list[str]) -> Path:
    rows = [
        f"2024-03-0{1 + i % 9}T10:{i % 60:02}:{i % 59:02}Z,203.0.113.{i % 40},u{i % 60},{outcome},M"
        for i, outcome in enumerate(outcomes)
    ]
    path.write_text("\n".join(["time,ip,account,outcome,user_agent", *rows]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("outcomes", "examined"),
    [
        (["success"] * 400, False),
        (["unknown"] * 400, False),
        (["unknown"] * 390 + ["failure"] * 10, False),
        (["success"] * 390 + ["failure"] * 10, True),
        (["failure"] * 400, True),
        (["denied"] * 400, True),
    ],
    ids=["all-succeeded", "untold", "mostly-untold", "ordinary", "all-failed", "all-denied"],
)
def test_logins_count_as_examined_only_if_an_attack_would_show(
    outcomes: list[str], examined: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logins = write_logins(tmp_path / "logins.csv", outcomes)
    assert main(["investigate", "--logins", str(logins), "--out", str(tmp_path / "out")]) == 0
    answer = json.loads((tmp_path / "out" / "findings.json").read_bytes())
    why = answer["logins"]["not_examined"]
    assert (why == "") == examined
    assert (why in answer["not_examined"]) == (not examined)
    assert ("outcome" in capsys.readouterr().err) != examined


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_web_log_without_users_accuses_no_open_page(lang: str, tmp_path: Path) -> None:
    lines = [
        f"203.0.113.{i % 50} - - [{1 + i // 100:02}/Mar/2024:10:{i % 60:02}:00 +0000]"
        f' "GET /orders/{1000 + i} HTTP/1.1" 200 9 "-" "M"'
        for i in range(900)
    ]
    (tmp_path / "access.log").write_text("\n".join(lines), encoding="utf-8")
    complaints = [
        "complaint,received,order",
        *(f"k{i},2024-03-2{i % 9}T09:00Z,{1000 + 7 * i}" for i in range(40)),
    ]
    (tmp_path / "complaints.csv").write_text("\n".join(complaints), encoding="utf-8")
    out = tmp_path / "out"
    given = ["--accesses", str(tmp_path / "access.log"), "--complaints", str(tmp_path / "complaints.csv")]
    assert main(["investigate", *given, "--out", str(out), "--lang", lang]) == 0
    answer = json.loads((out / "findings.json").read_bytes())
    assert answer["attribution"]["verdict"] == "not_examined"
    assert answer["attribution"]["would_settle"]
    assert "endpoint:" not in (out / "findings.json").read_text(encoding="utf-8")
    assert [line for line in answer["not_examined"] if "access.log names nobody" in line]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert ("names nobody who looked" if lang == "en" else "没有写明任何查看订单的人") in page


def test_the_day_of_acting_stands_beside_the_alarm(incidents: dict[str, Path], tmp_path: Path) -> None:
    answer = run_investigation(incidents["burst-2015"], tmp_path / "out", TABLES, "--acted", "2015-06-01")
    early = answer["early"]
    assert early["alarm"] <= early["named"] <= answer["complaints"]["last"][:10]
    assert early["acted_complaints"] == answer["complaints"]["count"]
    assert "2015-06-01" in (tmp_path / "out/report.html").read_text(encoding="utf-8")
    words = ["investigate", "--out", str(tmp_path / "no"), "--complaints", "x.csv", "--acted"]
    assert main([*words, "last week"]) == 2
    assert not (tmp_path / "no").exists()


def test_actors_can_be_grouped_by_a_file(incidents: dict[str, Path], tmp_path: Path) -> None:
    staff = sorted(
        {
            row["actor"]
            for row in read_rows(incidents["insider"] / "accesses.csv")
            if row["actor_kind"] == "staff"
        }
    )
    lines = [f"{name},branch-{i % 2}" for i, name in enumerate(staff)]
    groups = tmp_path / "people.csv"
    groups.write_text("\n".join(["actor,branch", *lines, "agent99,"]) + "\n", encoding="utf-8")
    answer = run_investigation(
        incidents["insider"], tmp_path / "out", TABLES, "--actor-groups", str(groups), "--lang", "zh"
    )
    sources = {row["source"] for row in read_rows(tmp_path / "out" / "sources.csv")}
    assert {"unit:branch=branch-0", "unit:branch=branch-1"} <= sources
    read = {part["table"]: (part["rows"], part["rejects"]) for part in answer["inputs"]}
    assert read["actor_groups"] == (len(staff), 1)


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


OPEN = ("contacted", "known_fields", "loss", "currency", "scam_phone", "scam_url")


@pytest.mark.parametrize("case", ["burst-2015", "insider"])
def test_the_source_is_named_where_the_story_stands_in_the_texts_alone(
    case: str, incidents: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "evidence"
    shutil.copytree(incidents[case], folder)
    rows = read_rows(folder / "complaints.csv")
    told = [row for row in rows if row["text"]]
    assert told
    for row in told:
        names = " ".join(filter(None, (row["order"] and f"订单号{row['order']}", row["account"])))
        row.update({"text": f"{row['text']} {names}", "order": "", "account": ""} | dict.fromkeys(OPEN, ""))
    write_rows(folder / "complaints.csv", rows)
    given = run_investigation(incidents[case], tmp_path / "given")
    read = run_investigation(folder, tmp_path / "read")
    assert read["attribution"]["verdict"] == given["attribution"]["verdict"] == "named"
    assert read["attribution"]["sources"] == given["attribution"]["sources"]
    assert read["complaints"]["loss_total"] == pytest.approx(given["complaints"]["loss_total"], rel=0.2)
    assert read["heard"]["texts"] == len(told)
    assert read["heard"]["read"]["known_fields"]["rows"] > 0.8 * len(told)
    heard = read_rows(tmp_path / "read" / "heard.csv")
    assert len(heard) == sum(column["rows"] for column in read["heard"]["read"].values())
    assert not {row["value"] for row in heard if row["column"] in ("phone", "scam_phone")} - {""}


def test_a_complaint_that_names_nobody_is_a_reject_and_counts_as_none(
    incidents: dict[str, Path], tmp_path: Path
) -> None:
    rows = read_rows(incidents["insider"] / "complaints.csv")
    blank = dict.fromkeys(rows[0], "")
    nameless = blank | {"complaint": "x1", "received": rows[0]["received"], "text": "A scammer called me."}
    write_rows(tmp_path / "complaints.csv", [*rows, nameless])
    answer = run_investigation(tmp_path, tmp_path / "out", ("complaints",))
    (given,) = answer["inputs"]
    assert (given["rows"], given["rejects"]) == (len(rows), 1)
    rejects = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in rejects] == [len(rows) + 1]
    write_rows(tmp_path / "nameless.csv", [nameless])
    only = [
        "investigate",
        "--complaints",
        str(tmp_path / "nameless.csv"),
        "--out",
        str(tmp_path / "none"),
        "--quiet",
    ]
    assert main(only) == 3


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_without_texts_the_findings_know_of_no_reading(
    lang: str, incidents: dict[str, Path], tmp_path: Path
) -> None:
    rows = [row | {"text": ""} for row in read_rows(incidents["insider"] / "complaints.csv")]
    write_rows(tmp_path / "complaints.csv", rows)
    answer = run_investigation(tmp_path, tmp_path / "out", ("complaints",), "--lang", lang)
    assert "heard" not in answer
    assert not (tmp_path / "out" / "heard.csv").exists()
