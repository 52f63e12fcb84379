"""Amounts of money as people write them -> numbers, where there is only one way to read them.

`1234.5`, `1,234.50`, `1 234,50`, `1.234,50`, `¥1,234`, `1234元`. A lone comma before one or two
digits is a decimal comma, before three digits it groups thousands. What is negative, not finite,
or larger than any loss on earth is no amount.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

_PLAIN: Final = r"^[0-9]{1,15}(?:\.[0-9]*)?$"
_SIGNS: Final = re.compile(r"^[¥￥$€£]\s*|\s*[¥￥$€£元]$")
_GROUPED_POINT: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?", re.ASCII)
_GROUPED_COMMA: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+", re.ASCII)
_GROUPED_BLANK: Final = re.compile(r"[0-9]{1,3}(?:[ \u00a0\u202f'’][0-9]{3})+(?:[.,][0-9]+)?", re.ASCII)
_DECIMAL_COMMA: Final = re.compile(r"[0-9]+,[0-9]{1,2}", re.ASCII)
_DECIMAL: Final = re.compile(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]{1,3})?|[0-9]+\.", re.ASCII)
_MAX: Final = 1e15


def parse_amounts(cells: pl.Series) -> pl.Series:
    """Float64 row for row; null where the cell is empty or no amount."""
    if cells.dtype.is_numeric() or isinstance(cells.dtype, pl.Decimal):
        return _bounded(cells.cast(pl.Float64, strict=False))
    text = cells.cast(pl.String).str.strip_chars()
    plain = text.str.contains(_PLAIN).fill_null(value=False)
    amounts = text.set(~plain, None).cast(pl.Float64, strict=False)
    other = text.set(plain, None)
    found = {value: parse_amount(value) for value in other.unique().drop_nulls().to_list()}
    if found:
        rest = other.replace_strict(found, default=None, return_dtype=pl.Float64)
        amounts = amounts.zip_with(plain, rest)
    return _bounded(amounts)


def parse_amount(text: str) -> float | None:
    """One amount, None if it is none or can be read in two ways."""
    if len(text) > 64:
        return None
    bare = _SIGNS.sub("", text.strip())
    if _GROUPED_POINT.fullmatch(bare):
        bare = bare.replace(",", "")
    elif _GROUPED_COMMA.fullmatch(bare):
        bare = bare.replace(".", "").replace(",", ".")
    elif _GROUPED_BLANK.fullmatch(bare):
        bare = re.sub("[ \u00a0\u202f'’]", "", bare).replace(",", ".")
    elif _DECIMAL_COMMA.fullmatch(bare):
        bare = bare.replace(",", ".")
    elif not _DECIMAL.fullmatch(bare):
        return None
    return float(bare)


def _bounded(amounts: pl.Series) -> pl.Series:
    bad = (amounts < 0) | (amounts > _MAX) | amounts.is_nan() | amounts.is_infinite()
    return amounts.set(bad.fill_null(value=False), None)
