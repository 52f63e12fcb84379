"""Draw `docs/report.png`, the picture in the README: the top of the report of `stanch demo`.

    uv run python docs/make_report_picture.py

Runs the demo in a temporary folder and photographs its report with Chromium (any on the PATH).
Pass the path of a report to photograph that one instead.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent / "report.png"
WIDTH = 1080


def main() -> None:
    """Make the report if none is given, and the picture."""
    if len(sys.argv) > 1:
        photograph(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "stanch", "demo", "--out", folder], check=True)  # noqa: S603
        photograph(Path(folder) / "findings" / "report.html")


def photograph(report: Path) -> None:
    """Write the top of the page, in its light colours, to `PICTURE`."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900}, color_scheme="light")
        page.goto(report.resolve().as_uri())
        bottom = page.locator("#time figcaption").bounding_box()
        assert bottom is not None
        height = bottom["y"] - 4
        page.screenshot(path=PICTURE, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()


if __name__ == "__main__":
    main()
