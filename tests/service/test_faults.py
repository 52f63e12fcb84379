"""What stands beside the service fails and comes back: as the guide says, and no decision is lost."""

import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cases.postgres import INITDB, making_postgres
from guard.redis import REDIS, Redis, running_redis
from service.forms_in_process import opening
from service.serving import Served, serving
from stanch.cases.decisions import add_decisions, list_kept, make_decision, undo_ahead

#: Slower than the settings' own, as the machine that tests run on may be.
PATIENT = "counters_timeout_ms = 500\n"
ENFORCING = "enforce = ['challenge', 'deny', 'ban']\n"
#: More than the tests ask, however often they look.
LIMITS = "[service.limits]\nbouncer = 100000\nshop = 100000\n"
DAY_US = 86_400_000_000


@pytest.fixture
def redis() -> Iterator[Redis]:
    if REDIS is None:
        pytest.skip("no redis-server on this machine")
    with running_redis() as running:
        yield running


@contextmanager
def calling(served: Served, scope: str = "shop") -> Iterator[httpx.Client]:
    with served.client(served.add_key(scope, scope)) as client:
        yield client


def until(found: Callable[[], Any]) -> Any:
    """The first answer that is something; a minute is long enough."""
    end = time.monotonic() + 60
    while not (answer := found()):
        assert time.monotonic() < end
    return answer


def assess(client: httpx.Client, account: str = "ann", ip: str = "198.51.100.7") -> dict[str, Any]:
    answer = client.post("/v1/logins/assess", json={"ip": ip, "account": account})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def log_in(client: httpx.Client, account: str, outcome: str, ip: str = "198.51.100.7") -> dict[str, Any]:
    told = {"id": assess(client, account, ip)["id"], "outcome": outcome}
    answer = client.post("/v1/logins/outcome", json=told)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def is_unavailable(answer: dict[str, Any]) -> bool:
    return [reason["code"] for reason in answer["reasons"]] == ["unavailable"]


def attack(client: httpx.Client) -> None:
    """Sixty accounts, none of them let in, from one address."""
    for n in range(60):
        log_in(client, f"customer{n}", "failure", "203.0.113.9")


def list_bans(client: httpx.Client) -> set[str]:
    answer = client.get("/v1/decisions/stream?startup=true")
    assert answer.status_code == 200
    return {decision["value"] for decision in answer.json()["new"]}


def test_without_the_counters_server_the_answer_is_the_one_chosen_until_it_is_back(
    tmp_path: Path, redis: Redis
) -> None:
    guard = PATIENT + "on_unavailable = 'challenge'\nenforce = ['challenge']\n"
    with (
        serving(tmp_path, LIMITS, guard=guard, STANCH_COUNTERS_URL=redis.url) as served,
        calling(served) as client,
    ):
        device = log_in(client, "ann", "success")["device"]
        redis.stop()
        answer = until(lambda: (found := assess(client, "ben")) and is_unavailable(found) and found)
        assert (answer["action"], answer["simulated"]) == ("challenge", False)
        known = {"ip": "192.0.2.1", "account": "ann", "device": device}
        assert client.post("/v1/logins/assess", json=known).json()["action"] == "allow", "never locked out"
        gate = client.get("/v1/auth-request")
        assert (gate.status_code, gate.headers["x-stanch-reasons"]) == (401, "unavailable")
        told = {"id": answer["id"], "outcome": "success"}
        assert client.post("/v1/logins/outcome", json=told).json()["action"] == "allow"
        until(lambda: "counters" in client.get("/readyz").json().get("troubles", {}))
        metrics = client.get("/metrics").text
        assert "stanch_guard_counters_up 0.0" in metrics
        assert "stanch_guard_unavailable_total 0.0" not in metrics
        redis.start()
        until(lambda: not is_unavailable(assess(client)))
        until(lambda: "counters" not in client.get("/readyz").json().get("troubles", {}))
        assert "stanch_guard_counters_up 1.0" in client.get("/metrics").text


