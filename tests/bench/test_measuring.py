"""From one small incident to a record, and from records to the page."""

import functools
import math
from pathlib import Path

import pytest

from cells import format_percent, make_table, show_number, show_percent, summarise
from detection_page import write_page
from measuring import Setup, measure
from results import Record
from rules import RULES

SMALL = Setup(scale=0.1)


@functools.cache
def record_of(family: str, setup: Setup = SMALL) -> Record:
    return {"version": "v1", **setup.describe(), **measure(family, 2, setup)}


def test_stanch_and_all_rules_are_measured_on_one_log() -> None:
    record = record_of("burst-2015")
    assert record["methods"].keys() == {"Stanch", *RULES}
    assert record["methods"]["Stanch"]["caught"] == record["stanch"]["tpr"]
    assert record["methods"]["Stanch"]["genuine"] == record["stanch"]["fpr"]
    assert record["n_first"] == record["stanch"]["planted"] > 0
    assert sum(genuine + attack for _, genuine, attack in record["stanch"]["odds"]) == (
        record["n_attack"] + record["n_genuine"]
    )
    for scores in record["methods"].values():
        assert 0 <= scores["caught"] <= scores["caught_seen"] <= 1
        assert 0 <= scores["genuine"] <= scores["genuine_seen"] <= 1
    # A burst is what rules per address are made for.
    assert record["methods"]["django-axes"]["caught"] > 0.9


def test_a_log_may_lack_columns_and_words() -> None:
    record = record_of("burst-2015", Setup(SMALL.scale, ("account", "user_agent"), reduce_outcome=True))
    assert record["n_first"] == record_of("burst-2015")["n_first"]
    assert record["methods"]["Elastic"]["alarms"] == 0


def test_the_page_says_what_was_measured(tmp_path: Path) -> None:
    records = [
        record_of("burst-2015", Setup(SMALL.scale, ("account", "user_agent"), reduce_outcome=True)),
        {**record_of("burst-2015"), "version": "v0", "seed": 77},
        record_of("burst-2015"),
        record_of("outage"),
    ]
    write_page(records, tmp_path)
    page = (tmp_path / "detection.md").read_text(encoding="utf-8")
    assert "Code version v1" in page
    assert "| burst-2015 | 1 |" in page
    assert "| burst-2015 | without account, user_agent; success and failure only | 1 |" in page
    assert "in 0 of 1 logs without an attack.\n" in page
    assert (tmp_path / "detection-roc.svg").read_text(encoding="utf-8").count("burst-2015") == 1
    assert not any(len(line) > 125 for line in page.splitlines() if line[:1] not in "|[")


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0"), (1, "100"), (0.5, "50.0"), (0.99999, "99.99"), (0.0004, "0.04"), (1e-7, "<0.0001")],
)
def test_shares_near_the_ends_keep_their_digits(share: float, text: str) -> None:
    assert format_percent(share) == text


def test_cells_give_median_and_range() -> None:
    assert show_percent([0.1, None, 0.3, 0.2, math.nan]) == "20.0 [10.0–30.0]"
    assert show_percent([None]) == "–"
    assert show_number([1500.0, 1500.0], 0) == "1,500"
    assert summarise(map(float, range(101))) == (50, 5, 95)
    assert make_table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"
