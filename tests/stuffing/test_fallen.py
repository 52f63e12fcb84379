"""How many accounts fell, whose they are, and how often the interval holds the truth."""

import numpy as np
import polars as pl
import pytest

from stanch.stuffing.owned import Tried, count_lifeless_victims, weigh_uses
from stuffing.planted import attack, investigate, number, people


def register(n: int, uses: int, seed: int = 3) -> pl.DataFrame:
    """Accounts of the attackers' own, used from the addresses of `attack` while it runs."""
    rng = np.random.default_rng(seed)
    i = np.arange(n * uses)
    return pl.DataFrame(
        {
            "time": 6.4 * 86_400 + rng.uniform(0, 4 * 3600, n * uses),
            "ip": [f"203.0.{k}.77" for k in rng.integers(0, 5, n * uses)],
            "account": [f"fresh{k % n:03d}" for k in i],
            "outcome": ["success"] * (n * uses),
            "user_agent": [f"tool/{k % 2}" for k in i],
        }
    )


@pytest.mark.parametrize("uses", [1, 2])
def test_accounts_that_the_attackers_registered_are_not_counted_as_fallen(uses: int) -> None:
    engine, result = investigate(number(pl.concat([people(1), attack(1, "burst"), register(30, uses)])))
    fallen = result.campaigns[0].compromised
    assert 0.6 * 8 <= fallen.mean <= 1.6 * 8
    assert fallen.low <= 8 <= fallen.high
    listed = engine.fetch("SELECT account, p_compromised AS p FROM fallen_accounts")
    own = pl.col("account").str.starts_with("fresh")
    assert listed.filter(~own & (pl.col("p") > 0.5)).height >= 7, "customers with a life stay sure"
    assert listed.filter(own & (pl.col("p") > 0.5)).height == 0
    engine.close()


def test_customers_who_did_not_log_in_otherwise_stay_fallen() -> None:
    """A list may hold many accounts that rest: then many of those tried in vain rest as well."""
    resting = attack(2, "burst").with_columns(
        account=pl.when(pl.col("account").str.starts_with("user"))
        .then(pl.concat_str(pl.lit("resting"), pl.col("account")))
        .otherwise("account")
    )
    engine, result = investigate(number(pl.concat([people(2), resting])))
    assert result.campaigns[0].compromised.mean == pytest.approx(8, abs=1.5)
    engine.close()


def test_an_order_shows_that_an_account_is_a_customers() -> None:
    rows = number(pl.concat([people(1), attack(1, "burst"), register(30, 1)]))
    orders = pl.DataFrame({"account": [f"fresh{k:03d}" for k in range(30)]})
    engine, result = investigate(rows, orders=orders)
    assert result.campaigns[0].compromised.mean == pytest.approx(38, abs=3)
    engine.close()


@pytest.mark.parametrize(("n_own", "least_share"), [(0, 0.2), (40, 0.6)])
def test_lifeless_victims_are_counted_by_the_share_of_the_living(n_own: int, least_share: float) -> None:
    rng = np.random.default_rng(1)
    inside, errors = 0, []
    for _ in range(200):
        share = rng.uniform(least_share, 0.95)
        living = int(rng.binomial(60, share))
        tried = Tried(100, int(rng.binomial(100, share)), exist=True)
        mean, variance = count_lifeless_victims(living, 60 - living + n_own, tried)
        errors.append(mean - (60 - living))
        inside += abs(errors[-1]) <= 1.645 * np.sqrt(variance) + 1
    assert abs(np.mean(errors)) < 2.5
    assert inside / len(errors) >= 0.85


