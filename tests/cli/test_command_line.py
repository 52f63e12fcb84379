"""The command line as people meet it: help that teaches, one plain line for every mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stanch import __version__
from stanch.cli import main
from stanch.cli.doctor_service import check_service
from stanch.settings import load_settings

LOGINS = """time,ip,account,outcome
2024-03-01T10:00:00Z,198.51.100.7,ann@example.org,success
2024-03-01T10:05:00Z,198.51.100.8,bob@example.org,failure
2024-03-01T10:05:09Z,198.51.100.8,bob@example.org,success
"""


@pytest.fixture
def logins(tmp_path: Path) -> Path:
    path = tmp_path / "logins.csv"
    path.write_text(LOGINS)
    return path


def run_main(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main(list(arguments))
    streams = capsys.readouterr()
    return status, streams.out, streams.err


def test_help_names_every_verb_and_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run_main("--help", capsys=capsys)
    assert status == 0
    for verb in ("investigate", "explain", "demo", "simulate", "serve", "keys", "export", "doctor"):
        assert verb in out
    assert "stanch investigate --logins access.log" in out


def test_help_of_investigate_explains_each_option(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run_main("investigate", "--help", capsys=capsys)
    assert status == 0
    for option in [
        "logins",
        "accesses",
        "orders",
        "complaints",
        "out",
        "log-format",
        "engine",
        "config",
        "pseudonymise",
        "zone",
        "geo",
        "map",
        "seed",
        "lang",
        "quiet",
    ]:
        assert f"--{option}" in out
    assert "stanch investigate --logins access.log --out findings" in out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main("--version", capsys=capsys)[:2] == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["investigate", "--out", "x"], "no evidence given"),
        (["investigate", "--logins", "missing.csv"], "--out"),
        (["investigate", "--logins", "missing.csv", "--out", "x"], "missing.csv"),
        (["investigate", "--logins", "missing*.csv", "--out", "x"], "missing*.csv"),
        (["investigate", "--logins", ".", "--out", "x"], "folder"),
        (["investigate", "--loginz", "a.csv", "--out", "x"], "--loginz"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--map", "ip"], "--map ip"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--map", "logins.adress=ip"], "logins.adress"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--zone", "Mars/Base"], "Mars/Base"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--lang", "xx"], "xx"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--engine", "oracle"], "oracle"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--log-format", "cuneiform"], "cuneiform"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--config", "no.toml"], "no.toml"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--pseudonymise", "no.key"], "no.key"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--encoding", "klingon"], "klingon"),
        (["investigate", "--logins", "a.csv", "--out", "x", "--geo", "no.mmdb"], "no.mmdb"),
        (["simulate", "--case", "alien"], "alien"),
        (["simulate", "--case", "insider"], "--out"),
        (["demo", "--case", "alien"], "alien"),
        (["explain", "findings"], "no such folder"),
        (["explain"], "FOLDER"),
        (["explain", "findings", "--lang", "xx"], "xx"),
        (["serve", "--port", "0"], "--port"),
        (["serve", "--host", "no.such.host.invalid"], "no such address"),
        (["serve", "--config", "no.toml"], "no.toml"),
        (["keys", "add", "x"], "--scope"),
        (["keys", "add", "x", "--scope", "owner"], "owner"),
        (["keys", "add", "a name", "--scope", "ingest"], "'a name'"),
        (["keys", "revoke", "nobody"], "nobody"),
        (["export"], "--out"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_a_mistake_is_one_plain_line_and_status_2(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "a.csv").write_text(LOGINS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    status, out, err = run_main(*arguments, capsys=capsys)
    assert status == 2
    assert out == ""
    assert err.startswith("stanch: ")
    assert err.count("\n") == 1
    assert words in err
    assert "Traceback" not in err
    assert not (tmp_path / "x").exists(), "nothing is made before the command line is understood"


def test_unknown_setting_is_named(tmp_path: Path, logins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "stanch.toml"
    config.write_text("[engine]\nmemory_limit = 3\n")
    status, _, err = run_main(
        "investigate", "--logins", str(logins), "--out", str(tmp_path / "x"), "--config", str(config),
        capsys=capsys,
    )  # fmt: skip
    assert status == 2
    assert "memory_limit" in err
    assert str(config) in err


def test_results_go_to_stdout_only_when_asked(
    tmp_path: Path, logins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    status, stdout, err = run_main("investigate", "--logins", str(logins), "--out", str(out), capsys=capsys)
    assert (status, stdout, err) == (0, "", "")
    status, stdout, _ = run_main(
        "investigate", "--logins", str(logins), "--out", str(out), "--json", capsys=capsys
    )
    assert status == 0
    assert json.loads(stdout) == json.loads((out / "findings.json").read_bytes())


def test_a_folder_with_foreign_files_is_refused(
    tmp_path: Path, logins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.doc").write_text("years of work")
    status, _, err = run_main("investigate", "--logins", str(logins), "--out", str(out), capsys=capsys)
    assert status == 2
    assert "thesis.doc" in err
    assert (out / "thesis.doc").read_text() == "years of work"


def test_status_3_when_every_row_was_rejected_and_the_rest_is_written(
    tmp_path: Path, logins: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text("order,account,time\no1,ann@example.org,yesterday\n")
    out = tmp_path / "out"
    status, _, err = run_main(
        "investigate", "--logins", str(logins), "--orders", str(orders), "--out", str(out), capsys=capsys
    )
    assert status == 3
    assert "orders" in err
    assert json.loads((out / "findings.json").read_bytes())["logins"]["attempts"] == 3
    rejects = [json.loads(line) for line in (out / "rejects.jsonl").read_text().splitlines()]
    assert [(r["file"], r["line"]) for r in rejects] == [(str(orders), 1)]


def test_standard_input_and_closed_pipe(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "stanch", "investigate", "--logins", "-", "--out", str(tmp_path / "o")]
    done = subprocess.run(
        [*command, "--json"], input=LOGINS.encode(), capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["logins"]["attempts"] == 3
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*command, "--json"],
            input=LOGINS.encode(),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
    finally:
        os.close(writing)
    assert b"Traceback" not in done.stderr


def test_simulate_lists_cases(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run_main("simulate", capsys=capsys)
    assert status == 0
    names = {line.split()[0] for line in out.splitlines()}
    assert {"burst-2015", "one-try", "insider", "courier", "no-leak", "flash-sale"} <= names


def test_doctor_says_what_holds(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run_main("doctor", capsys=capsys)
    assert __version__ in out
    assert "engine duckdb" in out
    assert "engine.memory_limit_mb" in out


def test_doctor_says_what_is_insecure_about_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    config = tmp_path / "stanch.toml"

    def examine(settings: str) -> dict[str, str]:
        config.write_text(settings)
        checks = check_service(load_settings(config).service)
        return {check.subject: f"{check.mark} {check.finding}" for check in checks}

    assert examine("")["service"].startswith("ok never started")
    assert run_main("keys", "add", "x", "--scope", "ingest", capsys=capsys)[0] == 0
    assert examine("")["service keys"] == "ok 1 in use"
    assert run_main("keys", "revoke", "x", capsys=capsys)[0] == 0
    public = examine("[service]\nhost = '0.0.0.0'\ntrusted_proxies = ['::/0']\n")
    assert public["service.host"].startswith("bad")
    assert "no key" in public["service.host"]
    assert "TLS" in public["service.public_url"]
    assert public["service.trusted_proxies"].startswith("bad")
    (tmp_path / "state" / "stanch" / "stanch.sqlite").chmod(0o644)
    behind = examine("[service]\npublic_url = 'https://report.example'\n")
    assert behind["service.data_dir"].startswith("bad")
    assert "stanch.sqlite" in behind["service.data_dir"]
    assert "public_url" not in str(behind)


def test_an_export_replaces_its_own_files_and_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    out = tmp_path / "out"
    assert run_main("export", "--out", str(out), capsys=capsys)[0] == 0
    assert run_main("export", "--out", str(out), capsys=capsys)[1] == "nothing has come in yet\n"
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "logins.jsonl.zst").write_bytes(b"years of work")
    status, _, err = run_main("export", "--out", str(foreign), capsys=capsys)
    assert (status, "logins.jsonl.zst" in err) == (2, True)
    assert (foreign / "logins.jsonl.zst").read_bytes() == b"years of work"


def test_completion_is_generated_for_bash() -> None:
    from stanch.cli.app import app

    script = app.generate_completion(shell="bash")
    assert "investigate" in script
    assert "--pseudonymise" in script


def test_json_is_printed_even_where_every_row_was_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "logins.csv"
    bad.write_text("time,ip,account,outcome\nyesterday,198.51.100.7,ann,success\n")
    out = tmp_path / "out"
    status, stdout, err = run_main(
        "investigate", "--logins", str(bad), "--out", str(out), "--json", capsys=capsys
    )
    assert (status, err.count("\n")) == (3, 1)
    assert stdout == (out / "findings.json").read_text()
    assert json.loads(stdout)["inputs"][0]["rejects"] == 1
