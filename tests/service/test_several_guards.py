"""Several guards on shared counters and a shared database behave as one; what waits survives any of them."""

import asyncio
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs
from msgspec.msgpack import decode
from sqlalchemy import func, select

from cases.postgres import INITDB, making_postgres
from guard.redis import REDIS, running_redis
from guard.solving import solve
from service.forms_in_process import SMALL, Desk, opening
from service.serving import Served, serving
from service.test_faults import LIMITS, PATIENT, until
from stanch.cases.database import open_database
from stanch.cases.decisions import list_kept
from stanch.cases.resets import list_resets
from stanch.cases.schema import LATE_LOOKS, RESETS
from stanch.guard.counters import CountersGoneError
from stanch.guard.decisions import Decision
from stanch.guard.guard import Sweep
from stanch.guard.shared import SharedCounters
from stanch.service.secrets import load_secrets

EASY = "[service.challenge]\nmin_bits = 8\nmax_bits = 8\n"
#: So that resets of the test itself do not use up what customers may be bothered.
GENEROUS = "budget = 0.2\n"
ATTACKER = "203.0.113.9"
S = 1_000_000


@dataclass
class Pair:
    """Two guards, a caller of each, and what they share."""

    guards: tuple[Served, Served]
    shops: tuple[httpx.Client, httpx.Client]
    counters_url: str
    database_url: str

    def find_holder(self) -> int:
        """The one that does for both what one has to; until there is one and only one."""

        def find() -> list[int]:
            held = [n for n, shop in enumerate(self.shops) if read_metric(shop, "stanch_guard_lease") == 1]
            return held if len(held) == 1 else []

        return int(until(find)[0])

    def count(self, accounts: Sequence[str]) -> tuple[int, int]:
        """Logins of these accounts that wait to be looked at again, and resets that were given."""
        with closing(open_database(self.database_url)) as database, database.read() as connection:
            waiting, given = (
                connection.execute(select(func.count()).where(table.c.account.in_(accounts))).scalar_one()
                for table in (LATE_LOOKS, RESETS)
            )
        return waiting, given


def read_metric(client: httpx.Client, name: str) -> float:
    text = client.get("/metrics").text
    return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"{name} ")))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    if REDIS is None or INITDB is None:
        pytest.skip("no redis-server or no postgresql on this machine")
    folder = tmp_path_factory.mktemp("guards")
    with ExitStack() as stack:
        redis, database = stack.enter_context(running_redis()), stack.enter_context(making_postgres())
        shared = {"STANCH_COUNTERS_URL": redis.url, "STANCH_DATABASE_URL": database.url}
        guards: list[Served] = []
        for name in ("one", "other"):
            (folder / name / "data").mkdir(parents=True, mode=0o700)
            if guards:
                shutil.copy(guards[0].folder / "data" / "service.key", folder / name / "data")
            running = serving(folder / name, LIMITS + EASY, guard=PATIENT + GENEROUS, **shared)
            guards.append(stack.enter_context(running))
        key = guards[0].add_key("shop", "shop")
        shops = [stack.enter_context(guard.client(key)) for guard in guards]
        yield Pair((guards[0], guards[1]), (shops[0], shops[1]), redis.url, database.url)


def assess(shop: httpx.Client, account: str, ip: str, age_s: int = 0) -> str:
    body = {"ip": ip, "account": account, "time": time.time() - age_s}
    return str(shop.post("/v1/logins/assess", json=body).json()["id"])


def settle(shop: httpx.Client, attempt: str, outcome: str) -> dict[str, Any]:
    answer = shop.post("/v1/logins/outcome", json={"id": attempt, "outcome": outcome})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def let_in_and_attack(shops: Sequence[httpx.Client], victims: Sequence[str], ip: str = ATTACKER) -> None:
    """Logins eleven minutes ago from an address that attacked afterwards: they are due to be looked at again.

    Each is asked about at one guard and told of at another.
    """
    asked = [assess(shops[n % len(shops)], victim, ip, 660) for n, victim in enumerate(victims)]
    for n in range(80):
        shop = shops[n % len(shops)]
        settle(shop, assess(shop, f"{victims[0]}-{n}", ip), "failure")
    for n, attempt in enumerate(asked):
        assert settle(shops[(n + 1) % len(shops)], attempt, "success")["action"] == "allow"


def list_given(shop: httpx.Client) -> list[str]:
    return sorted(reset["account"] for reset in shop.get("/v1/resets").json()["resets"])


def test_the_budget_of_both_is_one(pair: Pair) -> None:
    for shop in pair.shops:
        for n in range(30):
            settle(shop, assess(shop, f"customer{n}", f"198.51.100.{n}"), "success")
    secret = load_secrets(pair.guards[0].folder / "data").derive("guard")
    with closing(
        SharedCounters(pair.counters_url, customers=1_000, recent=1_000, timeout_s=5, secret=secret)
    ) as counters:

        def find_total() -> float:
            saved = counters.load("budget")
            return float(decode(saved)["total"]) if saved else 0.0

        assert until(lambda: (total := find_total()) > 45 and total) <= 60


