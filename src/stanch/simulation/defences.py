"""What many shops' login pages do by themselves: a lock on accounts, a limit on addresses."""

from __future__ import annotations

import numpy as np

from stanch.simulation.attempts import CHALLENGED, DENIED, FAILURE, SUCCESS, Attempts
from stanch.simulation.draws import HOUR_US, Flags, Ints
from stanch.simulation.shop import Shop


def apply_defences(shop: Shop, attempts: Attempts) -> Attempts:
    """Turn tries over the shop's limits into `challenged` and `denied`; `attempts` is in order of time."""
    habits = shop.habits
    outcome = attempts.outcome
    hour = attempts.time_us // HOUR_US
    if habits.account_limit:
        failed = (outcome == FAILURE).astype(np.int64)
        earlier = _sum_before(np.stack([attempts.account, hour]), failed)
        outcome = np.where((earlier >= habits.account_limit) & (outcome != SUCCESS), CHALLENGED, outcome)
    if habits.address_limit:
        keys = np.stack([attempts.high.view(np.int64), attempts.low.view(np.int64), hour])
        over = _sum_before(keys, np.ones(len(attempts), dtype=np.int64)) >= habits.address_limit
        outcome = np.where(over, DENIED, outcome)
    barred: Flags = outcome != SUCCESS
    return attempts.replace(outcome=outcome, session=np.where(barred, -1, attempts.session))


def _sum_before(keys: Ints, amounts: Ints) -> Ints:
    """For each row, the sum of `amounts` over earlier rows with the same keys."""
    order = np.lexsort(keys)
    sorted_keys = keys[:, order]
    starts = np.flatnonzero(np.r_[True, (sorted_keys[:, 1:] != sorted_keys[:, :-1]).any(axis=0)])
    sizes = np.diff(np.r_[starts, len(order)])
    total = np.cumsum(amounts[order]) - amounts[order]
    summed = np.empty(len(order), dtype=np.int64)
    summed[order] = total - np.repeat(total[starts], sizes)
    return summed
