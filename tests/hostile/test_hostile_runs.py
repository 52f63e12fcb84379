"""The whole command on hostile inputs: an answer or one plain line, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from hostile.inputs import CASES, Hostile
from stanch.cli import main


def write_all(folder: Path) -> dict[str, list[tuple[Hostile, Path]]]:
    written: dict[str, list[tuple[Hostile, Path]]] = {}
    for case in CASES:
        (folder / case.name).mkdir(parents=True)
        written.setdefault(case.table, []).append((case, case.write(folder / case.name)))
    return written


def test_all_hostile_files_at_once_give_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = write_all(tmp_path / "in")
    out = tmp_path / "out"
    arguments = [
        part for table, files in written.items() for part in (f"--{table}", *(str(path) for _, path in files))
    ]
    status = main(["investigate", *arguments, "--out", str(out), "--quiet"])
    assert (status, capsys.readouterr().err) == (0, "")
    findings = json.loads((out / "findings.json").read_bytes())
    cases = [case for table in findings_order(findings) for case, _ in written[table]]
    assert [(i["rows"], i["rejects"]) for i in findings["inputs"]] == [
        (c.rows or 0, c.rejects) for c in cases
    ]
    rejects = (out / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rejects) == sum(case.rejects for case in CASES)
    n_logins = sum(case.rows or 0 for case, _ in written["logins"])
    assert pl.read_parquet(out / "attempts.parquet").height == n_logins


def findings_order(findings: dict[str, list[dict[str, str]]]) -> list[str]:
    return list(dict.fromkeys(entry["table"] for entry in findings["inputs"]))


@pytest.mark.parametrize("case", [c for c in CASES if c.rows is None], ids=lambda case: case.name)
def test_a_refused_file_is_one_line_and_status_2(
    case: Hostile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    path = case.write(tmp_path / "in")
    status = main(["investigate", f"--{case.table}", str(path), "--out", str(tmp_path / "out")])
    err = capsys.readouterr().err
    assert status == 2
    assert err.count("\n") == 1
    assert err.startswith(f"stanch: {path}")
