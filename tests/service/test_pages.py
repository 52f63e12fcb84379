"""The forms in a real browser: by keyboard alone, on a phone, in Chinese, in the dark, without script."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from browsers import CHROMIUM, FORMS, launch, open_window
from service.serving import Served, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

#: Contrast of texts, and of the edges of entries, against what lies behind (WCAG 2.2, 1.4.3 and 1.4.11).
CONTRAST = """
() => {
  const parse = c => c.match(/[\\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const ratio = (a, b) => {
    const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p);
    return (x + 0.05) / (y + 0.05);
  };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.checkVisibility()) continue;
    if (ratio(parse(getComputedStyle(e).color), ground(e)) < 4.5)
      bad.push(walk.currentNode.data.slice(0, 40));
  }
  const entries = 'main input:not([type=checkbox]):not([type=hidden]), textarea, select';
  for (const e of document.querySelectorAll(entries))
    if (ratio(parse(getComputedStyle(e).borderTopColor), ground(e.parentElement)) < 3) bad.push(e.name);
  return bad;
}
"""
#: What a screen reader would not be told: entries without a name, pictures of nothing, ids used twice.
UNNAMED = """
() => [...document.querySelectorAll('input:not([type=hidden]), textarea, select, button')]
  .filter(e => !e.closest('[aria-hidden=true]') && !(e.labels?.length || e.ariaLabel || e.innerText.trim()))
  .map(e => e.outerHTML)
  .concat([...document.querySelectorAll('[id]')].map(e => e.id).filter((id, i, all) => all.indexOf(id) !== i))
  .concat([...document.querySelectorAll('[aria-describedby]')]
    .flatMap(e => e.getAttribute('aria-describedby').split(' ')).filter(id => !document.getElementById(id)))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    settings = "[service.forms]\nmin_fill_s = 0.0\nask_after = 1000\nrefuse_after = 1000\n"
    with serving(tmp_path_factory.mktemp("pages"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def key(served: Served) -> str:
    return served.add_key("desk")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as started:
        yield started


@pytest.fixture(params=FORMS)
def context(request: pytest.FixtureRequest, browser: Browser, served: Served) -> Iterator[BrowserContext]:
    with open_window(browser, served.url, request.param) as opened:
        yield opened


def check(page: Page) -> None:
    """What has to hold on every page."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out"
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate(UNNAMED) == []
    assert page.locator("h1").count() == 1
    assert page.locator("script").count() == 0
    if page.get_attribute("html", "lang") == "zh-CN":
        shown = page.inner_text("main") + page.title()
        words = set(re.findall(r"[A-Za-z]{3,}", re.sub(r"[WH]-\w{5}-\w{5}|<b>.*", "", shown)))
        ours = {"UTC", "Cookie", "Alt", "Shift", "Firefox", "Mac", "Control", "Option", "ingest"}
        currencies = set(" ".join(page.locator("select").all_inner_texts()).split())
        assert words - ours <= currencies


def press_quick_key(page: Page, key: str) -> None:
    """Alt and `key`. Playwright's own `press` leaves out what the key would write without Alt."""
    session = page.context.new_cdp_session(page)
    code = f"Key{key.upper()}" if key.isalpha() else f"Digit{key}"
    event = {"modifiers": 1, "key": key, "code": code, "windowsVirtualKeyCode": ord(key.upper())}
    session.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": key, "unmodifiedText": key, **event})
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})
    session.detach()


def tab_to(page: Page, name: str) -> None:
    """Move on by the Tab key until the entry `name` has the focus."""
    for _ in range(60):
        if page.evaluate("document.activeElement.name || document.activeElement.type") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not reach {name}")


