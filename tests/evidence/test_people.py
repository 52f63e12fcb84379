"""With a key nobody can be read out of what is stored, and everything still joins."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.errors import UsageError
from stanch.evidence.people import People
from stanch.evidence.pseudonyms import Pseudonymiser, read_key
from stanch.evidence.rejects import RejectLog, names_secret, redact_secrets
from stanch.evidence.spellings import SpellingIndex
from stanch.evidence.tables import COMPLAINTS, LOGINS

KEY = b"0123456789abcdef"


@given(st.text(), st.binary(min_size=16))
def test_a_pseudonym_is_hmac_sha_256(value: str, key: bytes) -> None:
    expected = hmac.new(key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    assert Pseudonymiser(key).hash(value) == expected[:24]


def test_without_a_key_only_sessions_change_and_differ_between_runs() -> None:
    frame = pl.DataFrame({"account": ["ann", "bob"], "session": ["s1", None]})
    first, second = (People(None).hide(LOGINS, frame) for _ in range(2))
    assert first["account"].to_list() == ["ann", "bob"]
    assert first["session"].null_count() == 1
    assert first["session"][0] not in {"s1", second["session"][0]}


def test_text_loses_phones_and_names_but_keeps_its_sense() -> None:
    people = People(KEY)
    people.learn(pl.Series(["carla@example.org"]))
    text = "Ann (ann@example.org) was called by +86 138-0013-8000 on o-17; tell carla@example.org. Loss 1200."
    frame = pl.DataFrame({"account": ["ann@example.org"], "order": ["o-17"], "text": [text]})
    hidden = people.hide(COMPLAINTS, frame)
    told = hidden["text"][0]
    for secret in ("ann@example.org", "o-17", "138-0013-8000", "8000", "carla"):
        assert secret not in told
    assert hidden["account"][0] in told
    assert "was called by" in told
    assert "Loss 1200" in told


def test_names_behind_columns_are_gathered_where_that_is_asked_for_and_sessions_never() -> None:
    names: dict[str, str] = {}
    frame = pl.DataFrame({"account": ["ann", None, "bob"], "session": ["s1", "s2", "s3"]})
    hidden = People(KEY, names=names).hide(LOGINS, frame)
    assert [names.get(ref) for ref in hidden["account"]] == ["ann", None, "bob"]
    assert set(names.values()) == {"ann", "bob"}


def test_chinese_text_has_no_blanks_around_names() -> None:
    people = People(KEY)
    people.learn(pl.Series(["carla@example.org", "小王"]))
    text = "2024-03-01客服13800138000打给carla@example.org说订单,损失3500元,(010) 6255-1234回拨。小王"
    told = people.hide(COMPLAINTS, pl.DataFrame({"text": [text]}))["text"][0]
    for secret in ("13800138000", "carla", "6255", "小王"):
        assert secret not in told
    for kept in ("2024-03-01", "客服", "损失3500元"):
        assert kept in told


def test_spelling_is_compared_before_hashing() -> None:
    index = SpellingIndex(KEY)
    index.add(pl.Series(["annabel", "anabel", None, "zoe"]))
    people = People(KEY)
    variants = people.hide_accounts(index.find_variants())
    assert set(variants["account"]) == {Pseudonymiser(KEY).hash("annabel"), Pseudonymiser(KEY).hash("anabel")}


def one_edit(name: str, position: int, letter: str, kind: str) -> str:
    at = position % (len(name) + (kind == "more"))
    match kind:
        case "more":
            return name[:at] + letter + name[at:]
        case "less":
            return name[:at] + name[at + 1 :]
        case "swap":
            at = min(at, len(name) - 2)
            return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        case _:
            return name[:at] + letter + name[at + 1 :]


@given(
    st.text(st.characters(codec="utf-8", categories=["Ll", "Nd", "Lo"]), min_size=3, max_size=40),
    st.integers(0, 40),
    st.characters(codec="utf-8", categories=["Ll", "Nd"]),
    st.sampled_from(["more", "less", "other", "swap"]),
)
def test_names_one_edit_apart_share_a_variant(name: str, position: int, letter: str, kind: str) -> None:
    other = one_edit(name, position, letter, kind)
    index = SpellingIndex(None)
    index.add(pl.Series([name, "quite-another-name"]))
    index.add(pl.Series([other]))
    found = index.find_variants()
    variants = {a: set(found.filter(account=a)["variant"]) for a in (name, other)}
    if name != other:
        assert variants[name] & variants[other]
    assert "quite-another-name" not in found["account"].to_list()


def test_very_long_names_cost_nothing() -> None:
    index = SpellingIndex(None)
    index.add(pl.Series(["a" * 5000, "a" * 4999, "ann", "anne"]))
    assert set(index.find_variants()["account"]) == {"ann", "anne"}


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "open sesame", "user": "ann"}',
        "POST /login user=ann&passwd=sesame&x=1",
        "user[name]=ann&user[password]=sesame",
        "user%5Bname%5D=ann&user%5Bpassword%5D=sesame",
        '{"newPassword":"sesame","user":"ann"}',
        "passwordConfirm=sesame ann",
        "pw=sesame&ann",
        "user_pass=sesame&ann",
        'POST https://bob:sesame@shop.example/ann "x"',
        "https://bob:ses@sesame@shop.example/ann",
        "ann https://bob:sesame",
        "POST /ann/login?u=bob&p=sesame HTTP/1.1",
        "POST /ann/login?p=sesame?sesame#sesame",
        "user_password=sesame ann",
        "Authorization: Bearer sesame ann",
        "Cookie: sesame; ann",
        '{"session_id":"sesame","a":"ann"}',
        "密码: sesame ann",
    ],
)
def test_secrets_go_and_the_rest_stays(text: str) -> None:
    assert "sesame" not in redact_secrets(text)
    assert "ann" in redact_secrets(text)


def test_which_columns_hold_secrets() -> None:
    assert all(
        map(
            names_secret,
            ("password", "user_password", "userPassword", "pass2", "Session ID", "auth-token", "PIN", "密码"),
        )
    )
    assert not any(map(names_secret, ("passenger", "passed", "shipping", "author", "ip", "account")))


def test_rejects_are_written_without_raw_under_a_key(tmp_path: Path) -> None:
    with RejectLog(tmp_path / "r.jsonl", keep_raw=False) as log:
        log.add("logins", "a.csv", 3, "ip is empty", "ann,secret")
    assert "ann" not in (tmp_path / "r.jsonl").read_text()


def test_keys_that_cannot_be_used(tmp_path: Path) -> None:
    short = tmp_path / "key"
    short.write_text("abc")
    for path in (short, tmp_path / "none", tmp_path):
        with pytest.raises(UsageError, match=path.name):
            read_key(path)
