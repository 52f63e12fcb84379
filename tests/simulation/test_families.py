"""Each family of attack is what its name says, over seeds."""

from __future__ import annotations

import ipaddress

import numpy as np
import polars as pl
import pytest

from stanch.simulation import CASES, Case, simulate, simulate_logins, vary_case
from stanch.simulation.countries import COUNTRIES, draw_countries

from .incidents import attack_of, genuine_of, log

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
SEEDS = (1, 2, 3)
ATTACKS = sorted(name for name, case in CASES.items() if case.attacks)

#: What has to be there: the families of credential abuse, and the peaceful months.
FAMILIES = {
    "burst", "burst-2015", "botnet", "busy-botnet", "one-try", "existing-accounts", "own-accounts",
    "spraying", "guessing", "ipv6", "ipv6-64", "ipv6-48", "carrier-nat", "headless-browser", "stale-clients",
    "copied-client", "shop-rhythm", "two-campaigns", "slow-drip", "enumeration", "quiet-returns",
    "dirty-list", "old-list", "fresh-list", "week-pause", "faint", "flood", "published-hour",
    "flash-sale", "password-reset", "broken-app-release", "health-check", "campus-monday", "polling-bots",
    "clumsy-user", "outage", "growth", "security-scan",
}  # fmt: skip


def _tries(case: str | Case, seed: int, scale: float = 0.2) -> pl.DataFrame:
    """Attack rows without later returns."""
    _, truth = log(case, seed, scale)
    returns = [line for lines in truth["return_rows"].values() for line in lines]
    return attack_of(case, seed, scale).filter(~pl.col("line").is_in(returns))


def _share(case: str, seed: int) -> float:
    frame, _ = log(case, seed)
    return float(frame["campaign"].is_not_null().mean() or 0.0)


def test_every_family_is_a_case() -> None:
    assert set(CASES) >= FAMILIES


@pytest.mark.parametrize(
    "case",
    ["quiet-returns", "published-hour", "two-campaigns", "polling-bots", "clumsy-user", "security-scan"],
)
def test_the_login_log_alone_is_that_of_the_whole_incident(case: str) -> None:
    whole, alone = simulate(case, 4, scale=0.05), simulate_logins(case, 4, scale=0.05)
    assert whole.tables["logins"].equals(alone.tables["logins"])
    assert alone.truth == {key: whole.truth[key] for key in alone.truth}
    assert bool(alone.truth["attack_rows"]) == bool(CASES[case].attacks)


@pytest.mark.parametrize("case", ATTACKS)
@pytest.mark.parametrize("seed", SEEDS)
def test_successes_are_told_in_three_lists(case: str, seed: int) -> None:
    frame, truth = log(case, seed, 0.05)
    for campaign in truth["campaigns"]:
        name = campaign["id"]
        lists = [truth[key][name] for key in ("first_success_rows", "return_rows", "own_rows")]
        rows = frame.filter((pl.col("campaign") == name) & (pl.col("outcome") == "success"))
        assert sorted(line for lines in lists for line in lines) == rows["line"].to_list()
        first, returns, own = (rows.filter(pl.col("line").is_in(lines)) for lines in lists)
        assert sorted(first["account"].to_list()) == campaign["compromised"]
        assert set(own["account"]) <= set(campaign["own_accounts"])
        begun = returns.join(first, on="account", suffix="_first")
        assert begun.height == returns.height
        assert (begun["time_us"] >= begun["time_us_first"]).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_shares_of_traffic_reach_from_faint_to_flood(seed: int) -> None:
    assert 0.0003 <= _share("faint", seed) <= 0.02  # ten attempts at least, in a small shop
    assert 0.55 <= _share("flood", seed) <= 0.85


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.3, 0.8])
def test_a_share_can_be_asked_for(share: float) -> None:
    case = vary_case(CASES["one-try"], n_accounts=10_000, days=20, rate=0.1, attack_share=share)
    frame = log(case, 5, 1.0)[0]
    assert frame["campaign"].is_not_null().mean() == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize("p", [0.0005, 0.03])
def test_a_success_rate_can_be_asked_for(p: float) -> None:
    case = vary_case(CASES["fresh-list"], n_accounts=20_000, days=20, success=p, attack_share=0.4)
    _, truth = log(case, 6, 1.0)
    (campaign,) = truth["campaigns"]
    tries = campaign["attempts"] - len(truth["return_rows"]["c1"])
    assert len(campaign["compromised"]) / tries == pytest.approx(p, rel=0.25)


