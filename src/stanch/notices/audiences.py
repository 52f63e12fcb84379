"""Whom to warn, in which order, and with which words.

| audience | who |
|---|---|
| `reset` | the account may have been entered by an attacker: a new password is due |
| `order` | an order of theirs may have been seen |
| `general` | all other customers |
"""

from __future__ import annotations

from typing import Final, Literal, get_args

import polars as pl

from stanch.notices.folder import Documents

Audience = Literal["reset", "order", "general"]
AUDIENCES: Final[tuple[Audience, ...]] = get_args(Audience)
RECIPIENTS: Final = {
    "account": pl.String,
    "order": pl.String,
    "audience": pl.String,
    "priority": pl.Int64,
}


def list_recipients(documents: Documents) -> pl.DataFrame:
    """One row per customer of warn.csv (per order where its customer is not known), most pressing first."""
    warn = documents.tables["warn.csv"]
    fell = pl.col("account").is_in(documents.tables["reset.csv"]["account"].implode()).fill_null(value=False)
    audience = pl.when(fell).then(pl.lit("reset")).when(pl.col("order").is_not_null()).then(pl.lit("order"))
    return (
        warn.with_columns(
            audience.otherwise(pl.lit("general")).alias("audience"),
            pl.col("priority").cast(pl.Int64),
            pl.coalesce("account", pl.concat_str(pl.lit("\0"), pl.col("order"))).alias("customer"),
        )
        .sort("priority", maintain_order=True)
        .unique("customer", keep="first", maintain_order=True)
        .select(pl.col(name).cast(kind) for name, kind in RECIPIENTS.items())
    )
