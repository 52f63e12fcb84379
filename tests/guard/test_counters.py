"""Counters of one process: bounded, not to be flooded, kept when the process is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from guard.shop import DAY_US, HOUR_US, MINUTE_US, SECOND_US, START_US, customer, open_guard, try_login
from stanch.errors import StoreError
from stanch.guard.attempts import Attempt
from stanch.guard.counters import COLD_REFUSED, WARM_REFUSED
from stanch.guard.keys import AddressError, KeyMaker
from stanch.guard.memory import MemoryCounters
from stanch.guard.tables import Table, count_bytes, count_set_bytes, count_sets

START_S = START_US // SECOND_US
KEYS = KeyMaker(b"a secret of the tests")


def note(
    counters: MemoryCounters, attempt: Attempt, *, success: bool, good: bool = True, sure: bool = True
) -> None:
    keys, time_s = KEYS.make(attempt), attempt.time_us // SECOND_US
    seen = counters.look(keys, time_s)
    cold = seen.habit not in (6, 10, 11, 12)
    counters.note(keys, time_s, seen, success=success, cold=cold, p=0.0, good=good, sure=sure)


def look(counters: MemoryCounters, attempt: Attempt):  # type: ignore[no-untyped-def]
    return counters.look(KEYS.make(attempt), attempt.time_us // SECOND_US)


@pytest.fixture
def counters() -> MemoryCounters:
    return MemoryCounters(None, customers=2_000, recent=2_000)


def test_a_success_makes_a_habit_only_after_a_while(counters: MemoryCounters) -> None:
    note(counters, customer(1, START_US), success=True)
    assert look(counters, customer(1, START_US + 5 * MINUTE_US)).habit == 0
    assert look(counters, customer(1, START_US + HOUR_US)).habit == 12
    elsewhere = Attempt(START_US + HOUR_US, "192.0.2.1", "customer1", "curl/8")
    assert look(counters, elsewhere).habit == 1


def test_a_failure_makes_no_habit(counters: MemoryCounters) -> None:
    note(counters, customer(1, START_US), success=False)
    assert look(counters, customer(1, START_US + HOUR_US)).habit == 0


def test_a_doubtful_visit_neither_lifts_nor_prolongs_a_sure_suspicion(counters: MemoryCounters) -> None:
    note(counters, customer(1, START_US), success=True, good=False)
    note(counters, customer(1, START_US + 5 * DAY_US), success=True, good=False, sure=False)
    assert look(counters, customer(1, START_US + 6 * DAY_US)).again == 4
    assert look(counters, customer(1, START_US + 8 * DAY_US)).again == 0


def test_an_updated_browser_is_still_known(counters: MemoryCounters) -> None:
    first = Attempt(START_US, "192.0.2.1", "ann", "Firefox/140.0")
    note(counters, first, success=True)
    later = Attempt(START_US + DAY_US, "192.0.2.1", "ann", "Firefox/141.0")
    assert look(counters, later).habit == 11


def test_a_refusal_that_is_followed_up_is_no_strangers(counters: MemoryCounters) -> None:
    note(counters, customer(1, START_US), success=False)
    assert counters.minutes(START_S, 10)[:, COLD_REFUSED].sum() == 1
    note(counters, customer(1, START_US + MINUTE_US), success=True)
    sums = counters.minutes(START_S + 60, 10).sum(axis=0)
    assert (sums[COLD_REFUSED], sums[WARM_REFUSED]) == (0, 1)


def test_a_flood_of_new_addresses_and_names_leaves_customers_known(counters: MemoryCounters) -> None:
    for number in range(500):
        note(counters, customer(number, START_US), success=True)
    for i in range(30_000):
        flood = Attempt(
            START_US + i * 1000, f"{11 + i % 80}.{i // 80 % 256}.{i // 20_480}.{i % 251}", f"x{i}", "bot"
        )
        note(counters, flood, success=False)
    known = [look(counters, customer(number, START_US + DAY_US)).habit for number in range(500)]
    assert known == [12] * 500
    assert look(counters, customer(3, START_US + DAY_US)).n_regular == 0


def test_others_at_an_address_do_not_count_oneself(counters: MemoryCounters) -> None:
    for name in ("ann", "bob", "cid"):
        note(counters, Attempt(START_US, "192.0.2.1", name), success=False)
    seen = look(counters, Attempt(START_US + MINUTE_US, "192.0.2.1", "ann"))
    assert (seen.n_now, seen.bad_now) == (2, 2)
    seen = look(counters, Attempt(START_US + MINUTE_US, "192.0.2.77", "dan"))
    # Accounts are counted by 64 bits, so that two may fall on one.
    assert seen.n_now == 0
    assert 2 <= seen.n_beside == seen.bad_beside <= 3
    assert look(counters, Attempt(START_US + 5 * HOUR_US, "192.0.2.1", "dan")).n_now == 0


def test_ipv6_counts_by_64(counters: MemoryCounters) -> None:
    for i in range(6):
        note(counters, Attempt(START_US, f"2001:db8:1:2::{i + 1:x}", f"x{i}"), success=False)
    assert look(counters, Attempt(START_US, "2001:db8:1:2:ffff::9", "dan")).n_now in (5, 6)
    seen = look(counters, Attempt(START_US, "2001:db8:1:3::9", "dan"))
    assert seen.n_now == 0
    assert seen.n_beside in (5, 6)


def test_what_is_taken_back_is_no_habit_and_suspect(counters: MemoryCounters) -> None:
    thief = Attempt(START_US, "192.0.2.1", "ann", "bot")
    note(counters, thief, success=True)
    counters.forget(KEYS.make(thief), sure=True)
    later = look(counters, Attempt(START_US + DAY_US, "192.0.2.1", "ann", "bot"))
    assert later.again == 4
    assert look(counters, Attempt(START_US + DAY_US, "198.51.100.1", "ann", "other")).again == 4
    assert look(counters, Attempt(START_US + 40 * DAY_US, "198.51.100.1", "ann", "other")).again == 0


def test_tables_hold_what_they_are_made_for() -> None:
    size = count_bytes(1_000, "I")
    table = Table(bytearray(size), range(0, size, count_set_bytes("I")), 1_000, "I")
    keys = [KEYS.hash("key", str(i)) for i in range(1_000)]
    for worth, key in enumerate(keys):
        table.put(key, worth, worth)
    kept = sum(table.get(key) == (worth,) for worth, key in enumerate(keys))
    assert kept >= 985
    assert count_sets(10_000_000) * 8 >= 10_000_000


def test_killed_counters_are_there_again(tmp_path: Path) -> None:
    path = tmp_path / "guard.counters"
    write = (
        "import os, signal, sys; from pathlib import Path\n"
        "from guard.test_counters import *\n"
        "counters = MemoryCounters(Path(sys.argv[1]), customers=2_000, recent=2_000)\n"
        "note(counters, customer(1, START_US), success=True)\n"
        "note(counters, Attempt(START_US, '192.0.2.1', 'ann'), success=False)\n"
        "counters.save('wave', b'state')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    tests = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", write, path], env={**os.environ, "PYTHONPATH": str(tests)}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    again = MemoryCounters(path, customers=2_000, recent=2_000)
    assert look(again, customer(1, START_US + DAY_US)).habit == 12
    assert look(again, Attempt(START_US + MINUTE_US, "192.0.2.1", "bob")).bad_now == 1
    assert again.load("wave") == b"state"
    assert path.stat().st_size == again.n_bytes
    resized = MemoryCounters(path, customers=4_000, recent=2_000)
    assert look(resized, customer(1, START_US + DAY_US)).habit == 0


def test_a_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        MemoryCounters(tmp_path / "file" / "counters", customers=1_000, recent=1_000)


def test_memory_for_ten_million_keys_is_what_the_page_says() -> None:
    habits, regulars, tries, crowds = "14H14H2H", "I3Q", "I3H2BHIQIB", "I4QI2Q"
    customers = count_bytes(10_000_000, habits) + count_bytes(10_000_000, regulars)
    recent = count_bytes(10_000_000, tries) + count_bytes(10_000_000, crowds)
    assert round(customers / 2**30, 1) == 1.6
    assert round(recent / 2**30, 1) == 1.6


@pytest.mark.parametrize("ip", ["", "no address", "1.2.3", "1.2.3.4.5", "::g", "1.2.3.4\0", "é"])
def test_what_is_no_address_is_refused(ip: str) -> None:
    with pytest.raises(AddressError):
        KEYS.make(Attempt(START_US, ip, "ann"))


def test_counts_survive_a_clock_that_jumps() -> None:
    guard = open_guard()
    for time_us in (START_US, START_US + 400 * DAY_US, START_US + MINUTE_US, START_US - 400 * DAY_US):
        guard.sweep(time_us)
        assert try_login(guard, customer(1, time_us), "success")[1] == "allow"
    assert guard.assess(customer(1, START_US + DAY_US)).context.known
