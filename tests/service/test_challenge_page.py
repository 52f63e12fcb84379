"""The challenge in a real browser: solved by itself, and passed without script."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from browsers import CHROMIUM, launch
from service.serving import Served, serving
from service.test_pages import CONTRAST, UNNAMED

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    # A form sent at once is doubted; a challenge is much work, or one second of waiting.
    settings = (
        "[service.forms]\nmin_fill_s = 60.0\n[service.challenge]\nmin_bits = 16\nmax_bits = 18\nwait_s = 1\n"
    )
    with serving(tmp_path_factory.mktemp("challenge"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as started:
        yield started


def open_context(browser: Browser, served: Served, *, zh: bool = False, **given: object) -> BrowserContext:
    context = browser.new_context(
        base_url=served.url,
        locale="zh-CN" if zh else "en-GB",
        color_scheme="dark" if zh else "light",
        viewport={"width": 360, "height": 740} if zh else {"width": 1280, "height": 900},
        **given,  # type: ignore[arg-type]
    )
    context.set_default_timeout(60_000)
    return context


def check(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(UNNAMED) == []


@pytest.mark.parametrize("zh", [False, True], ids=["en-light-desktop", "zh-dark-phone"])
def test_the_browser_does_the_work_and_goes_on(served: Served, browser: Browser, zh: bool) -> None:
    context = open_context(browser, served, zh=zh)
    page = context.new_page()
    foreign: list[str] = []
    page.on("request", lambda r: foreign.append(r.url) if not r.url.startswith(served.url) else None)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    # The worker is held back until the page was looked at.
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/challenge-worker.js", hold)
    page.goto("/challenge?next=/healthz", wait_until="load")
    status = page.get_by_role("status")
    assert status.inner_text() == ("正在计算……" if zh else "Calculating…")
    assert page.get_by_role("progressbar").is_visible()
    assert page.get_by_role("button").count() == 0, "nothing to press"
    check(page)
    held[0].continue_()
    page.wait_for_url(f"{served.url}/healthz")
    cookies = {cookie["name"]: cookie for cookie in context.cookies()}
    assert cookies["stanch-passed"]["httpOnly"]
    assert foreign == []
    assert problems == [], "the content policy allows all that the page needs"
    context.close()


def test_a_worker_that_fails_leaves_the_way_without_script(served: Served, browser: Browser) -> None:
    context = open_context(browser, served)
    page = context.new_page()
    page.route("**/challenge-worker.js", lambda route: route.abort())
    page.goto("/challenge?next=/healthz")
    page.get_by_role("button", name="Go on").wait_for()
    assert "did not work" in page.get_by_role("status").inner_text()
    check(page)
    context.close()


def test_without_script_waiting_and_pressing_passes(served: Served, browser: Browser) -> None:
    context = open_context(browser, served, zh=True, java_script_enabled=False)
    page = context.new_page()
    page.goto("/challenge?next=/healthz")
    page.wait_for_timeout(1_100)
    page.keyboard.press("Tab")
    page.get_by_role("button").press("Enter")
    page.wait_for_url(f"{served.url}/healthz")
    assert "stanch-passed" in [cookie["name"] for cookie in context.cookies()]
    context.close()


def test_a_doubted_report_is_sent_after_work_in_place_of_the_question(
    served: Served, browser: Browser
) -> None:
    context = open_context(browser, served, zh=True)
    page = context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if "422" not in message.text else None)
    page.goto("/complaints/new")
    assert page.locator("script").count() == 0, "no script unless a report is doubted"
    page.locator("[name=text]").fill("他们知道我买了什么")
    page.locator("[name=order]").fill("A-1001")
    page.locator("button[type=submit]").click()
    page.get_by_role("status").wait_for()
    assert page.locator("[name=answer]").is_hidden()
    check(page)
    # Pressed before the work is done, or after: once is enough.
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/complaints/received*")
    assert problems == []
    context.close()


def test_the_question_stays_for_those_without_script(served: Served, browser: Browser) -> None:
    context = open_context(browser, served, java_script_enabled=False)
    page = context.new_page()
    page.goto("/complaints/new")
    page.locator("[name=text]").fill("They knew what I had ordered")
    page.locator("[name=order]").fill("A-1002")
    page.locator("button[type=submit]").click()
    words = page.locator(".question").inner_text().rstrip("?").split()
    page.locator("[name=answer]").fill(str(int(words[-3]) + int(words[-1])))
    page.locator("button[type=submit]").click()
    page.wait_for_url("**/complaints/received*")
    context.close()
