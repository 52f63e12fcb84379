"""The client: right answers pass, and whatever else happens, the login goes on as the shop chose."""

import asyncio
import hashlib
import inspect
import json
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import httpx
import pytest

from client.fake_guard import FakeGuard, guarding
from stanch_client import AsyncClient, Client, LeakedKey, Verdict
from stanch_client.breaker import FIRST_PAUSE_S, LONGEST_PAUSE_S, N_FAILURES, Breaker

#: Generous where the answer counts, so that a busy machine fails no test.
PATIENT = 20.0


@pytest.fixture
def guard() -> Iterator[FakeGuard]:
    with guarding() as running:
        yield running


@contextmanager
def asking(url: str, **given: Any) -> Iterator[Client]:
    client = Client(url, key="secret-key", **{"timeout_s": PATIENT, **given})
    try:
        yield client
    finally:
        client.close()


def test_an_answer_is_read_and_the_key_is_shown(guard: FakeGuard) -> None:
    guard.set({"action": "deny", "score": 0.98, "reasons": [{"code": "new_address", "text": "never seen"}]})
    with asking(guard.url) as client:
        verdict = client.assess(ip="203.0.113.7", account="ann", user_agent="Firefox", device="d1")
    assert (verdict.action, verdict.advice, verdict.score) == ("deny", "deny", 0.98)
    assert verdict.reasons[0].code == "new_address"
    assert guard.requests[0][1]["X-Api-Key"] == "secret-key"
    asked = guard.bodies("assess")[0]
    assert asked.pop("time").startswith("20")
    assert asked == {"ip": "203.0.113.7", "account": "ann", "user_agent": "Firefox", "device": "d1"}


def test_what_is_only_simulated_is_let_pass(guard: FakeGuard) -> None:
    guard.set({"action": "deny", "simulated": True}, {"action": "reset", "simulated": True})
    with asking(guard.url) as client:
        verdict = client.assess(ip="203.0.113.7")
        assert (verdict.action, verdict.advice) == ("allow", "deny")
        told = client.report(verdict, "success")
        assert (told.action, told.advice) == ("allow", "reset")


def test_connections_are_used_again(guard: FakeGuard) -> None:
    with asking(guard.url) as client:
        for _ in range(20):
            assert not client.report(client.assess(ip="203.0.113.7"), "success").unavailable
    assert len(guard.requests) == 40
    assert guard.n_connections == 1


def dead_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize("choice", ["allow", "challenge", "deny"])
def test_a_dead_guard_gives_what_the_shop_chose(choice: Literal["allow", "challenge", "deny"]) -> None:
    with asking(dead_port(), on_unavailable=choice) as client:
        verdict = client.assess(ip="203.0.113.7", account="ann")
        assert (verdict.action, verdict.unavailable) == (choice, True)
        assert verdict.reasons[0].code == "guard_unavailable"
        # A good login is never undone because the guard is gone.
        assert client.report(verdict, "success").action == "allow"
        assert client.report(Verdict("allow", "allow", id="a1"), "success").action == "allow"
        assert client.check_leaked("0" * 16) is None


@pytest.mark.parametrize(
    "raw", [b"", b"null", b"[]", b'"deny"', b"{}", b'{"action": "explode"}', b'{"action": ["deny"]}',
            b"\xff\xfe{", b'{"action": "deny", "score": {}, "reasons": 7}', b"[" * 100_000],
)  # fmt: skip
def test_nonsense_from_the_guard_never_raises(guard: FakeGuard, raw: bytes) -> None:
    guard.raw = raw
    with asking(guard.url, on_unavailable="challenge") as client:
        verdict = client.assess(ip="203.0.113.7")
        assert verdict.action in ("challenge", "deny")
        assert client.report(verdict, "failure").action in ("allow", "deny")
        assert client.check_leaked("0" * 16) is None


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422, 429, 500, 503])
def test_every_status_but_a_good_one_gives_what_the_shop_chose(guard: FakeGuard, status: int) -> None:
    guard.status = status
    with asking(guard.url, on_unavailable="challenge") as client:
        assert client.assess(ip="203.0.113.7").action == "challenge"