def test_guards_that_share_counters_and_database_know_what_each_other_decided(
    tmp_path: Path, redis: Redis
) -> None:
    if INITDB is None:
        pytest.skip("no postgresql on this machine")
    folders = [tmp_path / name for name in ("one", "other")]
    with making_postgres() as database:
        shared = {"STANCH_COUNTERS_URL": redis.url, "STANCH_DATABASE_URL": database.url}
        for folder in folders:
            folder.mkdir()
        with serving(folders[0], LIMITS, guard=PATIENT + ENFORCING, **shared) as one:
            (folders[1] / "data").mkdir()
            (folders[1] / "data" / "service.key").write_bytes(
                (folders[0] / "data" / "service.key").read_bytes()
            )
            (folders[1] / "data" / "service.key").chmod(0o600)
            with (
                serving(folders[1], LIMITS, guard=PATIENT + ENFORCING, **shared) as other,
                calling(one) as shop,
                calling(one, "bouncer") as bouncer,
            ):
                key = bouncer.headers["X-Api-Key"]
                # Half of the attempts is assessed by one guard and ends at the other.
                with other.client(shop.headers["X-Api-Key"]) as beside:
                    for n in range(60):
                        asked = assess(shop if n % 2 else beside, f"customer{n}", "203.0.113.9")
                        told = {"id": asked["id"], "outcome": "failure"}
                        ended = (beside if n % 2 else shop).post("/v1/logins/outcome", json=told)
                        assert ended.status_code == 200
                with other.client(key) as second:
                    until(lambda: "203.0.113.9" in list_bans(bouncer))
                    until(lambda: "203.0.113.9" in list_bans(second))


def test_without_the_database_logins_are_judged_and_decisions_wait_for_it(tmp_path: Path) -> None:
    if INITDB is None:
        pytest.skip("no postgresql on this machine")
    with (
        making_postgres() as database,
        serving(tmp_path, LIMITS, guard=ENFORCING, STANCH_DATABASE_URL=database.url) as served,
        calling(served) as shop,
        calling(served, "bouncer") as bouncer,
    ):
        assert list_bans(bouncer) == set()
        assert assess(shop)["action"] == "allow"
        database.stop()
        until(lambda: shop.get("/readyz").status_code == 503)
        attack(shop)
        until(lambda: "stanch_guard_unstored 0.0" not in shop.get("/metrics").text)
        assert list_bans(bouncer) == set(), "nothing is given out that is not stored"
        assert shop.get("/healthz").status_code == 200
        database.start()
        until(lambda: shop.get("/readyz").status_code == 200)
        until(lambda: "203.0.113.9" in list_bans(bouncer))


def test_killed_under_load_it_has_every_decision_that_was_given_out(tmp_path: Path) -> None:
    with serving(tmp_path, LIMITS, guard=ENFORCING) as served:
        shop_key, bouncer_key = served.add_key("shop", "shop"), served.add_key("bouncer", "bouncer")
        with served.client(shop_key) as shop, served.client(bouncer_key) as bouncer:
            log_in(shop, "ann", "success")
            attack(shop)
            given_out = until(lambda: list_bans(bouncer))
        assert served.process is not None

        def load(number: int) -> None:
            with served.client(shop_key) as client:
                for n in range(1_000):
                    try:
                        log_in(client, f"load{number}-{n}", "failure", f"203.0.113.{100 + number}")
                    except httpx.HTTPError:
                        return

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(load, number) for number in range(4)]
            until(lambda: (tmp_path / "data" / "counters.bin").stat().st_size)
            served.process.send_signal(signal.SIGKILL)
            served.process.wait()
            for each in running:
                each.result()
        served.process.communicate()
        served.start()
        with served.client(shop_key) as shop, served.client(bouncer_key) as bouncer:
            assert given_out <= list_bans(bouncer)
            assert shop.get("/readyz").json().get("troubles", {}) == {}


