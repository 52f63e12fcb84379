"""A long measurement can be stopped and continued."""

from pathlib import Path

from measuring import DECIDING, Setup
from results import ResultFile, find_version


def test_only_the_same_code_and_setup_count_as_measured(tmp_path: Path) -> None:
    results = ResultFile(tmp_path / "deep" / "results.jsonl")
    assert results.has("v1", Setup().describe()) == set()
    results.append("v1", Setup().describe(), {"family": "one-try", "seed": 1})
    results.append("v1", Setup(without=("ja4", "device")).describe(), {"family": "one-try", "seed": 2})
    results.append("v2", Setup().describe(), {"family": "botnet", "seed": 1})
    assert results.has("v1", Setup(threads=8).describe()) == {("one-try", 1)}
    assert results.has("v1", Setup(without=("device", "ja4")).describe()) == {("one-try", 2)}
    assert results.has("v1", Setup(reduce_outcome=True).describe()) == set()
    assert results.has("v1", Setup(accounts=2_000_000, attack_share=0.01).describe()) == set()
    assert results.has("v2", Setup(scale=0.5).describe()) == set()


def test_a_line_that_was_cut_is_measured_again_and_spoils_no_other(tmp_path: Path) -> None:
    results = ResultFile(tmp_path / "results.jsonl")
    results.append("v1", Setup().describe(), {"family": "one-try", "seed": 1})
    with results.path.open("a", encoding="utf-8") as file:
        file.write('{"version": "v1", "fam')
    results.append("v1", Setup().describe(), {"family": "one-try", "seed": 3})
    assert results.has("v1", Setup().describe()) == {("one-try", 1), ("one-try", 3)}


def test_the_version_stands_for_the_code() -> None:
    assert find_version(DECIDING) == find_version(DECIDING) != find_version(DECIDING[:1])
    assert len(find_version(DECIDING)) == 12
