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
    mark_successes,
    match_campaigns,
    score_attempts,
    score_calibration,
    score_campaigns,
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
        (_say("named", "campaign:c1", "group:staff:agent03+staff:agent07"), "right"),
        (_say("named", "campaign:c1", "group:staff:agent03+staff:agent04"), "wrong"),
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


def test_first_logins_to_fallen_accounts_are_told_from_returns_and_the_attackers_own() -> None:
    truth: dict[str, Any] = {
        "attack_rows": {"c1": [2, 4, 5, 6, 8], "c2": [7]},
        "campaigns": [{"id": "c1", "own_accounts": ["mine"]}, {"id": "c2"}],
    }
    logins = pl.DataFrame(
        {
            "line": [1, 2, 3, 4, 5, 6, 7, 8],
            "account": ["ann", "ann", "ann", "mine", "ann", "bob", "ann", None],
            "outcome": ["success"] * 5 + ["failure"] + ["success"] * 2,
        }
    )
    kinds = mark_successes(truth, logins)
    assert kinds.to_list() == ["genuine", "first", "genuine", "own", "return", None, "first", "first"]
    score = score_successes(kinds, np.array([0.0, 5, 1, 0, 0.5, 9, 2, 0]))
    assert (score.n_first, score.n_returns, score.n_genuine) == (3, 1, 2)
    assert (score.first, score.returns) == (pytest.approx(2 / 3), 0.0)
    assert mark_successes({"attack_rows": {}, "campaigns": []}, logins).to_list().count("genuine") == 7


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.6, 0.4), (1.5, -1.0)])
def test_calibration_is_recovered(slope: float, intercept: float) -> None:
    rng = np.random.default_rng(5)
    log_odds = rng.normal(0, 3, 60_000)
    is_attack = rng.random(60_000) < 1 / (1 + np.exp(-(slope * log_odds + intercept)))
    score = score_calibration(is_attack, log_odds)
    assert score.slope == pytest.approx(slope, abs=0.05)
    assert score.intercept == pytest.approx(intercept, abs=0.06)


def test_calibration_where_nothing_overlaps_or_one_side_is_missing() -> None:
    score = score_calibration(np.array([True, False]), np.array([2.0, -2.0]))
    assert score.slope == math.inf
    assert score.log_loss == pytest.approx(math.log1p(math.exp(-2)))
    assert math.isnan(score_calibration(np.zeros(2, dtype=bool), np.zeros(2)).slope)
    # Far-out values as the mixture gives them, one of them wrong.
    far = score_calibration(np.array([True] * 9 + [False] * 10), np.array([40.0] * 9 + [-40.0] * 9 + [45.0]))
    assert 0 < far.slope < 0.1
    # Few of many wrong, by a little: almost no curvature is left at a slope of 1.
    odds = np.r_[np.full(500, 30.0), np.full(5000, -30.0), [-0.5, 0.5, -18.0, 21.0]]
    near = score_calibration(
        np.r_[np.full(500, True), np.full(5000, False), [True, False, True, False]], odds
    )
    assert near.slope == pytest.approx(0.2613, abs=0.0005)


def test_agreement_of_campaigns() -> None:
    truth = {"attack_rows": {"c1": [1, 2], "c2": [3, 4]}}

    def score(*campaigns: str | None) -> float:
        return score_campaigns(truth, pl.DataFrame({"line": range(1, 7), "campaign": campaigns}))

    assert score("x", "x", "y", "y", None, None) == 1.0
    assert score(*[None] * 6) == 0.0
    # 3 pairs agree, 7 and 3 are together on either side, of 15: by chance 7 x 3 / 15 = 1.4.
    assert score("x", "x", "x", "x", None, None) == pytest.approx((3 - 1.4) / (5 - 1.4))
    assert score_campaigns({"attack_rows": {}}, pl.DataFrame({"line": [1, 2], "campaign": [None, None]})) == 1