@contextmanager
def dripping(pause: Callable[[], None], accepted: list[Any] | None = None) -> Iterator[str]:
    """A guard that would answer well, a byte at a time, each sooner than any time limit for a read."""
    body = json.dumps({"id": "x", "action": "deny"}).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if accepted is not None:
                accepted.append(connection)
            with connection:
                try:
                    asked = b""
                    while not asked.endswith(b"}"):
                        asked += connection.recv(65_536) or b"}"
                    for position in range(len(answer)):
                        connection.sendall(answer[position : position + 1])
                        pause()
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_the_time_limit_holds_for_the_whole_answer() -> None:
    never = threading.Event()
    with dripping(lambda: never.wait(0.01) and None) as url, asking(url, timeout_s=0.05) as client:
        # 60 bytes and more at 10 ms each: every single read is in time, all together are not.
        assert client.assess(ip="203.0.113.7").unavailable
    with dripping(lambda: None) as url, asking(url) as client:
        assert client.assess(ip="203.0.113.7").action == "deny", "the same guard when it is quick"


def test_a_guard_that_hangs_is_left_alone() -> None:
    never = threading.Event()
    accepted: list[Any] = []
    with (
        dripping(lambda: never.wait(0.01) and None, accepted) as url,
        asking(url, timeout_s=0.05, clock=lambda: 0.0) as client,
    ):
        assert all(client.assess(ip="203.0.113.7").unavailable for _ in range(4 * N_FAILURES))
    assert len(accepted) <= N_FAILURES


def test_a_dead_guard_is_left_alone_and_found_again() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    for _ in range(N_FAILURES):
        assert breaker.may_ask()
        breaker.note_failure()
    assert not breaker.may_ask()
    now = FIRST_PAUSE_S
    assert [breaker.may_ask() for _ in range(3)] == [True, False, False], "one tries for all"
    breaker.note_failure()
    now += FIRST_PAUSE_S
    assert not breaker.may_ask(), "the pause doubles"
    now += FIRST_PAUSE_S
    assert breaker.may_ask()
    for _ in range(20):
        breaker.note_failure()
    now += LONGEST_PAUSE_S
    assert breaker.may_ask(), "and has an end"
    breaker.note_success()
    assert all(breaker.may_ask() for _ in range(3))


