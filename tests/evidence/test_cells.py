"""Addresses, amounts and words as people and programs write them."""

from __future__ import annotations

import ipaddress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.evidence.addresses import canonical_address, parse_addresses
from stanch.evidence.amounts import parse_amount, parse_amounts
from stanch.evidence.tables import ACCESSES, LOGINS
from stanch.evidence.words import parse_word_sets, parse_words


@given(st.ip_addresses(v=6), st.integers(1, 65535))
def test_ipv6_has_one_form(address: ipaddress.IPv6Address, port: int) -> None:
    expected = str(address.ipv4_mapped or address.compressed)
    forms = [str(address), address.exploded, str(address).upper(), f"[{address}]:{port}", f"{address}%eth0"]
    assert {canonical_address(form) for form in forms} == {expected}


@given(st.ip_addresses(v=4), st.integers(1, 65535))
def test_ipv4_has_one_form(address: ipaddress.IPv4Address, port: int) -> None:
    forms = [
        str(address),
        f"{address}:{port}",
        f"::ffff:{address}",
        f" {address} ",
        f"[::ffff:{address}]:{port}",
    ]
    assert parse_addresses(pl.Series(forms)).to_list() == [str(address)] * len(forms)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "1.2.3",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4/24",
        "1.2.3.4, 5.6.7.8",
        ":::",
        "1::2::3",
        "-",
    ],
)
def test_what_is_no_address(text: str) -> None:
    assert parse_addresses(pl.Series([text, "198.51.100.7"])).to_list() == [None, "198.51.100.7"]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1234.5", 1234.5), ("1,234.50", 1234.5), ("1.234,50", 1234.5), ("1 234,50", 1234.5), ("12,5", 12.5),
        ("1\u202f234", 1234.0), ("¥1,234", 1234.0), ("1234元", 1234.0), (".5", 0.5), ("0", 0.0),
        ("1,234,567", 1234567.0), ("", None), ("-5", None), ("inf", None), ("nan", None), ("1,23,4", None),
        ("five", None), ("1e99", None), ("1e999", None), ("1.2.3", None), ("12,3456", None),
        ("9" * 400, None),
    ],
)  # fmt: skip
def test_amounts(text: str, amount: float | None) -> None:
    assert parse_amounts(pl.Series([text, "7.25"])).to_list() == [amount, 7.25]


@given(st.floats(0, 1e9))
def test_plain_amounts_come_back(amount: float) -> None:
    assert parse_amount(repr(amount)) == amount
    assert parse_amount(f"{amount:,.2f}") == float(f"{amount:.2f}")


def test_words_in_any_case_and_plain_synonyms_but_nothing_ambiguous() -> None:
    cells = ["Success", " FAILED ", "unknown-user", "登录", "成功", "0", "1", "denied", "true", ""]
    found = parse_words(pl.Series(cells), LOGINS["outcome"]).to_list()
    assert found == [
        "success",
        "failure",
        "unknown_account",
        None,
        "success",
        None,
        None,
        "denied",
        "success",
        None,
    ]


def test_sets_of_words_have_one_order_and_name_strangers() -> None:
    cells = ["phone|name", "Name, Phone", "", "items|blood group", "shoe", '["name","phone"]']
    sets, strangers = parse_word_sets(pl.Series(cells), ACCESSES["fields"])
    assert sets.to_list() == ["name|phone", "name|phone", None, "items", None, "name|phone"]
    assert strangers == {"blood", "group", "shoe"}
