"""Intervals for numbers of attempts or accounts that are each uncertain."""

from __future__ import annotations

import math
from typing import Final

from stanch.findings import Interval

#: Half-width of a central 90 % interval in standard deviations.
_Z90: Final = 1.6449
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
    common = amplify_error(total, undecided)
    spread = math.sqrt(undecided + more + common**2 + (_MODEL_ERROR * total) ** 2)
    ratio = math.sqrt(math.log1p((spread / total) ** 2))
    centre = math.log(total) - ratio**2 / 2
    low = math.floor(math.exp(centre - _Z90 * ratio)) if total - undecided < 1e9 else total
    high = math.ceil(math.exp(centre + _Z90 * ratio))
    return Interval(round(total, 2), float(min(low, total)), float(min(max(high, total), most)))


def amplify_error(total: float, undecided: float) -> float:
    """Standard deviation of a sum of p whose log-odds err by `COMMON_ERROR` in common.

    Log-odds that are d too high add d x `undecided` to the sum; the share of attack is estimated from
    that sum and raises the log-odds in turn, so the error is d x undecided / (1 - undecided / total).
    """
    fed_back = min(undecided / total, _MOST_FED_BACK) if total > 0 else 0.0
    return COMMON_ERROR * undecided / (1 - fed_back)
