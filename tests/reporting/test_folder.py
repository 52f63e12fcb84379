"""What may and what may not be overwritten."""

from pathlib import Path

import pytest

from stanch.errors import UsageError
from stanch.reporting import open_rejects, prepare_out, replace_answer

OURS = '{\n  "schema": 1,\n  "run": {\n    "version": "0.1.0"'
REJECT = '{"file":"a.csv","line":1,"reason":"x"}\n'


def test_a_missing_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    prepare_out(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_foreign_file_is_refused_and_nothing_is_removed(tmp_path: Path) -> None:
    (tmp_path / "rejects.jsonl").write_text("")
    (tmp_path / "thesis.docx").write_text("years of work")
    with pytest.raises(UsageError, match="thesis") as caught:
        prepare_out(tmp_path)
    assert caught.value.exit_status == 2
    assert {p.name for p in tmp_path.iterdir()} == {"rejects.jsonl", "thesis.docx"}


def test_files_that_are_only_called_like_ours_are_refused(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_text("the shop's own list")
    with pytest.raises(UsageError, match="accounts"):
        prepare_out(tmp_path)
    assert (tmp_path / "accounts.csv").exists()


@pytest.mark.parametrize("content", ['{"schema": "of my house"}', "[1, 2]", "notes"])
def test_findings_of_somebody_else_are_refused_and_vouch_for_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "findings.json").write_text(content)
    (tmp_path / "accounts.csv").write_text("the shop's own list")
    with pytest.raises(UsageError, match="findings"):
        prepare_out(tmp_path)


def test_rejects_do_not_vouch_for_other_files(tmp_path: Path) -> None:
    (tmp_path / "rejects.jsonl").write_text(REJECT)
    prepare_out(tmp_path)
    (tmp_path / "accounts.csv").write_text("the shop's own list")
    with pytest.raises(UsageError, match="accounts"):
        prepare_out(tmp_path)


@pytest.mark.parametrize(
    "left",
    [
        {"rejects.jsonl": ""},
        {"rejects.jsonl": REJECT},
        {"rejects.jsonl.part": '{"file":"a.c'},
        {"findings.json": "", "rejects.jsonl": REJECT},
        {"findings.json": OURS, "accounts.csv": "account\n", "rejects.jsonl.part": ""},
    ],
)
def test_what_a_killed_run_leaves_locks_nobody_out(tmp_path: Path, left: dict[str, str]) -> None:
    for name, content in left.items():
        (tmp_path / name).write_text(content)
    prepare_out(tmp_path)


def test_an_answer_stays_until_the_next_one_is_there(tmp_path: Path) -> None:
    (tmp_path / "findings.json").write_text(OURS)
    (tmp_path / "accounts.csv").write_text("account\n")
    prepare_out(tmp_path)
    with open_rejects(tmp_path) as unfinished:  # of a run that comes to no answer
        unfinished.write_text(REJECT)
    assert {p.name for p in tmp_path.iterdir()} == {"findings.json", "accounts.csv"}
    with open_rejects(tmp_path) as unfinished:
        unfinished.write_text(REJECT)
        replace_answer(tmp_path)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"rejects.jsonl": REJECT}


def test_an_input_is_never_replaced_by_the_answer(tmp_path: Path) -> None:
    (tmp_path / "findings.json").write_text(OURS)
    (tmp_path / "warn.csv").write_text("account\n")
    with pytest.raises(UsageError, match=r"warn\.csv"):
        prepare_out(tmp_path, [tmp_path / "warn.csv"])


def test_a_folder_called_like_one_of_our_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rejects.jsonl").write_text("")
    (tmp_path / "report.html").mkdir()
    with pytest.raises(UsageError, match="report"):
        prepare_out(tmp_path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "findings.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match=r"findings\.json"):
        prepare_out(out)


def test_a_file_in_place_of_the_folder_is_one_plain_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    for path in (tmp_path / "out", tmp_path / "out" / "deeper"):
        with pytest.raises(UsageError):
            prepare_out(path)
