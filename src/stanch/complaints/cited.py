"""Which order or account of the shop a text names, where that is beyond doubt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl

from stanch.engine import Engine

#: What may be an order number or the name of an account: it holds a digit or `@`.
_TOKEN: Final = re.compile(r"(?<![\w@])(?=[\w.+@/-]*[\d@])\w[\w.+@/-]{2,62}\w(?![\w@])", re.ASCII)
#: A bare number so short may be an amount, a year or a code: an order only where a word says so.
_SHORT: Final = re.compile(r"\d{1,7}")
_ORDER_BEFORE: Final = re.compile(
    r"(?:\border(?:ed)?(?: ?(?:number|num|no\.?|nr\.?|id|ref(?:erence)?\.?))?|订单编?号?码?|订单|单号)"
    r"[\s:：#（(是为]{0,4}$",
    re.IGNORECASE,
)
_ORDERS: Final = {
    "orders": 'SELECT o."order", min(o.account) AS account FROM orders o'
    ' JOIN text_tokens t ON t.token = o."order" GROUP BY o."order"',
    "accesses": 'SELECT a."order", CAST(NULL AS VARCHAR) AS account FROM accesses a'
    ' JOIN text_tokens t ON t.token = a."order" GROUP BY a."order"',
}
_ACCOUNTS: Final = "SELECT DISTINCT o.account FROM orders o JOIN text_tokens t ON t.token = o.account"


def find_cited(
    engine: Engine, texts: Sequence[str], accounts: Sequence[str | None]
) -> tuple[list[str | None], list[str | None]]:
    """The order and the account that each text names, None where it names none, or more than one.

    Only orders and accounts of the tables given count. An order that is another account's than the one in
    `accounts`, which a person gave, is none.
    """
    tokens = [dict(_list_tokens(text)) for text in texts]
    distinct = sorted({token for found in tokens for token in found})
    engine.put("text_tokens", pl.DataFrame({"token": distinct}, schema={"token": pl.String}))
    owners: dict[str, str | None] = {}
    for table in ("accesses", "orders"):
        if engine.has(table):
            owners |= dict(engine.fetch(_ORDERS[table]).iter_rows())
    known = set(engine.fetch(_ACCOUNTS)["account"]) if engine.has("orders") else set()
    engine.drop("text_tokens")
    orders = [
        _pick(
            t
            for t, sure in found.items()
            if sure and t in owners and owners[t] in (None, account or owners[t])
        )
        for found, account in zip(tokens, accounts, strict=True)
    ]
    return orders, [_pick(t for t in found if t in known) for found in tokens]


def _list_tokens(text: str) -> Iterator[tuple[str, bool]]:
    """Each with whether it may be an order."""
    plain = unicodedata.normalize("NFKC", text)
    for match in _TOKEN.finditer(plain):
        short = _SHORT.fullmatch(match[0])
        yield (
            match[0],
            not short or bool(_ORDER_BEFORE.search(plain, max(0, match.start() - 24), match.start())),
        )


def _pick(found: Iterator[str]) -> str | None:
    names = list(found)
    return names[0] if len(names) == 1 else None
