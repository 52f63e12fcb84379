"""Scores against examples worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.simulation.scoring import (
    find_tpr_at_rate,
    match_campaigns,
    score_attempts,
    score_fallen,
    score_sources,
    score_successes,
)

TRUTH: dict[str, Any] = {
    "attack_rows": {"c1": [2, 4, 5], "c2": [6]},
    "campaigns": [{"id": "c1", "compromised": ["ann", "bob"]}, {"id": "c2", "compromised": ["cy"]}],
    "leak": {"sources": ["campaign:c1", "staff:agent07"]},
    "complaints_from_leak": ["k1", "k2"],
}


def test_rates_of_attempts() -> None:
    attempts = pl.DataFrame({"line": [6, 5, 4, 3, 2, 1], "p_attack": [0.9, 0.8, 0.5, 0.6, 0.4, 0.0]})
    score = score_attempts(TRUTH, attempts)
    assert (score.n_attack, score.n_genuine) == (4, 2)
    assert score.tpr == 0.75
    assert score.fpr == 0.5
    # The best genuine attempt has 0.6; two of four attack attempts are above it.
    assert score.tpr_at_rate == 0.5


def test_a_finer_score_may_rank() -> None:
    attempts = pl.DataFrame(
        {"line": [1, 2, 3, 4, 5, 6], "p_attack": [1.0] * 6, "log_odds": [1, 9, 2, 9, 9, 9]}
    )
    assert score_attempts(TRUTH, attempts).tpr_at_rate == 0.0
    assert score_attempts(TRUTH, attempts, rank_by="log_odds").tpr_at_rate == 1.0


def test_one_genuine_attempt_in_ten_thousand_may_be_above() -> None:
    genuine = np.arange(20_000, dtype=np.float64)
    attack = np.array([19_996.5, 19_997.5, 19_998.5, 30_000.0])
    assert find_tpr_at_rate(attack, genuine) == 0.75
    assert math.isnan(find_tpr_at_rate(attack[:0], genuine))
    assert find_tpr_at_rate(attack, genuine[:0]) == 1.0


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=60),
    st.lists(st.integers(0, 30), min_size=1, max_size=60),
    st.floats(0, 1),
)
def test_the_threshold_keeps_to_the_rate(attack: list[int], genuine: list[int], rate: float) -> None:
    scores, others = np.array(attack, dtype=float), np.array(genuine, dtype=float)
    found = find_tpr_at_rate(scores, others, rate)
    # No threshold that keeps to the rate does better.
    best = max(
        (float((scores > t).mean()) for t in (*others, -1.0) if (others > t).sum() <= rate * len(others)),
        default=0.0,
    )
    assert found == pytest.approx(best)


def test_fallen_accounts() -> None:
    accounts = pl.DataFrame(
        {"account": ["ann", "bob", "dan", "eve"], "p_compromised": ["0.9", "0.4", "0.5", "0.2"]}
    )
    campaigns = [
        {"compromised": {"mean": 1.5, "low": 1.0, "high": 2.0}},
        {"compromised": {"mean": 0.5, "low": 0.0, "high": 2}},
    ]
    score = score_fallen(TRUTH, accounts, campaigns)
    assert (score.planted, score.expected, score.low, score.high) == (3, 2.0, 1.0, 4.0)
    assert score.is_covered
    assert score.precision == 0.5
    assert score.recall == pytest.approx(1 / 3)
    assert not score_fallen(TRUTH, accounts, campaigns[:1]).is_covered


def test_found_campaigns_are_matched_by_their_attempts() -> None:
    attempts = pl.DataFrame({"line": [1, 2, 3, 4, 5, 6], "campaign": ["c9", "c2", None, "c2", "c1", "c1"]})
    assert match_campaigns(TRUTH, attempts) == {"c2": "c1", "c1": "c1"}
    assert match_campaigns({"attack_rows": {}}, attempts) == {}


def _say(verdict: str, *sources: str, cleared: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"verdict": verdict, "sources": list(sources), "cleared": list(cleared)}


@pytest.mark.parametrize(
    ("said", "naming"),
    [
        (_say("named", "campaign:c1", "staff:agent07"), "right"),
        (_say("named", "staff:agent07"), "partly"),
        (_say("named", "staff:agent07", "staff:agent08"), "wrong"),
        (_say("undetermined"), "abstained"),
        (_say("no_leak"), "abstained"),
        (_say("unlogged"), "wrong"),
    ],
)
def test_naming_of_logged_sources(said: dict[str, Any], naming: str) -> None:
    assert score_sources(TRUTH, said).naming == naming


@pytest.mark.parametrize(
    ("leaked", "said", "naming"),
    [
        ([], _say("no_leak"), "nobody"),
        ([], _say("undetermined"), "nobody"),
        ([], _say("named", "staff:agent01"), "wrong"),
        ([], _say("unlogged"), "wrong"),
        (["unlogged"], _say("unlogged"), "right"),
        (["unlogged"], _say("undetermined"), "abstained"),
        (["unlogged"], _say("named", "partner:erp-east"), "wrong"),
    ],
)
def test_naming_where_no_log_shows_the_leak(leaked: list[str], said: dict[str, Any], naming: str) -> None:
    truth = TRUTH | {"leak": {"sources": leaked}}
    assert score_sources(truth, said).naming == naming


def test_campaigns_are_compared_under_their_planted_names() -> None:
    said = _say("named", "campaign:c5", "staff:agent07", cleared=("campaign:c1",))
    score = score_sources(TRUTH, said, {"c5": "c1", "c1": "c2"})
    assert score.naming == "right"
    assert score.cleared_wrongly == ()
    assert score_sources(TRUTH, said, {}).naming == "wrong"


def test_a_true_source_that_was_cleared_is_reported() -> None:
    said = _say("undetermined", cleared=("staff:agent07", "partner:erp-east"))
    assert score_sources(TRUTH, said).cleared_wrongly == ("staff:agent07",)


def test_first_successes_and_returns_are_scored_apart() -> None:
    truth = {
        "attack_rows": {"c1": [2, 4, 5, 7], "c2": [6]},
        "first_success_rows": {"c1": [2], "c2": [6]},
        "return_rows": {"c1": [4, 5], "c2": []},
        "own_rows": {"c1": [7], "c2": []},
    }
    successes = pl.DataFrame({"line": [1, 2, 3, 4, 5, 6, 7], "p_attack": [0.1, 0.9, 0.5, 0.4, 0.6, 0.2, 0.0]})
    score = score_successes(truth, successes)
    assert (score.n_first, score.n_returns, score.n_genuine) == (2, 2, 2)
    assert score.found_first == 0.5
    assert score.found_returns == 0.5
    assert math.isnan(score_successes(truth, successes.filter(pl.col("line") < 4)).found_returns)
