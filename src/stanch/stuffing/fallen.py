"""Successes -> accounts that fell, with the chance that they did."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from stanch.engine import Engine
from stanch.findings import Interval
from stanch.stuffing.intervals import describe_sum, find_spread
from stanch.stuffing.owned import Tried, count_lifeless_victims, weigh_uses

_TRIED = "SELECT campaign, n, alive FROM stuffing_tried"
#: Whether failures on accounts that do not exist are told from others.
TELLS_UNKNOWN = "SELECT count(*) AS n FROM attempts WHERE outcome = 'unknown_account'"
#: Successes less likely to be an attack are left out: too unlikely to matter, too many to hold.
_LEAST_LOG_ODDS = -8.0


@dataclass(frozen=True, slots=True)
class Victims:
    """Accounts that one campaign opened: how many, the expected numbers with and without a life of their own,
    and the standard deviation of the whole."""

    compromised: Interval = field(default_factory=Interval)
    living: float = 0.0
    lifeless: float = 0.0
    spread: float = 0.0


def find_fallen(engine: Engine, least_p: float) -> dict[str, Victims]:
    """Make `fallen_accounts`; return how many accounts fell per campaign.

    Successes of one account from one network are one question, answered by the likeliest of them;
    networks answer independently. An account counts for the campaign of its likeliest success, or the one
    under way at that time. Accounts that may be the attackers' own are discounted (`owned`); needs
    `stuffing_lives` and `stuffing_tried`.
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
    accounts, spread = _set_own_apart(engine, accounts)
    listed = accounts.filter(pl.col("account").is_not_null(), pl.col("p_compromised") >= least_p)
    engine.put(
        "fallen_accounts",
        listed.select("account", "p_compromised", "campaign", "first_success_us", "ip"),
    )
    return {
        str(name): _count_victims(part, spread[str(name)])
        for (name,), part in accounts.group_by("campaign", maintain_order=True)
    }


def _count_victims(part: pl.DataFrame, more: float) -> Victims:
    total = float(part["p_compromised"].sum())
    undecided = float((part["p_entered"] * (1 - part["p_entered"]) * part["p_victim"]).sum())
    lifeless = float(part.filter("lifeless")["p_compromised"].sum())
    return Victims(
        describe_sum(total, undecided, math.inf, more=more),
        total - lifeless,
        lifeless,
        find_spread(total, undecided, more=more) if total else 0.0,
    )


def _set_own_apart(engine: Engine, accounts: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, float]]:
    """Discount accounts that may be the attackers' own; also the variance of their number, per campaign.

    `p_entered` is the chance that an attacker got in, `p_victim` that the account is a customer's.
    """
    lives = engine.fetch("SELECT account, uses, alive FROM stuffing_lives WHERE uses > 0")
    accounts = accounts.join(lives, on="account", how="left", maintain_order="left").with_columns(
        pl.col("p_compromised").alias("p_entered"),
        pl.col("uses").fill_null(1).cast(pl.Float64),
        lifeless=pl.col("alive").eq(0).fill_null(value=False),
    )
    exist = engine.fetch(TELLS_UNKNOWN).item() > 0
    tried = {name: Tried(n, alive, exist) for name, n, alive in engine.fetch(_TRIED).iter_rows()}
    parts, spread = [accounts.clear().with_columns(p_victim=pl.lit(1.0))], {}
    for (name,), part in accounts.group_by("campaign", maintain_order=True):
        living, lifeless = part.filter(~pl.col("lifeless")), part.filter("lifeless")
        by_uses = weigh_uses(
            lifeless["uses"].to_numpy(), living.filter(pl.col("p_entered") >= 0.5)["uses"].to_numpy()
        )
        n_lifeless = float((lifeless["p_entered"] * by_uses).sum())
        victims, spread[str(name)] = count_lifeless_victims(
            float(living["p_entered"].sum()), n_lifeless, tried.get(str(name), Tried())
        )
        share = victims / n_lifeless if n_lifeless else 1.0
        parts += [
            living.with_columns(p_victim=pl.lit(1.0)),
            lifeless.with_columns(p_victim=pl.Series(by_uses * share, dtype=pl.Float64)),
        ]
    judged = pl.concat(parts).with_columns(p_compromised=pl.col("p_entered") * pl.col("p_victim"))
    return judged.sort(["p_compromised", "key"], descending=[True, False]), spread
