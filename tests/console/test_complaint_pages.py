"""The complaint desk in a real browser: an agent finds a report, corrects the reading, changes a claim."""

import time

import msgspec
import zstandard
from playwright.sync_api import BrowserContext

from console.conftest import sign_in
from console.test_complaints import ZH
from console.test_pages import check, watch
from service.serving import Served
from stanch.cases.database import open_database
from stanch.cases.segments import Segment, add_segment


def hand_in(served: Served, name: str) -> None:
    """Three victims of one story, and a customer who only asks."""
    texts = [ZH, ZH.replace("5000", "8000"), ZH.replace("5000", "9000"), "Where is my parcel? It is late."]
    rows = [
        {
            "complaint": f"{name}-{n}", "received": f"2026-03-0{n + 1}T10:00:00Z", "order": f"{name}{n}",
            "region": "苏州", "text": text,
        }
        for n, text in enumerate(texts)
    ]  # fmt: skip
    packed = zstandard.compress(b"\n".join(map(msgspec.json.encode, rows)))
    segment = Segment(
        "complaints", "form", None, b"-" * 32, b"{}", time.time_ns() // 1_000, len(rows), packed
    )
    database = open_database(f"sqlite:///{served.folder / 'data' / 'stanch.sqlite'}")
    database.write(lambda connection: add_segment(connection, segment))
    database.close()


def test_an_agent_corrects_a_reading_and_settles_a_claim(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    wrong = watch(page, served)
    sign_in(page, "agent")
    name = f"W{page.viewport_size['width']}"  # type: ignore[index]
    page.goto("/console/complaints")
    check(page)
    hand_in(served, name)
    page.fill("#text", f"{name}0")
    page.click("main .filter button")
    page.click(".complaints a")
    check(page)
    assert "13812345678" not in page.inner_text("main")
    assert page.locator("mark.read").count() > 2
    page.uncheck("#correct input[name=asked][value=screen_sharing]")
    page.click("#correct button")
    page.wait_for_selector("[role=status]")
    assert not page.is_checked("#correct input[name=asked][value=screen_sharing]")
    check(page)
    for path in ("scripts", "figures", "claims"):
        page.goto(f"/console/complaints/{path}")
        check(page)
    page.click("form[data-action=register] button")
    page.wait_for_selector("[role=status]")
    page.click("#claims tbody a")
    page.fill("#change-why", "bank statement")
    page.fill("#change-amount", "1")
    page.click("#change button")
    page.wait_for_selector("[role=status]")
    check(page)
    page.fill(".find input", "批发商")
    page.keyboard.press("Enter")
    page.wait_for_selector("main .plain li")
    check(page)
    assert wrong == []
