"""Debian's Chromium, for tests of what only a browser shows."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: Windows in both languages, schemes and sizes.
FORMS = ["en-light-desktop", "zh-dark-phone"]


@contextmanager
def launch(*words: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *words])
        yield started
        started.close()


@contextmanager
def open_window(browser: Browser, url: str, form: str) -> Iterator[BrowserContext]:
    """A window in one of `FORMS`."""
    lang, scheme, device = form.split("-")
    opened = browser.new_context(
        base_url=url,
        locale={"en": "en-GB", "zh": "zh-CN"}[lang],
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport={"width": 360, "height": 740} if device == "phone" else {"width": 1280, "height": 900},
    )
    opened.set_default_timeout(30_000)
    yield opened
    opened.close()
