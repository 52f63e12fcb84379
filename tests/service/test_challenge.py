"""The challenge page without sockets: passed by work or by waiting, and by nothing else."""

import asyncio
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from guard.solving import solve
from service.forms_in_process import Desk, opening
from stanch.guard.proof_of_work import PASS_VALID_US, PUZZLE_VALID_US, ProofOfWorkSettings
from stanch.service.challenge.page import choose_next
from stanch.service.challenge.passes import USES

ANN, EVE = "198.51.100.7", "203.0.113.9"
EASY = ProofOfWorkSettings(min_bits=8, max_bits=8, wait_s=20, max_waits_per_hour=3)
JSON = {"Accept": "application/json"}
SECOND = 1_000_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opening(tmp_path, challenge=EASY) as open_desk:
        yield open_desk


def ask(desk: Desk, address: str = ANN, **params: str) -> dict[str, Any]:
    response = desk.ask("GET", "/challenge", address, headers=JSON, params=params)
    assert response.status_code == 200
    return dict(response.json())


def solve_asked(puzzle: dict[str, Any]) -> dict[str, str]:
    solution = solve(bytes.fromhex(puzzle["seed"]), puzzle["part_bits"])
    return {"puzzle": puzzle["puzzle"], "solution": solution}


def answer(desk: Desk, values: dict[str, str], address: str = ANN, **given: Any) -> httpx.Response:
    return desk.ask("POST", "/challenge", address, data=values, **given)


def earn(desk: Desk, address: str = ANN) -> str:
    response = answer(desk, solve_asked(ask(desk, address)), address, headers=JSON)
    assert response.status_code == 200, response.text
    return str(response.json()["passed"])


def use(desk: Desk, passed: str, address: str = ANN) -> bool:
    return asyncio.run(desk.service.passes.take(passed, address, desk.now_us))


def test_work_earns_a_pass_in_a_cookie_and_the_way_back(desk: Desk) -> None:
    response = answer(desk, {**solve_asked(ask(desk)), "next": "/login?lang=zh"})
    assert (response.status_code, response.headers["location"]) == (303, "/login?lang=zh")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Max-Age=600" in cookie
    passed = re.search("stanch-passed=([^;]+)", cookie)
    assert passed is not None
    assert use(desk, passed[1])


def test_a_pass_serves_a_few_attempts_and_no_more(desk: Desk) -> None:
    passed = earn(desk)
    taken = [use(desk, passed) for _ in range(USES + 2)]
    assert taken == [True] * USES + [False] * 2


def test_a_pass_is_worth_nothing_elsewhere(desk: Desk) -> None:
    assert not use(desk, earn(desk), EVE)


def test_one_ipv6_line_is_one_network(desk: Desk) -> None:
    passed = earn(desk, "2001:db8:1:2::a")
    assert use(desk, passed, "2001:db8:1:2::b")
    assert not use(desk, passed, "2001:db8:1:3::a")


def test_a_pass_expires(desk: Desk) -> None:
    passed = earn(desk)
    desk.now_us += PASS_VALID_US + 1
    assert not use(desk, passed)


def test_one_solution_earns_one_pass(desk: Desk) -> None:
    solved = solve_asked(ask(desk))
    statuses = [answer(desk, solved, headers=JSON).status_code for _ in range(3)]
    assert statuses == [200, 422, 422]


def test_an_old_solution_earns_none(desk: Desk) -> None:
    solved = solve_asked(ask(desk))
    desk.now_us += PUZZLE_VALID_US + 1
    assert answer(desk, solved, headers=JSON).status_code == 422


@pytest.mark.parametrize("forged", ["", "x", "a.b", "A" * 200, "\0", "é"])
def test_what_is_no_puzzle_earns_none(desk: Desk, forged: str) -> None:
    solved = solve_asked(ask(desk)) | {"puzzle": forged}
    assert answer(desk, solved, headers=JSON).status_code == 422
    assert not use(desk, forged)


def test_a_puzzle_is_no_pass_and_a_pass_no_puzzle(desk: Desk) -> None:
    puzzle = ask(desk)
    assert not use(desk, puzzle["puzzle"])
    assert answer(desk, solve_asked(puzzle) | {"puzzle": earn(desk)}).status_code == 422


def test_a_wrong_solution_gets_another_puzzle(desk: Desk) -> None:
    puzzle = ask(desk)
    response = answer(desk, {"puzzle": puzzle["puzzle"], "solution": ".".join(["ffffffff"] * 16)})
    assert response.status_code == 422
    assert puzzle["seed"] not in response.text
    assert "Once more" in response.text


def find_puzzle(page: str) -> str:
    found = re.search(r'name="puzzle" value="([^"]+)"', page)
    assert found is not None
    return html.unescape(found[1])


def test_without_script_waiting_and_pressing_passes(desk: Desk) -> None:
    page = desk.ask("GET", "/challenge", params={"next": "/login"}).text
    assert "wait 20 seconds" in page
    desk.now_us += 15 * SECOND
    soon = answer(desk, {"puzzle": find_puzzle(page), "next": "/login"})
    assert soon.status_code == 422
    assert "wait 5 seconds" in soon.text, "the time already waited counts"
    desk.now_us += 5 * SECOND
    response = answer(desk, {"puzzle": find_puzzle(soon.text), "next": "/login"})
    assert (response.status_code, response.headers["location"]) == (303, "/login")


def test_waiting_is_not_for_machines_by_the_thousand(desk: Desk) -> None:
    puzzles = [ask(desk, f"203.0.113.{n}")["puzzle"] for n in range(6)]
    desk.now_us += 30 * SECOND
    statuses = [
        answer(desk, {"puzzle": puzzle}, f"203.0.113.{n}", headers=JSON).status_code
        for n, puzzle in enumerate(puzzles)
    ]
    assert statuses == [200] * 3 + [422] * 3
    assert "allow scripts" in desk.ask("GET", "/challenge").text
    assert answer(desk, solve_asked(ask(desk)), headers=JSON).status_code == 200, "work still passes"
    desk.now_us += 3_600 * SECOND
    assert "wait 20 seconds" in desk.ask("GET", "/challenge").text


@pytest.mark.parametrize("given", ["/", "/login", "/login?next=%2Forders", "/a//b"])
def test_the_way_back_is_a_path_of_the_shop(given: str) -> None:
    assert choose_next(given) == given


@pytest.mark.parametrize(
    "given",
    ["", "login", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example",
     "/a\r\nX: y", "/\n", "javascript:alert(1)", "/a\\b", "/登录", "/" + "a" * 600],
)  # fmt: skip
def test_the_way_back_leads_nowhere_else(desk: Desk, given: str) -> None:
    assert choose_next(given) == "/"
    response = answer(desk, {**solve_asked(ask(desk)), "next": given})
    assert response.headers["location"] == "/"
    page = desk.ask("GET", "/challenge", params={"next": given}).text
    assert "evil" not in page


def test_the_page_may_run_its_own_scripts_and_nothing_else(desk: Desk) -> None:
    page = desk.ask("GET", "/challenge")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", page.text) == []
    for address in re.findall(r'(?:src|href|data-worker)="([^"]+)"', page.text):
        assert not urlsplit(html.unescape(address)).netloc
        assert address.startswith(("/challenge", "#")), "one prefix to pass on"


def test_other_pages_still_run_no_script(desk: Desk) -> None:
    policy = desk.ask("GET", "/hotline/sign-in").headers["content-security-policy"]
    assert "script-src" not in policy
