"""What the tries tell of the attacker's list, and where they tell nothing."""

import collections

import msgspec
import numpy as np
import polars as pl
import pytest

from stanch.stuffing.intervals import describe_quotient, describe_share
from stanch.stuffing.targets import ONCE, UNEVEN, UNNAMED, UNTOLD, estimate_size
from stuffing.planted import ALL_COLUMNS, attack, investigate, number, people


def count_rounds(picks: np.ndarray) -> tuple[dict[int, int], dict[int, int]]:
    """Rounds per account, and tenths between the two of those tried twice, of accounts in order of time."""
    turns: dict[int, list[int]] = collections.defaultdict(list)
    for turn, account in enumerate(picks):
        turns[int(account)].append(turn)
    rounds = collections.Counter(len(found) for found in turns.values())
    tenths = collections.Counter(10 * (t[1] - t[0]) // len(picks) for t in turns.values() if len(t) == 2)
    return dict(rounds), dict(tenths)


def test_the_size_of_a_list_picked_from_at_random_is_inside_its_interval() -> None:
    rng = np.random.default_rng(1)
    inside, told = 0, 0
    for _ in range(300):
        size = int(rng.integers(300, 20_000))
        n = int(size * rng.uniform(0.15, 2.0))
        interval, why = estimate_size(*count_rounds(rng.integers(0, size, n)))
        if interval is None:
            assert why in (ONCE, UNEVEN)
            continue
        told += 1
        msgspec.json.encode(interval)
        inside += interval.low <= size <= interval.high
    assert told > 270
    assert 0.85 <= inside / told <= 0.95


def test_a_list_worked_through_in_order_shows_no_end() -> None:
    assert estimate_size(*count_rounds(np.arange(5_000))) == (None, ONCE)


def test_an_account_that_stands_on_the_list_twice_side_by_side_is_no_random_pick() -> None:
    twice = np.repeat(np.arange(3_000), np.where(np.arange(3_000) % 10 == 0, 2, 1))
    assert estimate_size(*count_rounds(twice)) == (None, UNEVEN)


def test_rounds_over_one_list_show_all_of_it() -> None:
    interval, _ = estimate_size(*count_rounds(np.tile(np.arange(400), 5)))
    assert interval is not None
    assert (interval.mean, interval.low, interval.high) == (400, 400, 400)


def test_shares_are_inside_their_intervals() -> None:
    rng = np.random.default_rng(2)
    inside = [0, 0, 0]
    for _ in range(1_000):
        share, n = float(np.exp(rng.uniform(np.log(0.001), np.log(0.05)))), int(rng.integers(500, 20_000))
        k = rng.binomial(n, share)
        plain = describe_share(k, n)
        inside[0] += plain.low <= share <= plain.high
        spread = 0.2 * np.sqrt(k + 1)
        widened = describe_share(max(k + rng.normal(0, spread), 0.0), n, spread)
        inside[1] += widened.low <= share <= widened.high
        existing, alive = rng.uniform(0.1, 0.9), rng.uniform(0.4, 0.9)
        living = rng.binomial(60, alive)
        seen = rng.binomial(rng.binomial(2_000, existing), alive)
        quotient = describe_quotient(seen, 2_000, living, 60 - living)
        inside[2] += quotient.low <= existing <= quotient.high
    assert all(0.86 <= count / 1_000 <= 0.96 for count in inside), inside


def test_a_campaign_tells_its_tool_its_list_and_what_it_opened() -> None:
    first = attack(5, "burst", day=3.2)
    second = first.head(300).with_columns(
        time=pl.col("time") + 3.5 * 86_400,
        user_agent=pl.lit("other/9"),
        outcome=pl.col("outcome").str.replace("success", "failure"),
    )
    engine, result = investigate(number(pl.concat([people(5), first, second])))
    one, other = result.campaigns
    assert {tool.client for tool in one.tools} == {"tool/0", "tool/1"}
    assert sum(tool.share for tool in one.tools) == pytest.approx(1, abs=0.02)
    planted = first.filter(pl.col("outcome") != "unknown_account")["account"].n_unique() / 600
    assert one.existing_share is not None
    assert one.existing_share.low <= planted <= one.existing_share.high
    assert one.opened_share.low <= 8 / 600 <= one.opened_share.high
    assert (one.list_size, one.list_size_unknown) == (None, ONCE)
    assert other.overlap["c1"] == pytest.approx(1, abs=0.02)
    assert one.overlap["c2"] == pytest.approx(0.5, abs=0.03)
    engine.close()


def test_where_the_log_does_not_tell_the_reason_stands_there() -> None:
    rows = number(pl.concat([people(9), attack(9, "single", n=900)]))
    blind = rows.with_columns(outcome=pl.col("outcome").replace("unknown_account", "failure"))
    planted = attack(9, "single", n=900).filter(pl.col("outcome") != "unknown_account")["account"].n_unique()
    engine, result = investigate(blind)
    share = result.campaigns[0].existing_share
    assert share is None or share.low <= planted / 900 <= share.high
    assert (share is None) == (result.campaigns[0].existing_unknown == UNTOLD)
    engine.close()
    nameless = rows.drop("account").with_columns(account=pl.lit(None, pl.String))
    engine, result = investigate(nameless, ALL_COLUMNS - {"account"})
    assert {c.list_size_unknown for c in result.campaigns} <= {UNNAMED}
    engine.close()
