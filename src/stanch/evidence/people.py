"""Hiding people while their rows still join: pseudonyms in columns and in free text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

from stanch.evidence.pseudonyms import Pseudonymiser, session_hasher
from stanch.evidence.tables import Kind, Table

#: Runs of digits long enough to be a phone (E.164: at most 15), with the signs that people put
#: between them; not the days of a calendar. Chinese puts no blanks around them.
_PHONE: Final = re.compile(
    r"(?<![0-9A-Za-z])(?!\d{4}-\d\d?-\d)\+?\(?\d(?:[ .()–-]{0,2}\d){6,14}(?![0-9A-Za-z])", re.ASCII
)
#: Anything that could be an account: e-mail addresses and names, first in Latin letters alone, as
#: they stand in Chinese text, then in any.
_WORDS: Final = (re.compile(r"[\w.+@-]*\w", re.ASCII), re.compile(r"[\w.+@-]*\w"))


class People:
    """Replaces people by pseudonyms under `key`; without one only sessions are hashed.

    Sessions are hashed under `key`, else `session_key`, else a key that nobody will ever know. `names`
    gathers who is behind the pseudonyms of columns, for those who have to act on them.
    """

    def __init__(
        self,
        key: bytes | None,
        session_key: bytes | None = None,
        names: dict[str, str] | None = None,
    ) -> None:
        self._names = names
        self._hasher = Pseudonymiser(key) if key is not None else None
        own = Pseudonymiser(session_key) if session_key is not None else session_hasher()
        self._sessions = self._hasher or own
        self._known: set[str] = set()

    def learn(self, accounts: pl.Series) -> None:
        """Remember account names, to find them in text. Only with a key."""
        if self._hasher is not None:
            self._known.update(accounts.to_list())

    def hide(self, table: Table, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with every personal and secret column of `table` replaced."""
        hidden: list[pl.Series] = []
        for column in table.columns:
            if column.stored_name not in frame.columns:
                continue
            cells = frame[column.stored_name]
            if column.secret:
                hidden.append(_replace(cells, self._sessions))
            elif self._hasher is None or cells.null_count() == len(cells):
                continue
            elif column.personal and column.kind is Kind.TEXT:
                hidden.append(self._hide_in_text(cells, frame))
            elif column.personal:
                hashed = _replace(cells, self._hasher, self._names)
                if column.name == "actor" and "channel" in frame.columns:
                    # An endpoint is nobody, and its path stands in `channel` anyway.
                    endpoint = (frame["actor_kind"] == "anonymous") & cells.eq_missing(frame["channel"])
                    hashed = hashed.zip_with(~endpoint.fill_null(value=False), cells)
                hidden.append(hashed)
            elif column.name in {"path", "scam_url"}:
                hidden.append(cells.str.replace(r"[?#].*$", ""))
        return frame.with_columns(hidden) if hidden else frame

    def hide_accounts(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with its column `account` replaced."""
        if self._hasher is None:
            return frame
        return frame.with_columns(_replace(frame["account"], self._hasher))

    def _hide_in_text(self, cells: pl.Series, frame: pl.DataFrame) -> pl.Series:
        own = [
            frame[name].to_list()
            for name in ("order", "account", "phone", "scam_phone")
            if name in frame.columns
        ]
        rows = zip(cells.to_list(), zip(*own, strict=True) if own else ((),) * len(cells), strict=True)
        texts = [None if text is None else self._hide_words(text, names) for text, names in rows]
        return pl.Series(cells.name, texts, dtype=pl.String)

    def _hide_words(self, text: str, names: Iterable[str | None]) -> str:
        assert self._hasher is not None
        hasher = self._hasher
        for name in sorted({n for n in names if n and len(n) > 1}, key=lambda n: (-len(n), n)):
            text = text.replace(name, f" {hasher.hash(name)} ")
        text = _PHONE.sub(lambda m: hasher.hash(re.sub(r"[^\d+]", "", m[0])), text)
        for word in _WORDS:
            text = word.sub(lambda m: hasher.hash(m[0]) if m[0] in self._known else m[0], text)
        return text


def _replace(cells: pl.Series, hasher: Pseudonymiser, names: dict[str, str] | None = None) -> pl.Series:
    """Each cell hashed, nulls left; distinct values are hashed once, and noted in `names`."""
    distinct = cells.unique().drop_nulls()
    hashes = pl.Series([hasher.hash(value) for value in distinct], dtype=pl.String)
    if names is not None:
        names.update(zip(hashes, distinct, strict=True))
    return cells.replace_strict(distinct, hashes, default=None, return_dtype=pl.String).alias(cells.name)
