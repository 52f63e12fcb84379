"""`stanch replay` and `stanch train`, from files to files."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from stanch.cli.app import main
from stanch.replay.page import load_texts, tell_wave
from stanch.replay.tally import Tally, Wave
from stanch.simulation import CASES, simulate_logins, vary_case
from stanch.simulation.scoring import mark_attacks


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """The logins of a small shop under a burst, rows in no order, and what was planted (line as in order)."""
    incident = simulate_logins(vary_case(CASES["burst"], n_accounts=1_500, days=10, rate=0.25), 3)
    path = tmp_path_factory.mktemp("shop") / "logins.csv"
    table = incident.tables["logins"].with_row_index("row", offset=1)
    table.sample(fraction=1, shuffle=True, seed=1).write_csv(path)
    return path, incident.truth


def test_an_attack_is_met_and_customers_are_left_alone(
    shop: tuple[Path, dict[str, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, truth = shop
    out = tmp_path / "out"
    assert main(["replay", "--logins", str(path), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    actions = pl.read_parquet(out / "actions.parquet")
    table = pl.read_csv(path, infer_schema=False)
    assert actions.columns == ["file", "line", "action", "score"]
    assert actions["line"].to_list() == list(range(1, len(table) + 1))
    assert set(actions["file"]) == {str(path)}
    assert actions["score"].is_between(0, 1).all()
    attack = mark_attacks(truth, table["row"].cast(pl.Int64))
    acted = actions["action"] != "allow"
    assert acted.filter(attack).mean() > 0.9  # type: ignore[operator]
    assert acted.filter(~attack).mean() < 0.01  # type: ignore[operator]
    assert f"{(~acted).sum():,}" in shown
    page = (out / "replay.html").read_text("utf-8")
    assert "http" not in page.replace("http://www.w3.org", "")
    assert f"{len(table):,}" in page


def test_what_the_shop_did_stays_done_and_nothing_changes_by_a_second_run(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "time": ["2026-03-01T10:00:00Z", "2026-03-01T10:01:00Z", "2026-03-01T10:02:00Z"],
            "ip": ["192.0.2.1", "192.0.2.1", "198.51.100.1"],
            "account": ["ann", "bob", "cid"],
            "outcome": ["challenged", "denied", "success"],
        }
    )
    rows.write_csv(tmp_path / "logins.csv")
    out, answers = tmp_path / "out", []
    for _ in range(2):
        assert main(["replay", "--logins", str(tmp_path / "logins.csv"), "--out", str(out), "--quiet"]) == 0
        answers.append(pl.read_parquet(out / "actions.parquet"))
    assert answers[0]["action"].to_list() == ["challenge", "deny", "allow"]
    assert answers[0].equals(answers[1])


def test_a_header_without_rows_is_an_empty_answer(tmp_path: Path) -> None:
    (tmp_path / "logins.csv").write_text("time,ip,account,outcome\n")
    assert main(["replay", "--logins", str(tmp_path / "logins.csv"), "--out", str(tmp_path / "out")]) == 0
    assert pl.read_parquet(tmp_path / "out" / "actions.parquet").is_empty()


def test_a_web_log_is_replayed_in_chinese(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = (
        '192.0.2.{i} - - [10/Mar/2026:10:{m:02d}:00 +0000] "POST /login HTTP/1.1" {status} 12'
        ' "-" "Mozilla/5.0"\n'
    )
    log = tmp_path / "access.log"
    log.write_text("".join(line.format(i=i % 9, m=i, status=200 if i % 5 else 302) for i in range(50)))
    assert main(["replay", "--logins", str(log), "--out", str(tmp_path / "out"), "--lang", "zh"]) == 0
    told = capsys.readouterr()
    assert "放行" in told.out
    assert "no account is named in 50 of 50" in told.err
    assert 'lang="zh"' in (tmp_path / "out" / "replay.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no logins given"),
        (["--logins", "missing.csv"], "missing.csv"),
        (["--logins", "{logins}", "--budget", "0.5"], "--budget"),
        (["--logins", "{logins}", "--scorecard", "{logins}"], "logins.csv"),
    ],
)
def test_what_cannot_be_used_is_named(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logins = tmp_path / "logins.csv"
    logins.write_text("time,ip,account,outcome\n")
    given = [word.format(logins=logins) for word in words]
    assert main(["replay", *given, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_with_something_else_in_it_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    (tmp_path / "logins.csv").write_text("time,ip,account,outcome\n")
    assert main(["replay", "--logins", str(tmp_path / "logins.csv"), "--out", str(tmp_path)]) == 2
    assert "holds" in capsys.readouterr().err


def test_a_shop_trains_a_scorecard_of_its_own_and_uses_it(
    shop: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    path, truth = shop
    card = tmp_path / "scorecard.json"
    assert main(["train", "--logins", str(path), "--out", str(card), "--quiet"]) == 0
    told = json.loads(card.read_text())
    assert told["version"] == 1
    assert "stanch train" in told["made"]
    out = tmp_path / "out"
    words = ["replay", "--logins", str(path), "--scorecard", str(card), "--out", str(out), "--quiet"]
    assert main(words) == 0
    attack = mark_attacks(truth, pl.read_csv(path, infer_schema=False)["row"].cast(pl.Int64))
    acted = pl.read_parquet(out / "actions.parquet")["action"] != "allow"
    assert acted.filter(attack).mean() > 0.9  # type: ignore[operator]
    assert acted.filter(~attack).mean() < 0.01  # type: ignore[operator]


def test_too_little_to_learn_from_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logins.csv").write_text(
        "time,ip,account,outcome\n2026-03-01T10:00:00Z,192.0.2.1,ann,failure\n"
    )
    assert (
        main(["train", "--logins", str(tmp_path / "logins.csv"), "--out", str(tmp_path / "card.json")]) == 2
    )
    assert "too few" in capsys.readouterr().err
    assert not (tmp_path / "card.json").exists()


@pytest.mark.parametrize("package", ["stanch.replay", "stanch.guard"])
def test_both_languages_have_the_same_texts(package: str) -> None:
    one, other = (
        tomllib.loads(files(package).joinpath(f"texts/{lang}.toml").read_text("utf-8"))
        for lang in ("en", "zh")
    )
    assert one.keys() == other.keys()
    assert all(text.count("{") == other[key].count("{") for key, text in one.items())


@pytest.mark.parametrize(("level", "told"), [(0.4213, "42.13"), (0.99997, "99.90"), (1.0, "99.90")])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_estimate_is_never_told_as_all(level: float, told: str, lang: str) -> None:
    tally = Tally(0, 0, (), (), 0, waves=[Wave(0, 1, level)])
    said = tell_wave(tally, 0, load_texts(lang))
    assert told in said
    assert "100" not in said
    assert ("more than" in said or "超过" in said) == (level > 0.999)
