"""Hostile text in cells and on pages."""

import csv
import unicodedata
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.reporting.cells import mask_name, neutralise_cells, show_text, write_csv


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1+1", "-"]
)
def test_formulas_are_neutralised(cell: str) -> None:
    assert neutralise_cells(pl.DataFrame({"account": [cell]}))["account"][0] == "'" + cell


@pytest.mark.parametrize("cell", ["alice", "'=1", "a=b", "+8613800000000", "-12", "", "o'neil", "顾客1"])
def test_all_else_stays_matchable(cell: str) -> None:
    assert neutralise_cells(pl.DataFrame({"account": [cell]}))["account"][0] == cell


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_csv_gives_back_every_text_but_for_the_sign(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    write_csv(path, pl.DataFrame({"a": cells, "b": ["end"] * len(cells)}))
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0].removeprefix("'") for row in rows[1:]] == [cell.removeprefix("'") for cell in cells]
    assert all(row[1] == "end" for row in rows[1:])
    assert not any(row[0][:1] in ("=", "@", "\t", "\r") for row in rows)


def test_floats_are_plain_decimals(tmp_path: Path) -> None:
    write_csv(
        tmp_path / "x.csv", pl.DataFrame({"p": [1e-9, 0.1 + 0.2, float("nan"), float("-inf"), 123456.5]})
    )
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert [line.strip('"') for line in lines[1:]] == ["0.000000", "0.300000", "", "", "123456.500000"]


@given(st.text())
def test_masking_never_shows_more_than_one_character_nor_the_length(name: str) -> None:
    masked = mask_name(name)
    assert masked in ("***", f"{name[:1]}***")
    assert len(name) > 1 or masked == "***"


@given(st.text(max_size=3000))
def test_shown_text_holds_no_invisible_character_and_stays_short(text: str) -> None:
    shown = show_text(text)
    assert not any(unicodedata.category(char)[0] == "C" or char in "\u2028\u2029" for char in shown)
    assert len(shown) <= 72
    if text.isascii() and text.isprintable() and len(text) <= 72:
        assert shown == text


def test_a_long_identifier_keeps_its_beginning_and_end() -> None:
    shown = show_text("A" * 5000 + "tail")
    assert shown.startswith("AAAA")
    assert shown.endswith("tail")
