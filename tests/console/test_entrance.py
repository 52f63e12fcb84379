"""Who gets in: by a link that works once, a password nobody else uses, a second factor, and for a time."""

import base64
import hashlib
import html
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from console.desks import HOUR_US, PASSWORD, ConsoleDesk, Member, console_desk
from service.forms_in_process import find_token
from stanch.cases.people import LONGEST_US, ROLES, Role, list_people
from stanch.cli import main
from stanch.console import offer_first_link

NEW = "quite another long sentence"


def open_link(desk: ConsoleDesk, link: str, **typed: str) -> tuple[Member, int, str]:
    """Follow a link and choose a password: who that is, and how it ended."""
    member = Member(desk, 0, typed.get("name", ""))
    page = member.ask("GET", link)
    if page.status_code != 200:
        return member, page.status_code, page.text
    fields = {"password": PASSWORD, "again": PASSWORD, "link": link.partition("link=")[2], **typed}
    answer = member.ask("POST", "/console/welcome", data={"token": find_token(page.text), **fields})
    return member, answer.status_code, answer.text


def sign_in(
    desk: ConsoleDesk, name: str, password: str = PASSWORD, *, address: str = "198.51.100.7", **typed: str
) -> tuple[Member, int]:
    member = Member(desk, 0, name)
    token = find_token(member.get("/sign-in").text)
    fields = {"token": token, "name": name, "password": password, **typed}
    return member, member.ask("POST", "/console/sign-in", data=fields, address=address).status_code


def try_again(member: Member, name: str, password: str = PASSWORD, address: str = "198.51.100.7") -> int:
    """Sign in with a browser that was used before."""
    token = find_token(Member(member.desk, 0, "").get("/sign-in").text)
    fields = {"token": token, "name": name, "password": password}
    return member.ask("POST", "/console/sign-in", data=fields, address=address).status_code


def code_of(secret: bytes, now_us: int) -> str:
    return TOTP(secret, 6, SHA1(), 30).generate(now_us // 1_000_000).decode()


def test_the_first_link_makes_one_administrator_once(desk: ConsoleDesk) -> None:
    link = offer_first_link(desk.service)
    member, status, _ = open_link(desk, link, name="mei")
    assert status == 303
    assert member.load("/account.json")["roles"] == list(ROLES)
    assert open_link(desk, link, name="eve")[1] == 404
    assert offer_first_link(desk.service) == "", "there is somebody now"


def test_the_first_link_runs_out_and_a_new_one_takes_its_place(desk: ConsoleDesk) -> None:
    early = offer_first_link(desk.service)
    late = offer_first_link(desk.service)
    assert open_link(desk, early, name="mei")[1] == 404
    desk.now_us += HOUR_US
    assert open_link(desk, late, name="mei")[1] == 404


def test_whoever_follows_a_link_keeps_the_language_of_its_page(desk: ConsoleDesk) -> None:
    link = offer_first_link(desk.service)
    member = Member(desk, 0, "mei", headers={"Accept-Language": "zh-CN,zh;q=0.9"})
    token = find_token(member.ask("GET", link).text)
    fields = {"token": token, "link": link.partition("link=")[2], "name": "mei"}
    member.ask("POST", "/console/welcome?lang=zh", data={**fields, "password": PASSWORD, "again": PASSWORD})
    assert '<html lang="zh-CN">' in member.get("/incidents").text
    member.act("/account/language", language="en")
    assert '<html lang="en">' in member.get("/incidents").text


def test_an_invitation_makes_the_person_that_was_meant(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    told = team["administrator"].act("/people/invite", name="zhao", roles=["agent", "viewer"])
    shown = team["administrator"].load(
        told.json()["location"].removeprefix("/console").replace("?", ".json?")
    )
    member, status, _ = open_link(desk, shown["url"], name="somebody-else")
    assert status == 303
    assert member.load("/account.json") == {
        "name": "zhao", "roles": ["viewer", "agent"], "language": "en", "has_second_factor": False,
    }  # fmt: skip
    assert "zhao" not in str(desk.audited()), "the audit names nobody"


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short", "At least 12"),
        ("the-mei-of-2026", "your name"),
        ("passwordpassword", "tried first"),
        ("aaaaaaaaaaaaaaa", "tried first"),
        ("stanch-stanch-1", "your name"),
        ("x" * 201, "At most 200"),
    ],
)
def test_a_weak_password_is_not_taken(desk: ConsoleDesk, password: str, told: str) -> None:
    link = offer_first_link(desk.service)
    _, status, page = open_link(desk, link, name="mei", password=password, again=password)
    assert status == 422
    assert told in page
    assert password not in page
    with desk.database.read() as connection:
        assert list_people(connection) == []


