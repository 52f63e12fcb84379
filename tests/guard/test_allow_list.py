"""The allow-list protects whom it names, and a broken one protects everybody."""

import logging
import os
from pathlib import Path

import pytest

from stanch.guard.allow_list import AllowList

GOOD = """\
# our office
203.0.113.7           # the shop floor
198.51.100.0/24
2001:db8:7::/48
account:ann@example.org # the boss
account:shop#7
account:运营
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "allow.txt"
    path.write_text(GOOD, encoding="utf-8")
    return path


def change(path: Path, text: str, *, seconds: int) -> None:
    path.write_text(text, encoding="utf-8")
    os.utime(path, (1_800_000_000 + seconds,) * 2)


@pytest.mark.parametrize(
    ("ip", "account", "allowed"),
    [
        ("203.0.113.7", "", True),
        ("203.0.113.8", "", False),
        ("198.51.100.255", "x", True),
        ("2001:db8:7:ffff::1", "", True),
        ("2001:db8:8::1", "", False),
        ("192.0.2.1", "Ann@Example.org", True),
        ("192.0.2.1", "运营", True),
        ("192.0.2.1", "shop#7", True),
        ("192.0.2.1", "bob", False),
        ("no address", "", False),
    ],
)
def test_whom_it_names(path: Path, ip: str, account: str, allowed: bool) -> None:
    assert AllowList(path).allows(ip, account) is allowed


def test_without_a_file_nobody_is_named_and_bans_are_possible() -> None:
    allow = AllowList(None)
    assert allow.may_ban
    assert not allow.allows("203.0.113.7", "ann")


def test_it_is_read_again_when_it_changes(path: Path) -> None:
    allow = AllowList(path)
    assert not allow.refresh()
    change(path, "192.0.2.1\n", seconds=1)
    assert allow.refresh()
    assert allow.allows("192.0.2.1")
    assert not allow.allows("203.0.113.7")


@pytest.mark.parametrize(
    "broken", ["203.0.113.7/8\n", "10.0.0.1 10.0.0.2\n", "account:\n", "ann@example.org\n", "300.1.1.1\n"]
)
def test_a_broken_line_stops_all_bans_and_says_where(
    path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    allow = AllowList(path)
    change(path, "192.0.2.1\n" + broken, seconds=1)
    with caplog.at_level(logging.ERROR):
        allow.refresh()
        allow.refresh()
    assert not allow.may_ban
    assert "line 2" in allow.problem
    assert allow.allows("203.0.113.7"), "whom the list named last stays protected"
    assert [record.levelname for record in caplog.records] == ["ERROR"], "loud, but once"
    change(path, GOOD, seconds=2)
    allow.refresh()
    assert allow.may_ban


@pytest.mark.parametrize("kind", ["missing", "folder", "binary", "huge"])
def test_a_file_that_cannot_be_read_stops_all_bans(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "allow"
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00\xd8")
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(17 << 20)
    assert not AllowList(path).may_ban


def test_a_list_that_vanishes_stops_bans_until_it_is_back(path: Path) -> None:
    allow = AllowList(path)
    path.unlink()
    allow.refresh()
    assert not allow.may_ban
    path.write_text("")
    allow.refresh()
    assert allow.may_ban
