"""The evidence of an incident in a real browser: the sample, the time line, files that are dragged in."""

import re
import shutil
import time
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, expect

from console.conftest import add_people, sign_in, wait_for
from console.test_pages import check, watch
from service.serving import Served, serving
from stanch.cases.database import open_database
from stanch.cases.incidents import Actor, open_incident
from stanch.cases.investigations import end_run, start_run

#: A run takes its time where several tests share a machine.
SLOW_MS = 400_000


def add_incident(served: Served, title: str, answered: Path | None = None) -> int:
    """An incident of the served console, with evidence or without."""
    actor = Actor(None, time.time_ns() // 1_000)
    database = open_database(f"sqlite:///{served.folder / 'data' / 'stanch.sqlite'}")
    number = database.write(lambda c: open_incident(c, title, "high", actor))
    if answered is not None:
        shutil.copytree(answered, served.folder / "data" / "incidents" / str(number))
        run = database.write(lambda c: start_run(c, number, "files", actor))
        database.write(lambda c: end_run(c, run, "done", actor.at_us))
    database.close()
    return number


def brush(page: Page) -> None:
    """Draw across the last third of the first chart."""
    page.locator(".charts .u-over").first.scroll_into_view_if_needed()
    box = page.locator(".charts .u-over").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.66, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.95, y, steps=5)
    page.mouse.up()
    page.wait_for_selector("[data-followed*='from=']")


def test_an_analyst_reads_the_answer_and_every_panel_follows_the_time_line(
    served: Served, context: BrowserContext, answered: Path
) -> None:
    number = add_incident(served, "来电者知道订单", answered)
    page = context.new_page()
    wrong = watch(page, served)
    sign_in(page, "analyst")
    page.goto(f"/console/incidents/{number}")
    page.wait_for_selector("[data-drawn]")
    check(page)
    whole = page.inner_text("#counts")
    brush(page)
    assert re.search(r"\?from=\d+&until=\d+$", page.url)
    assert page.inner_text("#counts") != whole
    check(page)
    page.reload()
    page.wait_for_selector("[data-drawn]")
    assert page.inner_text("#counts") != whole, "the address says which stretch of time"
    page.click("[data-whole]")
    page.wait_for_function("() => !location.search.includes('from=')")
    expect(page.locator("#counts")).to_contain_text(whole.split("\n")[-1])
    page.click("#fallen [rel=next]")
    page.wait_for_selector("#fallen [rel=prev]")
    for path in (f"incidents/{number}/timeline", f"incidents/{number}/investigation", "sources"):
        page.goto(f"/console/{path}")
        check(page)
    page.goto(f"/console/incidents/{number}")
    # Each of the two windows asks about somebody else: who has asked is not asked again.
    page.locator("#fallen a[href*='/names/']").nth(page.viewport_size["width"] % 7).click()  # type: ignore[index]
    page.fill("#unmask-reason", "Her order, her call")
    page.click("form[data-action=unmask] button")
    page.wait_for_selector(".headline")
    check(page)
    assert wrong == []


def test_files_are_dragged_in_and_a_run_outlives_a_reload_and_is_cancelled(
    served: Served, context: BrowserContext, case: Path
) -> None:
    number = add_incident(served, "拖入日志")
    page = context.new_page()
    wrong = watch(page, served)
    sign_in(page, "analyst")
    page.goto(f"/console/incidents/{number}")
    check(page)
    page.click("#verdict .button")
    check(page)
    text = (case / "logins.csv").read_text("utf-8") + "not,a,row\n"
    files = page.evaluate_handle(
        """(text) => {
          const files = new DataTransfer();
          files.items.add(new File([text], "logins.csv"));
          files.items.add(new File(["%PDF"], "picture.pdf"));
          return files;
        }""",
        text,
    )
    page.locator("[data-hand-in]").dispatch_event("drop", {"dataTransfer": files})
    page.wait_for_selector(".cards li:nth-child(2)")
    check(page)
    assert "logins.csv" in page.inner_text(".cards li:nth-child(1)")
    assert page.locator(".cards li:nth-child(2) .wrong").count() == 1
    page.click(f"#run form[action$='/{number}/investigation'] button")
    page.wait_for_selector("#run form[action$='/cancel']")
    page.reload()
    page.wait_for_selector("#run form[action$='/cancel']")
    check(page)
    page.click("#run form[action$='/cancel'] button")
    page.wait_for_selector("#run.tone-caution", timeout=SLOW_MS)
    check(page)
    assert wrong == []


def test_a_newcomer_loads_the_sample_sees_the_answer_and_removes_it(tmp_path: Path, browser: Browser) -> None:
    add_people(Served(tmp_path))
    with serving(tmp_path) as served, browser.new_context(base_url=served.url, locale="en-GB") as context:
        wait_for(served)
        page = context.new_page()
        wrong = watch(page, served)
        sign_in(page, "administrator")
        page.goto("/console/incidents")
        page.click("form[action$='/sample'] button")
        page.wait_for_selector("#run.tone-plain")
        page.reload()
        page.wait_for_selector("#run.tone-calm", timeout=SLOW_MS)
        page.click("#run a.button")
        page.wait_for_selector("[data-drawn]")
        assert "stolen passwords" in page.inner_text("#verdict .headline")
        brush(page)
        page.click("form[action$='/sample/remove'] button")
        page.wait_for_selector("[role=status]")
        assert page.locator("form[action$='/sample']").count() == 1, "as empty as before"
        assert wrong == []
