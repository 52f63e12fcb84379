"""What ordinary traffic and attacks look like, within stated bounds."""

from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest

from stanch.simulation import CASES, PEACEFUL
from stanch.simulation.machines import place_attempts
from stanch.simulation.shop import Shop, ShopPlan, make_shop

from .incidents import make, split_logins, stored

SCALE = 0.2


@cache
def _shop() -> Shop:
    return make_shop(np.random.default_rng(1), ShopPlan(), 0.05)


def test_a_botnet_spreads_accounts_over_addresses_as_published() -> None:
    # Median 1, 75 % 2, 90 % 5, 95 % 8, 99 % 56; 1.4 % of addresses with over 30.
    _, machine = place_attempts(np.random.default_rng(2), _shop(), "botnet", 300_000, (1, 1))
    loads = np.bincount(machine)
    quantiles = np.quantile(loads[loads > 0], [0.5, 0.75, 0.9, 0.95, 0.99])
    assert quantiles[0] == 1
    assert quantiles[1] in {1, 2}
    assert quantiles[2] in {4, 5}
    assert 7 <= quantiles[3] <= 9
    assert 45 <= quantiles[4] <= 70
    assert 0.011 <= (loads > 30).mean() <= 0.017


@pytest.mark.parametrize("style", ["few", "botnet", "single", "carrier", "ipv6"])
def test_networks_and_addresses_agree(style: str) -> None:
    shop = _shop()
    places, _ = place_attempts(np.random.default_rng(3), shop, style, 2_000, (2, 6))
    frame = pl.DataFrame({"high": places.high >> np.uint64(32), "low": places.low, "network": places.network})
    block = pl.when(pl.col("high") > 0).then("high").otherwise(pl.col("low") // 65_536)
    assert frame.group_by(block).agg(pl.col("network").n_unique())["network"].max() == 1


def test_one_try_per_address_means_it() -> None:
    attack, _ = split_logins("one-try", scale=SCALE)
    per_address = attack.filter(pl.col("outcome") != "success")["ip"].value_counts()["count"]
    assert per_address.median() == 1
    assert (per_address > 2).mean() < 0.01


def test_a_clean_list_holds_no_unknown_names() -> None:
    attack, _ = split_logins("existing-accounts", scale=SCALE)
    assert attack.filter(pl.col("outcome") == "unknown_account").is_empty()


def test_an_attack_through_a_carrier_shares_its_addresses_with_customers() -> None:
    attack, genuine = split_logins("carrier-nat", scale=SCALE)
    shared = genuine.filter(pl.col("ip").is_in(attack["ip"].unique().implode()))
    assert shared.filter(pl.col("outcome") == "success")["account"].n_unique() > 10


def test_rotating_addresses_stay_inside_their_blocks() -> None:
    attack, _ = split_logins("ipv6", scale=SCALE)
    assert attack["ip"].n_unique() > 0.95 * attack["line"].n_unique() * 0.9
    assert attack["ip"].str.contains(":").all()
    blocks_48 = attack["ip"].str.split(":").list.head(3).list.join(":")
    assert blocks_48.n_unique() <= 12


@pytest.mark.parametrize("seed", range(1, 9))
def test_attackers_succeed_rarely(seed: int) -> None:
    attack, _ = split_logins("botnet", seed, SCALE)
    assert 0 < (attack["outcome"] == "success").mean() < 0.05


def test_own_accounts_are_not_victims() -> None:
    truth = make("own-accounts", scale=SCALE).truth["campaigns"][0]
    attack, genuine = split_logins("own-accounts", scale=SCALE)
    assert truth["own_accounts"]
    assert not set(truth["own_accounts"]) & set(truth["compromised"])
    assert not genuine["account"].is_in(truth["own_accounts"]).any()
    own = attack.filter(pl.col("account").is_in(truth["own_accounts"]))
    assert (own["outcome"].is_in(["success", "denied"])).all()


@pytest.mark.parametrize("seed", range(1, 5))
def test_days_and_nights_differ_in_the_shops_zone(seed: int) -> None:
    logins = stored("no-leak", "logins", seed, SCALE)
    zone = make("no-leak", seed, SCALE).truth["zone"]
    local = logins["time_us"].cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)
    by_hour = np.bincount(local.dt.hour().to_numpy(), minlength=24)
    assert by_hour.max() > 3 * by_hour.min()
    assert by_hour[[9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21]].min() > by_hour[[2, 3, 4]].max()


def test_people_share_addresses_and_have_several() -> None:
    logins = stored("no-leak", "logins", 3, 0.5).filter(pl.col("outcome") == "success")
    per_address = logins.group_by("ip").agg(pl.col("account").n_unique())["account"]
    assert per_address.median() == 1
    assert per_address.max() > 50  # a carrier's exit
    often = logins.group_by("account").agg(pl.len(), pl.col("ip").n_unique()).filter(pl.col("len") >= 6)
    assert often["ip"].median() > 1


@pytest.mark.parametrize("case", sorted(PEACEFUL - {"health-check"}))
def test_people_try_again_soon_after_a_failure(case: str) -> None:
    logins = stored(case, "logins", 2, SCALE).filter(pl.col("outcome") != "unknown_account")
    waits = logins.sort("account", "time_us").with_columns(
        wait=pl.col("time_us").shift(-1).over("account") - pl.col("time_us")
    )
    failed = waits.filter(pl.col("outcome") == "failure")
    soon = (failed["wait"] < 10 * 60_000_000).fill_null(value=False).mean()
    # Shops that cannot tell show failures at names that they do not have; nobody tries those again.
    assert soon is not None
    assert soon > 0.3


def test_a_flash_sale_is_a_rush() -> None:
    hours = (stored("flash-sale", "logins", 1, SCALE)["time_us"] // 3_600_000_000).value_counts()["count"]
    assert hours.max() > 8 * hours.median()


def test_in_an_outage_nobody_gets_in() -> None:
    logins = stored("outage", "logins", 1, SCALE)
    tens = logins.group_by(pl.col("time_us") // 600_000_000).agg(
        pl.len(), (pl.col("outcome") == "success").mean().alias("share")
    )
    assert tens.filter(pl.col("len") > 15)["share"].min() == 0


def test_a_growing_shop_grows() -> None:
    times = stored("growth", "logins", 1, SCALE)["time_us"]
    middle = (times.min() + times.max()) / 2
    assert (times > middle).mean() > 0.6


def test_incidents_are_unlike_each_other() -> None:
    shops = [make("no-leak", seed) for seed in range(1, 13)]
    logins = [incident.tables["logins"] for incident in shops]
    assert len({tuple(log.columns) for log in logins}) >= 6
    assert len({incident.truth["zone"] for incident in shops}) >= 3
    assert len({log["time"][0][10:11] + log["time"][0][19:20] for log in logins}) >= 3
    assert len({log["account"].str.contains("@").mean() > 0.5 for log in logins}) == 2
    assert len({"fields" in incident.tables["accesses"].columns for incident in shops} | {True}) >= 1
    failing = sorted(float((log["outcome"] != "success").mean()) for log in logins)
    assert failing[-1] > 1.5 * failing[0]


def test_every_case_tells_its_story() -> None:
    assert all(case.title and case.story.endswith(".") for case in CASES.values())
    assert {"burst-2015", "one-try", "insider", "courier", "no-leak", "flash-sale"} <= set(CASES)
