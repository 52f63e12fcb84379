"""Mean exposures, added up exposure by exposure, against their definition."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from stanch.tracing import TracingSettings
from stanch.tracing.baseline import Baseline, compare_orders
from stanch.tracing.case import Case, Floats, load_case
from stanch.tracing.lags import KERNELS, classify_lags
from stanch.tracing.usual import N_PARTS, cut_into_parts, measure_mean, measure_parts
from tracing.shops import Plan, make_shop, put_shop

PLAN = Plan(n_orders=800, n_from_leak=20, n_other=20, no_contact=0.4, no_order=0.2, strangers=20)


def load(seed: int, plan: Plan = PLAN) -> Case:
    with closing(put_shop(make_shop(seed, plan))) as engine:
        case = load_case(engine, TracingSettings())
    weight = np.random.default_rng(seed).random(len(case.exposures.weight))
    return replace(case, exposures=replace(case.exposures, weight=weight))


def add_up(case: Case, baseline: Baseline, kernel: Floats | None = None) -> Floats:
    """Victim by victim: over all exposures in time, weight times the chance of the order (and of the lag)."""
    exposures, victims = case.exposures, case.victims
    mean = np.zeros((len(victims), len(exposures.sources)))
    chances = np.diff(baseline.chance_before(np.arange(len(case.orders) + 1)), axis=1)
    for victim, chance in enumerate(chances):
        assert chance.sum() == pytest.approx(1)
        assert not chance[case.orders.time_us > victims.contact_us[victim]].any()
        seen = exposures.first_us < victims.before_us[victim]
        value = exposures.weight[seen] * chance[exposures.order[seen]]
        if kernel is not None:
            value *= kernel[classify_lags(victims.before_us[victim] - exposures.first_us[seen])]
        mean[victim] = np.bincount(exposures.source[seen], value, minlength=len(exposures.sources))
    return mean


@pytest.mark.parametrize("seed", [1, 2])
def test_means_are_what_they_are_defined_as(seed: int) -> None:
    case = load(seed)
    assert len(np.unique(case.victims.contact_us - case.victims.before_us)) == 2
    baseline = compare_orders(case)
    expected = add_up(case, baseline)
    assert measure_mean(case, baseline) == pytest.approx(expected, abs=1e-9)
    part, whole = cut_into_parts(case), np.zeros_like(expected)
    by_kernel = [np.zeros_like(expected) for _ in KERNELS]
    for chunk, occasions, cells in measure_parts(case, baseline, part):
        whole[:, chunk] = cells[:, :, :N_PARTS].sum(axis=2)[occasions.of_victim]
        for m in range(len(KERNELS)):
            by_kernel[m][:, chunk] = cells[:, :, N_PARTS + m][occasions.of_victim]
    assert whole == pytest.approx(expected, abs=1e-9)
    for kernel, measured in zip(KERNELS, by_kernel, strict=True):
        assert measured == pytest.approx(add_up(case, baseline, kernel), abs=1e-9)


def test_kernels_fall_with_the_lag_and_have_heavy_tails() -> None:
    assert (np.diff(KERNELS, axis=1) < 0).all()
    # Exponential lags of the same medians would leave less than one in a million after a month.
    assert (KERNELS[:, -1] > 1e-4).all()
    days = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 10.0, 1000.0])
    assert classify_lags((days * 86_400_000_000).astype(np.int64)).tolist() == [0, 0, 0, 0, 1, 3, 4]


def test_parts_are_equal_shares_of_a_sources_exposures_in_order_of_time() -> None:
    case = load(3)
    part = cut_into_parts(case)
    for j in range(len(case.exposures.sources)):
        rows = case.exposures.rows_of(j)
        by_time = rows[np.argsort(case.exposures.first_us[rows], kind="stable")]
        assert (np.diff(part[by_time]) >= 0).all()
        if len(rows) >= 10 * N_PARTS:
            sizes = np.bincount(part[rows], minlength=N_PARTS)
            assert sizes.max() - sizes.min() <= 2


def test_of_very_many_contacts_neighbours_share_a_mean() -> None:
    case = load(4, replace(PLAN, n_from_leak=100, n_other=900))
    baseline = compare_orders(case)
    exact, shared = add_up(case, baseline), measure_mean(case, baseline)
    assert len(case.victims) > 600
    assert len(np.unique(shared, axis=0)) <= 512
    assert shared.mean(axis=0) == pytest.approx(exact.mean(axis=0), rel=0.05, abs=2e-3)