def test_with_the_disk_full_logins_are_still_judged(tmp_path: Path) -> None:
    with serving(tmp_path, LIMITS) as served, calling(served) as shop, calling(served, "ingest") as shipper:
        row = {"time": "2026-03-01T10:00:00Z", "ip": "198.51.100.7", "account": "ann", "outcome": "success"}
        assert shipper.post("/v1/events/logins", json=row).status_code == 200
        assert served.process is not None
        # No file can grow any more; counters have all their room from the start.
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        answer = shipper.post("/v1/events/logins", json=row | {"account": "ben"})
        assert (answer.status_code, answer.json()["code"]) == (503, "not_stored")
        for n in range(300):
            log_in(shop, f"customer{n}", "success", f"198.51.100.{n % 250}")
        limit = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, limit)
        until(lambda: shipper.post("/v1/events/logins", json=row | {"account": "ben"}).status_code == 200)


def test_counters_that_find_no_room_on_the_disk_say_so_at_the_start(tmp_path: Path) -> None:
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from stanch.errors import StoreError; from stanch.guard.memory import MemoryCounters\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "try: MemoryCounters(Path(sys.argv[1]), customers=100_000, recent=100_000)\n"
        "except StoreError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "counters.bin"], capture_output=True, text=True, check=True
    )
    assert "counters.bin: cannot be used: File too large" in done.stdout


def test_decisions_of_a_clock_that_was_ahead_end_when_it_is_right(tmp_path: Path) -> None:
    with opening(tmp_path) as desk:
        ahead_us = desk.now_us + 400 * DAY_US
        made = [make_decision("203.0.113.9", "ban", "", ahead_us, 900_000_000)]
        made += [make_decision("203.0.113.10", "allow", "", ahead_us, 900_000_000)]
        now = [make_decision("203.0.113.11", "ban", "", desk.now_us, 900_000_000)]
        desk.database.write(lambda c: add_decisions(c, made + now, "manual", desk.now_us))
        assert desk.database.write(lambda c: undo_ahead(c, desk.now_us)) == 1
        with desk.database.read() as connection:
            left = {d.value for d in list_kept(connection, 0) if d.end_us > desk.now_us}
        assert left == {"203.0.113.10", "203.0.113.11"}


def test_a_clock_that_jumps_stops_neither_judging_nor_deciding(tmp_path: Path) -> None:
    with opening(tmp_path) as desk:
        headers = {"X-Api-Key": desk.add_key("shop", "shop")}
        start_us = desk.now_us
        for jump_us in (0, 400 * DAY_US, -30 * DAY_US, 0):
            desk.now_us = start_us + jump_us
            answer = desk.ask("POST", "/v1/logins/assess", json={"ip": "198.51.100.7"}, headers=headers)
            assert answer.status_code == 200, answer.text
            told = {"id": answer.json()["id"], "outcome": "failure"}
            answer = desk.ask("POST", "/v1/logins/outcome", json=told, headers=headers)
            assert answer.status_code == 200, answer.text
            sweep = desk.service.guard.sweep(desk.now_us)
            assert sweep.threshold <= 1
            assert not sweep.alarm


def test_bodies_that_are_none_are_refused_and_the_service_lives(tmp_path: Path) -> None:
    with opening(tmp_path) as desk:
        headers = {"X-Api-Key": desk.add_key("shop", "shop"), "Content-Type": "application/json"}
        bodies = [
            b"", b"{", b"[]", b"null", b'{"ip":1}', b'{"ip":"x"}', b"\xff" * 100, b"[" * 60_000,
            b'{"ip":"198.51.100.7","time":1e308}', b'{"ip":"198.51.100.7","time":"2026"}',
        ]  # fmt: skip
        for path in ("/v1/logins/assess", "/v1/logins/outcome"):
            for body in bodies:
                answer = desk.ask("POST", path, content=body, headers=headers)
                assert answer.status_code == 400, (path, body[:40], answer.text)
            assert desk.ask("POST", path, content=b" " * 1_100_000, headers=headers).status_code == 413
        assert desk.ask("GET", "/healthz").status_code == 200
