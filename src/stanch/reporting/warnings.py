"""Customers to warn, why, and how soon: the table behind warn.csv.

| priority | who |
|---|---|
| 1 | order seen by the named source while it leaked, or through an account that probably fell to an attack; no scam contact reported yet |
| 2 | the same, but a scam contact was reported already (a second call often follows); order seen through an account that possibly fell; order seen by a source that more likely than not leaked; account probably fallen, no order seen |
| 3 | order seen by the named source outside the time it leaked, or by a source that possibly leaked |
"""  # noqa: E501  (table)

from __future__ import annotations

from typing import Final

import polars as pl

from stanch.engine import Engine
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.people import LEAST_RESET

WARN_SCHEMA: Final = {"account": pl.String, "order": pl.String, "reason": pl.String, "priority": pl.Int64}

#: An exposure through an account that fell with less than an even chance is less pressing.
_LIKELY: Final = 0.5
#: Sources less likely than this warn nobody: they would have the shop write to all its customers. Where
#: another source is named, only those that more likely than not leaked as well do.
_LEAST_POSTERIOR: Final = 0.2

_LEADS_SCHEMA: Final = {
    "source": pl.String,
    "start_us": pl.Int64,
    "end_us": pl.Int64,
    "inside": pl.Int64,
    "outside": pl.Int64,
}
_SOURCES: Final = "SELECT source, posterior, leak_start_us, leak_end_us, verdict FROM sources ORDER BY source"
_INTRUDERS: Final = "SELECT DISTINCT source FROM exposures WHERE source LIKE 'campaign:%' ORDER BY source"
_SEEN: Final = """
SELECT e."order", e.source, o.account, o.time_us AS placed_us, e.weight,
  CASE WHEN (l.start_us IS NULL OR e.last_us >= l.start_us) AND (l.end_us IS NULL OR e.first_us <= l.end_us)
    THEN l.inside ELSE l.outside END AS priority
FROM exposures e JOIN warn_leads l ON e.source = l.source LEFT JOIN known_orders o ON o."order" = e."order"
"""
_VICTIMS: Final = """
SELECT v."order", coalesce(v.account, o.account) AS account
FROM victims v LEFT JOIN known_orders o ON o."order" = v."order"
"""


def list_warnings(engine: Engine, accounts: pl.DataFrame, texts: Catalogue) -> pl.DataFrame:
    """One row per customer (per order where its customer is not known), most pressing first.

    `order` is the customer's latest exposed order, the one a caller would most likely cite.
    """
    rows = [_warn_of_takeover(accounts, texts)]
    if engine.has("exposures"):
        rows.insert(0, _warn_of_exposure(engine, texts))
    together = pl.concat(rows).with_columns(
        pl.coalesce("account", pl.concat_str(pl.lit("\0"), pl.col("order"))).alias("customer")
    )
    return (
        together.unique("customer", keep="first", maintain_order=True)
        .sort("priority", "customer")
        .select(pl.col(name).cast(kind) for name, kind in WARN_SCHEMA.items())
    )


def _warn_of_takeover(accounts: pl.DataFrame, texts: Catalogue) -> pl.DataFrame:
    return accounts.filter(pl.col("p_compromised") >= LEAST_RESET).select(
        "account",
        pl.lit(None, pl.String).alias("order"),
        pl.lit(texts.text("warn.takeover")).alias("reason"),
        pl.lit(2, pl.Int64).alias("priority"),
    )


def _warn_of_exposure(engine: Engine, texts: Catalogue) -> pl.DataFrame:
    engine.put("warn_leads", pl.DataFrame(list_leads(engine), schema=_LEADS_SCHEMA, orient="row"))
    seen = engine.fetch(_SEEN).filter(pl.col("priority").is_not_null())
    seen = _weigh_intrusions(seen).with_columns(_was_contacted(engine).alias("contacted"))
    engine.drop("warn_leads")
    pressing = seen.with_columns(
        pl.when(pl.col("contacted"))
        .then(pl.max_horizontal("priority", 2))
        .otherwise("priority")
        .alias("priority"),
        pl.coalesce("account", "order").alias("customer"),
    ).sort(
        ["priority", "placed_us", "order", "source"], descending=[False, True, True, False], nulls_last=True
    )
    first = pressing.group_by("customer", maintain_order=True).agg(
        pl.col("account", "order", "source", "contacted", "priority").first(),
        pl.col("order").n_unique().alias("n"),
    )
    reasons = [
        _explain(texts, source, n, contacted)
        for source, n, contacted in first.select("source", "n", "contacted").iter_rows()
    ]
    return first.with_columns(pl.Series("reason", reasons, pl.String)).select(*WARN_SCHEMA)


def list_leads(engine: Engine) -> list[tuple[str, int | None, int | None, int, int | None]]:
    """(source, leak start, leak end, priority inside that time, priority outside) worth warning about."""
    leads: dict[str, tuple[str, int | None, int | None, int, int | None]] = {}
    for source in engine.fetch(_INTRUDERS)["source"]:
        # An intruder read the order, whether or not the complaints come from it.
        leads[source] = (source, None, None, 1, None)
    if engine.has("sources"):
        rows = engine.fetch(_SOURCES)
        least = _LIKELY if "named" in rows["verdict"] else _LEAST_POSTERIOR
        for name, posterior, start, end, verdict in rows.iter_rows():
            if verdict == "cleared" or (verdict != "named" and posterior < least):
                continue
            inside = 1 if verdict == "named" else 2 if posterior >= _LIKELY else 3
            outside = 3 if verdict == "named" else None
            for member in split_group(name):
                leads.setdefault(member, (member, start, end, inside, outside))
    return [leads[source] for source in sorted(leads)]


def split_group(source: str) -> list[str]:
    """The members of `group:A+B`, or the source itself."""
    return source.removeprefix("group:").split("+") if source.startswith("group:") else [source]


def _weigh_intrusions(seen: pl.DataFrame) -> pl.DataFrame:
    """Exposures by campaigns count by the chance that the account had fallen."""
    intrusion = pl.col("source").str.starts_with("campaign:")
    return seen.filter(~intrusion | (pl.col("weight") >= LEAST_RESET)).with_columns(
        pl.when(intrusion & (pl.col("weight") < _LIKELY)).then(2).otherwise("priority").alias("priority")
    )


def _was_contacted(engine: Engine) -> pl.Expr:
    if not engine.has("victims"):
        return pl.lit(False)
    victims = engine.fetch(_VICTIMS)
    orders, accounts = victims["order"].drop_nulls(), victims["account"].drop_nulls()
    of_order = pl.col("order").is_in(orders.implode())
    return of_order | pl.col("account").is_in(accounts.implode()).fill_null(False)


def _explain(texts: Catalogue, source: str, n: int, contacted: bool) -> str:
    key = "warn.intrusion" if source.startswith("campaign:") else "warn.exposure"
    reason = texts.text(key, source=texts.source(source), n=n)
    return reason + texts.text("warn.contacted") if contacted else reason