def test_a_puzzle_that_served_at_one_does_not_serve_at_the_other(pair: Pair) -> None:
    one, other = pair.shops
    asked = one.get("/challenge", headers={"Accept": "application/json"}).json()
    solved = {
        "puzzle": asked["puzzle"],
        "solution": solve(bytes.fromhex(asked["seed"]), asked["part_bits"]),
    }

    def answer(client: httpx.Client) -> int:
        return client.post("/challenge", data=solved, headers={"Accept": "application/json"}).status_code

    assert [answer(one), answer(other), answer(one)] == [200, 422, 422]


def test_when_the_guard_that_works_for_both_is_killed_the_other_goes_on_and_nothing_is_given_twice(
    pair: Pair,
) -> None:
    holder = pair.find_holder()
    victims = [f"ann{n}" for n in range(6)]
    let_in_and_attack(pair.shops, victims)
    until(lambda: sum(pair.count(victims)) == len(victims))
    process = pair.guards[holder].process
    assert process is not None
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = pair.shops[1 - holder]
    until(lambda: read_metric(left, "stanch_guard_lease") == 1)
    until(lambda: pair.count(victims)[0] == 0)
    assert list_given(left) == victims
    more = [f"bob{n}" for n in range(3)]
    let_in_and_attack([left], more, "192.0.2.77")
    until(lambda: sum(pair.count(more)) == len(more) and not pair.count(more)[0])
    assert list_given(left) == victims + more


def step(desk: Desk) -> None:
    """One second's work; nothing is finished afterwards, as when the process is killed."""
    asyncio.run(desk.duty.step())


def log_in(desk: Desk, account: str, outcome: str, ip: str = ATTACKER) -> None:
    headers = {"X-Api-Key": desk.headers["X-Api-Key"]}
    body = {"ip": ip, "account": account}
    asked = desk.ask("POST", "/v1/logins/assess", json=body, headers=headers).json()
    told = {"id": asked["id"], "outcome": outcome}
    assert desk.ask("POST", "/v1/logins/outcome", json=told, headers=headers).status_code == 200


def test_logins_to_be_looked_at_again_survive_a_kill_and_are_reset_once(tmp_path: Path) -> None:
    with opening(tmp_path, guard=SMALL) as desk:
        desk.headers = {"X-Api-Key": desk.add_key("shop", "shop")}
        log_in(desk, "ann", "success")
        desk.now_us += 60 * S
        for n in range(60):
            log_in(desk, f"leaked{n}", "failure")
        step(desk)
        later_us = desk.now_us + 600 * S
    with opening(tmp_path, guard=SMALL, now_us=later_us) as desk:
        step(desk)
        with desk.database.read() as connection:
            assert [reset.account for _, reset in list_resets(connection, 0, 10)] == ["ann"]
        assert [message.event for message in desk.told if message.event == "reset"] == ["reset"]
    with opening(tmp_path, guard=SMALL, now_us=later_us + 86_400 * S) as desk:
        step(desk)
        with desk.database.read() as connection:
            assert len(list_resets(connection, 0, 10)) == 1


def test_one_tells_of_an_attack_that_all_see_and_none_decides_what_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Decision] = []

    async def sweep(now_us: int) -> Sweep:
        decisions = tuple(structs.replace(d, until_us=now_us + 900 * S) for d in made)
        return Sweep(now_us, decisions, alarm=True, level=0.5)

    def look(desk: Desk) -> None:
        desk.duty._tick = 0
        step(desk)

    with opening(tmp_path) as one, opening(tmp_path) as other:
        for desk in (one, other):
            monkeypatch.setattr(desk.service.guard, "sweep_soon", sweep)
            look(desk)
        assert [[message.event for message in desk.told] for desk in (one, other)] == [["wave"], []]
        assert (one.duty.is_holder, other.duty.is_holder) == (True, False)
        made.append(Decision(ATTACKER, "ip", "ban", "stanch/many-accounts", "", 0, 0, simulated=False))
        look(one)
        step(other)
        look(other)
        with one.database.read() as connection:
            assert [decision.value for decision in list_kept(connection, 0)] == [ATTACKER]
        assert "ban" not in [message.event for message in other.told]
        one.work()
        other.now_us += S
        look(other)
        assert other.duty.is_holder, "left at a stop, taken at once"
        assert "wave" not in [message.event for message in other.told], "told before"


def test_without_counters_logins_wait_to_be_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opening(tmp_path) as desk:
        desk.headers = {"X-Api-Key": desk.add_key("shop", "shop")}
        log_in(desk, "ann", "success")
        desk.work()
        desk.now_us += 600 * S

        async def look_again(_: object) -> None:
            raise CountersGoneError("gone")

        monkeypatch.setattr(desk.service.guard, "look_again_soon", look_again)
        desk.duty._tick = 0
        step(desk)
        assert "database" not in desk.service.troubles
        monkeypatch.undo()
        desk.duty._tick = 0
        step(desk)
        with desk.database.read() as connection:
            (stage,) = connection.execute(select(LATE_LOOKS.c.stage)).scalars()
        assert stage == 1
