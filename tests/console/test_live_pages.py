"""What happens now and what an incident's evidence holds, in a real browser, desk and phone."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext

from console.conftest import add_people, sign_in, wait_for
from console.test_pages import check, watch
from service.serving import Served, serving
from stanch.cases.database import open_database
from stanch.cases.decisions import add_decisions
from stanch.cases.incidents import Actor, open_incident
from stanch.cases.investigations import end_run, start_run
from stanch.cases.keys import add_key
from stanch.cases.resets import KeptReset, add_resets
from stanch.guard.decisions import Decision

HOUR_US = 3_600_000_000


def fill(served: Served, answered: Path) -> str:
    """Decisions, a reset, and an incident with evidence; a key for the shop."""
    database = open_database(f"sqlite:///{served.folder / 'data' / 'stanch.sqlite'}")
    now_us = time.time_ns() // 1_000
    why = "{} of {} accounts tried at this address within two hours were never let in there"
    ends_us = now_us + HOUR_US
    bans = [
        Decision(
            f"203.0.113.{n}",
            "ip",
            "ban",
            "stanch/hosts",
            why.format(n + 10, n + 12),
            now_us,
            ends_us,
            n % 2 == 1,
        )
        for n in range(8)
    ]
    reset = KeptReset("li.wei@shop.test", now_us - HOUR_US, now_us, 0.97, "tried from many networks", True)

    def write(connection: Any) -> str:
        add_decisions(connection, bans, "stanch", now_us)
        add_resets(connection, [reset])
        number = open_incident(connection, "Callers know orders", "high", Actor(None, now_us))
        shutil.copytree(answered, served.folder / "data" / "incidents" / str(number))
        run = start_run(connection, number, "files", Actor(None, now_us))
        end_run(connection, run, "done", now_us)
        return add_key(connection, "shop", "shop", now_us)

    key = database.write(write)
    database.close()
    return key


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, answered: Path) -> Iterator[Served]:
    """A served console with something to show."""
    folder = tmp_path_factory.mktemp("live")
    add_people(Served(folder))
    key = fill(Served(folder), answered)
    with serving(folder) as running:
        wait_for(running)
        with httpx.Client(base_url=running.url, headers={"X-Api-Key": key}) as shop:
            for n in range(40):
                body = {"ip": f"203.0.113.{n % 5}", "account": f"customer-{n}"}
                assert shop.post("/v1/logins/assess", json=body).status_code == 200
        yield running


def test_each_page_holds_in_both_languages_and_sizes(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    wrong = watch(page, served)
    sign_in(page, "administrator")
    for path in (
        "/now", "/decisions", "/decisions?standing=simulated", "/resets", "/rules", "/attempts", "/accounts",
        "/orders",
    ):  # fmt: skip
        page.goto(f"/console{path}")
        check(page)
    page.goto("/console/attempts?least=0.9")
    page.click("tbody a >> nth=0")
    page.wait_for_selector("#explained")
    check(page)
    assert page.locator(".addends li").count() > 8
    for name in ("accounts", "orders"):
        page.goto(f"/console/{name}")
        page.click("tbody a >> nth=0")
        page.wait_for_selector("section.answer")
        check(page)
    page.goto("/console/no-such-page")
    check(page)
    assert wrong == []


def test_now_follows_what_happens_without_a_reload(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, "viewer")
    page.goto("/console/now")
    page.evaluate("document.querySelector('h1').dataset.old = 'yes'; window.kept = 'yes'")
    page.wait_for_selector("h1:not([data-old])", timeout=30_000)
    assert page.evaluate("window.kept") == "yes", "the page was not loaded anew"


def test_a_ban_is_taken_back_with_one_click(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, "analyst")
    page.goto("/console/decisions")
    before = page.locator("tbody tr").count()
    page.click("tbody form button >> nth=0")
    page.wait_for_selector("[role=status]")
    assert page.locator("tbody tr").count() == before - 1