def test_a_password_on_the_operators_list_of_leaked_ones_is_not_taken(tmp_path: Path) -> None:
    leaked, key, out = tmp_path / "list.txt", tmp_path / "leaked.key", tmp_path / "leaked.filter"
    leaked.write_text(f"{hashlib.sha1(NEW.encode()).hexdigest().upper()}:7\n")
    assert main(["leaked", "build", str(leaked), "--out", str(out), "--key", str(key)]) == 0
    with console_desk(tmp_path, leaked=str(out)) as desk:
        link = offer_first_link(desk.service)
        _, status, page = open_link(desk, link, name="mei", password=NEW, again=NEW)
        assert status == 422
        assert "has leaked" in page
        assert open_link(desk, link, name="mei")[1] == 303


def test_a_sign_in_gives_a_fresh_session_and_ends_the_old_one(desk: ConsoleDesk) -> None:
    member = desk.add("mei", "viewer")
    old = member.session
    token = find_token(Member(desk, 0, "").get("/sign-in").text)
    fields = {"token": token, "name": "MEI", "password": PASSWORD}
    assert member.ask("POST", "/console/sign-in", data=fields).status_code == 303
    assert member.session != old
    assert member.get("/incidents").status_code == 200
    member.session = old
    assert member.get("/incidents").status_code == 303


def test_wrong_passwords_are_told_nothing_and_soon_have_to_wait(desk: ConsoleDesk) -> None:
    desk.add("mei", "viewer", signed_in=False)
    statuses = [sign_in(desk, f"guess-{n}", "wrong", address="203.0.113.9")[1] for n in range(32)]
    assert statuses == [401] * 30 + [429] * 2
    assert sign_in(desk, "mei", address="203.0.113.9")[1] == 429, "the right one has to wait as well"
    assert sign_in(desk, "mei", address="203.0.113.99")[1] == 303, "elsewhere it need not"
    desk.now_us += HOUR_US + 1
    assert sign_in(desk, "mei", address="203.0.113.9")[1] == 303
    assert [action for _, action, _ in desk.audited()].count("sign_in.failed") == 30