def test_a_shop_can_be_as_large_as_asked_for() -> None:
    frame, _ = log(vary_case(CASES["growth"], n_accounts=5_000, days=25, rate=0.05), 1, 2.0)
    assert 0.2 * 10_000 < frame["account"].n_unique() < 1.6 * 10_000
    assert 24 <= (frame["time_us"].max() - frame["time_us"].min()) / DAY_US <= 25


@pytest.mark.parametrize(
    ("case", "low", "high"), [("old-list", 0.0003, 0.0025), ("fresh-list", 0.007, 0.035)]
)
def test_lists_open_as_many_as_published(case: str, low: float, high: float) -> None:
    rates = []
    for seed in SEEDS:
        _, truth = log(case, seed, 0.5)
        rates.append(len(truth["campaigns"][0]["compromised"]) / len(_tries(case, seed, 0.5)))
    assert low <= min(rates)
    assert max(rates) <= high


@pytest.mark.parametrize("case", ["botnet", "published-hour", "dirty-list"])
def test_accounts_per_address_are_as_published(case: str) -> None:
    # Median 1, 75 % 2, 90 % 5, 95 % 8, 99 % 56; 1.4 % of addresses with over 30.
    accounts = pl.concat(
        _tries(case, seed, 1.0).group_by("ip").agg(pl.col("account").n_unique()) for seed in SEEDS
    )["account"].to_numpy()
    median, upper, most, nearly_all, top = np.quantile(accounts, [0.5, 0.75, 0.9, 0.95, 0.99])
    assert median == 1
    assert upper in {1, 2}
    assert 4 <= most <= 6
    assert 6 <= nearly_all <= 10
    assert 35 <= top <= 85
    assert 0.009 <= (accounts > 30).mean() <= 0.02


def test_a_published_hour_is_refused_as_published() -> None:
    # Status 403 28 %, 429 20 %; 3.8 attempts per account; and some genuine logins are challenged too.
    rows = pl.concat([_tries("published-hour", seed, 1.0).select("outcome", "account") for seed in SEEDS])
    assert (rows["outcome"] == "denied").mean() == pytest.approx(0.28, abs=0.06)
    assert (rows["outcome"] == "challenged").mean() == pytest.approx(0.20, abs=0.06)
    per_account = [
        len(t) / t["account"].n_unique() for t in (_tries("published-hour", s, 1.0) for s in SEEDS)
    ]
    assert np.mean(per_account) == pytest.approx(3.8, abs=0.3)
    asked = genuine_of("published-hour", 1, 1.0)["outcome"] == "challenged"
    assert 0 < asked.mean() < 0.1


def test_an_hour_of_stuffing_comes_from_as_many_countries_as_published() -> None:
    assert len(COUNTRIES) == 195
    seen = draw_countries(np.random.default_rng(1), 5_204)
    assert len(set(seen)) > 185


def test_a_busy_botnet_tries_hundreds_of_times_per_machine() -> None:
    per_address = [len(t) / t["ip"].n_unique() for t in (_tries("busy-botnet", s, 1.0) for s in SEEDS)]
    assert np.mean(per_address) == pytest.approx(8_500_000 / 20_000, rel=0.15)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_campaign_pauses_a_week_and_goes_on(seed: int) -> None:
    tries = _tries("week-pause", seed)
    gaps = tries["time_us"].sort().diff().drop_nulls()
    assert 6.9 * DAY_US <= gaps.max() <= 9 * DAY_US
    at = int(gaps.arg_max() or 0)
    assert 0.1 * len(gaps) < at < 0.9 * len(gaps)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_drip_stays_near_two_hundred_a_day_for_weeks(seed: int) -> None:
    tries = _tries("slow-drip", seed, 1.0)
    days = (tries["time_us"].max() - tries["time_us"].min()) / DAY_US
    assert days >= 12
    assert 120 <= len(tries) / days <= 260


