"""The guard over HTTP: what shops and proxies are answered, what is enforced, and what stays simulated."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from service.forms_in_process import SMALL, START_US, Desk, opening
from stanch.cases.decisions import add_decisions, make_decision
from stanch.errors import StoreError
from stanch.guard.attempts import Answer
from stanch.guard.decisions import Decision
from stanch.guard.settings import GuardSettings
from stanch.service import keyring
from stanch.service.attempts import VALID_S

S = 1_000_000
ALL = GuardSettings(customers=1_000, recent=1_000, enforce=("challenge", "deny", "reset", "ban"))
CUSTOMER = {"ip": "198.51.100.7", "account": "ann@example.org", "user_agent": "Mozilla/5.0"}
PROXY = "10.0.0.1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opening(tmp_path, ALL, trusted_proxies=(PROXY,)) as opened:
        opened.headers = {"X-Api-Key": opened.add_key("shop", "shop")}
        yield opened


def ask(desk: Desk, what: str, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return desk.ask("POST", f"/v1/logins/{what}", content=content, headers=desk.headers | headers)


def assess(desk: Desk, **given: Any) -> dict[str, Any]:
    answer = ask(desk, "assess", CUSTOMER | given)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def settle(desk: Desk, attempt: dict[str, Any], outcome: str) -> dict[str, Any]:
    answer = ask(desk, "outcome", {"id": attempt["id"], "outcome": outcome})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def decide(desk: Desk, value: str, kind: Any = "ban", seconds: int = 3_600, **given: Any) -> None:
    made = make_decision(value, kind, "seen before", desk.now_us, seconds * S)
    fields = {name: getattr(made, name) for name in Decision.__struct_fields__} | given
    desk.database.write(lambda c: add_decisions(c, [Decision(**fields)], "manual", desk.now_us))
    desk.work()


def attack(desk: Desk, n: int = 40, ip: str = "203.0.113.66") -> dict[str, Any]:
    """One address tries many accounts, all in vain; the answer to its last try."""
    told: dict[str, Any] = {}
    for number in range(n):
        desk.now_us += 2 * S
        told = assess(desk, ip=ip, account=f"victim{number}@example.org", user_agent="python-requests/2")
        settle(desk, told, "unknown_account")
    return told


def test_a_shop_is_answered_as_the_contract_says(desk: Desk) -> None:
    told = assess(desk)
    assert set(told) == {"id", "action", "score", "reasons", "simulated"}
    assert (told["action"], told["simulated"]) == ("allow", False)
    assert 0 <= told["score"] <= 1
    ended = settle(desk, told, "success")
    assert (ended["id"], ended["action"]) == (told["id"], "allow")
    assert ended["device"], "a good login makes the device known"
    assert "device" not in settle(desk, assess(desk), "failure")


def test_an_attacker_is_told_from_customers_and_why(desk: Desk) -> None:
    last = attack(desk)
    assert last["action"] in ("challenge", "deny")
    assert last["reasons"]
    assert all(reason["code"] and reason["text"] for reason in last["reasons"])
    assert assess(desk)["action"] == "allow"
    if last["action"] == "challenge":
        assert last["challenge"] == "captcha"


@pytest.mark.parametrize(("simulated", "allowed"), [(False, False), (True, False), (False, True)])
def test_a_success_that_has_to_be_reset_makes_no_device_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, simulated: bool, allowed: bool
) -> None:
    def settle_badly(*_: object) -> Answer:
        return Answer("reset", 0.99, (), simulated=simulated)

    if allowed:
        decide(desk, CUSTOMER["ip"], "allow")
    monkeypatch.setattr(desk.service.guard, "settle", settle_badly)
    ended = settle(desk, assess(desk), "success")
    assert (ended["action"], ended["simulated"]) == ("allow" if allowed else "reset", simulated)
    assert ("device" in ended) == (simulated or allowed)


def test_bans_reach_bouncers_only_when_switched_on_and_allow_lists_go_first(tmp_path: Path) -> None:
    for number, (enforce, allowed) in enumerate((((), False), (("ban",), False), (("ban",), True))):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "allow.txt").write_text("203.0.113.66\n" if allowed else "")
        guard = GuardSettings(customers=1_000, recent=1_000, enforce=enforce)
        with opening(folder, guard, allow_list=str(folder / "allow.txt")) as desk:
            desk.headers = {"X-Api-Key": desk.add_key("all", "admin")}
            attack(desk)
            desk.work()
            told = desk.ask("GET", "/v1/decisions?ip=203.0.113.66", headers=desk.headers).json()
            assert bool(told) == (enforce == ("ban",) and not allowed), (enforce, allowed)
            if told:
                assert told[0]["type"] in ("ban", "captcha")
                assert told[0]["scenario"].startswith("stanch/")


def test_an_allow_list_that_cannot_be_read_bans_nobody(tmp_path: Path) -> None:
    path = tmp_path / "allow.txt"
    path.write_text("nonsense\n")
    with opening(tmp_path, ALL, allow_list=str(path)) as desk:
        desk.headers = {"X-Api-Key": desk.add_key("all", "admin")}
        attack(desk)
        decide(desk, "198.51.100.99")
        assert desk.ask("GET", "/v1/decisions", headers=desk.headers).content == b"null"
        reasons = {reason["code"] for reason in assess(desk, ip="198.51.100.99")["reasons"]}
        assert "decision" not in reasons
        asked = desk.ask("GET", "/v1/auth-request", "198.51.100.99")
        assert "decision" not in asked.headers["x-stanch-reasons"]
        assert desk.service.decisions.find("198.51.100.99") is None


def test_an_id_outlives_a_restart_and_no_more_than_an_hour(tmp_path: Path) -> None:
    with opening(tmp_path, ALL) as desk:
        headers = desk.headers = {"X-Api-Key": desk.add_key("shop", "shop")}
        told = assess(desk)
    with opening(tmp_path, ALL) as desk:
        desk.headers = headers
        desk.now_us += (VALID_S - 1) * S
        assert settle(desk, told, "success")["action"] == "allow"
        desk.now_us += 3 * S
        late = ask(desk, "outcome", {"id": told["id"], "outcome": "success"})
        assert (late.status_code, late.json()["code"]) == (404, "id_too_old")


def test_an_id_says_nothing_and_cannot_be_made(desk: Desk, tmp_path: Path) -> None:
    import base64

    made = assess(desk)["id"]
    assert b"ann@example.org" not in base64.urlsafe_b64decode(made + "==")
    (tmp_path / "other").mkdir()
    with opening(tmp_path / "other") as other:
        other.headers = {"X-Api-Key": other.add_key("shop", "shop")}
        foreign = assess(other)["id"]
    for bad in (foreign, made[:-2], made[:-1] + "!", "x" + made[1:], "", "é", "A" * 8_000):
        answer = ask(desk, "outcome", {"id": bad, "outcome": "success"})
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_id"), bad


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "no_json"),
        (b"{", "no_json"),
        (b"\xff", "no_json"),
        (b'{"x":' + b"[" * 100_000, "no_json"),
        (b"[]", "bad_attempt"),
        (b"{}", "bad_attempt"),
        ({"ip": "nowhere"}, "bad_attempt"),
        ({"ip": 7}, "bad_attempt"),
        ({"ip": "198.51.100.7", "time": "yesterday"}, "bad_attempt"),
        ({"ip": "198.51.100.7", "time": 1e300}, "bad_attempt"),
        ({"ip": "198.51.100.7", "time": 1}, "bad_attempt"),
        ({"ip": "198.51.100.7", "time": "2099-01-01T00:00:00Z"}, "bad_attempt"),
    ],
)
def test_what_cannot_be_an_attempt_is_told(desk: Desk, body: Any, code: str) -> None:
    told = ask(desk, "assess", body)
    assert (told.status_code, told.headers["content-type"]) == (400, "application/problem+json")
    assert told.json()["code"] == code


@pytest.mark.parametrize(
    ("members", "account"),
    [
        (b'"user_agent":"%b"' % (b"A" * 100_000), ""),
        (b'"account":"%b"' % (b"a" * 100_000), "a" * 512),
        (b'"account":"J\xfcrgen"', "J\ufffdrgen"),
        (rb'"account":"ann\ud800"', "ann?"),
        (rb'"account":"\udc00\ud83d\ude00"', "?\U0001f600"),
        ('"account":"阿明"'.encode(), "阿明"),
        (b'"account":4711', "4711"),
    ],
)
def test_nothing_that_a_stranger_types_gets_him_past_the_guard(
    desk: Desk, members: bytes, account: str
) -> None:
    answer = ask(desk, "assess", b'{"ip":"198.51.100.7",%b}' % members)
    assert answer.status_code == 200, answer.text
    assert desk.service.ids.read(answer.json()["id"], desk.now_us).account == account
    assert ask(desk, "outcome", b'{"id":"\xfc","outcome":"failure"}').status_code == 404


def test_both_ways_through_the_service_answer_alike(desk: Desk) -> None:
    def post(content: Any) -> httpx.Response:
        return desk.ask("POST", "/v1/logins/assess", content=content, headers=desk.headers)

    async def pieces() -> Any:
        for piece in (b'{"ip":"198.51.', b'100.7","account":"ann"}'):
            yield piece

    whole, cut = post(b'{"ip":"198.51.100.7","account":"ann"}'), post(pieces())
    assert (whole.status_code, cut.status_code) == (200, 200)
    first, second = whole.json(), cut.json()
    assert {k: v for k, v in first.items() if k != "id"} == {k: v for k, v in second.items() if k != "id"}
    assert set(whole.headers) == set(cut.headers)
    assert post(b" " * (65 << 10) + b'{"ip":"198.51.100.7","account":"ann"}').status_code == 200
    assert post(b"x" * ((1 << 20) + 1)).status_code == 413
    wrong = {"X-Api-Key": desk.add_key("shipper")}
    assert desk.ask("POST", "/v1/logins/assess", json=CUSTOMER, headers=wrong).status_code == 403
    assert desk.ask("POST", "/v1/logins/assess", json=CUSTOMER).status_code == 401


@pytest.mark.parametrize(
    ("time", "meant_us"),
    [
        ("2026-03-01T08:00:00Z", START_US - 7_200 * S),
        ("2026-03-01T16:00:00+08:00", START_US - 7_200 * S),
        ("2026-03-01t08:00:00.5z", START_US - 7_200 * S),
        ("2026-03-01 08:00", START_US - 7_200 * S),
        (START_US / 1e6 - 7_200, START_US - 7_200 * S),
        (f"{START_US / 1e6 - 7_200}", START_US - 7_200 * S),
        (START_US // 1_000 - 7_200_000, START_US - 7_200 * S),
        (None, START_US),
    ],
)
def test_times_are_read_as_in_evidence(desk: Desk, time: Any, meant_us: int) -> None:
    made = assess(desk, **({} if time is None else {"time": time}))
    assert desk.service.ids.read(made["id"], desk.now_us).time_s == meant_us // S


def test_nobody_waits_for_the_list_of_keys_while_a_key_is_in_use(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assess(desk)
    ring, shown = desk.service.keyring, desk.headers["X-Api-Key"].encode()
    fetched, fetch = [], ring._fetch
    monkeypatch.setattr(keyring, "AHEAD_S", 0.0)
    monkeypatch.setattr(ring, "_fetch", lambda: fetched.append(None) or fetch())

    async def look() -> None:
        while not fetched:
            assert ring.peek(shown) is not None
            await asyncio.sleep(0)

    asyncio.run(look())
    assert assess(desk)["action"] == "allow"


def test_a_database_that_is_gone_stops_no_login(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assess(desk)

    def fail(*_: object) -> None:
        raise StoreError("the database cannot be reached or used (OperationalError)")

    async def fail_soon(*_: object) -> None:
        fail()

    monkeypatch.setattr(desk.database, "write_soon", fail_soon)
    monkeypatch.setattr(desk.database, "ask_soon", fail_soon)
    monkeypatch.setattr(desk.service.keyring, "_fetch", fail)
    monkeypatch.setattr(desk.service.keyring, "_fetched_at", float("-inf"))
    last = attack(desk)
    assert last["action"] != "allow"
    desk.work()
    assert desk.service.troubles["database"]
    assert "trouble" in {message.event for message in desk.told}
    monkeypatch.undo()
    desk.work()
    assert "database" not in desk.service.troubles
    headers = {"X-Api-Key": desk.add_key("fw", "bouncer")}
    told = desk.ask("GET", "/v1/decisions?ip=203.0.113.66", headers=headers).json()
    assert told, "what was decided meanwhile is not lost"


def test_a_shop_that_never_tells_how_logins_end_is_told_that_the_guard_learns_nothing(desk: Desk) -> None:
    told = [assess(desk) for _ in range(500)]
    desk.work()
    assert "0 %" in desk.service.troubles["outcomes"]
    assert "outcome" in json.dumps(desk.ask("GET", "/readyz").json()["troubles"])
    for attempt in told[:60]:
        settle(desk, attempt, "success")
    desk.work()
    assert "outcomes" not in desk.service.troubles


# --- proxies


def gate(desk: Desk, peer: str = PROXY, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return desk.ask("GET", "/v1/auth-request", peer, headers=given)


def test_a_proxy_is_answered_by_status_and_headers(desk: Desk) -> None:
    decide(desk, "203.0.113.1")
    decide(desk, "203.0.113.2", "captcha")
    decide(desk, "203.0.113.3", simulated=True)
    assert gate(desk, X_Forwarded_For="198.51.100.7").status_code == 204
    denied = gate(desk, X_Forwarded_For="203.0.113.1")
    assert (denied.status_code, denied.headers["x-stanch-action"]) == (403, "deny")
    assert "decision" in denied.headers["x-stanch-reasons"]
    challenged = gate(desk, X_Forwarded_For="203.0.113.2")
    assert (challenged.status_code, challenged.headers["x-stanch-challenge"]) == (401, "captcha")
    simulated = gate(desk, X_Forwarded_For="203.0.113.3")
    assert (simulated.status_code, simulated.headers["x-stanch-would"]) == (204, "deny")
    settled = ask(desk, "outcome", {"id": simulated.headers["x-stanch-id"], "outcome": "failure"})
    assert settled.status_code == 200, "the shop behind the proxy may tell how it ended"


def test_headers_are_believed_from_trusted_proxies_only(desk: Desk) -> None:
    decide(desk, "203.0.113.1")
    assert gate(desk, X_Forwarded_For="203.0.113.1, 10.0.0.1").status_code == 403
    assert gate(desk, X_Forwarded_For="198.51.100.7, 203.0.113.1").status_code == 403, (
        "the last is the client"
    )
    assert gate(desk, X_Forwarded_For="203.0.113.1, 198.51.100.7").status_code == 204
    assert gate(desk, X_Real_IP="203.0.113.1").status_code == 403
    assert gate(desk, "192.0.2.1", X_Forwarded_For="203.0.113.1").status_code == 204
    assert gate(desk, "203.0.113.1", X_Forwarded_For="198.51.100.7").status_code == 403


def test_only_what_may_be_a_login_counts_as_an_attempt(desk: Desk) -> None:
    for headers in ({"X_Forwarded_Method": "GET"}, {"X_Original_Method": "HEAD"}):
        assert "x-stanch-id" not in gate(desk, X_Forwarded_For="198.51.100.7", **headers).headers
    assert "x-stanch-id" in gate(desk, X_Forwarded_For="198.51.100.7", X_Forwarded_Method="POST").headers
    decide(desk, "203.0.113.1")
    assert gate(desk, X_Forwarded_For="203.0.113.1", X_Forwarded_Method="GET").status_code == 403


def test_envoy_asks_with_the_path_and_method_of_the_request(desk: Desk) -> None:
    decide(desk, "203.0.113.1")
    for method, has_id in (("POST", True), ("GET", False)):
        passed = desk.ask(
            method, "/v1/auth-request/login?next=/", PROXY, headers={"X-Forwarded-For": "198.51.100.7"}
        )
        assert (passed.status_code, "x-stanch-id" in passed.headers) == (200, has_id), (
            "Envoy knows no other yes"
        )
        denied = desk.ask(method, "/v1/auth-request/login", PROXY, headers={"X-Forwarded-For": "203.0.113.1"})
        assert denied.status_code == 403


@pytest.mark.parametrize(("choice", "status"), [("allow", 204), ("challenge", 401), ("deny", 403)])
def test_a_guard_that_cannot_answer_does_what_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str, status: int
) -> None:
    chosen = structs.replace(SMALL, on_unavailable=choice, enforce=("challenge", "deny"))
    with opening(tmp_path, chosen) as desk:

        async def fail(_: object) -> Answer:
            raise StoreError("the counters do not answer")

        monkeypatch.setattr(desk.service.guard, "assess_soon", fail)
        answer = desk.ask("GET", "/v1/auth-request")
        assert answer.status_code == status
        assert answer.headers["x-stanch-reasons"] == "unavailable"
