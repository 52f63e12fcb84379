"""A console in this process for most tests, and a served one with a browser for what only a browser shows."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from browsers import CHROMIUM, FORMS, launch, open_window
from console.cases import investigate_case, open_investigated, write_case
from console.desks import HASHED, PASSWORD, ConsoleDesk, Member, console_desk
from service.serving import Served, serving
from stanch.cases.database import open_database
from stanch.cases.people import ROLES, Role, add_person


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ConsoleDesk]:
    with console_desk(tmp_path) as opened:
        yield opened


@pytest.fixture
def team(desk: ConsoleDesk) -> dict[Role, Member]:
    """One person for each role, signed in."""
    return desk.add_team()


@pytest.fixture(scope="session")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four tables of a small incident."""
    return write_case(tmp_path_factory.mktemp("case") / "evidence")


@pytest.fixture(scope="session")
def answered(case: Path) -> Path:
    """What its investigation left, as it lies in an incident's folder."""
    folder = case.parent / "incident"
    investigate_case(case, folder)
    return folder


@pytest.fixture
def investigated(desk: ConsoleDesk, answered: Path) -> int:
    """Number of an incident whose evidence was investigated."""
    return open_investigated(desk, answered)


def add_people(served: Served) -> None:
    """One person for each role, called `the-ROLE`, before the service starts."""
    database = open_database(f"sqlite:///{served.folder / 'data' / 'stanch.sqlite'}")
    for role in ROLES:
        now_us = time.time_ns() // 1_000
        database.write(
            lambda c, role=role, now_us=now_us: add_person(c, f"the-{role}", HASHED, [role], now_us)
        )
    database.close()


def wait_for(served: Served) -> None:
    """Until it answers: it says that it listens a moment before it does."""
    transport = httpx.HTTPTransport(retries=8)
    with httpx.Client(transport=transport, timeout=60) as client:
        assert client.get(f"{served.url}/healthz").status_code == 200


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real `stanch serve` with one person for each role."""
    folder = tmp_path_factory.mktemp("console")
    add_people(Served(folder))
    with serving(folder) as running:
        wait_for(running)
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with launch() as started:
        yield started


@pytest.fixture(params=FORMS)
def context(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[BrowserContext]:
    """A browser's window in both languages, schemes and sizes."""
    with open_window(browser, served.url, request.param) as opened:
        yield opened


def sign_in(page: Page, role: Role) -> None:
    """Sign in as the person of a role, by the form, and have the pages in the browser's language."""
    page.goto("/console/sign-in")
    wanted = page.get_attribute("html", "lang")
    page.fill("#name", f"the-{role}")
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_selector(".sections")
    if page.get_attribute("html", "lang") != wanted:
        page.click("form[action$='/account/language'] button")
        page.wait_for_selector(f"html[lang={wanted}]")
