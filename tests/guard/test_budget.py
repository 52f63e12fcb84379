"""The budget: how many customers a threshold would bother, told from what is known of few."""

from __future__ import annotations

import pytest

from stanch.guard.budget import Budget
from stanch.guard.memory import MemoryCounters

DAY_S = 86_400
HIGH, LOW = 3.0, -6.0


def open_budget(share: float = 0.01) -> Budget:
    return Budget(MemoryCounters(None, customers=1_000, recent=1_000), share)


def live(budget: Budget, days: int, logins_a_day: int = 2_000) -> int:
    """So many days of logins with low scores; the second at their end."""
    for day in range(days + 1):
        budget.sweep((1 + day) * DAY_S)
        for _ in range(logins_a_day if day < days else 0):
            budget.note(LOW, 1.0)
    return (1 + days) * DAY_S


def test_nobody_is_challenged_without_a_budget() -> None:
    budget = open_budget(share=0.0)
    live(budget, 3)
    assert budget.threshold > HIGH


def test_a_guard_of_two_days_may_spend_what_an_old_one_may() -> None:
    limits = []
    for days in (2, 60):
        budget = open_budget()
        now_s = live(budget, days)
        n = 0
        while budget.threshold <= HIGH and n < 1_000:
            budget.note(HIGH, 1.0)
            budget.sweep(now_s)
            n += 1
        limits.append(n)
    young, old = limits
    # A hundredth of a fortnight's logins.
    assert old == pytest.approx(0.01 * 14 * 2_000, rel=0.1)
    assert young == pytest.approx(old, rel=0.3)


def test_an_account_under_suspicion_counts_once() -> None:
    budget = open_budget()
    now_s = live(budget, 3)
    for i in range(2_000):
        budget.note(HIGH, 0.5, again=i > 0)
    budget.sweep(now_s)
    assert budget.threshold <= HIGH


def test_whom_the_scorecard_takes_for_attackers_counts_all_the_same() -> None:
    """As many get in as no list opens: they are customers, whatever the scorecard says."""
    budget = open_budget()
    now_s = live(budget, 3)
    for _ in range(1_000):
        budget.note(HIGH, 0.0)
    budget.sweep(now_s)
    assert budget.threshold > HIGH


def test_a_list_that_opens_little_leaves_the_budget_alone() -> None:
    budget = open_budget()
    now_s = live(budget, 3)
    for i in range(40_000):
        budget.note(HIGH, 0.0, success=not i % 25)
    budget.sweep(now_s)
    assert budget.threshold <= HIGH
