"""Draw `docs/report.png`, the picture in the README: answer and time line of the report of `stanch demo`.

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
#: Pixels per CSS pixel: the README shows the picture smaller than the page, so that text needs more.
SCALE = 1.5
#: What stands between answer and time line, and around them.
LEFT_OUT = """
document.querySelectorAll('header, #actions, #time-title').forEach(e => { e.style.display = 'none'; })
"""


def main() -> None:
    """Make the report if none is given, and the picture."""
    if len(sys.argv) > 1:
        photograph(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "stanch", "demo", "--out", folder], check=True)  # noqa: S603
        photograph(Path(folder) / "findings" / "report.html")


def photograph(report: Path) -> None:
    """Write the page's answer and time line, in its light colours, to `PICTURE`."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 900}, color_scheme="light", device_scale_factor=SCALE
        )
        page.goto(report.resolve().as_uri())
        page.evaluate(LEFT_OUT)
        bottom = page.locator("#time figcaption").bounding_box()
        assert bottom is not None
        height = bottom["y"] - 4
        page.screenshot(path=PICTURE, full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()


if __name__ == "__main__":
    main()
