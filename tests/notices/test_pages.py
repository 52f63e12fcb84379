"""The pages in a real browser: offline, readable on any screen, light and dark, in both languages."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from test_page import CONTRAST

from browsers import CHROMIUM, launch
from notices.investigated import write_folder, write_shop
from stanch.cli.app import main

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    root = tmp_path_factory.mktemp("pages")
    for name, more in (("bare", []), ("full", ["--shop", str(write_shop(root / "shop.toml"))])):
        folder = write_folder(root / f"findings-{name}", "campaign" if more else "undetermined")
        assert main(["notices", str(folder), "--out", str(root / name), "--quiet", *more]) == 0
    found = [*root.glob("bare/*.html"), *root.glob("full/*.html")]
    assert len(found) == 24
    return sorted(found)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch() as started:
        yield started


@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (1100, "dark"), (360, "light")])
def test_pages_fit_can_be_read_and_ask_nobody(
    width: int, scheme: str, pages: list[Path], browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda r: complaints.append(r.url) if not r.url.startswith("file:") else None)
    for path in pages:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path.name
        assert page.evaluate(CONTRAST) == [], path.name
        lost = page.evaluate(
            "[...document.querySelectorAll('a')].filter(a => a.hash && !document.querySelector(a.hash))"
        )
        assert lost == [], path.name
        links = page.evaluate(
            "[...document.querySelectorAll('a')].map(a => a.href).filter(h => !h.includes('#'))"
        )
        assert all(Path(link.removeprefix("file://")).exists() for link in links), path.name
    assert complaints == []
    context.close()
