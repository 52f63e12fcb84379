"""The alarm keeps its false-alarm rate in peace, and rings soon where complaints rise."""

from __future__ import annotations

import numpy as np
import pytest

from stanch.tracing.alarm import PRIOR_DAYS, Usual, find_alarm

LONG = 1500


def wait(rng: np.random.Generator, usual: Usual) -> int:
    """Days until an alarm in peace, whose level is as the prior says; at most `LONG`."""
    level = rng.gamma(usual.per_month, 1 / PRIOR_DAYS)
    found = find_alarm(rng.poisson(level, LONG).tolist(), usual)
    return LONG if found is None else found + 1


@pytest.mark.parametrize(("per_month", "rate"), [(1.0, 1.0), (1.0, 2.0), (20.0, 1.0)])
def test_in_peace_false_alarms_are_no_more_frequent_than_stated(per_month: float, rate: float) -> None:
    rng = np.random.default_rng(5)
    usual = Usual(per_month, rate)
    waits = [wait(rng, usual) for _ in range(60)]
    # Waits cut at `LONG` make the mean too small, if anything.
    assert np.mean(waits) >= 365 / rate


def test_a_rise_rings_within_days_and_a_steady_level_does_not() -> None:
    rng = np.random.default_rng(1)
    usual = Usual(3.0, 1.0)
    peace = rng.poisson(0.1, 60).tolist()
    assert find_alarm(peace, usual) is None
    found = find_alarm([*peace, *rng.poisson(2.0, 30).tolist()], usual)
    assert found is not None
    assert 60 <= found <= 65


def test_what_is_usual_rings_later_and_a_stricter_rate_never_sooner() -> None:
    rise = [0, 1, 0, 0, 1, 2, 1, 3, 2, 4, 5, 6, 9, 12, 15, 18]
    days = [find_alarm(rise, Usual(per_month, 1.0)) for per_month in (0.3, 3.0, 30.0)]
    assert None not in days[:2]
    assert [LONG if day is None else day for day in days] == sorted(LONG if d is None else d for d in days)
    strict = find_alarm(rise, Usual(1.0, 0.1))
    lax = find_alarm(rise, Usual(1.0, 5.0))
    assert lax is not None
    assert strict is None or strict >= lax


def test_no_days_ring_nothing() -> None:
    assert find_alarm([], Usual(1.0, 1.0)) is None
    assert find_alarm([0] * 400, Usual(1.0, 1.0)) is None
