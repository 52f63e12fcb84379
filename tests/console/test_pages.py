"""The console in a real browser: what each of its people does, desk and phone, and a dead server."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from console.conftest import add_people, sign_in, wait_for
from console.desks import PASSWORD
from service.serving import Served, serving
from stanch.cases.people import ROLES

AXE = Axe()
#: Words of ours that are the same in Chinese.
OURS = {"Stanch", "UTC", "GDPR", "English", "the"}


def check(page: Page) -> None:
    """What has to hold on every page; later pages are given to it as well."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "something sticks out"
    assert page.locator("h1").count() == 1
    found = AXE.run(page).response["violations"]
    grave = [
        (v["id"], [n["html"] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")
    ]
    assert grave == []
    transferred = page.evaluate(
        "performance.getEntries().reduce((sum, e) => sum + (e.encodedBodySize || 0), 0)"
    )
    assert transferred < 300_000
    if page.get_attribute("html", "lang") == "zh-CN":
        shown = " ".join(
            page.locator(":is(h1, h2, label, button, summary, th, nav a, .lead)").all_inner_texts()
        )
        words = set(re.findall(r"[A-Za-z]{3,}", shown))
        assert words <= OURS | set(ROLES)


def watch(page: Page, served: Served) -> list[str]:
    """What goes wrong on a page while it is used: errors, refused scripts, requests to elsewhere."""
    wrong: list[str] = []
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith(served.url) else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda m: wrong.append(m.text) if m.type == "error" and "status of 4" not in m.text else None,
    )
    return wrong


def test_an_agent_takes_an_incident_from_start_to_end(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    wrong = watch(page, served)
    page.goto("/console/incidents")
    check(page)
    sign_in(page, "agent")
    page.goto("/console/incidents")
    check(page)
    if page.locator("details[open]").count() == 0:
        page.click("summary")
    title = f"来电者知道订单 {served.port}"
    page.fill("#open_incident-title", title)
    page.check("input[value=gdpr]")
    page.click("form[data-action=open_incident] button")
    page.wait_for_selector("[role=status]")
    assert "done=" not in page.url, "a reload tells it no second time"
    assert page.inner_text("h1") == title
    assert "71" in page.inner_text("#tasks .task"), "the clock shows how long is left"
    check(page)
    page.fill("#note", "Three callers knew the carrier. @the-analyst")
    page.click("form[data-action=add_note] button")
    page.wait_for_selector("#notes li")
    assert page.input_value("#note") == ""
    page.click("#tasks .task button")
    page.wait_for_selector("#tasks .done")
    page.click("#answer summary")
    page.select_option("#set_state-state", "closed")
    page.click("form[data-action=set_state] button")
    page.wait_for_selector("[aria-invalid=true]")
    assert page.evaluate("document.activeElement.id") == "set_state-reason", "typing goes on at the mistake"
    check(page)
    page.keyboard.type("The carrier mended it")
    page.keyboard.press("Enter")
    page.wait_for_selector(".tone-calm")
    check(page)
    assert wrong == []


def test_an_administrator_invites_somebody_who_signs_in_with_a_second_factor(
    served: Served, context: BrowserContext, browser: Browser
) -> None:
    page = context.new_page()
    wrong = watch(page, served)
    sign_in(page, "administrator")
    page.goto("/console/people")
    check(page)
    name = f"the-{page.viewport_size['width']}"  # type: ignore[index]
    page.fill("#invite-name", name)
    page.click("form[data-action=invite] button")
    page.wait_for_selector(".wrong")
    assert page.input_value("#invite-name") == name
    page.check("form[data-action=invite] input[value=officer]")
    page.click("form[data-action=invite] button")
    link = page.input_value(".copy")
    check(page)
    assert link.startswith(f"{served.url}/console/welcome?link=")
    with browser.new_context() as other:
        guest = other.new_page()
        guest.goto(link)
        check(guest)
        guest.fill("#password", PASSWORD)
        guest.fill("#again", PASSWORD)
        guest.click("main button")
        guest.wait_for_selector(".sections")
        guest.goto(f"{served.url}/console/audit")
        check(guest)
        guest.goto(f"{served.url}/console/account")
        check(guest)
        guest.goto(f"{served.url}/console/account/second-factor")
        assert guest.locator(".qr svg path").count() > 0
        check(guest)
    page.goto("/console/people")
    check(page)
    assert wrong == []


def test_a_viewer_reads_prints_and_changes_nothing(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, "analyst")
    page.goto("/console/incidents")
    if page.locator("details[open]").count() == 0:
        page.click("summary")
    page.fill("#open_incident-title", "供阅读")
    page.click("form[data-action=open_incident] button")
    page.wait_for_selector("[role=status]")
    path = page.url
    page.click("form[action$='/sign-out'] button")
    page.wait_for_selector("#password")
    sign_in(page, "viewer")
    page.goto(path)
    assert page.locator("main form").count() == 0
    check(page)
    page.emulate_media(media="print", color_scheme="light")
    assert not page.is_visible(".sections")
    assert page.is_visible("#history")
    page.emulate_media(media="screen")
    page.goto("/console/people")
    assert page.locator("h1").count() == 1
    check(page)


def test_the_keyboard_alone_is_enough(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/console/sign-in")
    page.keyboard.type("the-agent")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector(".sections")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main", "the first stop leads past the navigation"


def test_what_one_writes_the_other_sees_without_a_reload(served: Served, browser: Browser) -> None:
    first, second = browser.new_context(base_url=served.url), browser.new_context(base_url=served.url)
    one, two = first.new_page(), second.new_page()
    sign_in(one, "agent")
    one.goto("/console/incidents")
    if one.locator("details[open]").count() == 0:
        one.click("summary")
    one.fill("#open_incident-title", "Together")
    one.click("form[data-action=open_incident] button")
    one.wait_for_selector("[role=status]")
    sign_in(two, "analyst")
    two.goto(one.url)
    two.fill("#note", "half a sent")
    one.fill("#note", "From the agent")
    one.click("form[data-action=add_note] button")
    one.wait_for_selector("#notes li")
    # What the clock does each quarter of a minute.
    two.evaluate("htmx.trigger('#notes-now', 'look')")
    two.wait_for_selector("#notes li")
    assert "From the agent" in two.inner_text("#notes")
    assert two.input_value("#note") == "half a sent", "and loses nothing of what is being typed"
    first.close()
    second.close()


@pytest.mark.parametrize("how", ["reload", "send"])
def test_a_dead_server_loses_no_typed_note(tmp_path: Path, browser: Browser, how: str) -> None:
    add_people(Served(tmp_path))
    context = browser.new_context()
    page = context.new_page()
    text = "Long thoughts about the carrier"
    with serving(tmp_path) as running:
        wait_for(running)
        page.goto(f"{running.url}/console/sign-in")
        page.fill("#name", "the-agent")
        page.fill("#password", PASSWORD)
        page.click("main button")
        page.wait_for_selector(".sections")
        page.goto(f"{running.url}/console/incidents")
        page.fill("#open_incident-title", "x")
        page.click("form[data-action=open_incident] button")
        page.wait_for_selector("#note")
        path = page.url
        page.fill("#note", text)
    running.process = None
    if how == "send":
        page.click("form[data-action=add_note] button")
    running.start()
    wait_for(running)
    try:
        page.goto(path)
        assert page.input_value("#note") == text
        assert page.is_visible("[data-draft-told]")
        page.click("form[data-action=add_note] button")
        page.wait_for_selector("#notes li")
        page.goto(path)
        assert page.input_value("#note") == "", "sent, so no draft any more"
    finally:
        assert running.process is not None
        running.process.kill()
        running.process.communicate()
        context.close()
