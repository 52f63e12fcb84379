"""When the inside fails, the outside says so plainly and tells nothing."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.forms_in_process import Desk, opening
from service.serving import LOGIN
from stanch.errors import StoreError


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opening(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(StoreError("database or disk is full"), 503, "not_stored"), (KeyError("hunter2"), 500, "internal")],
)
def test_an_error_is_a_problem_without_the_inside(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    status: int,
    code: str,
) -> None:
    headers = {"X-Api-Key": desk.add_key("shipper")}
    assert desk.ask("POST", "/v1/events/logins", json=LOGIN, headers=headers).status_code == 200

    async def fail(_job: object) -> None:
        raise error

    monkeypatch.setattr(desk.database, "write_soon", fail)
    with caplog.at_level(logging.ERROR):
        answer = desk.ask("POST", "/v1/events/logins", json=LOGIN, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert "disk" not in answer.text
    assert "hunter2" not in answer.text
    assert caplog.records, "the operator is told"
    if status == 500:
        assert answer.json()["detail"].rstrip(".").split()[-1] in caplog.text, "under the same number"


def test_a_database_that_is_gone_makes_it_unready_but_not_dead(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise StoreError("the database cannot be reached or used (OperationalError)")

    monkeypatch.setattr(desk.database, "ask", fail)
    ready = desk.ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "not_ready")
    assert ready.headers["retry-after"]
    assert desk.ask("GET", "/healthz").status_code == 200
