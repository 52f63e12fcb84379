"""What a replay comes to: counts by action, over time, and when waves were seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stanch.guard.rehearse import ACTIONS, LATE, Rehearsal

_BINS: Final = 120
_HOUR_US: Final = 3_600_000_000
_WIDTHS_US: Final = tuple(int(h * _HOUR_US) for h in (1 / 12, 0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 168))
#: An alarm that comes back within this time is the same wave.
_SAME_WAVE_US: Final = 6 * _HOUR_US


@dataclass(frozen=True, slots=True)
class Wave:
    """A time in which the guard saw an attack on the whole site."""

    start_us: int
    end_us: int
    #: Largest share of attack among attempts of strangers.
    level: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of one replay."""

    n: int
    n_untold: int
    #: By action (`ACTIONS`, then late resets): attempts, and those of them that were let in.
    attempts: tuple[int, ...]
    successes: tuple[int, ...]
    n_decisions: int
    waves: list[Wave] = field(default_factory=list)
    #: Of each bin: start; attempts by action.
    bin_us: int = _HOUR_US
    starts_us: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    by_bin: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, LATE + 1), np.int64))
    refused_by_bin: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    misfit: str = ""

    @property
    def share(self) -> float:
        """Of all logins that the log let in: share that would have been challenged, denied or reset."""
        return sum(self.successes[1:]) / max(sum(self.successes), 1)


def count_actions(logins: pl.DataFrame, found: Rehearsal) -> Tally:
    """Count what a rehearsal of `logins` (in order of time) found."""
    success = (logins["outcome"] == "success").to_numpy()
    times = logins["time_us"].to_numpy()
    action = found.action.astype(np.int64)
    kinds = len(ACTIONS) + 1
    first, last = (int(times[0]), int(times[-1])) if len(times) else (0, 0)
    width = next((w for w in _WIDTHS_US if (last - first) / w <= _BINS), _WIDTHS_US[-1])
    origin = first // width
    bins = times // width - origin
    n_bins = last // width - origin + 1 if len(times) else 0
    by_bin = np.bincount(bins * kinds + action, minlength=n_bins * kinds).reshape(n_bins, kinds)
    refused = logins["outcome"].is_in(["failure", "unknown_account", "challenged", "denied"]).to_numpy()
    return Tally(
        n=len(logins),
        n_untold=int((logins["outcome"] == "unknown").sum()),
        attempts=tuple(np.bincount(action, minlength=kinds).tolist()),
        successes=tuple(np.bincount(action[success], minlength=kinds).tolist()),
        n_decisions=sum(len(sweep.decisions) for sweep in found.sweeps),
        waves=_find_waves(found),
        bin_us=width,
        starts_us=(np.arange(n_bins) + origin) * width,
        by_bin=by_bin,
        refused_by_bin=np.bincount(bins[refused], minlength=n_bins),
        misfit=next((s.misfit for s in reversed(found.sweeps) if s.misfit), ""),
    )


def _find_waves(found: Rehearsal) -> list[Wave]:
    waves: list[Wave] = []
    alarmed = False
    for sweep in found.sweeps:
        if sweep.alarm and waves and sweep.time_us - waves[-1].end_us < _SAME_WAVE_US:
            last = waves[-1]
            waves[-1] = Wave(last.start_us, sweep.time_us, max(last.level, sweep.level))
        elif sweep.alarm:
            waves.append(Wave(sweep.time_us, sweep.time_us, sweep.level))
        elif alarmed:
            last = waves[-1]
            waves[-1] = Wave(last.start_us, sweep.time_us, last.level)
        alarmed = sweep.alarm
    return waves
