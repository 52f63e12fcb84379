"""Intervals for numbers of attempts or accounts that are each uncertain."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.stats import beta

from stanch.findings import Interval

#: Half-width of a central 90 % interval in standard deviations.
Z90: Final = 1.6449
#: The p are fitted on the same attempts and err together: error of all log-odds in common, in nats.
COMMON_ERROR: Final = 0.5
#: What is undecided is at most this share of the total, where errors are fed back.
_MOST_FED_BACK: Final = 0.85
#: What the model does not see at all, as a share of the total (found by simulation).
_MODEL_ERROR: Final = 0.03


def describe_sum(total: float, undecided: float, most: float, *, more: float = 0.0) -> Interval:
    """90 % interval of a sum of independent yes-or-no events with known chances.

    `total` is the sum of p, `undecided` the sum of p (1 - p) - the variance of the Poisson-binomial
    distribution (Le Cam 1960) - `most` the number of events, and `more` variance from elsewhere. The
    error that the p have in common widens it (`amplify_error`). Bounds are whole numbers on the log
    scale, so never below 0.
    """
    if total <= 0:
        return Interval()
    spread = find_spread(total, undecided, more=more)
    ratio = math.sqrt(math.log1p((spread / total) ** 2))
    centre = math.log(total) - ratio**2 / 2
    low = math.floor(math.exp(centre - Z90 * ratio)) if total - undecided < 1e9 else total
    high = math.ceil(math.exp(centre + Z90 * ratio))
    return Interval(round(total, 2), float(min(low, total)), float(min(max(high, total), most)))


def find_spread(total: float, undecided: float, *, more: float = 0.0) -> float:
    """Standard deviation of such a sum, errors in common included."""
    common = amplify_error(total, undecided)
    return math.sqrt(undecided + more + common**2 + (_MODEL_ERROR * total) ** 2)


def describe_share(part: float, whole: float, spread: float = 0.0) -> Interval:
    """Share of events of one kind, from `part` of `whole` seen: Jeffreys' interval.

    Brown, Cai & DasGupta 2001, Statistical Science 16, section 3.1.

    `spread` is the standard deviation of `part` itself where it is an estimate; the Beta distribution is
    widened to hold that variance too.
    """
    if whole <= 0:
        return Interval()
    middle = (min(part, whole) + 0.5) / (whole + 1)
    variance = middle * (1 - middle) / (whole + 2) + (spread / whole) ** 2
    worth = max(middle * (1 - middle) / variance - 1, 0.5)
    low, high = (float(beta.ppf(level, middle * worth, (1 - middle) * worth)) for level in (0.05, 0.95))
    mean = min(part / whole, 1.0)
    return Interval(round(mean, 6), round(min(low, mean), 6), round(max(high, mean), 6))


def describe_quotient(part: float, whole: float, good: float, bad: float) -> Interval:
    """A share of which only `good` in `good + bad` cases are seen, from `part` of `whole` seen; at most 1."""
    levels = (np.arange(200) + 0.5) / 200
    seen = beta.ppf(levels, part + 0.5, whole - part + 0.5)
    sight = beta.ppf(levels, good + 0.5, bad + 0.5)
    low, mean, high = np.minimum(np.quantile(np.divide.outer(seen, sight), (0.05, 0.5, 0.95)), 1.0)
    return Interval(round(float(mean), 6), round(float(low), 6), round(float(high), 6))


def amplify_error(total: float, undecided: float) -> float:
    """Standard deviation of a sum of p whose log-odds err by `COMMON_ERROR` in common.

    Log-odds that are d too high add d x `undecided` to the sum; the share of attack is estimated from
    that sum and raises the log-odds in turn, so the error is d x undecided / (1 - undecided / total).
    """
    fed_back = min(undecided / total, _MOST_FED_BACK) if total > 0 else 0.0
    return COMMON_ERROR * undecided / (1 - fed_back)