def test_the_intruders_device_is_known_again_wherever_it_comes_from() -> None:
    """The owner's next login from home is not the intruder's; one with the tool from elsewhere is."""
    planted = attack(1, "burst")
    opened = planted.filter(pl.col("outcome") == "success").with_row_index()
    back = opened.select(
        time=pl.col("time") + 2 * 86_400,
        ip=pl.concat_str(pl.lit("198.51."), pl.col("index"), pl.lit(".4")),
        account="account",
        outcome="outcome",
        user_agent="user_agent",
    )
    rows = number(pl.concat([people(1), planted, back]))
    engine, _ = investigate(rows)
    attempts = rows.join(engine.fetch("SELECT line, p_attack, lv_sequel FROM attempts"), on="line")
    back = attempts.filter(pl.col("ip").str.starts_with("198.51."))
    owners = attempts.filter(
        pl.col("user_agent").str.starts_with("Browser") & (pl.col("outcome") == "success")
    )
    assert back["p_attack"].to_list() == pytest.approx([0.9] * 8, abs=0.05)
    assert back["lv_sequel"].to_list() == [5] * 8
    assert owners["p_attack"].max() < 0.5
    engine.close()


def test_an_account_used_far_more_often_than_others_is_the_attackers() -> None:
    living = np.array([1.0] * 12 + [2.0] * 3)
    p = weigh_uses(np.array([1.0, 2.0, 60.0]), living)
    assert p[0] > 0.95
    assert p[1] > 0.9
    assert p[2] < 0.01
    often = weigh_uses(np.array([60.0]), np.array([40.0, 70.0, 55.0, 90.0]))
    assert often[0] > 0.9, "where intruders come back daily, many uses say nothing"


def test_an_intruder_who_comes_back_does_not_vouch_for_his_first_login() -> None:
    """One try per address out of two operators; from these and with the same tool he returns a day later."""
    planted = attack(1, "single").with_columns(
        ip=pl.format("{}.{}.{}.1", pl.lit("77"), pl.int_range(pl.len()) % 2, pl.int_range(pl.len()) % 256),
    )
    opened = planted.filter(pl.col("outcome") == "success")
    back = opened.with_columns(
        time=pl.col("time") + 86_400,
        ip=pl.col("ip").str.replace(r"\.1$", ".9").str.replace(r"\.\d+\.9$", ".251.9"),
    )
    rows = number(pl.concat([people(1), planted, back]))
    engine, _ = investigate(rows)
    attempts = rows.join(engine.fetch("SELECT line, p_attack FROM attempts"), on="line")
    first = attempts.filter(pl.col("ip").str.ends_with(".1") & (pl.col("outcome") == "success"))
    first = first.filter(pl.col("ip").str.starts_with("77."))
    assert len(first) == 8
    assert (first["p_attack"] > 0.95).all()
    engine.close()


def test_own_accounts_used_from_many_addresses_at_other_hours_are_the_attackers() -> None:
    """From 40 addresses: three tries each on the list, and logins to two own accounts hours later."""
    rng = np.random.default_rng(3)
    planted = attack(3, "single").with_columns(
        ip=pl.format("{}.{}.9.1", 60 + pl.int_range(pl.len()) % 40, pl.int_range(pl.len()) % 40),
        time=5 * 86_400 + pl.Series(np.sort(rng.uniform(0, 2 * 86_400, 600))),
    )
    own = pl.DataFrame(
        {
            "time": 5 * 86_400 + np.sort(rng.uniform(0, 2 * 86_400, 80)),
            "ip": [f"{60 + k % 40}.{k % 40}.9.1" for k in rng.permutation(80)],
            "account": [f"mine{k % 2}" for k in range(80)],
            "outcome": "success",
            "user_agent": [f"Browser/{k % 2}" for k in range(80)],
        }
    )
    rows = number(pl.concat([people(3), planted, own]))
    engine, result = investigate(rows)
    attempts = rows.join(engine.fetch("SELECT line, p_attack, campaign FROM attempts"), on="line")
    mine = attempts.filter(pl.col("account").str.starts_with("mine"))
    assert (mine["p_attack"] > 0.9).all()
    assert mine["campaign"].to_list() == ["c1"] * 80
    fallen = engine.fetch("SELECT account FROM fallen_accounts")["account"]
    assert not set(fallen) & {"mine0", "mine1"}
    assert result.campaigns[0].compromised.low <= 8 <= result.campaigns[0].compromised.high
    engine.close()
