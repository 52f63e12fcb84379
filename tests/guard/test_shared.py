"""Counters in this process and on a server: same events, same past; bounded; no race loses a count."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.msgpack import decode

from guard.redis import REDIS, Redis, running_redis
from stanch.errors import StoreError
from stanch.guard.attempts import Attempt
from stanch.guard.budget import Budget
from stanch.guard.counters import NO_KIND, CountersGoneError, Seen
from stanch.guard.drift import Drift
from stanch.guard.keys import KeyMaker, Keys
from stanch.guard.memory import MemoryCounters
from stanch.guard.scorecard import load_scorecard
from stanch.guard.shared import SharedCounters

MAKER = KeyMaker(b"counters in the tests" * 2)
SIZES = {"customers": 2_000, "recent": 2_000}
START_S = 1_790_000_000
Counters = MemoryCounters | SharedCounters
NOTHING = Seen(0, 0, False, 0, 0, 0, 0, 0, 0, 0, 0, 0, NO_KIND, NO_KIND)


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    if REDIS is None:
        pytest.skip("no redis-server on this machine")
    with running_redis() as running:
        yield running


def share(server: Redis, timeout_s: float = 5.0, secret: bytes = b"key") -> SharedCounters:
    return SharedCounters(server.url, timeout_s=timeout_s, secret=secret, **SIZES)


@pytest.fixture(params=["memory", "shared"])
def counters(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counters]:
    opened: Counters
    if request.param == "memory":
        opened = MemoryCounters(tmp_path / "counters.bin", **SIZES)
    else:
        running: Redis = request.getfixturevalue("server")
        running.client.flushall()
        opened = share(running)
    yield opened
    opened.close()


def attempt(ip: str, account: str, agent: str = "Firefox/140", **more: str) -> Keys:
    return MAKER.make(Attempt(0, ip, account, agent, **more))


def note(counters: Counters, keys: Keys, time_s: int, *, success: bool) -> Seen:
    seen = counters.look(keys, time_s)
    cold = seen.habit not in (6, 10, 11, 12)
    counters.note(keys, time_s, seen, success=success, cold=cold, p=0.1, good=success, sure=False)
    return seen


def play(counters: Counters, n: int, seed: int) -> list[object]:
    """Whatever the counters say of some days at a small shop."""
    rng = random.Random(seed)
    told: list[object] = []
    time_s = START_S
    for i in range(n):
        time_s += rng.choice((0, 1, 30, 1_300, 40_000))
        keys = attempt(
            f"198.51.{rng.randrange(3)}.{rng.randrange(8)}",
            f"customer{rng.randrange(40)}",
            f"Agent {rng.randrange(30)}",
        )
        told.append(note(counters, keys, time_s, success=rng.random() < 0.6))
        if i % 50 == 0:
            counters.forget(keys, sure=True)
            told += [counters.site(time_s), counters.minutes(time_s, 1_440).tolist()]
    return told


def test_the_same_events_are_the_same_past_wherever_it_is_kept(server: Redis) -> None:
    server.client.flushall()
    near = MemoryCounters(None, **SIZES)
    far = share(server)
    try:
        assert play(near, 1_500, 7) == play(far, 1_500, 7)
    finally:
        far.close()


def test_a_customer_is_known_where_a_good_login_was(counters: Counters) -> None:
    home, away = attempt("198.51.100.7", "ann"), attempt("203.0.113.9", "ann", "curl/8")
    assert counters.look(home, START_S).habit == 0
    note(counters, home, START_S, success=True)
    later_s = START_S + 7_200
    assert counters.look(home, later_s).habit == 12
    assert counters.look(away, later_s).habit == 1
    counters.forget(home, sure=True)
    assert counters.look(home, later_s).habit != 12


def test_what_is_saved_is_found_again(counters: Counters) -> None:
    assert counters.load("wave") == b""
    counters.save("wave", b"what was learnt")
    counters.save("budget", bytes(range(256)))
    assert counters.load("wave") == b"what was learnt"
    assert counters.load("budget") == bytes(range(256))


def test_it_is_all_there_after_a_restart(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    server: Redis = request.getfixturevalue("server")
    server.client.flushall()
    for open_again in (
        lambda: MemoryCounters(tmp_path / "counters.bin", **SIZES),
        lambda: share(server),
    ):
        first = open_again()
        play(first, 200, 3)
        keys = attempt("198.51.100.7", "ann")
        note(first, keys, START_S, success=True)
        first.close()
        second = open_again()
        assert second.look(keys, START_S + 7_200).habit == 12
        second.close()


def test_a_flood_of_new_addresses_takes_no_more_room_and_no_customer_s_place(
    counters: Counters, request: pytest.FixtureRequest
) -> None:
    rng = random.Random(5)
    customers = [attempt(f"198.51.100.{n}", f"customer{n}") for n in range(200)]
    for keys in customers:
        note(counters, keys, START_S, success=True)
    if isinstance(counters, SharedCounters):
        n_flood, most = 6_000, sum(table.n_sets for table in counters.tables.values()) + 64
    else:
        n_flood, most = 60_000, 0
    for n in range(n_flood):
        ip = f"2001:db8:{rng.getrandbits(16):x}:{rng.getrandbits(16):x}::1"
        keys = attempt(ip, f"nobody{n}", f"Agent {n}")
        counters.note(keys, START_S + 60, NOTHING, success=False, cold=True, p=0.9, good=False, sure=False)
    later_s = START_S + 7_200
    assert all(counters.look(keys, later_s).habit == 12 for keys in customers)
    if isinstance(counters, SharedCounters):
        counters.flush()
        assert counters.n_lost == 0
        server: Redis = request.getfixturevalue("server")
        assert server.client.dbsize() <= most


def test_a_clock_that_was_ahead_leaves_nothing_stuck(counters: Counters) -> None:
    later_s = START_S + 400 * 86_400
    for n in range(12):
        note(counters, attempt("203.0.113.9", f"customer{n}"), later_s, success=False)
    now_s = START_S + 60
    ann = attempt("203.0.113.9", "ann")
    seen = counters.look(ann, now_s)
    assert (seen.n_now, seen.again) == (0, 0)
    assert counters.look(attempt("203.0.113.9", "customer1"), now_s).again == 0
    note(counters, ann, now_s, success=False)
    counters.site(now_s)
    assert counters.minutes(now_s, 1).tolist() == [[1, 0, 0, 0]]
    assert counters.look(attempt("203.0.113.9", "ben"), now_s).n_now == 1
    now = counters.site(now_s).soon[0]
    assert counters.site(now_s + 3_600).soon[0] < now, "it fades again"


@pytest.fixture
def pair(server: Redis) -> Iterator[tuple[SharedCounters, SharedCounters]]:
    server.client.flushall()
    opened = share(server), share(server)
    yield opened
    for counters in opened:
        counters.close()


def test_guards_see_each_other_s_attempts(pair: tuple[SharedCounters, SharedCounters]) -> None:
    one, other = pair
    for n in range(12):
        note(one, attempt("203.0.113.9", f"customer{n}"), START_S + n, success=False)
    one.flush()
    seen = other.look(attempt("203.0.113.9", "ann"), START_S + 20)
    assert seen.n_now == seen.bad_now
    assert seen.n_now >= 10


def test_no_race_loses_a_count(server: Redis, pair: tuple[SharedCounters, SharedCounters]) -> None:
    n_each = 400

    def flood(counters: SharedCounters) -> None:
        for n in range(n_each):
            keys = attempt("203.0.113.9", f"customer{n}")
            counters.note(keys, START_S, NOTHING, success=False, cold=True, p=0.9, good=False, sure=False)
        counters.flush()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(flood, pair))
    for counters in pair:
        counters.site(START_S)
        assert counters.minutes(START_S, 1).tolist() == [[2 * n_each, 0, 0, 0]]
        client = counters.look(attempt("192.0.2.1", "nobody"), START_S).client
        assert client.n == 2 * n_each
    assert pair[0].site(START_S).soon[0] == 2 * n_each


def test_guards_keep_one_budget_and_one_picture_of_the_calm_hours(
    pair: tuple[SharedCounters, SharedCounters],
) -> None:
    scorecard, levels = load_scorecard(None), (3, 0, 0, 0, 0, 0, 0, 0)
    alone = Budget(MemoryCounters(None, **SIZES), 0.005)
    budgets, drifts = [Budget(c, 0.005) for c in pair], [Drift(c) for c in pair]
    for n, (budget, drift) in enumerate(zip(budgets, drifts, strict=True)):
        for i in range(2_000):
            for one in (budget, alone):
                one.note(2.0 if i % 10 else -8.0 * n, 0.9)
            drift.note(levels, 1.0)
    for budget in (*budgets, *budgets, alone):
        budget.sweep(START_S)
    assert alone.spent(2.0) > 0
    assert [budget.spent(2.0) for budget in budgets] == pytest.approx([alone.spent(2.0)] * 2)
    assert {budget.threshold for budget in budgets} == {alone.threshold}
    for drift in drifts:
        drift.sweep(START_S, scorecard)
    counted = decode(pair[0].load("drift"))["levels"]["behaviour"]
    assert sum(counted.values()) == 500, "one in eight of 4,000"


def test_two_guards_that_add_at_once_lose_nothing(pair: tuple[SharedCounters, SharedCounters]) -> None:
    def add(counters: SharedCounters) -> None:
        budget = Budget(counters, 0.005)
        for _ in range(40):
            budget.note(2.0, 1.0)
            budget.sweep(START_S)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(add, pair))
    assert decode(pair[0].load("budget"))["total"] == 80


def spend(counters: Counters, key: int, made_s: int = START_S, now_s: int = START_S) -> bool:
    return asyncio.run(counters.spend_soon(key, made_s, now_s, 900))


def test_what_serves_once_serves_once(counters: Counters) -> None:
    assert [spend(counters, 7), spend(counters, 7)] == [True, False]
    assert spend(counters, 8)


def test_what_was_used_at_one_guard_is_used_at_the_other(pair: tuple[SharedCounters, SharedCounters]) -> None:
    assert spend(pair[0], 7)
    assert not spend(pair[1], 7)


def test_where_too_many_were_used_others_are_refused_and_none_serves_twice() -> None:
    counters = MemoryCounters(None, **SIZES)
    keys = [n + 1 for n in range(9)]  # of one set, which holds eight
    assert [spend(counters, key) for key in keys] == [True] * 8 + [False]
    assert not any(spend(counters, key) for key in keys[:8])
    later_s = START_S + 901
    assert spend(counters, 9, later_s, later_s), "room again once they have run out"


def test_every_key_runs_out_and_names_nobody(
    server: Redis, pair: tuple[SharedCounters, SharedCounters]
) -> None:
    play(pair[0], 300, 1)
    pair[0].save("wave", b"x")
    pair[0].flush()
    with server.client as client:
        names = [name for name in client.scan_iter(count=1_000) if not name.endswith(b":secret")]
        assert len(names) > 100
        assert all(client.ttl(name) > 0 for name in names)
        assert not any(b"customer" in name or b"198.51" in name for name in names)
        assert not any(b"customer" in (client.get(name) or b"") for name in names)


def test_guards_with_another_key_cannot_share(server: Redis, pair: object) -> None:
    with pytest.raises(StoreError, match=r"another key.*service\.key"):
        share(server, secret=b"another")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("unix:///nowhere/redis.sock", "cannot be reached"),
        ("redis://:hunter2@127.0.0.1:1/0", "cannot be reached"),
        ("http://127.0.0.1:80/hunter2", "cannot be understood"),
        ("redis://127.0.0.1:hunter2", "cannot be understood"),
    ],
)
def test_an_address_that_does_not_work_is_told_without_its_password(url: str, told: str) -> None:
    with pytest.raises(StoreError, match=told) as caught:
        SharedCounters(url, timeout_s=0.2, secret=b"key", **SIZES)
    assert "STANCH_COUNTERS_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_server_that_is_gone_or_hangs_is_told_at_once_and_nothing_noted_is_lost() -> None:
    if REDIS is None:
        pytest.skip("no redis-server on this machine")
    with running_redis() as server:
        counters = share(server, timeout_s=0.05)
        keys, stranger = attempt("203.0.113.9", "ann"), attempt("192.0.2.1", "ben")
        seen = note(counters, keys, START_S, success=False)
        server.freeze()
        with pytest.raises(CountersGoneError):
            counters.look(keys, START_S)
        assert counters.problem
        with pytest.raises(CountersGoneError):
            asyncio.run(counters.look_soon(keys, START_S))
        counters.note(stranger, START_S, seen, success=False, cold=True, p=0.9, good=False, sure=False)
        server.thaw()
        assert wait_for(counters, keys).again == 1
        assert not counters.problem
        assert counters.look(stranger, START_S).again == 1, "noted meanwhile"
        server.stop()
        with pytest.raises(CountersGoneError):
            counters.look(keys, START_S)
        counters.note(keys, START_S, seen, success=False, cold=True, p=0.9, good=False, sure=False)
        server.start()
        assert wait_for(counters, keys).again == 1
        assert counters.n_lost == 0
        counters.close()


def test_a_server_that_takes_no_more_is_still_asked(
    server: Redis, pair: tuple[SharedCounters, SharedCounters]
) -> None:
    counters = pair[0]
    keys = attempt("198.51.100.7", "ann")
    note(counters, keys, START_S, success=True)
    counters.flush()
    with server.client as client:
        client.config_set("maxmemory", 1)
        note(counters, attempt("203.0.113.9", "ben"), START_S, success=False)
        with pytest.raises(CountersGoneError):
            counters.flush()
        assert counters.look(keys, START_S + 7_200).habit == 12
        assert "takes no counts" in counters.problem
        client.config_set("maxmemory", 0)
        counters.flush()
    assert not counters.problem
    assert pair[1].look(attempt("203.0.113.9", "ben"), START_S).again == 1


def wait_for(counters: SharedCounters, keys: Keys) -> Seen:
    """The first answer that comes again."""
    while True:
        try:
            return counters.look(keys, START_S)
        except CountersGoneError:
            continue