def test_an_open_breaker_asks_nobody() -> None:
    calls = 0

    def refuse(_: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        raise httpx.ConnectError("refused")

    async def run() -> None:
        client = AsyncClient(
            "http://guard.test", key="k", clock=lambda: 0.0, transport=httpx.MockTransport(refuse)
        )
        for _ in range(50):
            assert (await client.assess(ip="203.0.113.7")).unavailable
        await client.aclose()

    asyncio.run(run())
    assert calls == N_FAILURES


def test_strangers_cannot_make_the_guard_look_dead(guard: FakeGuard) -> None:
    guard.status = 422
    with asking(guard.url) as client:
        for _ in range(3 * N_FAILURES):
            client.assess(ip="203.0.113.7", account="x")
    assert len(guard.requests) == 3 * N_FAILURES


def test_odd_accounts_reach_the_guard_whole_enough(guard: FakeGuard) -> None:
    odd = ["\ud800ann", "\0", "a" * 100_000, "运营", '"}{', "a\r\nX-Api-Key: b"]
    with asking(guard.url) as client:
        assert not any(client.assess(ip="2001:db8::1", account=name).unavailable for name in odd)
    assert [len(body["account"]) for body in guard.bodies("assess")][2] == 512


@pytest.mark.parametrize("given", [4711, None, b"ann", ["ann"]])
def test_whatever_a_shop_has_for_an_account_never_raises(guard: FakeGuard, given: Any) -> None:
    async def ask() -> Verdict:
        client = AsyncClient(guard.url, key="k", timeout_s=PATIENT)
        told = await client.assess(ip="203.0.113.7", account=given, asn=64500, credential_hash=given)
        await client.aclose()
        return told

    assert not asyncio.run(ask()).unavailable
    asked = guard.bodies("assess")[0]
    assert asked["asn"] == "64500"
    assert given != 4711 or asked["account"] == "4711"


def test_without_an_address_nothing_can_be_said(guard: FakeGuard) -> None:
    nothing: Any
    with asking(guard.url, on_unavailable="challenge") as client:
        for nothing in ("", None):
            assert client.assess(ip=nothing).action == "challenge"
    assert guard.requests == []


@pytest.mark.parametrize("ip", ["203.0.113.7:80", "[2001:db8::1]:443", "fe80::1%eth0"])
def test_an_address_is_for_the_guard_to_read(guard: FakeGuard, ip: str) -> None:
    with asking(guard.url) as client:
        assert not client.assess(ip=ip).unavailable
    assert guard.bodies("assess")[0]["ip"] == ip


def test_it_goes_on_after_a_fork(guard: FakeGuard) -> None:
    with asking(guard.url) as client:
        assert not client.assess(ip="203.0.113.7").unavailable
        child = os.fork()
        if child == 0:
            os._exit(client.assess(ip="203.0.113.8").unavailable)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_async_client_serves_one_event_loop_after_another(guard: FakeGuard) -> None:
    client = AsyncClient(guard.url, key="k", timeout_s=PATIENT)

    async def ask() -> Verdict:
        verdict = await client.assess(ip="203.0.113.7")
        await client.aclose()
        return verdict

    assert not asyncio.run(ask()).unavailable
    assert not asyncio.run(ask()).unavailable


def test_a_wrong_choice_is_said_at_the_start() -> None:
    with pytest.raises(ValueError, match="on_unavailable"):
        Client("http://127.0.0.1:1", key="k", on_unavailable="block")  # type: ignore[arg-type]


# --- passwords --------------------------------------------------------------------------------


def test_no_function_takes_a_password() -> None:
    for kind in (Client, AsyncClient):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            assert not [p for p in inspect.signature(method).parameters if p == "password"], name


@pytest.mark.parametrize("given", ["correct horse", "", "12345678", "g" * 40, "a" * 39, "密码"])
def test_what_is_no_hash_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(ValueError, match="no SHA-1") as caught:
        LeakedKey(b"k" * 32).hash_password(given)
    assert not given or given not in str(caught.value)


@pytest.mark.parametrize("given", ["correct horse", "", "g" * 16, "a" * 15, hashlib.sha1(b"pw").hexdigest()])
def test_only_keyed_hashes_are_sent(guard: FakeGuard, given: str, caplog: pytest.LogCaptureFixture) -> None:
    """A bare SHA-1 of a password can be looked up by anybody, so it is no better than the password."""
    guard.answers["/v1/leaked/check"] = {"leaked": True}
    with asking(guard.url) as client, caplog.at_level(logging.DEBUG, "stanch_client"):
        assert client.check_leaked(given) is None
        client.assess(ip="203.0.113.7", credential_hash=given)
    assert "leaked/check" not in str(guard.requests)
    assert not given or (given not in str(guard.requests) and given not in caplog.text)


def test_a_keyed_hash_is_asked_for(guard: FakeGuard) -> None:
    guard.answers["/v1/leaked/check"] = {"leaked": True}
    hashed = LeakedKey(b"k" * 32).hash_password(hashlib.sha1(b"pw").hexdigest())
    with asking(guard.url) as client:
        assert client.check_leaked(hashed) is True
        client.assess(ip="203.0.113.7", credential_hash=hashed)
    assert guard.bodies("assess")[0]["credential_hash"] == hashed


def test_the_key_the_password_and_the_account_all_count() -> None:
    one, other = LeakedKey(b"k" * 32), LeakedKey(b"l" * 32)
    pw, pw2 = (hashlib.sha1(text).hexdigest() for text in (b"pw", b"pw2"))
    hashes = {
        one.hash_password(pw), other.hash_password(pw), one.hash_password(pw2),
        one.hash_pair(pw, "ann"), one.hash_pair(pw, "bob"), one.hash_pair(pw, ""),
    }  # fmt: skip
    assert len(hashes) == 6
    assert one.hash_pair(pw.upper(), " Ann ") == one.hash_pair(pw, "ann")
