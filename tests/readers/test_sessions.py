"""Accesses that only have a session are named after whoever logged in with it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stanch.engine import Engine, EngineSettings, open_engine
from stanch.evidence.rejects import RejectLog
from stanch.progress import SilentProgress
from stanch.readers import ReadRequest, read_evidence
from stanch.readers.sessions import join_actors
from stanch.readers.settings import ReaderSettings, WebLogSettings

AT = datetime(2024, 3, 1, 12, tzinfo=UTC)
WEB = WebLogSettings(extra_fields=("sid",), session_key="sid", login_success=("302",))


def request(second: int, what: str, status: int, session: str, user: str = "-") -> str:
    return (
        f'203.0.113.7 - {user} [01/Mar/2024:12:00:{second:02} +0000] "{what} HTTP/1.1" {status} 1'
        f' "-" "Mozilla/5.0" "{session}"\n'
    )


@pytest.fixture
def engine() -> Engine:
    return open_engine("duckdb", EngineSettings(threads=1, memory_limit_mb=512))


def read(engine: Engine, folder: Path, text: str, key: bytes | None = None) -> None:
    log = folder / "access.log"
    log.write_text(text, encoding="utf-8")
    paths = {"logins": [str(log)], "accesses": [str(log)]}
    wanted = ReadRequest(paths=paths, settings=ReaderSettings(web=WEB), key=key)
    with RejectLog(folder / "rejects.jsonl") as rejects:
        read_evidence(wanted, engine, rejects, SilentProgress())


@pytest.mark.parametrize("key", [None, b"0123456789abcdef"], ids=["plain", "pseudonymised"])
def test_one_log_of_a_shop_gives_actors(engine: Engine, tmp_path: Path, key: bytes | None) -> None:
    text = (
        request(0, "GET /orders/100", 200, "s1")  # before the login: still nobody
        + request(1, "POST /login?user=alice", 302, "s1")
        + request(2, "GET /orders/101", 200, "s1")
        + request(3, "POST /login?user=bob", 200, "s2")  # failed
        + request(4, "GET /orders/102", 200, "s2")
        + request(5, "POST /login?user=carol", 302, "s1")  # the same browser, somebody else
        + request(6, "GET /orders/103", 200, "s1")
        + request(7, "GET /admin/orders/104", 200, "s1", "agent07")
    )
    read(engine, tmp_path, text, key)
    assert join_actors(engine) == 2
    found = engine.fetch("SELECT line, actor, actor_kind FROM accesses ORDER BY line").rows()
    accounts = dict(engine.fetch("SELECT line, account FROM logins ORDER BY line").rows())
    assert [(line, kind) for line, _, kind in found] == [
        (1, "anonymous"),
        (3, "customer"),
        (5, "anonymous"),
        (7, "customer"),
        (8, "staff"),
    ]
    assert (found[1][1], found[3][1]) == (accounts[2], accounts[6])
    if key is None:
        assert found[0][1] == "/orders/{id}"
        assert accounts[2] == "alice"


def test_without_sessions_or_logins_nothing_happens(engine: Engine, tmp_path: Path) -> None:
    assert join_actors(engine) == 0
    read(engine, tmp_path, request(0, "GET /orders/100", 200, "-") + request(1, "POST /login", 302, "-"))
    assert join_actors(engine) == 0
    assert engine.count("accesses") == 1
