"""EM recovers what it was given, and the parts around it keep their promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.stuffing.blocks import N_AGAIN, N_GROUPS, N_HABITS, Block
from stanch.stuffing.chance import Chances
from stanch.stuffing.intervals import describe_sum
from stanch.stuffing.mixture import Problem, fit_mixture, split_patterns
from stanch.stuffing.reasons import SENTENCES, Reason
from stanch.stuffing.suspicion import Counts, find_suspect_bins, fit_null, predict_refusals

NO_CHANCE = Chances(np.zeros(3), np.zeros(3), np.zeros(0))
#: Codes of `behaviour`: a success at home, a refusal of a stranger, how many there are.
HOME, REFUSED = 12 * N_AGAIN, N_HABITS * N_AGAIN
N_LEVELS = 5 * REFUSED


def _make_patterns(rng: np.random.Generator, share: float, n: int):
    """Attempts of one suspect stratum and of peace, drawn from known tables."""
    ordinary = {"behaviour": np.full(N_LEVELS, 1e-4), "client": np.array([0.7, 0.2, 0.1])}
    ordinary["behaviour"][[HOME, REFUSED, REFUSED + HOME + 2]] = [0.9, 0.02, 0.08]
    attack = {"behaviour": np.full(N_LEVELS, 1e-5), "client": np.array([0.1, 0.1, 0.8])}
    attack["behaviour"][[REFUSED, 2 * REFUSED]] = [0.5, 0.5]
    z = rng.random(n) < share
    codes = {}
    for name, usual in ordinary.items():
        draw = [rng.choice(len(t), n, p=t / t.sum()) for t in (usual, attack[name])]
        codes[name] = np.where(z, draw[1], draw[0])
    peace = {name: rng.choice(len(t), n, p=t / t.sum()) for name, t in ordinary.items()}
    codes = {name: np.concatenate([codes[name], peace[name]]) for name in codes}
    stratum = np.repeat([1, 0], n)
    blocks = [
        Block(name, table / table.sum(), attack[name] / attack[name].sum(), 50.0, 20.0, 20_000.0)
        for name, table in ordinary.items()
    ]
    patterns = split_patterns(codes, np.zeros(2 * n, dtype=np.int64), stratum, np.ones(2 * n))
    return patterns, blocks, z, attack


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
def test_em_recovers_share_and_tables(share: float) -> None:
    patterns, blocks, z, attack = _make_patterns(np.random.default_rng(5), share, 8000)
    fit = fit_mixture(Problem(patterns, blocks, np.array([0.0, 0.1]), 1.0, NO_CHANCE))
    assert fit.share[1] == pytest.approx(z.mean(), abs=0.01)
    assert np.abs(fit.attack["client"] - attack["client"]).max() < 0.1
    assert fit.share[0] == 0.0
    posterior = 1 / (1 + np.exp(-fit.log_odds))
    assert (posterior * patterns.n).sum() == pytest.approx(z.sum(), rel=0.05, abs=40)
    for table in (*fit.ordinary.values(), *(t[None] for t in fit.attack.values())):
        assert np.allclose(table.sum(axis=1), 1)
        assert len(table) in {1, N_GROUPS}


def test_likelihood_never_falls() -> None:
    patterns, blocks, _, _ = _make_patterns(np.random.default_rng(6), 0.2, 3000)
    problem = Problem(patterns, blocks, np.array([0.0, 0.1]), 1.0, NO_CHANCE)
    likelihoods = [fit_mixture(problem, n_steps=steps).log_likelihood for steps in (1, 5, 40)]
    assert likelihoods[0] <= likelihoods[1] + 1 <= likelihoods[2] + 2


@given(st.lists(st.floats(0, 1), max_size=40))
def test_interval_holds_its_mean(chances: list[float]) -> None:
    p = np.array(chances)
    interval = describe_sum(float(p.sum()), float((p * (1 - p)).sum()), float(len(p)))
    assert 0 <= interval.low <= interval.mean + 0.005
    assert interval.mean <= interval.high + 0.005
    assert interval.high <= max(len(p), 1) + 0.005


def _peace(rng: np.random.Generator, n_bins: int) -> Counts:
    level = 40 + 30 * np.sin(np.arange(n_bins) / 24 * 2 * np.pi)
    return Counts(*(rng.poisson(level * share).astype(float) for share in (0.05, 0.08, 0.3, 0.6)))


def test_excess_is_looked_for_where_it_is() -> None:
    rng = np.random.default_rng(3)
    calm = _peace(rng, 480)
    assert not find_suspect_bins(calm, fit_null(calm)).any()
    cold = calm.cold_refused.copy()
    cold[200:230] += 12
    stormy = Counts(cold, calm.warm_refused, calm.cold_success, calm.warm_success)
    found = np.flatnonzero(find_suspect_bins(stormy, fit_null(stormy)))
    assert set(range(202, 228)) <= set(found)
    assert found.min() >= 195
    assert found.max() <= 235


def test_clumsiness_raises_what_is_predicted() -> None:
    calm = _peace(np.random.default_rng(4), 48)
    clumsy = Counts(calm.cold_refused, calm.warm_refused * 5, calm.cold_success, calm.warm_success)
    assert (predict_refusals(clumsy, 1.0, calm) >= predict_refusals(calm, 1.0, calm)).all()


@pytest.mark.parametrize("code", SENTENCES)
def test_every_reason_reads(code: str) -> None:
    numbers = dict.fromkeys(
        ("attempts", "accounts", "addresses", "networks", "percent", "usual", "minutes", "most", "successes"),
        7,
    )
    sentence = str(Reason(code, {**numbers, "client": "x"}))
    assert sentence.endswith(".")
    assert "{" not in sentence
