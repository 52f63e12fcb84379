"""Whatever a file holds, only clear errors and counted rejects come out, and good rows survive."""

from __future__ import annotations

import json
import os
import resource
from contextlib import closing
from pathlib import Path

import pytest

from hostile.inputs import CASES, GOOD, HEADER, Hostile
from stanch.engine import EngineSettings, open_engine
from stanch.errors import EvidenceError, UsageError
from stanch.evidence.rejects import RejectLog
from stanch.progress import SilentProgress
from stanch.readers import EvidenceRead, ReadRequest, read_evidence


def read(
    folder: Path, paths: dict[str, list[str]]
) -> tuple[EvidenceRead, dict[str, int], list[dict[str, object]]]:
    log = folder / "rejects.jsonl"
    with closing(open_engine("duckdb", EngineSettings(memory_limit_mb=512, threads=1))) as engine:
        with RejectLog(log) as rejects:
            evidence = read_evidence(ReadRequest(paths=paths), engine, rejects, SilentProgress())
        counts = {table: engine.count(table) for table in paths}
    return evidence, counts, [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A good file of another table, so that a refused file does not end the run."""
    path = tmp_path / "good.csv"
    path.write_text("time,actor,actor_kind,order\n2024-03-01T10:00:00Z,agent07,staff,o1\n")
    return path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_good_rows_survive_and_the_rest_is_said(case: Hostile, tmp_path: Path, good: Path) -> None:
    folder = tmp_path / "input"
    folder.mkdir()
    path = case.write(folder)
    evidence, counts, rejects = read(tmp_path, {case.table: [str(path)], "accesses": [str(good)]})
    seen = next(i for i in evidence.inputs if i.table == case.table)
    assert (seen.rows, seen.rejects) == (case.rows or 0, case.rejects)
    assert counts["accesses"] == 1
    assert len(rejects) == case.rejects
    assert all(entry["reason"] and entry["file"] == seen.path for entry in rejects)
    assert all(len(str(entry["raw"])) <= 500 for entry in rejects)
    json.dumps(seen.path, ensure_ascii=False).encode()
    if case.rows is None:
        assert case.table in evidence.all_rejected
        assert seen.notes, "the reader of the report must know"


@pytest.mark.parametrize("case", [c for c in CASES if c.rows is None], ids=lambda case: case.name)
def test_a_refused_file_alone_is_one_plain_error(case: Hostile, tmp_path: Path) -> None:
    folder = tmp_path / "input"
    folder.mkdir()
    path = case.write(folder)
    with pytest.raises(EvidenceError) as error:
        read(tmp_path, {case.table: [str(path)]})
    assert path.name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_line_of_200_mb_does_not_fill_memory(tmp_path: Path) -> None:
    bomb = next(case for case in CASES if case.name == "gzip_bomb_of_one_line")
    path = bomb.write(tmp_path)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read(tmp_path, {"logins": [str(path)]})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 150_000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    path = tmp_path / "secret.csv"
    path.write_text(HEADER + GOOD)
    path.chmod(0)
    with pytest.raises(EvidenceError, match=r"secret\.csv"):
        read(tmp_path, {"logins": [str(path)]})


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        ({"logins": ["*.nothing"]}, "*.nothing"),
        ({"logins": ["."]}, "folder"),
        ({"logins": ["-"], "orders": ["-"]}, "standard input"),
        ({"passwords": ["a.csv"]}, "passwords"),
    ],
)
def test_what_cannot_be_asked_for(
    paths: dict[str, list[str]], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(HEADER + GOOD)
    with pytest.raises(UsageError, match=words.replace("*", r"\*")):
        read(tmp_path, paths)
