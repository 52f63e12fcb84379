"""The forms: what is stored, what is asked again, and what nobody can do with them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.forms_in_process import REPORT, START_US, Desk, find_sum, find_token, opening
from stanch.cases.keys import revoke_key
from stanch.errors import StoreError
from stanch.service.forms.throttle import MAX_ADDRESSES, Throttle
from stanch.service.forms.tokens import make_token, sign_token
from stanch.service.settings import FormSettings


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opening(tmp_path, zone="Asia/Shanghai") as opened:
        yield opened


FULL = {
    "text": "自称客服，说系统故障",
    "order": "A-1001",
    "phone": "13800000000",
    "account": "ann@example.org",
    "region": "Guangdong",
    "contacted_on": "2026-03-01",
    "contacted_at": "09:30",
    "known_fields": ["price", "name", "salary"],
    "scam_phone": "+852 5550 1234",
    "scam_url": "http://refund.example/x?y=1",
    "loss": "¥1,800.50",
    "currency": "CNY",
}


def test_a_report_becomes_a_row_of_the_contract_and_gets_a_number(desk: Desk) -> None:
    answer = desk.report(FULL)
    assert answer.status_code == 303
    page = desk.ask("GET", answer.headers["location"]).text
    (row,) = desk.stored()
    assert row == {
        "complaint": row["complaint"],
        "received": "2026-03-01T10:00:10.000000Z",
        "order": "A-1001",
        "account": "ann@example.org",
        "phone": "13800000000",
        "contacted": "2026-03-01T01:30:00.000000Z",
        "known_fields": "name|price",
        "loss": 1800.5,
        "currency": "CNY",
        "region": "Guangdong",
        "channel": "web_form",
        "text": "自称客服，说系统故障",
        "scam_phone": "+852 5550 1234",
        "scam_url": "http://refund.example/x?y=1",
    }
    assert re.fullmatch(r"W-[0-9A-Z]{5}-[0-9A-Z]{5}", row["complaint"])
    assert row["complaint"] in page


def test_sent_twice_it_is_one_report_with_one_number(desk: Desk) -> None:
    token = desk.open()
    desk.now_us += 10_000_000
    numbers = set()
    for _ in range(3):
        answer = desk.send({"token": token, **REPORT})
        desk.now_us += 1_000_000
        numbers.add(desk.ask("GET", answer.headers["location"]).text.split("<output>")[1][:13])
    assert len(desk.stored()) == len(numbers) == 1
    changed = desk.send({"token": token, **REPORT, "text": "And then they called again"})
    assert changed.status_code == 409
    assert numbers.pop() in changed.text
    assert "And then they called again" in changed.text, "nothing that was typed is lost"
    desk.now_us += 10_000_000
    fresh = find_token(changed.text)
    assert desk.send({"token": fresh, **REPORT, "text": "And then they called again"}).status_code == 303
    assert len(desk.stored()) == 2


MISTAKES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nobody": ({"order": ""}, ["order"]),
    "no words": ({"text": "  "}, ["text"]),
    "long": ({"text": "x" * 5_001}, ["text"]),
    "future": ({"contacted_on": "2026-03-02"}, ["contacted_on"]),
    "later today": ({"contacted_on": "2026-03-01", "contacted_at": "23:59"}, ["contacted_on"]),
    "no day": ({"contacted_at": "10:00"}, ["contacted_on"]),
    "no date": ({"contacted_on": "2026-02-30"}, ["contacted_on"]),
    "year 1": ({"contacted_on": "0001-01-01"}, ["contacted_on"]),
    "no amount": ({"loss": "much"}, ["loss"]),
    "negative": ({"loss": "-5"}, ["loss"]),
    "no currency": ({"loss": "5", "currency": "XXX"}, ["currency"]),
    "several": ({"loss": "1,2,3", "order": ""}, ["order", "loss"]),
}


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told_at_their_fields_and_nothing_is_lost(desk: Desk, name: str, lang: str) -> None:
    change, fields = MISTAKES[name]
    empty = dict.fromkeys(("account", "phone", "contacted_on", "contacted_at"), "")
    answer = desk.report({**FULL, **empty, **change, "lang": lang})
    assert answer.status_code == 422
    assert re.findall(r'id="wrong-(\w+)"', answer.text) == fields
    assert re.findall(r'<li><a href="#(\w+)"', answer.text) == fields
    assert answer.text.count('role="alert"') == 1
    assert "+852 5550 1234" in answer.text
    assert desk.stored() == []


def test_what_was_typed_comes_back_escaped(desk: Desk) -> None:
    evil = "\"'><script>alert(1)</script></textarea>{{7*7}}"
    page = desk.report({**dict.fromkeys(FULL, evil), "lang": evil, "token": desk.open()}).text
    assert "<script" not in page
    assert page.count("</textarea>") == 1
    assert "&lt;script&gt;" in page
    assert "{{7*7}}" in page
    stored = desk.report({"text": evil, "order": evil})
    assert desk.stored()[0]["text"] == evil
    assert "script" not in stored.headers["location"]


def test_card_numbers_codes_and_passwords_are_gone_before_it_is_stored(desk: Desk) -> None:
    text = "Card 4111-1111 1111 1111, cvv 123, 验证码是 839201, order 4111111111111129"
    desk.report({"text": text, "order": "4111111111111129"})
    (row,) = desk.stored()
    assert row["text"] == (
        "Card [card number removed], cvv [code removed], 验证码是 [code removed], order 4111111111111129"
    )


@pytest.mark.parametrize("sign", ["hasty", "trap"])
def test_what_looks_like_a_machine_is_asked_a_question_and_not_turned_away(desk: Desk, sign: str) -> None:
    token = desk.open()
    if sign == "trap":
        desk.now_us += 10_000_000
    values = {**REPORT, "homepage": "http://spam.example"} if sign == "trap" else REPORT
    asked = desk.send({"token": token, **values})
    assert asked.status_code == 422
    assert desk.stored() == []
    wrong = desk.send({**values, "token": find_token(asked.text), "answer": "99"})
    assert wrong.status_code == 422
    answer = {"token": find_token(wrong.text), "answer": find_sum(wrong.text)}
    assert desk.send({**values, **answer}).status_code == 303
    assert len(desk.stored()) == 1


def test_a_whole_office_behind_one_address_is_asked_and_served(tmp_path: Path) -> None:
    with opening(tmp_path, forms=FormSettings(ask_after=2, refuse_after=4)) as desk:
        proxied = {"address": "203.0.113.5"}
        assert [desk.report(**proxied).status_code for _ in range(2)] == [303, 303]
        for _ in range(2):
            asked = desk.report(**proxied)
            answer = {**REPORT, "token": find_token(asked.text), "answer": find_sum(asked.text)}
            assert desk.send(answer, **proxied).status_code == 303
        refused = desk.report(**proxied)
        assert refused.status_code == 429
        assert refused.headers["retry-after"]
        assert desk.report(address="203.0.113.6").status_code == 303, "others are not touched"
        desk.now_us += 3_600_000_000
        assert desk.report(**proxied).status_code == 303, "an hour later all is well"


def test_only_a_trusted_proxy_says_whose_the_request_is(tmp_path: Path) -> None:
    settings = {"forms": FormSettings(ask_after=1), "trusted_proxies": ("10.0.0.0/8",)}
    with opening(tmp_path, **settings) as desk:

        def report(address: str, told: str) -> int:
            return desk.report(address=address, headers={"X-Forwarded-For": told}).status_code

        assert report("10.0.0.1", "198.51.100.1") == 303
        assert report("10.0.0.1", "6.6.6.6, 198.51.100.1") == 422, "the client's own word counts for nothing"
        assert report("10.0.0.1", "198.51.100.2, 10.0.0.2") == 303
        assert report("203.0.113.1", "198.51.100.3") == 303
        assert report("203.0.113.1", "198.51.100.4") == 422
        assert report("2001:db8:1:1::1", "x") == 303
        assert report("2001:db8:1:1::2", "x") == 422, "an IPv6 household is one"


def test_memory_for_addresses_is_bounded() -> None:
    throttle = Throttle()
    for number in range(MAX_ADDRESSES + 1_000):
        throttle.add(f"2001:db8:{number:x}::/64", START_US)
    assert len(throttle) == MAX_ADDRESSES
    assert throttle.count("2001:db8:1::/64", START_US + 3_600_000_000) == 0
    assert len(throttle) == 0, "after an hour nothing is left"


def test_forged_foreign_and_old_forms_are_shown_again(desk: Desk) -> None:
    token = desk.open()
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    foreign = sign_token(desk.service.secrets, make_token("hotline", desk.now_us))
    for given in ("", "x", "é", forged, foreign, token):
        desk.now_us += 25 * 3_600_000_000 if given == token else 10_000_000
        answer = desk.send({"token": given, **REPORT})
        assert answer.status_code == 422, given
        assert REPORT["text"] in answer.text
    assert desk.stored() == []
    assert desk.ask("GET", "/complaints/received?receipt=W-AAAAA-AAAAA").status_code == 303


def test_attachments_and_what_is_no_form_are_declined_politely(desk: Desk) -> None:
    file = {"file": ("a.exe", b"MZ", "application/octet-stream")}
    answer = desk.ask("POST", "/complaints/new", files=file, headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 415
    assert "不接收附件" in answer.text
    assert desk.ask("POST", "/complaints/new", json=REPORT).status_code == 415
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert desk.ask("POST", "/complaints/new", content=b"a=" * 70_000, headers=form).status_code == 413
    assert desk.ask("POST", "/complaints/new", content=b"a=1&" * 1_000, headers=form).status_code == 400


@pytest.mark.parametrize(
    ("header", "query", "lang"),
    [
        ("", "", "en"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "", "zh"),
        ("en;q=0.2,zh;q=0.8", "", "zh"),
        ("de,en;q=0.5", "", "en"),
        ("zh", "?lang=en", "en"),
        ("en", "?lang=zh", "zh"),
        (";q=;,zh;q=x", "?lang=../../x", "en"),
    ],
)
def test_the_page_speaks_the_readers_language(desk: Desk, header: str, query: str, lang: str) -> None:
    page = desk.ask("GET", f"/complaints/new{query}", headers={"Accept-Language": header})
    assert f'<html lang="{"zh-CN" if lang == "zh" else "en"}">' in page.text
    assert page.headers["content-language"] == lang


def test_the_privacy_notice_shows_its_gaps_until_the_shop_writes_its_own(tmp_path: Path, desk: Desk) -> None:
    assert desk.ask("GET", "/complaints/new").text.count("<mark>") == 5
    own = FormSettings(shop="Example & Sons", notice_en="We keep it for a year.\n\nAsk <us>.")
    with opening(tmp_path / "own", forms=own) as other:
        page = other.ask("GET", "/complaints/new").text
        assert "<mark>" not in page
        assert "<p>We keep it for a year.</p>" in page
        assert "Ask &lt;us&gt;." in page
        assert "Example &amp; Sons" in page


def sign_in(desk: Desk, key: str, **headers: str) -> tuple[int, dict[str, str]]:
    token = desk.open("/hotline/sign-in")
    answer = desk.send({"token": token, "key": key}, "/hotline/sign-in", headers=headers)
    cookie = answer.headers.get("set-cookie", "").partition(";")[0]
    return answer.status_code, {"Cookie": cookie}


def test_agents_sign_in_with_a_key_and_file_reports_under_it(desk: Desk) -> None:
    key = desk.add_key("desk-1")
    assert desk.ask("GET", "/hotline").headers["location"].startswith("/hotline/sign-in")
    assert desk.send(REPORT, "/hotline").headers["location"].startswith("/hotline/sign-in")
    assert sign_in(desk, "stanch_0000000000_" + "A" * 43)[0] == 401
    assert sign_in(desk, desk.add_key("bouncer", "bouncer"))[0] == 401
    assert sign_in(desk, key, **{"Sec-Fetch-Site": "cross-site"})[0] == 422
    status, cookie = sign_in(desk, key)
    assert status == 303
    token = desk.open("/hotline", headers=cookie)
    saved = desk.send({"token": token, "phone": "13800000000"}, "/hotline", headers=cookie)
    page = desk.ask("GET", saved.headers["location"], headers=cookie).text
    (row,) = desk.stored()
    assert (row["channel"], row["phone"]) == ("hotline", "13800000000")
    assert row["complaint"] in page
    assert key not in page


def test_a_form_of_one_agent_cannot_be_sent_by_another_or_from_elsewhere(desk: Desk) -> None:
    _, first = sign_in(desk, desk.add_key("desk-1"))
    _, second = sign_in(desk, desk.add_key("desk-2"))
    report = {"token": desk.open("/hotline", headers=first), **REPORT}
    assert desk.send(report, "/hotline", headers=second).status_code == 422
    for foreign in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        sent = desk.send(report, "/hotline", headers=first | foreign)
        assert sent.headers["location"].startswith("/hotline/sign-in")
    assert desk.stored() == []
    own = {"Origin": "http://stanch.test", "Sec-Fetch-Site": "same-origin"}
    assert desk.send(report, "/hotline", headers=first | own).status_code == 303


def test_sessions_end_with_the_day_the_key_and_the_sign_out(desk: Desk) -> None:
    key = desk.add_key("desk-1")

    def is_open(cookie: dict[str, str]) -> bool:
        return desk.ask("GET", "/hotline", headers=cookie).status_code == 200

    _, day = sign_in(desk, key)
    assert is_open(day)
    desk.ask("POST", "/hotline/sign-out", headers=day)
    assert not is_open(day), "also where the cookie was copied"
    _, old = sign_in(desk, key)
    desk.now_us += 11 * 3_600_000_000
    assert not is_open(old)
    _, revoked = sign_in(desk, key)
    assert is_open(revoked)
    desk.database.write(lambda connection: revoke_key(connection, "desk-1", desk.now_us))
    assert not is_open(revoked)


def test_behind_tls_the_cookie_belongs_to_the_host_alone(tmp_path: Path) -> None:
    with opening(tmp_path, public_url="https://report.example") as desk:
        token = desk.open("/hotline/sign-in")
        answer = desk.send({"token": token, "key": desk.add_key("desk")}, "/hotline/sign-in")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-stanch=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
        assert "strict-transport-security" in answer.headers


def test_a_full_disk_loses_nothing_that_was_typed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_job: object) -> None:
        raise StoreError("database or disk is full")

    monkeypatch.setattr(desk.database, "write_soon", fail)
    answer = desk.report()
    assert answer.status_code == 503
    assert REPORT["text"] in answer.text
    assert "disk" not in answer.text
