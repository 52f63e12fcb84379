"""Successes -> accounts that fell, with the chance that they did."""

from __future__ import annotations

import math

import numpy as np
import polars as pl

from stanch.engine import Engine
from stanch.findings import Interval
from stanch.stuffing.intervals import describe_sum

#: Successes less likely to be an attack are left out: too unlikely to matter, too many to hold.
_LEAST_LOG_ODDS = -8.0


def find_fallen(engine: Engine, least_p: float) -> dict[str, Interval]:
    """Make `fallen_accounts`; return how many accounts fell per campaign.

    Successes of one account from one network are one question, answered by the likeliest of them;
    networks answer independently. An account counts for the campaign of its likeliest success, or the one
    under way at that time.
    """
    frame = engine.fetch(
        "SELECT account, net_id, ip, time_us, file_id, line, log_odds, campaign FROM stuffing_successes"
        " WHERE log_odds > $least",
        {"least": _LEAST_LOG_ODDS},
    ).sort("account", "net_id", "time_us", "file_id", "line")
    # Where no account is named, each success is taken for one of its own: they are counted, not listed.
    frame = frame.with_columns(key=pl.coalesce("account", pl.format("\0{} {}", "file_id", "line")))
    telling = pl.col("log_odds") >= pl.col("log_odds").max().clip(upper_bound=0.0)
    by_net = frame.group_by("key", "net_id", maintain_order=True).agg(
        pl.col("account").first(),
        pl.col("log_odds").max(),
        pl.col("campaign").sort_by("log_odds").last(),
        pl.struct("time_us", "ip").filter(telling).first().alias("first"),
    ).unnest("first")  # fmt: skip
    odds = by_net["log_odds"].to_numpy()
    by_net = by_net.with_columns(pl.Series("spared", -np.logaddexp(0.0, odds)))
    accounts = (
        by_net.sort("key", "log_odds", "net_id")
        .group_by("key", maintain_order=True)
        .agg(
            pl.col("account").first(),
            (1 - pl.col("spared").sum().exp()).alias("p_compromised"),
            pl.col("campaign").last(),
            pl.col("time_us").last().alias("first_success_us"),
            pl.col("ip").last(),
        )
        .filter(pl.col("campaign").is_not_null())
        .sort(["p_compromised", "key"], descending=[True, False])
    )
    listed = accounts.filter(pl.col("account").is_not_null(), pl.col("p_compromised") >= least_p)
    engine.put(
        "fallen_accounts",
        listed.select("account", "p_compromised", "campaign", "first_success_us", "ip"),
    )
    return {
        str(key[0]): describe_sum(
            float(part["p_compromised"].sum()),
            float((part["p_compromised"] * (1 - part["p_compromised"])).sum()),
            math.inf,
        )
        for key, part in accounts.group_by("campaign", maintain_order=True)
    }
