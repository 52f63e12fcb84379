"""Text from evidence is hostile: made harmless in spreadsheets, visible on pages, masked where due."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Final, TypeVar

import polars as pl

#: A cell that begins so is a formula to a spreadsheet (OWASP, "CSV Injection"; the full-width
#: signs are what East Asian input methods turn into the plain ones).
_FORMULA: Final = r"^[=+\-@\t\r\n＝＋－＠]"

#: A sign before nothing but digits is a number or a phone, computes nothing, and has to stay matchable.
_SIGNED_NUMBER: Final = r"^[+\-][0-9]+$"

_MAX_SHOWN: Final = 72

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def neutralise_cells(frame: Frame) -> Frame:
    """`frame` with `'` put before each text cell that a spreadsheet would run as a formula.

    All other cells stay as given, so that identifiers can be matched against the shop's own.
    """
    names = [name for name, kind in frame.collect_schema().items() if kind == pl.String]
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(_FORMULA) & ~pl.col(name).str.contains(_SIGNED_NUMBER))
        .then(pl.concat_str(pl.lit("'"), pl.col(name)))
        .otherwise(pl.col(name))
        .alias(name)
        for name in names
    )


def write_csv(path: Path, frame: pl.DataFrame) -> None:
    """Write UTF-8 CSV with a header, `\\n` line ends, and floats as six plain decimals."""
    finite = frame.with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name)
        for name, kind in frame.schema.items()
        if kind == pl.Float64
    )
    neutralise_cells(finite).write_csv(path, float_precision=6, float_scientific=False)


def mask_name(name: str) -> str:
    """First character and three asterisks, whatever the length: a typed password must not be read here."""
    return f"{name[:1]}***" if len(name) > 1 else "***"


def show_text(text: str, limit: int = _MAX_SHOWN) -> str:
    """`text` fit to be read on a page: invisible and direction-changing characters spelled out, middle cut.

    Categories Cc, Cf, Cs, Co, Cn and the line separators (Unicode Standard, chapter 4.5) would let
    evidence reorder or hide what stands around it (CVE-2021-42574).
    """
    shown = "".join(_spell(char) for char in text[: 4 * limit])
    if len(shown) > limit or len(text) > 4 * limit:
        tail = "".join(_spell(char) for char in text[-limit // 4 :])[-limit // 4 :]
        shown = f"{shown[: limit - limit // 4 - 1]}…{tail}"
    return shown


def _spell(char: str) -> str:
    hidden = unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"
    return f"[U+{ord(char):04X}]" if hidden else char