def test_nobody_elses_failures_keep_out_a_browser_that_signed_in_before(desk: ConsoleDesk) -> None:
    desk.add("mei", "viewer", signed_in=False)
    known, status = sign_in(desk, "mei")
    assert status == 303
    statuses = [sign_in(desk, "mei", f"wrong {n}", address=f"203.0.113.{n}")[1] for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert sign_in(desk, "mei", address="203.0.113.50")[1] == 429, "a browser that mei never used"
    for n in range(31):
        sign_in(desk, f"other-{n}", "wrong", address="198.51.100.7")
    assert try_again(known, "mei") == 303, "although its whole office, and the name, were tried out"
    assert [try_again(known, "mei", "wrong") for _ in range(11)] == [401] * 10 + [429]
    assert try_again(known, "mei") == 429, "its own failures count"
    assert sign_in(desk, "zhao", "wrong", address="203.0.113.60")[1] == 401, "and for nobody else"


def test_a_browser_is_known_to_those_who_signed_in_with_it_and_to_nobody_else(desk: ConsoleDesk) -> None:
    for name in ("mei", "zhao"):
        desk.add(name, "viewer", signed_in=False)
    shared, _ = sign_in(desk, "mei")
    for n in range(10):
        sign_in(desk, "zhao", f"wrong {n}", address=f"203.0.113.{n}")
    assert try_again(shared, "zhao") == 429, "mei's browser is no known one of zhao's"
    forged = Member(desk, 0, "", device=shared.device[:-4] + "AAAA")
    for n in range(10):
        sign_in(desk, "mei", f"wrong {n}", address=f"203.0.113.{n}")
    assert try_again(forged, "mei") == 429
    desk.now_us += HOUR_US + 1
    assert try_again(shared, "zhao") == 303
    for name in ("mei", "zhao"):
        for n in range(11):
            sign_in(desk, name, f"wrong {n}", address=f"203.0.113.{n}")
        assert try_again(shared, name) == 303, "both are known to it now"


def test_a_second_factor_opens_a_strange_browser_while_strangers_try_the_name(desk: ConsoleDesk) -> None:
    member = desk.add("mei", "viewer")
    shown = member.load("/account/second-factor.json")["secret"]
    secret = base64.b32decode(shown)
    code = code_of(secret, desk.now_us)
    assert member.act("/account/second-factor", secret=shown, code=code, current=PASSWORD).status_code == 200
    for n in range(10):
        sign_in(desk, "mei", f"wrong {n}", address=f"203.0.113.{n}")
    desk.now_us += 30_000_000
    assert sign_in(desk, "mei", code="000000", address="203.0.113.80")[1] == 429
    assert sign_in(desk, "mei", code=code_of(secret, desk.now_us), address="203.0.113.81")[1] == 303


def test_an_address_that_leads_nowhere_is_a_page_for_browsers_and_a_problem_for_programs(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8"}
    page = desk.ask("GET", "/console/no-such-page", headers={**browser, "Accept-Language": "zh"})
    assert page.status_code == 404
    assert "找不到" in page.text
    team["viewer"].headers = browser
    assert 'href="/console/incidents"' in team["viewer"].get("/no-such-page").text
    assert desk.ask("GET", "/console/no-such-page").json()["code"] == "no_such_route"
    assert desk.ask("GET", "/elsewhere", headers=browser).json()["code"] == "no_such_route"
    assert desk.ask("GET", "/console/assets/none.js").headers["content-type"] == "application/problem+json"


def test_an_unforeseen_error_is_a_page_that_says_where_the_log_tells_of_it(
    desk: ConsoleDesk, team: dict[Role, Member], monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr("stanch.console.serving.admit", lambda *_: 1 / 0)
    agent = team["agent"]
    assert agent.get("/incidents").json()["code"] == "internal"
    agent.headers = {"Accept": "text/html"}
    page = agent.get("/incidents")
    assert page.status_code == 500
    number = re.search(r"under (\w{8})", page.text)
    assert number is not None
    assert number[1] in caplog.text
    assert "ZeroDivision" not in page.text


def test_the_guard_sees_each_sign_in_and_how_it_ended(desk: ConsoleDesk) -> None:
    desk.add("mei", "viewer", signed_in=False)
    sign_in(desk, "mei", "wrong")
    sign_in(desk, "mei")
    told = desk.ask("GET", "/metrics", address="127.0.0.1").text
    counted = re.findall(r'^stanch_\w+_total{[^}]*"console"[^}]*} (.*)$', told, re.MULTILINE)
    assert sum(map(float, counted)) == 2
    assert re.search(r'stanch_guard_outcomes_total{[^}]*outcome="failure"[^}]*} 1', told)


def test_a_second_factor_is_asked_for_and_its_codes_work_once(desk: ConsoleDesk) -> None:
    member = desk.add("mei", "viewer")
    shown = member.load("/account/second-factor.json")["secret"]
    secret = base64.b32decode(shown)
    wrong = member.act("/account/second-factor", secret=shown, code="000000", current=PASSWORD)
    assert wrong.status_code == 422
    code = code_of(secret, desk.now_us)
    before = member.session
    set_up = member.act("/account/second-factor", secret=shown, code=code, current=PASSWORD)
    assert set_up.status_code == 200
    assert member.session not in ("", before), "rights changed, so the session did"
    assert sign_in(desk, "mei")[1] == 401
    assert sign_in(desk, "mei", code=code)[1] == 401, "the code was used to set it up"
    desk.now_us += 30_000_000
    assert sign_in(desk, "mei", "wrong", code=code_of(secret, desk.now_us))[1] == 401
    code = code_of(secret, desk.now_us)
    assert sign_in(desk, "mei", code=code)[1] == 303
    assert sign_in(desk, "mei", code=code)[1] == 401, "used"
    with desk.database.read() as connection:
        (person,) = list_people(connection)
    assert person.totp is not None
    assert secret not in person.totp, "sealed"


def test_a_session_ends_when_idle_and_after_a_day_at_work(desk: ConsoleDesk) -> None:
    member = desk.add("mei", "viewer")
    for _ in range(LONGEST_US // (HOUR_US // 2) - 1):
        desk.now_us += HOUR_US // 2
        assert member.get("/incidents").status_code == 200
    desk.now_us += HOUR_US // 2
    assert member.get("/incidents").status_code == 303
    desk.sign_in(member)
    desk.now_us += HOUR_US
    assert member.get("/incidents").status_code == 303


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(desk: ConsoleDesk) -> None:
    member = desk.add("mei", "viewer")
    member.headers["HX-Request"] = "true"
    for _ in range(3):
        desk.now_us += HOUR_US // 3
        last = member.get("/incidents").status_code
    assert last == 303


def test_other_roles_another_password_or_none_at_all_sign_out_everywhere(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    boss, agent = team["administrator"], team["agent"]
    boss.act(f"/people/{agent.id}/roles", roles=["viewer"])
    assert agent.get("/incidents").status_code == 303
    desk.sign_in(agent)
    assert agent.act("/incidents", title="x").status_code == 403
    elsewhere = Member(desk, agent.id, agent.name, agent.session)
    changed = agent.act("/account/password", current=PASSWORD, password=NEW, again=NEW)
    assert changed.status_code == 200
    assert agent.get("/incidents").status_code == 200
    assert elsewhere.get("/incidents").status_code == 303
    assert sign_in(desk, agent.name)[1] == 401
    assert sign_in(desk, agent.name, NEW)[1] == 303
    boss.act(f"/people/{agent.id}/disable")
    assert agent.get("/incidents").status_code == 303
    assert sign_in(desk, agent.name, NEW)[1] == 401


def test_somebody_stays_administrator(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    boss = team["administrator"]
    assert boss.act(f"/people/{boss.id}/roles", roles=["viewer"]).status_code == 422
    refused = boss.send(f"/people/{boss.id}/disable")
    assert refused.status_code == 422
    assert "somebody has to stay administrator" in refused.text
    assert boss.get("/people").status_code == 200


@pytest.mark.parametrize(
    "target", ["https://evil.test/", "//evil.test/console/x", "/console//evil.test", "/hotline"]
)
def test_the_sign_in_leads_nowhere_else(desk: ConsoleDesk, target: str) -> None:
    desk.add("mei", "viewer", signed_in=False)
    member = Member(desk, 0, "mei")
    token = find_token(member.get("/sign-in").text)
    fields = {"token": token, "name": "mei", "password": PASSWORD, "next": target}
    assert member.ask("POST", "/console/sign-in", data=fields).headers["location"] == "/console"


def test_a_deep_link_is_reached_after_the_sign_in(desk: ConsoleDesk) -> None:
    desk.add("mei", "viewer", signed_in=False)
    number = desk.open_incident()
    member = Member(desk, 0, "mei")
    led = member.get(f"/incidents/{number}?page=2").headers["location"]
    assert parse_qs(urlsplit(led).query) == {"next": [f"/console/incidents/{number}?page=2"]}
    page = member.ask("GET", led).text
    found = re.search(r'name="next" value="([^"]*)"', page)
    assert found is not None
    fields = {"token": find_token(page), "name": "mei", "password": PASSWORD, "next": html.unescape(found[1])}
    answer = member.ask("POST", "/console/sign-in", data=fields)
    assert answer.headers["location"] == f"/console/incidents/{number}?page=2"


def test_cookies_are_for_the_host_alone_behind_tls(tmp_path: Path) -> None:
    with console_desk(tmp_path, public_url="https://stanch.example.com") as desk:
        desk.add("mei", "viewer", signed_in=False)
        member = Member(desk, 0, "mei")
        token = find_token(member.get("/sign-in").text)
        fields = {"token": token, "name": "mei", "password": PASSWORD}
        cookie = member.ask("POST", "/console/sign-in", data=fields).headers["set-cookie"]
    assert cookie.startswith("__Host-stanch-console=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(cookie.split("; "))


def test_nothing_is_done_for_another_site_or_without_the_token(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    agent = team["agent"]
    assert agent.ask("POST", "/console/incidents", data={"title": "x"}).status_code == 403
    other = {"token": team["analyst"].token, "title": "x"}
    assert agent.ask("POST", "/console/incidents", data=other).status_code == 403
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}):
        agent.headers = header
        assert agent.send("/incidents", title="x").status_code == 403
    agent.headers = {"Sec-Fetch-Site": "cross-site"}
    agent.ask("POST", "/console/sign-out", data={"token": agent.token})
    agent.headers = {}
    assert agent.load("/incidents.json")["incidents"]["n"] == 0
    assert agent.send("/incidents", title="x").status_code == 303
