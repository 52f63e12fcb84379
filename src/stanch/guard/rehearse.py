"""Past logins through the guard in order of time: what it would have answered, from the past alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stanch.guard.attempts import Attempt
from stanch.guard.guard import Context, Guard, Sweep

#: Columns of `logins` that the guard looks at.
COLUMNS: Final = ("time_us", "ip", "account", "user_agent", "ja4", "device", "country", "asn", "outcome")
ACTIONS: Final = ("allow", "challenge", "deny", "reset")
#: Index of `ACTIONS` that a late reset has on top: 4.
LATE: Final = 4
_CODE: Final = {action: code for code, action in enumerate(ACTIONS)}
#: What the log says was done stays done.
_DONE: Final = {"challenged": 1, "denied": 2}
#: The guard looks at the whole so often: it counts by minutes.
_SWEEP_US: Final = 60_000_000
_CHUNK: Final = 20_000


@dataclass(slots=True)
class Rehearsal:
    """What the guard would have done; arrays are in the order of the rows given."""

    #: 0 to 3 as in `ACTIONS`; 4 a reset that came later.
    action: NDArray[np.int8]
    #: Log-odds of attack, before the password was checked.
    log_odds: NDArray[np.float64]
    #: Looks at the whole at which something had changed, in order of time.
    sweeps: list[Sweep] = field(default_factory=list)


def rehearse(
    logins: pl.DataFrame,
    guard: Guard,
    *,
    observe: Callable[[Context, str], None] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Rehearsal:
    """Feed `logins`, in order of time, to a guard; its resets change the action of the login they take back.

    `observe` is told of every attempt before it is settled, `advance` how many rows were done.
    """
    actions: list[int] = []
    scores: list[float] = []
    sweeps: list[Sweep] = []
    # A login that may be reset later is kept by the guard, so the identity of its context is its own.
    rows: dict[int, int] = {}
    assess, settle = guard.assess, guard.settle
    next_us = 0
    for chunk in logins.iter_slices(_CHUNK):
        for time_us, ip, account, agent, ja4, device, country, asn, outcome in list_rows(chunk):
            if time_us >= next_us:
                next_us = time_us + _SWEEP_US
                _keep_sweep(guard.sweep(time_us), sweeps, actions, rows)
            attempt = Attempt(time_us, ip, account or "", agent, ja4, device, False, None, country, asn)
            found = assess(attempt)
            context = found.context
            if observe is not None:
                observe(context, outcome)
            answer = settle(context, outcome)
            if outcome == "success":
                rows[id(context)] = len(actions)
            scores.append(context.log_odds)
            actions.append(_DONE.get(outcome) or _CODE[found.answer.action] or _CODE[answer.action])
        if advance is not None:
            advance(len(chunk))
    return Rehearsal(np.array(actions, dtype=np.int8), np.array(scores), sweeps)


def list_rows(chunk: pl.DataFrame) -> Iterator[tuple[Any, ...]]:
    """The cells of `COLUMNS`, row by row; None where a column is missing."""
    nothing = [None] * len(chunk)
    cells = [chunk[name].to_list() if name in chunk.columns else nothing for name in COLUMNS]
    return zip(*cells, strict=True)


def _keep_sweep(sweep: Sweep, sweeps: list[Sweep], actions: list[int], rows: dict[int, int]) -> None:
    """Note what it took back; keep it if anything is new."""
    for reset in sweep.resets:
        actions[rows[id(reset.context)]] = LATE
    before = sweeps[-1] if sweeps else None
    said = (sweep.alarm, round(sweep.level, 2), round(sweep.threshold, 2), sweep.misfit)
    if (
        before is None
        or sweep.decisions
        or sweep.resets
        or said != (before.alarm, round(before.level, 2), round(before.threshold, 2), before.misfit)
    ):
        sweeps.append(sweep)