@pytest.mark.parametrize("seed", SEEDS)
def test_watched_accounts_are_opened_for_weeks_without_a_failure(seed: int) -> None:
    frame, truth = log("quiet-returns", seed)
    returns = frame.filter(pl.col("line").is_in(truth["return_rows"]["c1"]))
    fallen = truth["campaigns"][0]["compromised"]
    assert returns["account"].n_unique() > 0.5 * len(fallen)
    first = frame.filter(pl.col("line").is_in(truth["first_success_rows"]["c1"]))
    last_failure = _tries("quiet-returns", seed).filter(pl.col("outcome") != "success")["time_us"].max()
    assert returns["time_us"].max() > last_failure + 3 * DAY_US
    waits = (
        pl.concat([first, returns])
        .sort("account", "time_us")
        .select(pl.col("time_us").diff().over("account"))
    ).drop_nulls()["time_us"]
    assert 0.3 * DAY_US < waits.median() < 3 * DAY_US


@pytest.mark.parametrize("seed", SEEDS)
def test_an_attack_may_follow_the_shops_day(seed: int) -> None:
    def by_hour(frame: pl.DataFrame) -> np.ndarray:  # type: ignore[type-arg]
        hours = (frame["time_us"] // HOUR_US % 24).to_numpy()
        return np.bincount(hours, minlength=24)

    case = vary_case(CASES["shop-rhythm"], n_accounts=8_000, attack_share=0.3)
    tries, genuine = _tries(case, seed, 1.0), genuine_of(case, seed, 1.0)
    assert np.corrcoef(by_hour(tries), by_hour(genuine))[0, 1] > 0.93


@pytest.mark.parametrize("case", ["ipv6-64", "ipv6-48"])
def test_ipv6_rotates_within_what_was_rented(case: str) -> None:
    addresses = _tries(case, 1)["ip"]
    assert addresses.n_unique() > 0.9 * len(addresses)
    n_64 = _blocks(addresses, 8).n_unique()
    assert _blocks(addresses, 6).n_unique() < 12
    assert (n_64 < 12) if case == "ipv6-64" else (n_64 > 0.5 * len(addresses))


def _blocks(addresses: pl.Series, n_bytes: int) -> pl.Series:
    return addresses.map_elements(
        lambda a: ipaddress.ip_address(a).packed[:n_bytes].hex(), return_dtype=pl.String
    )


def _seed_with(case: str, column: str) -> int:
    return next(s for s in range(1, 30) if column in log(case, s, 0.1)[0].columns)


def test_headless_browsers_are_as_mixed_as_customers() -> None:
    seed = _seed_with("headless-browser", "user_agent")
    tries, genuine = _tries("headless-browser", seed, 1.0), genuine_of("headless-browser", seed, 1.0)
    known = set(genuine["user_agent"])
    assert np.mean([agent in known for agent in tries["user_agent"]]) > 0.95
    assert tries["user_agent"].n_unique() > 30


def test_headless_browsers_shake_hands_as_customers_do() -> None:
    seed = _seed_with("headless-browser", "ja4")
    tries, genuine = _tries("headless-browser", seed), genuine_of("headless-browser", seed)
    assert tries["ja4"].is_in(genuine["ja4"].unique().implode()).all()


def test_a_copied_client_is_common_and_a_stale_one_is_rare() -> None:
    seed = _seed_with("copied-client", "user_agent")
    (copied,) = _tries("copied-client", seed, 1.0)["user_agent"].unique()
    genuine = genuine_of("copied-client", seed, 1.0)["user_agent"]
    assert (genuine == copied).mean() > 0.005
    seed = _seed_with("stale-clients", "user_agent")
    common = genuine_of("stale-clients", seed, 1.0)["user_agent"].value_counts(sort=True)["user_agent"][:20]
    assert _tries("stale-clients", seed, 1.0)["user_agent"].is_in(common.implode()).mean() < 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_dirty_list_holds_near_misses_and_closed_accounts(seed: int) -> None:
    tried = set(_tries("dirty-list", seed, 0.6)["account"])
    genuine = genuine_of("dirty-list", seed, 0.6)
    live = set(genuine.filter(pl.col("outcome") == "success")["account"])
    near = {name[:i] + name[i + 1 :] for name in live for i in range(len(name))}
    assert len(tried & near) >= 3  # a character lost; one in four slips, of names that came by
    # Old owners try some of the same closed accounts.
    never = set(genuine.filter(pl.col("outcome") != "success")["account"]) - live
    assert len(tried & never) >= 3


def test_two_campaigns_overlap_and_differ() -> None:
    for seed in SEEDS:
        _, truth = log("two-campaigns", seed)
        one, two = truth["campaigns"]
        assert not set(truth["attack_rows"]["c1"]) & set(truth["attack_rows"]["c2"])
        assert one["addresses"] < two["addresses"]
