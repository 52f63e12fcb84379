"""What may and what may not be overwritten."""

from pathlib import Path

import pytest

from stanch.errors import UsageError
from stanch.reporting import prepare_out


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
