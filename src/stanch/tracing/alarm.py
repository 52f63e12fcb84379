"""When complaints would have rung an alarm: a sequential test of daily counts with a stated false-alarm rate.

In peace complaints come as a Poisson process whose rate is not known: gamma, worth a month of watching. From
day j on it may be r times the usual rate. With S complaints on n days, S_j of them since day j, this is worth

    r^S_j ((b + n) / (b + j - 1 + r (n - j + 1)))^(a + S)

against peace (both averaged over the gamma(a, b) prior). Summed over j and averaged over r this is a
Shiryaev-Roberts statistic: as each term has mean 1 in peace, it grows by 1 a day on average, and the mean
time until it first reaches A is at least A days (Pollak 1985, Annals of Statistics 13, 206-227; Shin, Ramdas
and Rinaldo 2023, New England Journal of Statistics in Data Science, "E-detectors").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import logsumexp

from stanch.tracing.case import Floats

DAYS_PER_YEAR: Final = 365.25
#: The prior is worth so many days of watching.
PRIOR_DAYS: Final = 30.0
#: Rises that are looked for, each as likely.
_LOG_RISES: Final = np.log([2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
#: Rises that began longer ago are not looked for: leaving terms out delays alarms, never adds false ones.
_LONGEST: Final = 180


@dataclass(frozen=True, slots=True)
class Usual:
    """What is known of complaints in peace, and how often a false alarm may come."""

    per_month: float
    false_alarms_per_year: float


def find_alarm(counts: Sequence[int], usual: Usual) -> int | None:
    """Index of the first day at whose end the alarm rings, None if none does; `counts` of day after day."""
    log_needed = np.log(DAYS_PER_YEAR / usual.false_alarms_per_year)
    running = np.concatenate([[0], np.cumsum(counts)]).astype(np.float64)
    for day in range(1, len(running)):
        if counts[day - 1] and _weigh_rises(running[: day + 1], usual.per_month) >= log_needed:
            return day - 1
    return None


def _weigh_rises(running: Floats, per_month: float) -> float:
    """Log of the statistic after the last day; `running` counts, 0 first."""
    n = len(running) - 1
    prior = per_month * PRIOR_DAYS / 30.0
    begin = np.arange(max(n - _LONGEST, 0), n)
    since = running[-1] - running[begin]
    days = PRIOR_DAYS + begin[:, None] + np.exp(_LOG_RISES) * (n - begin)[:, None]
    shape = prior + running[-1]
    logs = since[:, None] * _LOG_RISES + shape * (np.log(PRIOR_DAYS + n) - np.log(days))
    return float(logsumexp(logs) - np.log(len(_LOG_RISES)))
