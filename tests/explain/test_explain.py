"""`stanch explain` on a small planted log: what it says, what it never says, and how it fails."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pytest

from stanch.cli import main
from stuffing.planted import START_S, attack, people

HOSTILE = "\x1b[2Jtool\u202e\x9b31m/1"
SECRET = "hunter2-typed-here"

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("explained")
    burst = attack(3, "burst", users=600).with_columns(user_agent=pl.lit(HOSTILE))
    typed = pl.DataFrame({
        "time": [7.5 * 86_400.0], "ip": ["20.1.0.7"], "account": [SECRET], "outcome": ["failure"],
        "user_agent": ["Browser/1"],
    })  # fmt: skip
    rows = pl.concat([people(3, users=600), burst, typed]).with_columns(pl.col("time") + START_S)
    rows.write_csv(made / "logins.csv")
    arguments = ["investigate", "--logins", str(made / "logins.csv"), "--out", str(made / "out"), "--quiet"]
    assert main(arguments) == 0
    return made / "out"


def ask(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["explain", *arguments]) == status
    streams = capsys.readouterr()
    if status:
        assert streams.out == ""
        assert streams.err.count("\n") == 1
        assert "Traceback" not in streams.err
        return streams.err
    return streams.out


def find_fallen(folder: Path) -> str:
    return str(pl.read_csv(folder / "accounts.csv")["account"][0])


def list_questions(folder: Path) -> list[list[str]]:
    return [
        [],
        ["--campaign", "c1"],
        ["--account", find_fallen(folder)],
        ["--ip", "203.0.1.77"],
        ["--line", "logins.csv:1"],
    ]


def test_printed_addends_add_up_to_the_log_odds(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for question in list_questions(folder):
        said = ask(capsys, str(folder), *question)
        total = re.search(r"Log-odds of attack ([+-][\d.]+)", said)
        addends = re.findall(r"^ +([+-]\d+\.\d\d)  ", said, re.MULTILINE)
        assert total is not None
        assert round(sum(map(float, addends)), 2) == float(total[1]), question


def test_addends_are_ordered_by_weight_and_told_in_words(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = json.loads(ask(capsys, str(folder), "--campaign", "c1", "--json"))["explanations"][0]
    weights = [abs(addend["addend"]) for addend in answer["addends"]]
    assert weights == sorted(weights, reverse=True)
    assert sum(addend["addend"] for addend in answer["addends"]) == pytest.approx(answer["log_odds"])
    for addend in answer["addends"]:
        assert addend["title"]
        assert all(level["words"] for level in addend["levels"])
    said = ask(capsys, str(folder))
    assert "Campaign c1 (credential stuffing)" in said
    assert "never let in from there: 80% or more of them" in said
    assert "Speaks for an attack" in said


def test_json_agrees_with_the_stored_evidence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = pl.read_parquet(folder / "evidence.parquet").row(4, named=True)
    answer = json.loads(ask(capsys, str(folder), "--line", "logins.csv:5", "--json"))["explanations"][0]
    assert answer["log_odds"] == pytest.approx(stored["log_odds"], abs=1e-4)
    p = pl.read_parquet(folder / "attempts.parquet")["p_attack"][4]
    assert answer["attempts"][0]["p_attack"] == pytest.approx(p, rel=1e-4)
    for addend in answer["addends"]:
        assert addend["addend"] == pytest.approx(stored[f"ev_{addend['name']}"])
        codes = [level["code"] for level in addend["levels"]]
        assert codes == ([stored[f"lv_{addend['name']}"]] if stored[f"ev_{addend['name']}"] else [])


def test_a_fallen_account_is_explained_by_its_telling_login(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    account = find_fallen(folder)
    said = ask(capsys, str(folder), "--account", account)
    assert "Chance that an attacker got into the account: " in said
    assert "The attempt that tells most" in said
    assert "let in" in said
    telling = json.loads(ask(capsys, str(folder), "--account", account, "--json"))["explanations"][0][
        "telling"
    ]
    assert telling["outcome"] == "success"
    assert telling["p_attack"] > 0.5


def test_an_address_lists_its_most_suspicious_attempts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = json.loads(ask(capsys, str(folder), "--ip", "203.0.1.77", "--json"))["explanations"][0]
    chances = [attempt["p_attack"] for attempt in answer["attempts"]]
    assert chances == sorted(chances, reverse=True)
    assert answer["n_attempts"] == 120
    assert 110 < answer["n_accounts"] <= 120, "masked names are counted apart"
    assert "… and 110 more." in ask(capsys, str(folder), "--ip", " 203.0.1.77 ")


def test_chinese_answers_hold_no_english_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for question in list_questions(folder):
        said = ask(capsys, str(folder), *question, "--lang", "zh")
        assert not re.search(r"[a-z]{3,} [a-z]{3,} [a-z]{3,}", said), question


def test_names_that_the_shop_does_not_have_are_never_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in folder.iterdir():
        if file.name not in ("rejects.jsonl",):
            assert SECRET.encode() not in file.read_bytes(), file.name
    stored = pl.read_parquet(folder / "evidence.parquet")
    assert stored["account"].str.contains(SECRET).sum() == 0
    for more in ([], ["--json"]):
        said = ask(capsys, str(folder), "--ip", "20.1.0.7", *more)
        assert SECRET not in said
        assert "h***" in said
    assert SECRET not in ask(capsys, str(folder), "--account", SECRET, status=2)
    assert "masked" in ask(capsys, str(folder), "--account", "h***", status=2), "a mask is nobody's name"


def test_no_control_character_reaches_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for question in (["--campaign", "c1"], ["--campaign", "c1", "--json"], ["--ip", "203.0.1.77"]):
        said = ask(capsys, str(folder), *question)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", said)
    shown = json.loads(ask(capsys, str(folder), "--campaign", "c1", "--json"))
    client = next(a for a in shown["explanations"][0]["addends"] if a["name"] == "client")
    assert client["levels"][0]["name"] == HOSTILE.strip(), "programs get the name as it is"
    assert "\x1b" not in ask(capsys, str(folder), "--account", "\x1b[2J", status=2)


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (["--campaign", "c9"], "known: c1"),
        (["--account", "nobody@example.org"], "--ip or --line"),
        (["--ip", "203.0.113.250"], "no attempt came from 203.0.113.250"),
        (["--ip", "203.0.1"], "not an IPv4 or IPv6 address"),
        (["--line", "logins.csv"], "FILE:N"),
        (["--line", "other.csv:3"], "logins.csv"),
        (["--line", "logins.csv:99999999"], "rejects.jsonl"),
        (["--line", "logins.csv:" + "9" * 40], "FILE:N"),
        (["--ip", "203.0.1.77", "--campaign", "c1"], "give one"),
    ],
)
def test_a_question_without_an_answer_is_one_line_with_a_remedy(
    question: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words in ask(capsys, str(folder), *question, status=2)


def test_folders_that_cannot_be_explained_say_why(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no such folder" in ask(capsys, str(tmp_path / "gone"), status=2)
    assert "findings.json" in ask(capsys, str(tmp_path), status=2)
    (tmp_path / "findings.json").write_bytes((folder / "findings.json").read_bytes())
    assert "another version" in ask(capsys, str(tmp_path), status=2), "before evidence was stored"
    stored = pl.read_parquet(folder / "evidence.parquet")
    stored.write_parquet(tmp_path / "evidence.parquet", metadata={"stanch_levels": "older"})
    assert "investigate again" in ask(capsys, str(tmp_path), status=2), "levels that meant something else"
    (tmp_path / "evidence.parquet").write_bytes(b"PAR1 no longer")
    assert "evidence.parquet" in ask(capsys, str(tmp_path), status=2)
    (tmp_path / "findings.json").write_text("{")
    assert "findings.json" in ask(capsys, str(tmp_path), status=2)


def test_runs_without_logins_or_campaigns_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text("order,account,time\no1,ann,2024-03-01T10:00:00Z\n")
    assert main(["investigate", "--orders", str(orders), "--out", str(tmp_path / "a")]) == 0
    assert "no login attempts" in ask(capsys, str(tmp_path / "a"), status=2)
    logins = tmp_path / "logins.csv"
    logins.write_text("time,ip,account,outcome\n2024-03-01T10:00:00Z,2001:DB8::1,ann,success\n")
    assert main(["investigate", "--logins", str(logins), "--out", str(tmp_path / "b")]) == 0
    assert "No campaign was found" in ask(capsys, str(tmp_path / "b"))
    assert json.loads(ask(capsys, str(tmp_path / "b"), "--json")) == {"explanations": []}
    assert "one attempt" in ask(capsys, str(tmp_path / "b"), "--account", "ann")
    assert "one attempt" in ask(capsys, str(tmp_path / "b"), "--ip", "2001:db8:0:0::1")


def test_a_log_without_accounts_is_explained_by_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logins = tmp_path / "logins.csv"
    logins.write_text("time,ip,account,outcome\n2024-03-01T10:00:00Z,198.51.100.1,,failure\n")
    assert main(["investigate", "--logins", str(logins), "--out", str(tmp_path / "o")]) == 0
    assert "(not given)" in ask(capsys, str(tmp_path / "o"), "--line", f"{logins}:1")


def test_a_pseudonymised_run_is_asked_by_hash(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "case.key"
    key.write_text("0123456789abcdef0123456789abcdef")
    logins, out = folder.parent / "logins.csv", tmp_path / "out"
    arguments = [
        "investigate",
        "--logins",
        str(logins),
        "--out",
        str(out),
        "--pseudonymise",
        str(key),
        "--quiet",
    ]
    assert main(arguments) == 0
    account = find_fallen(out)
    assert re.fullmatch("[0-9a-f]{24}", account)
    said = ask(capsys, str(out), "--account", account)
    assert account in said
    assert not re.search(r"user\d{5}", said)
    assert "hash" in ask(capsys, str(out), "--account", "user00001", status=2)
