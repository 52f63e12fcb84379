"""Words as logs and shops write them -> the words of the evidence tables.

Only what can be read in one way is translated; `0` and `1`, `error` or `rejected` mean opposite or
different things in different logs, so a row that says so is rejected rather than guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import polars as pl

from stanch.evidence.tables import Column

#: Other spellings by column. Keys are in lower case with blanks and hyphens as `_`.
SYNONYMS: Final[Mapping[str, Mapping[str, str]]] = {
    "outcome": {
        "succeeded": "success",
        "successful": "success",
        "ok": "success",
        "true": "success",
        "accepted": "success",
        "成功": "success",
        "fail": "failure",
        "failed": "failure",
        "false": "failure",
        "wrong_password": "failure",
        "bad_password": "failure",
        "invalid_password": "failure",
        "失败": "failure",
        "unknown_user": "unknown_account",
        "no_such_user": "unknown_account",
        "user_not_found": "unknown_account",
        "invalid_user": "unknown_account",
        "账号不存在": "unknown_account",
        "challenge": "challenged",
        "mfa_required": "challenged",
        "deny": "denied",
        "blocked": "denied",
    },
    "actor_kind": {
        "employee": "staff",
        "员工": "staff",
        "客服": "staff",
        "客户": "customer",
        "顾客": "customer",
    },
}

_SEPARATORS: Final = re.compile(r"[|,;、\s]+")


def parse_words(cells: pl.Series, column: Column) -> pl.Series:
    """One of `column.words` row for row; null where the cell is empty or none of them."""
    text = cells.cast(pl.String)
    found = {value: _find_word(value, column) for value in text.unique().drop_nulls().to_list()}
    return _translate(text, found)


def parse_word_sets(cells: pl.Series, column: Column) -> tuple[pl.Series, set[str]]:
    """`|`-separated sets in the order of `column.words`, null where empty; and the unknown words."""
    text = cells.cast(pl.String)
    unknown: set[str] = set()
    found: dict[str, str | None] = {}
    for value in text.unique().drop_nulls().to_list():
        words = {w for w in _SEPARATORS.split(_fold(value, keep_blanks=True).strip('[]"')) if w}
        words = {w.strip("\"'") for w in words}
        unknown |= words.difference(column.words)
        found[value] = "|".join(w for w in column.words if w in words) or None
    return _translate(text, found), unknown


def _find_word(value: str, column: Column) -> str | None:
    word = _fold(value)
    if word in column.words:
        return word
    return SYNONYMS.get(column.name, {}).get(word)


def _fold(value: str, *, keep_blanks: bool = False) -> str:
    folded = value.strip().casefold().replace("-", "_")
    return folded if keep_blanks else folded.replace(" ", "_")


def _translate(text: pl.Series, found: Mapping[str, str | None]) -> pl.Series:
    if all(value == word for value, word in found.items()):
        return text
    return text.replace_strict(found, default=None, return_dtype=pl.String)
