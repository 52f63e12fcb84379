"""Past logins through the guard in order of time: what it would have answered, from the past alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

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
#: The guard looks at the whole so often.
_SWEEP_US: Final = 30_000_000
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
    n = len(logins)
    result = Rehearsal(np.zeros(n, np.int8), np.zeros(n))
    actions, scores, sweeps = result.action, result.log_odds, result.sweeps
    # A login that may be reset later is kept by the guard, so the identity of its context is its own.
    rows: dict[int, int] = {}
    assess, settle = guard.assess, guard.settle
    row, next_us, before = 0, 0, None
    for chunk in logins.iter_slices(_CHUNK):
        cells = [chunk[name].to_list() if name in chunk.columns else [None] * len(chunk) for name in COLUMNS]
        for time_us, ip, account, agent, ja4, device, country, asn, outcome in zip(*cells, strict=True):
            if time_us >= next_us:
                sweep = guard.sweep(time_us)
                next_us = time_us + _SWEEP_US
                for reset in sweep.resets:
                    actions[rows[id(reset.context)]] = LATE
                said = (sweep.alarm, round(sweep.level, 2), round(sweep.threshold, 2), sweep.misfit)
                if said != before or sweep.decisions or sweep.resets:
                    sweeps.append(sweep)
                    before = said
            found = assess(Attempt(time_us, ip, account or "", agent, ja4, device, False, None, country, asn))
            context = found.context
            if observe is not None:
                observe(context, outcome)
            answer = settle(context, outcome)
            scores[row] = context.log_odds
            if outcome in _DONE:
                actions[row] = _DONE[outcome]
            elif answer.action == "reset" and found.answer.action == "allow":
                actions[row] = 3
            elif found.answer.action != "allow":
                actions[row] = _CODE[found.answer.action]
            if outcome == "success":
                rows[id(context)] = row
            row += 1
        if advance is not None:
            advance(len(chunk))
    return result
