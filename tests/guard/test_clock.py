"""The guard has one time: rows of the past and of the future leave what was counted as it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from guard.shop import BROWSER, DAY_US, HOUR_US, MINUTE_US, SECOND_US, customer, live_in_peace, try_login
from stanch.guard.attempts import Attempt
from stanch.guard.counters import Seen
from stanch.guard.guard import Guard
from stanch.guard.memory import MemoryCounters
from stanch.guard.scorecard import load_scorecard
from stanch.guard.settings import GuardSettings

YEAR_US = 365 * DAY_US
TOOL = "python-requests/2.32"


@dataclass
class Clock:
    """The wall's."""

    counters: MemoryCounters = field(
        default_factory=lambda: MemoryCounters(None, customers=5_000, recent=5_000)
    )
    now_us: int = 4_000_000_000 * SECOND_US
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self.guard = self.open()

    def open(self) -> Guard:
        return Guard(
            self.counters,
            load_scorecard(None),
            GuardSettings(),
            b"a secret of the tests",
            lambda: self.now_us,
        )


@pytest.fixture
def clock() -> Clock:
    """After some peaceful days, an hour in which many failed."""
    clock = Clock()
    clock.now_us = end_us = live_in_peace(clock.guard)
    for n in range(40):
        try_login(clock.guard, Attempt(end_us + n * SECOND_US, "203.0.113.7", f"leaked{n}", TOOL), "failure")
    clock.now_us = end_us + MINUTE_US
    clock.guard.sweep(clock.now_us)
    return clock


def look(clock: Clock) -> tuple[Seen, object, list[list[int]]]:
    """What is known of the attacker's address, of the site, and of the last day's minutes."""
    now_s = clock.now_us // SECOND_US
    keys = clock.guard._keys.make(Attempt(clock.now_us, "203.0.113.7", "ann", TOOL))
    return (
        clock.counters.look(keys, now_s),
        clock.counters.site(now_s)[:-1],  # without how often it was asked
        clock.counters.minutes(now_s, 1_440).tolist(),
    )


def try_many(clock: Clock, shift_us: int) -> list[str]:
    """A batch of rows of another time, from the attacker's address and from customers."""
    actions = []
    for n in range(300):
        at_us = clock.now_us + shift_us + n * SECOND_US
        attempt = customer(n, at_us) if n % 2 else Attempt(at_us, "203.0.113.7", f"leaked{n}", TOOL)
        actions.append(try_login(clock.guard, attempt, "success" if n % 2 else "failure")[1])
    return actions


@pytest.mark.parametrize("age_us", [YEAR_US, 2 * HOUR_US])
def test_old_rows_are_judged_and_change_nothing(clock: Clock, age_us: int) -> None:
    before = look(clock)
    assert before[0].n_now > 30
    actions = try_many(clock, -age_us)
    clock.guard.sweep(clock.now_us)
    assert look(clock) == before
    assert clock.guard.n_old == 300
    assert set(actions[0::2]) <= {"challenge", "deny"}, "judged as of now"
    assert set(actions[1::2]) == {"allow"}


def test_after_a_restart_old_rows_still_change_nothing(clock: Clock) -> None:
    before = look(clock)
    clock.guard = clock.open()
    try_many(clock, -YEAR_US)
    assert look(clock) == before
    clock.guard.sweep(clock.now_us)
    assert look(clock) == before


def test_rows_of_the_future_count_as_of_now_and_wipe_nothing(clock: Clock) -> None:
    before = look(clock)
    try_many(clock, 20 * HOUR_US)
    seen, _, minutes = look(clock)
    assert seen.n_now >= before[0].n_now
    assert minutes[:-2] == before[2][:-2]
    assert clock.guard.n_old == 0
    clock.now_us += 5 * MINUTE_US
    now_us = clock.now_us
    found = clock.guard.assess(Attempt(now_us, "203.0.113.7", "x", TOOL))
    assert found.answer.action != "allow", "the attack is not forgotten"
    assert clock.guard.assess(customer(5, now_us)).context.time_s == now_us // SECOND_US


def test_an_outcome_told_an_hour_later_counts() -> None:
    clock = Clock()
    attempt = Attempt(clock.now_us, "198.51.100.200", "newcomer", BROWSER)
    context = clock.guard.assess(attempt).context
    clock.now_us += 59 * MINUTE_US
    clock.guard.sweep(clock.now_us)
    clock.guard.settle(context, "success")
    again = Attempt(clock.now_us + 2 * HOUR_US, attempt.ip, attempt.account, BROWSER)
    clock.now_us = again.time_us
    assert clock.guard.assess(again).context.known


def test_a_wall_clock_that_was_ahead_is_set_back_at_the_next_look(clock: Clock) -> None:
    right_us = clock.now_us
    clock.now_us += YEAR_US
    clock.guard.sweep(clock.now_us)
    clock.now_us = right_us
    clock.guard.sweep(clock.now_us)
    found = clock.guard.assess(customer(5, clock.now_us + SECOND_US))
    assert not found.context.is_old
