"""Accounts that fell and customers to warn: the tables behind accounts.csv, reset.csv and warn.csv."""

from __future__ import annotations

from typing import Final

import polars as pl

from stanch.engine import Engine
from stanch.findings import format_time
from stanch.reporting.cells import mask_name

#: Below this the chance of takeover is negligible and the account is not listed.
LEAST_LISTED: Final = 0.01

#: A needless reset costs a customer a minute, a missed takeover costs somebody their money: taken
#: as one to four, revoking pays from a chance of 1 in 5.
LEAST_RESET: Final = 0.2

ACCOUNTS_SCHEMA: Final = {
    "account": pl.String,
    "p_compromised": pl.Float64,
    "campaign": pl.String,
    "first_success": pl.String,
    "ip": pl.String,
    "orders_exposed": pl.Int64,
}

_FALLEN: Final = """
SELECT account, p_compromised, campaign, first_success_us, ip FROM fallen_accounts
WHERE p_compromised >= $least AND account IS NOT NULL ORDER BY p_compromised DESC, account
"""
_KNOWN: Final = """
SELECT DISTINCT account FROM logins
WHERE outcome = 'success' AND account IN (SELECT account FROM fallen_accounts)
"""
#: An order that was open to the intruder, but that no log shows being read, weighs less than half.
_EXPOSED: Final = """
SELECT f.account, count(DISTINCT e."order") AS orders_exposed FROM fallen_accounts f
JOIN known_orders k ON k.account = f.account
JOIN exposures e ON e."order" = k."order" AND e.source = 'campaign:' || f.campaign
WHERE e.weight >= 0.5 * f.p_compromised GROUP BY f.account
"""


def list_accounts(engine: Engine) -> pl.DataFrame:
    """One row per account with a chance of takeover of at least `LEAST_LISTED`, likeliest first.

    A name that never once logged in is not known to be an account - people type passwords there -
    and is masked.
    """
    if not engine.has("fallen_accounts"):
        return pl.DataFrame(schema=ACCOUNTS_SCHEMA)
    fallen = engine.fetch(_FALLEN, {"least": LEAST_LISTED}).unique(
        "account", keep="first", maintain_order=True
    )
    known = set(engine.fetch(_KNOWN)["account"]) if engine.has("logins") else set(fallen["account"])
    return (
        fallen.join(count_exposed_orders(engine), on="account", how="left", maintain_order="left")
        .with_columns(
            format_times(fallen["first_success_us"]).alias("first_success"),
            pl.col("orders_exposed").fill_null(0),
            pl.Series("account", [a if a in known else mask_name(a) for a in fallen["account"]], pl.String),
        )
        .select(pl.col(name).cast(kind) for name, kind in ACCOUNTS_SCHEMA.items())
    )


def count_exposed_orders(engine: Engine) -> pl.DataFrame:
    """`account`, `orders_exposed`: orders the intruder likely saw through each fallen account."""
    if not engine.has("exposures"):
        return pl.DataFrame(schema={"account": pl.String, "orders_exposed": pl.Int64})
    return engine.fetch(_EXPOSED)


def list_resets(accounts: pl.DataFrame) -> pl.DataFrame:
    """The rows of `accounts` whose password and sessions should be revoked (p >= `LEAST_RESET`)."""
    return accounts.filter(pl.col("p_compromised") >= LEAST_RESET).select(
        "account", "p_compromised", "campaign", pl.col("first_success").alias("since")
    )


def format_times(times_us: pl.Series) -> pl.Series:
    """Microseconds -> RFC 3339 text, null where there is none."""
    return pl.Series(times_us.name, [None if t is None else format_time(t) for t in times_us], pl.String)
