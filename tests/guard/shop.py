"""A small shop before the guard: customers who come home to it, and whoever else the tests need."""

from __future__ import annotations

from stanch.guard.attempts import Attempt
from stanch.guard.guard import Assessment, Guard
from stanch.guard.memory import MemoryCounters
from stanch.guard.scorecard import load_scorecard
from stanch.guard.settings import GuardSettings

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
START_US = 1_700_006_400 * SECOND_US
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def open_guard(**settings: object) -> Guard:
    """A guard with the scorecard that is built in and small counters in memory."""
    counters = MemoryCounters(None, customers=20_000, recent=20_000)
    return Guard(counters, load_scorecard(None), GuardSettings(**settings), b"a secret of the tests")  # type: ignore[arg-type]


def customer(number: int, time_us: int) -> Attempt:
    """Customer `number` at home."""
    return Attempt(
        time_us, f"10.{number // 200}.{number % 200}.7", f"customer{number}", f"{BROWSER} {number % 7}"
    )


def try_login(guard: Guard, attempt: Attempt, outcome: str) -> tuple[Assessment, str]:
    """One attempt with its end; the action that counts."""
    found = guard.assess(attempt)
    answer = guard.settle(found.context, outcome)
    return found, answer.action if found.answer.action == "allow" else found.answer.action


def live_in_peace(guard: Guard, *, days: int = 6, customers: int = 300) -> int:
    """Customers come every day, mistype now and then, and one in twelve travels; returns when it ends."""
    for day in range(days):
        for number in range(customers):
            time_us = START_US + day * DAY_US + number * (DAY_US // customers)
            if not number % 60:
                guard.sweep(time_us)
            attempt = customer(number, time_us)
            if (number + day) % 12 == 0:
                attempt = Attempt(
                    time_us, f"172.{16 + day}.{number % 250}.9", attempt.account, attempt.user_agent
                )
            if (number + 3 * day) % 15 == 0:
                try_login(guard, attempt, "failure")
                attempt = Attempt(time_us + 20 * SECOND_US, attempt.ip, attempt.account, attempt.user_agent)
            if (number + 3 * day) % 45 or day < 2:
                try_login(guard, attempt, "success")
    end_us = START_US + days * DAY_US
    guard.sweep(end_us)
    return end_us
