"""From one small incident to a record, and from records to the page."""

import functools
from pathlib import Path
from typing import Any

import pytest

from attribution_page import choose_newest, write_page
from cells import find_interval, show_share
from counting import (
    Naming,
    apply_rule,
    count_found,
    count_precise,
    count_silent,
    count_wrong,
    find_best_threshold,
    name_by_itself,
    name_first,
    name_first_above,
)
from naming import NamingSetup, measure
from results import Record
from rivals import RIVALS

SMALL = NamingSetup(scale=0.1)


@functools.cache
def record_of(family: str, seed: int = 1) -> Record:
    return {"version": "v1", **SMALL.describe(), **measure(family, seed, SMALL)}


def test_stanch_and_all_rivals_are_measured_on_one_incident() -> None:
    record = record_of("insider")
    assert record["rivals"].keys() == RIVALS.keys()
    ((source, n),) = record["true"].items()
    assert source.startswith("staff:agent")
    assert n >= 3
    for ranking in record["rivals"].values():
        scores = [score for score, _ in ranking]
        assert scores == sorted(scores, reverse=True)
        assert {true for _, true in ranking} <= {source, None}
    assert sum(is_true for _, is_true in record["stanch"]["odds"]) == 1


def test_a_copy_that_no_log_shows_is_nobodys() -> None:
    record = record_of("unlogged")
    assert set(record["true"]) == {"unlogged"}
    assert not record["stanch"]["right"]
    assert not any(true for ranking in record["rivals"].values() for _, true in ranking)


def make_record(true: dict[str, int], *firsts: tuple[float, str | None], **said: Any) -> Record:
    stanch = {"right": [], "wrong": [], "cleared": [], "verdict": "undetermined", "odds": []}
    return {"true": true, "rivals": {"guilt": [list(each) for each in firsts]}, "n_sources": 9} | {
        "stanch": stanch | said
    }


RECORDS = [
    make_record({"a": 9}, (5.0, "a"), (4.0, None)),
    make_record({"a": 5, "b": 20}, (3.0, None), (2.0, "b")),
    make_record({}, (1.0, None)),
    make_record({"unlogged": 12}, (0.5, None)),
]


def test_names_are_counted_by_incident_by_name_and_by_source() -> None:
    first = apply_rule(RECORDS, "guilt", name_first)
    assert (count_wrong(first), count_precise(first)) == ((3, 4), (1, 4))
    assert (count_found(first, 8), count_found(first, 4, 7), count_silent(first)) == ((1, 2), (0, 1), (0, 2))
    own = apply_rule(RECORDS, "guilt", name_by_itself("guilt"))
    assert (count_wrong(own), count_precise(own)) == ((2, 4), (2, 4))
    assert (count_found(own, 8), count_silent(own)) == ((2, 2), (2, 2))
    none = [Naming(record, frozenset(), 0) for record in RECORDS]
    assert (count_wrong(none), count_precise(none)) == ((0, 4), (0, 0))


def test_the_best_threshold_is_the_lowest_that_keeps_wrong_names_rare() -> None:
    least = find_best_threshold(RECORDS, "guilt")
    assert count_wrong(apply_rule(RECORDS, "guilt", name_first_above(least))) == (0, 4)
    many = RECORDS * 50
    least = find_best_threshold(many, "guilt")
    assert count_wrong(apply_rule(many, "guilt", name_first_above(least)))[0] <= 2
    # Where it is always right, it may always name.
    assert count_found(
        apply_rule(RECORDS[:1], "guilt", name_first_above(find_best_threshold(RECORDS[:1], "guilt"))), 8
    ) == (1, 1)


def test_the_page_says_what_was_measured(tmp_path: Path) -> None:
    records = [{**record_of("insider"), "version": "v0", "seed": 77}, record_of("insider")]
    records += [record_of("no-leak"), record_of("unlogged"), record_of("insider")]
    write_page(records, tmp_path)
    page = (tmp_path / "attribution.md").read_text(encoding="utf-8")
    assert "3 incidents: 3 families" in page
    assert "Code version v1" in page
    assert "copied table or no leak: nobody named | ≥ 99 % | 2 of 2" in page
    assert not any(len(line) > 125 for line in page.splitlines() if line[:1] not in "|[")
    for name in ("attribution-calibration.svg", "attribution-recall.svg"):
        assert name in page
        assert (tmp_path / name).read_text(encoding="utf-8").startswith("<svg")


def test_wrong_names_are_told_one_by_one(tmp_path: Path) -> None:
    record = record_of("insider")
    wrong = {**record, "stanch": record["stanch"] | {"right": [], "wrong": ["staff:agent99"]}}
    write_page([wrong], tmp_path)
    page = (tmp_path / "attribution.md").read_text(encoding="utf-8")
    assert "`insider` seed 1: named staff:agent99, truly" in page
    assert "wrongly, of all incidents | ≤ 1 % | 1 of 1" in page


def test_of_equal_seeds_the_last_counts() -> None:
    old, new = record_of("insider"), {**record_of("insider"), "n_sources": 1}
    assert choose_newest([old, new]) == [new]


@pytest.mark.parametrize(
    ("k", "n", "low", "high"), [(0, 10, 0, 0.213), (10, 10, 0.787, 1), (5, 10, 0.269, 0.731), (0, 0, 0, 1)]
)
def test_intervals_are_wilsons(k: int, n: int, low: float, high: float) -> None:
    assert find_interval(k, n) == pytest.approx((low, high), abs=0.001)


def test_shares_are_shown_with_their_interval() -> None:
    assert show_share(12, 13) == "12 of 13, 92.3 % [72–98.3]"
    assert show_share(0, 95) == "0 of 95, 0 % [0–2.8]"
    assert show_share(1000, 1001) == "1000 of 1001, 99.90 % [99.55–99.98]"
    assert show_share(0, 0) == "–"
