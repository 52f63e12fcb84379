"""Ordinary people out of the ordinary, and peaceful months that look like trouble."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.simulation import CASES, PEACEFUL
from stanch.simulation.events import EVENTS
from stanch.simulation.margins import find_siblings
from stanch.simulation.names import misplace
from stanch.simulation.networks import Networks
from stanch.simulation.places import find_places
from stanch.simulation.shop import Shop, ShopPlan, make_shop

from .incidents import genuine_of, log

SEEDS = (1, 2, 3)
DAY_US = 86_400_000_000


def _shop(seed: int = 1) -> Shop:
    return make_shop(np.random.default_rng(seed), ShopPlan(), 0.2)


@given(st.lists(st.integers(0, 8), min_size=1, max_size=40))
def test_siblings_go_round_within_a_household(household: list[int]) -> None:
    homes = np.array(household, dtype=np.int64)
    sibling = find_siblings(homes)
    assert sorted(sibling.tolist()) == list(range(len(homes)))
    assert (homes[sibling] == homes).all()
    assert ((sibling == np.arange(len(homes))) == (np.bincount(homes)[homes] == 1)).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_a_misplaced_name_is_another_one(seed: int) -> None:
    names = ["anna.li1984@mail.example", "12345678901", "K00112233"]
    made = misplace(np.random.default_rng(seed), names)
    assert all(a != b for a, b in zip(made, names, strict=True))
    assert made[0].startswith("anna.li1984") or made[0].endswith("@mail.example")


def test_large_networks_have_more_than_one_block() -> None:
    networks = Networks(np.random.default_rng(1))
    network = np.repeat(networks.add(["DE", "FR"]), 150_000)
    places = networks.make_v4(network, np.tile(np.arange(150_000), 2))
    assert len(np.unique(places.low)) == 300_000
    block_of = pl.DataFrame({"block": places.low >> np.uint64(16), "network": network}).unique()
    assert not block_of["block"].is_duplicated().any()
    again = networks.make_v4(network[:10], np.arange(10) + 140_000)
    assert (again.low == places.low[140_000:140_010]).all()


def test_some_people_come_through_vpns_and_some_from_abroad() -> None:
    shop = _shop()
    users = np.repeat(np.arange(len(shop.customers)), 10)
    times = shop.calendar.start_us + np.tile(np.arange(10), len(shop.customers)) * DAY_US
    places = find_places(np.random.default_rng(1), shop, users, times, np.zeros_like(users))
    through, abroad = (np.isin(places.network, n) for n in (shop.margins.vpns, shop.margins.abroad))
    assert through.mean() == pytest.approx(0.7 * shop.margins.p_vpn, rel=0.25)
    assert abroad.mean() == pytest.approx(shop.margins.p_abroad, rel=0.35)
    # The same people, and exits that are shared.
    assert len(np.unique(users[through])) < 2 * shop.margins.p_vpn * len(shop.customers)
    exits = pl.DataFrame({"ip": places.low[through], "user": users[through]})
    assert exits.group_by("ip").agg(pl.col("user").n_unique())["user"].max() > 1


def test_browsers_update_midway_on_different_days() -> None:
    seed = next(s for s in range(1, 9) if {"user_agent", "device"} <= set(log("outage", s)[0].columns))
    frame = genuine_of("outage", seed, 1.0).filter(pl.col("device").is_not_null())
    agents = frame.sort("time_us").group_by("device").agg(pl.col("user_agent").unique(maintain_order=True))
    changed = agents.filter(pl.col("user_agent").list.len() > 1)
    assert 0.03 < len(changed) / len(agents) < 0.9
    first = frame.sort("time_us").group_by("user_agent").agg(pl.col("time_us").quantile(0.05).alias("at"))
    assert (first["at"] // DAY_US).n_unique() > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_some_names_fail_again_and_again_over_days(seed: int) -> None:
    failed = genuine_of("growth", seed, 1.0).filter(pl.col("outcome") != "success")
    lasting = failed.group_by("account").agg((pl.col("time_us") // DAY_US).n_unique().alias("days"))
    assert (lasting["days"] >= 4).sum() >= 3


def test_family_members_share_devices() -> None:
    seed = next(s for s in range(1, 30) if "device" in log("outage", s)[0].columns)
    frame = genuine_of("outage", seed, 1.0)
    opened = frame.filter((pl.col("outcome") == "success") & pl.col("device").is_not_null())
    per_device = opened.group_by("device").agg(pl.col("account").n_unique())["account"]
    assert 0.002 < (per_device > 1).mean() < 0.2
    assert (per_device > 3).mean() < 0.002


@pytest.mark.parametrize("case", sorted(name for name in PEACEFUL if CASES[name].events))
def test_peaceful_months_are_months(case: str) -> None:
    times = log(case, 1, 0.05)[0]["time_us"]
    assert 28 <= (times.max() - times.min()) / DAY_US <= 30


@pytest.mark.parametrize("seed", SEEDS)
def test_a_health_check_fails_all_day_at_few_names(seed: int) -> None:
    frame = genuine_of("health-check", seed)
    failed = (
        frame.filter(pl.col("outcome") != "success").group_by("account").len().sort("len", descending=True)
    )
    assert failed["len"][0] > 200


def test_a_health_checks_account_may_exist() -> None:
    outcomes = set()
    for seed in range(1, 13):
        frame = genuine_of("health-check", seed)
        worst = frame.filter(pl.col("outcome") != "success")["account"].value_counts(sort=True)["account"][0]
        outcomes |= set(frame.filter(pl.col("account") == worst)["outcome"])
    assert {"failure", "unknown_account"} <= outcomes


@pytest.mark.parametrize("seed", SEEDS)
def test_one_clumsy_user_fails_at_one_account(seed: int) -> None:
    frame = genuine_of("clumsy-user", seed)
    failed = frame.filter(pl.col("outcome").is_in(["failure", "challenged", "denied"]))
    worst = failed["account"].value_counts(sort=True)
    assert worst["count"][0] > 4 * worst["count"][1] / 2
    assert worst["count"][0] >= 18
    places = failed.filter(pl.col("account") == worst["account"][0])["ip"].n_unique()
    assert places < 40


@pytest.mark.parametrize("seed", SEEDS)
def test_polling_bots_hardly_fail(seed: int) -> None:
    frame = genuine_of("polling-bots", seed, 1.0)
    nights = frame.filter(pl.col("outcome") == "success").group_by("account").agg(
        pl.len(), (pl.col("time_us") // 3_600_000_000).n_unique().alias("hours")
    )  # fmt: skip
    bots = nights.filter(pl.col("hours") > 12 * 28)["account"]
    assert len(bots) >= 1
    theirs = frame.filter(pl.col("account").is_in(bots.implode()))["outcome"]
    assert (theirs == "success").mean() > 0.8


@pytest.mark.parametrize("seed", SEEDS)
def test_a_security_scan_tries_the_same_few_names(seed: int) -> None:
    frame = genuine_of("security-scan", seed)
    scanned = frame.filter(pl.col("account").str.contains(r"^admin|^root$|'|<|^probe"))
    assert len(scanned) > 200
    assert (scanned["outcome"] != "success").all()
    assert scanned["ip"].n_unique() <= 5
    assert scanned["account"].value_counts()["count"].max() > 5


def test_every_event_belongs_to_a_case() -> None:
    assert {event for case in CASES.values() for event in case.events} == set(EVENTS)
