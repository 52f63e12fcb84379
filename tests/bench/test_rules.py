"""The rules that Stanch is measured beside, on logs short enough to work out by hand."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from rules import DAY_US, RULES, SECOND_US, LoginLog, Marks, make_log

MINUTE, HOUR = 60, 3600


def log_of(rows: Sequence[tuple[float, str, str, str]]) -> LoginLog:
    """Rows of seconds, address, account and outcome."""
    time_us = np.array([round(row[0] * SECOND_US) for row in rows], dtype=np.int64)
    ip, account, outcome = (pl.Series([row[i] for row in rows], dtype=pl.String) for i in (1, 2, 3))
    return make_log(time_us, ip, account, outcome)


def failures(*seconds: float, ip: str = "192.0.2.1") -> LoginLog:
    return log_of([(s, ip, f"u{i}", "failure") for i, s in enumerate(seconds)])


def hits(marks: Marks) -> list[int]:
    return np.flatnonzero(marks.hit).tolist()


def seen(marks: Marks) -> list[int]:
    return np.flatnonzero(marks.seen).tolist()


def test_fail2ban_bans_at_the_fifth_failure_for_ten_minutes() -> None:
    rows = [(60 * i, "192.0.2.1", "ann", "failure") for i in range(5)]
    rows += [(300, "192.0.2.1", "ann", "success"), (301, "192.0.2.2", "bob", "success")]
    rows += [(839, "192.0.2.1", "ann", "success"), (840, "192.0.2.1", "ann", "success")]
    marks = RULES["fail2ban"](log_of(rows))
    assert (hits(marks), seen(marks), marks.n_alarms) == ([4, 5, 7], [0, 1, 2, 3, 4, 5, 7], 1)


def test_fail2ban_lets_a_patient_attacker_try_on() -> None:
    # 4 in every 10 minutes: 576 a day.
    assert RULES["fail2ban"](failures(*(151 * i for i in range(50)))).n_alarms == 0
    assert RULES["fail2ban"](failures(*(150 * i for i in range(5)))).n_alarms == 1


def test_fail2ban_counts_afresh_after_a_ban_and_nothing_during_it() -> None:
    marks = RULES["fail2ban"](failures(0, 1, 2, 3, 4, 600, 601, 605, 606, 607, 608, 609))
    # The ban lasts from 4 to 604; of the five later failures the last sets it off again.
    assert (hits(marks), marks.n_alarms) == ([4, 5, 6, 11], 2)


def test_crowdsec_overflows_with_the_sixth_at_once() -> None:
    assert RULES["CrowdSec"](failures(*range(5))).n_alarms == 0
    marks = RULES["CrowdSec"](failures(*range(6), 4 * HOUR, 4 * HOUR + 6))
    # The ban of 4 hours begins at second 5.
    assert (hits(marks), seen(marks), marks.n_alarms) == ([5, 6], [0, 1, 2, 3, 4, 5, 6], 1)


@pytest.mark.parametrize(("pause", "overflows"), [(10, False), (9.9, True), (8, True), (11, False)])
def test_crowdsec_never_overflows_at_the_pace_of_the_leak(pause: float, overflows: bool) -> None:
    assert (RULES["CrowdSec"](failures(*(pause * i for i in range(2000)))).n_alarms > 0) is overflows


def test_crowdsec_takes_seven_within_twenty_seconds() -> None:
    assert RULES["CrowdSec"](failures(0, 0, 0, 0, 0, 10, 19)).n_alarms == 1
    assert RULES["CrowdSec"](failures(0, 0, 0, 0, 0, 10, 20)).n_alarms == 0


def test_axes_locks_an_address_for_ever_whatever_it_did_well() -> None:
    rows = [(0, "192.0.2.1", "ann", "failure"), (HOUR, "192.0.2.1", "bob", "failure")]
    rows += [(2 * HOUR, "192.0.2.1", "bob", "success"), (900 * HOUR, "192.0.2.1", "cy", "failure")]
    rows += [(9000 * HOUR, "192.0.2.1", "dan", "success"), (9001 * HOUR, "192.0.2.2", "dan", "success")]
    marks = RULES["django-axes"](log_of(rows))
    assert (hits(marks), seen(marks), marks.n_alarms) == ([3, 4], [0, 1, 3, 4], 1)


def test_atp_blocks_while_more_than_ten_failed_in_ten_minutes() -> None:
    assert RULES["AWS ATP"](failures(*range(10))).n_alarms == 0
    rows = [(i, "192.0.2.1", "ann", "failure") for i in range(11)]
    rows += [(30, "192.0.2.1", "ann", "success"), (599, "192.0.2.1", "ann", "failure")]
    # At 600 the first failure is out of the window; the next failure makes eleven again.
    rows += [(600, "192.0.2.1", "ann", "failure"), (600.5, "192.0.2.1", "ann", "success")]
    rows += [(601, "192.0.2.1", "ann", "success")]
    marks = RULES["AWS ATP"](log_of(rows))
    assert (hits(marks), marks.n_alarms) == ([10, 11, 12, 13, 14], 2)
    assert seen(marks) == list(range(15))


def spray(n: int, users: int, sources: int, start: float = 0) -> list[tuple[float, str, str, str]]:
    return [(start + i, f"192.0.2.{i % sources}", f"u{i % users}", "failure") for i in range(n)]


@pytest.mark.parametrize(
    ("n", "users", "sources", "alarms"),
    [(25, 8, 5, 1), (24, 8, 5, 0), (25, 7, 5, 0), (25, 8, 4, 0), (41, 8, 5, 0), (30, 8, 9, 0)],
)
def test_elastic_needs_all_its_numbers(n: int, users: int, sources: int, alarms: int) -> None:
    assert RULES["Elastic"](log_of(spray(n, users, sources))).n_alarms == alarms


def test_elastic_cuts_time_at_the_quarters_of_the_hour() -> None:
    assert RULES["Elastic"](log_of(spray(30, 10, 6, start=15 * MINUTE - 15))).n_alarms == 0


def test_elastic_lists_refusals_and_what_their_addresses_sent() -> None:
    rows = [(0, "192.0.2.3", "ann", "success"), (0, "198.51.100.7", "bob", "success"), *spray(25, 8, 5)]
    rows += [(100, "198.51.100.8", "eve", "unknown_account"), (20 * MINUTE, "192.0.2.3", "ann", "failure")]
    marks = RULES["Elastic"](log_of(rows))
    assert hits(marks) == [0, *range(2, 28)]


def test_arana_judges_an_address_by_its_day() -> None:
    day = DAY_US // SECOND_US
    rows = [(i, "192.0.2.1", "ann", "denied") for i in range(7)] + [(8, "192.0.2.1", "ann", "success")]
    # The same on the next day with one failure fewer is 7 requests, and 4 in 5 is not over 80 %.
    rows += [(day + i, "192.0.2.1", "ann", "failure") for i in range(7)]
    rows += [(2 * day + i, "192.0.2.1", "ann", "failure" if i % 5 else "success") for i in range(10)]
    marks = RULES["Araña"](log_of(rows))
    assert (hits(marks), marks.n_alarms) == (list(range(8)), 1)


@pytest.mark.parametrize("name", RULES)
def test_rules_take_an_empty_log_and_one_without_accounts(name: str) -> None:
    assert RULES[name](log_of([])).n_alarms == 0
    log = failures(*(i / 100 for i in range(60)))
    bare = LoginLog(log.time_us, log.address, pl.Series([None] * 60, dtype=pl.String), log.refused)
    assert len(RULES[name](bare).hit) == 60


@pytest.mark.parametrize("name", RULES)
def test_rules_leave_good_logins_alone(name: str) -> None:
    log = log_of([(i, "192.0.2.1", f"u{i}", "success") for i in range(500)])
    assert not RULES[name](log).seen.any()
