"""Accesses that only have a session are named after whoever logged in with it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from stanch.engine import Engine, EngineSettings, open_engine
from stanch.evidence.rejects import RejectLog
from stanch.findings import Input
from stanch.progress import SilentProgress
from stanch.readers import ReadRequest, read_evidence
from stanch.readers.sessions import forget_unnamed, join_actors
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


def read(engine: Engine, folder: Path, text: str, key: bytes | None = None) -> list[Input]:
    log = folder / "access.log"
    log.write_text(text, encoding="utf-8")
    paths = {"logins": [str(log)], "accesses": [str(log)]}
    wanted = ReadRequest(paths=paths, settings=ReaderSettings(web=WEB), key=key)
    with RejectLog(folder / "rejects.jsonl") as rejects:
        return read_evidence(wanted, engine, rejects, SilentProgress()).inputs


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


@pytest.mark.parametrize("session", ["-", "s1"], ids=["without", "with-sessions-of-no-login"])
def test_where_nobody_is_named_nobody_is_called_anonymous(
    engine: Engine, tmp_path: Path, session: str
) -> None:
    inputs = read(engine, tmp_path, request(0, "GET /orders/100", 200, session))
    assert join_actors(engine) == 0
    (told,) = forget_unnamed(engine, inputs)
    assert "access.log names nobody" in told
    assert engine.fetch('SELECT actor_kind, "order" FROM accesses').rows() == [(None, "100")]


@pytest.mark.parametrize(
    "naming",
    [
        request(1, "GET /account/orders/101", 200, "-", "alice"),
        request(1, "POST /login?user=alice", 302, "s1") + request(2, "GET /orders/101", 200, "s1"),
    ],
    ids=["user", "session"],
)
def test_a_log_that_names_somebody_shows_who_did_not_sign_in(
    engine: Engine, tmp_path: Path, naming: str
) -> None:
    inputs = read(engine, tmp_path, request(0, "GET /orders/100", 200, "-") + naming)
    join_actors(engine)
    assert forget_unnamed(engine, inputs) == []
    found = dict(engine.fetch('SELECT "order", actor_kind FROM accesses').rows())
    assert found == {"100": "anonymous", "101": "customer"}


def test_a_table_may_say_that_nobody_signed_in(engine: Engine, tmp_path: Path) -> None:
    table = tmp_path / "seen.csv"
    table.write_text("time,actor,actor_kind,order,channel\n2024-03-01T12:00Z,,anonymous,100,/track\n")
    with RejectLog(tmp_path / "rejects.jsonl") as rejects:
        wanted = ReadRequest(paths={"accesses": [str(table)]})
        inputs = read_evidence(wanted, engine, rejects, SilentProgress()).inputs
    assert forget_unnamed(engine, inputs) == []
    assert engine.fetch("SELECT actor, actor_kind FROM accesses").rows() == [("/track", "anonymous")]