def test_a_victim_reports_by_keyboard_alone(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    foreign: list[str] = []
    page.on("request", lambda r: foreign.append(r.url) if not r.url.startswith(served.url) else None)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if "422" not in message.text else None)
    page.goto("/complaints/new")
    check(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main"), "the first stop leads past the header"
    tab_to(page, "text")
    page.keyboard.type("Keyboard only: <b>they</b> knew all. 他们都知道")
    tab_to(page, "known_fields")
    page.keyboard.press("Space")
    tab_to(page, "loss")
    page.keyboard.type("12,50")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    check(page)
    assert page.input_value("#text").startswith("Keyboard only: <b>they</b>")
    page.locator("[role=alert] a").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id || location.hash.slice(1)") == "order"
    page.focus("#order")
    page.keyboard.type("A-77")
    page.keyboard.press("Enter")
    page.wait_for_selector("output")
    check(page)
    number = page.inner_text("output")
    (row,) = [r for r in served.export()["complaints"] if r["complaint"] == number]
    assert (row["order"], row["known_fields"], row["loss"]) == ("A-77", "name", 12.5)
    assert foreign == []
    assert problems == []
    page.reload()
    assert page.inner_text("output") == number
    assert sum(r["complaint"] == number for r in served.export()["complaints"]) == 1


def test_an_agent_works_by_quick_keys(served: Served, context: BrowserContext, key: str) -> None:
    page = context.new_page()
    page.goto("/hotline")
    check(page)
    page.keyboard.type("stanch_wrong")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    check(page)
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    page.wait_for_selector("#text")
    check(page)
    press_quick_key(page, "s")
    page.wait_for_selector("[role=alert]")
    check(page)
    for letter, words in {"p": "13800000000", "t": "Caller 3 of the night", "c": "+852 5550 1234"}.items():
        press_quick_key(page, letter)
        page.keyboard.type(words)
    press_quick_key(page, "2")
    press_quick_key(page, "4")
    press_quick_key(page, "s")
    page.wait_for_selector("[role=status]")
    check(page)
    number = re.search(r"H-\w{5}-\w{5}", page.inner_text("[role=status]"))
    assert number is not None
    (row,) = [r for r in served.export()["complaints"] if r["complaint"] == number[0]]
    assert (row["phone"], row["known_fields"], row["channel"]) == ("13800000000", "phone|items", "hotline")
    assert page.input_value("#text") == "", "ready for the next caller"
    assert page.evaluate("document.cookie") == "", "no script can read the cookie"
    page.click(".out button")
    page.wait_for_selector("#key")
    page.goto("/hotline")
    assert page.locator("#key").count() == 1


def test_a_double_click_files_one_report(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/complaints/new")
    page.fill("#text", "Double click")
    account = f"twice-{context.browser and page.viewport_size}"
    page.fill("#account", account)
    page.dblclick("main button[type=submit]")
    page.wait_for_selector("output")
    assert sum(r["account"] == account for r in served.export()["complaints"]) == 1


def test_the_language_can_be_switched_and_stays(context: BrowserContext) -> None:
    page = context.new_page()
    page.goto("/complaints/new")
    before = page.get_attribute("html", "lang")
    page.click(".switch")
    page.wait_for_selector("h1")
    after = page.get_attribute("html", "lang")
    assert {before, after} == {"en", "zh-CN"}
    page.click("main button[type=submit]")
    page.wait_for_selector("[role=alert]")
    assert page.get_attribute("html", "lang") == after


def test_attachments_from_a_foreign_page_get_a_polite_page(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    page.set_content(
        f"<form method=post enctype=multipart/form-data action='{served.url}/complaints/new'>"
        "<input name=text value=x><button>x</button></form>"
    )
    page.click("button")
    page.wait_for_selector("main a")
    check(page)
    assert page.locator("main a").get_attribute("href", timeout=1_000).startswith("/complaints/new")  # type: ignore[union-attr]


def test_no_other_site_can_frame_the_pages(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    page.set_content(f"<iframe src='{served.url}/hotline/sign-in'></iframe>")
    page.wait_for_load_state()
    assert all(frame.query_selector("#key") is None for frame in page.frames)
