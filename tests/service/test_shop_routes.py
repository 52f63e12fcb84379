"""What a shop relies on over HTTP: passes count once challenged, devices are known, leaks are told."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from guard.solving import solve
from service.forms_in_process import Desk, opening
from stanch.cases.decisions import add_decisions
from stanch.guard.decisions import Decision
from stanch.guard.leaked.filter import write_filter
from stanch.guard.leaked.spool import Spool
from stanch.guard.proof_of_work import ProofOfWorkSettings
from stanch.service.challenge.passes import USES
from stanch_client import LeakedKey

EVE = "203.0.113.9"
EASY = ProofOfWorkSettings(min_bits=8, max_bits=8)
KEY = LeakedKey(b"k" * 32)
PW = hashlib.sha1(b"hunter2").hexdigest()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Spool(tmp_path) as spool:
        spool.add(int(KEY.hash_password(PW), 16))
        n_shards, shards = spool.finish()
        write_filter(tmp_path / "leaked.filter", shards, n_shards)
    with opening(tmp_path, challenge=EASY, leaked=str(tmp_path / "leaked.filter")) as made:
        made.headers = {"X-Api-Key": made.add_key("shop", "shop")}  # type: ignore[attr-defined]
        yield made


def post(desk: Desk, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    response = desk.ask("POST", path, json=body, headers=desk.headers)  # type: ignore[attr-defined]
    assert response.status_code == status, response.text
    return dict(response.json())


def assess(desk: Desk, ip: str = EVE, **given: Any) -> dict[str, Any]:
    return post(desk, "/v1/logins/assess", {"ip": ip, "account": "ann", **given})


def decide(desk: Desk, kind: Any, ip: str = EVE) -> None:
    """What the guard or a person decided about an address."""
    decision = Decision(ip, "ip", kind, "manual", "", desk.now_us, desk.now_us + 3_600_000_000, False)
    kept = desk.database.write(lambda c: add_decisions(c, [decision], "manual", desk.now_us))
    desk.service.decisions.apply(kept, desk.now_us)


def earn(desk: Desk, attempt_id: str = "", address: str = EVE) -> str:
    """Pass the challenge as a browser at `address` would."""
    accept = {"Accept": "application/json"}
    asked = desk.ask("GET", "/challenge", address, params={"id": attempt_id}, headers=accept).json()
    solution = solve(bytes.fromhex(asked["seed"]), asked["part_bits"])
    values = {"puzzle": asked["puzzle"], "solution": solution}
    return str(desk.ask("POST", "/challenge", address, data=values, headers=accept).json()["passed"])


def test_whoever_passed_the_challenge_may_try(desk: Desk) -> None:
    decide(desk, "captcha")
    assert assess(desk)["action"] == "challenge"
    passed = earn(desk)
    tries = [assess(desk, passed=passed) for _ in range(USES + 1)]
    assert [told["action"] for told in tries] == ["allow"] * USES + ["challenge"]
    assert tries[0]["reasons"][0]["code"] == "challenge_passed"


def test_the_id_of_the_attempt_says_whom_the_pass_is_for(desk: Desk) -> None:
    """The page may see another address than the shop does, a proxy's."""
    decide(desk, "captcha")
    passed = earn(desk, assess(desk)["id"], address="127.0.0.1")
    assert assess(desk, passed=passed)["action"] == "allow"


def test_an_id_that_is_made_up_challenges_as_anybody(desk: Desk) -> None:
    assert earn(desk, "made-up")


def test_a_pass_lifts_no_ban(desk: Desk) -> None:
    passed = earn(desk)
    decide(desk, "ban")
    assert assess(desk, passed=passed)["action"] == "deny"


@pytest.mark.parametrize("passed", ["x", "A" * 60, "\0"])
def test_what_is_no_pass_lifts_nothing(desk: Desk, passed: str) -> None:
    decide(desk, "captcha")
    assert assess(desk, passed=passed)["action"] == "challenge"


def test_a_proxy_lets_whoever_passed_try(desk: Desk) -> None:
    decide(desk, "captcha")
    assert desk.ask("GET", "/v1/auth-request", EVE).status_code == 401
    cookie = {"Cookie": f"stanch-passed={earn(desk)}"}
    statuses = [desk.ask("GET", "/v1/auth-request", EVE, headers=cookie).status_code for _ in range(USES + 1)]
    assert statuses == [204] * USES + [401]


def login(desk: Desk, **given: Any) -> str:
    """The device's token after a good login."""
    told = post(desk, "/v1/logins/outcome", {"id": assess(desk, **given)["id"], "outcome": "success"})
    return str(told["device"])


def read_known(desk: Desk, **given: Any) -> bool:
    return desk.service.ids.read(assess(desk, **given)["id"], desk.now_us).known


def test_a_device_is_known_after_a_good_login_to_its_own_account_only(desk: Desk) -> None:
    token = login(desk)
    assert read_known(desk, device=token)
    assert read_known(desk, device=token, account="ANN")
    assert not read_known(desk, device=token, account="bob")
    assert not read_known(desk, device=token[:-1] + ("A" if token[-1] != "A" else "B"))


def test_devices_outlive_a_change_of_the_services_key(desk: Desk, tmp_path: Path) -> None:
    token = login(desk)
    shutil.move(tmp_path / "service.key", tmp_path / "service.key.old")
    again = Desk(tmp_path, desk.settings, desk.database)
    again.headers = desk.headers  # type: ignore[attr-defined]
    assert read_known(again, device=token)
    assert read_known(again, device=login(again))
    os.unlink(tmp_path / "service.key.old")
    last = Desk(tmp_path, desk.settings, desk.database)
    last.headers = desk.headers  # type: ignore[attr-defined]
    assert not read_known(last, device=token)


def test_a_leaked_credential_is_told_and_weighs(desk: Desk) -> None:
    leaked, other = KEY.hash_password(PW), KEY.hash_password(hashlib.sha1(b"other").hexdigest())
    for hashed, told in ((leaked, True), (other, False)):
        assert post(desk, "/v1/leaked/check", {"credential_hash": hashed}) == {"leaked": told}
    plain, bad = assess(desk)["score"], assess(desk, credential_hash=leaked)["score"]
    assert bad > plain
    assert assess(desk, credential_hash=other)["score"] == plain


@pytest.mark.parametrize("sent", ["hunter2", PW, PW[:15], "", 7, None, ["0" * 16]])
def test_nothing_but_a_keyed_hash_is_taken_and_nothing_repeated(desk: Desk, sent: object) -> None:
    told = post(desk, "/v1/leaked/check", {"credential_hash": sent}, 400)
    assert "hunter2" not in str(told)
    assert PW not in str(told)
    if sent is not None:
        told = post(desk, "/v1/logins/assess", {"ip": EVE, "credential_hash": sent}, 400)
        assert "hunter2" not in str(told)


def test_without_a_list_the_check_says_so_and_logins_go_on(tmp_path: Path) -> None:
    with opening(tmp_path) as made:
        made.headers = {"X-Api-Key": made.add_key("shop", "shop")}  # type: ignore[attr-defined]
        post(made, "/v1/leaked/check", {"credential_hash": "0" * 16}, 404)
        assert assess(made, credential_hash="0" * 16)["action"] == "allow"


def test_a_key_for_something_else_asks_nothing(desk: Desk) -> None:
    headers = {"X-Api-Key": desk.add_key("shipper", "ingest")}
    response = desk.ask("POST", "/v1/leaked/check", json={"credential_hash": "0" * 16}, headers=headers)
    assert response.status_code == 403
