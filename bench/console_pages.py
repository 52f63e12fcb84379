"""How soon the page of a large incident is seen, and what it weighs.

    python bench/console_pages.py

An incident of the simulator is investigated as the console does it; then its kept tables are laid many times
over, each time under other pseudonyms and at other moments, to 2 million attempts and 50,000 complaints. A
real service shows it to Chromium, which starts with an empty cache each time. Weights are gzip's, level 6,
as a proxy would send them.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec
from playwright.sync_api import BrowserContext, Page, Response, sync_playwright

from stanch.console.evidence import TABLES
from stanch.console.keeping import KEPT, SUMMARY, Summary
from stanch.engine import EngineSettings, open_engine

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from console.cases import investigate_case, write_case
from console.conftest import add_people, sign_in, wait_for
from console.test_case_pages import add_incident
from service.serving import Served, serving

#: Tables that grow with the attempts, with the complaints, and those that stay.
_BY_ATTEMPTS = ("attempts", "accounts", "addresses", "accesses", "orders", "exposures")
_BY_COMPLAINTS = ("complaints",)
_REFS = {"account", "order", "actor"}
#: What is there once a page is whole: the chart, the ranking.
_WHOLE = "[data-drawn], #ranking"
#: When something can be seen, by the browser's own measure.
_PAINT = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return paint ? paint.startTime : null;
}"""
_SORTED = {
    "attempts": "time_us, id", "accounts": "p_compromised DESC, orders_exposed DESC, account",
    "addresses": "attack DESC, ip", "accesses": "time_us", "orders": '"order"',
    "exposures": '"order", first_us, source', "complaints": "received_us",
}  # fmt: skip


def enlarge(folder: Path, n_attempts: int, n_complaints: int) -> Summary:
    """Lay the tables in `folder` many times over; the number of their rows then."""
    path = folder / SUMMARY
    summary = msgspec.json.decode(path.read_bytes(), type=Summary)
    rows = dict(summary.rows)
    with closing(open_engine("duckdb", EngineSettings())) as engine:
        for table in (*_BY_ATTEMPTS, *_BY_COMPLAINTS):
            wanted = n_complaints if table in _BY_COMPLAINTS else n_attempts
            base = summary.rows["complaints" if table in _BY_COMPLAINTS else "attempts"]
            copies = -(-wanted // max(base, 1))
            engine.view_parquet("given", folder / f"{table}.parquet")
            names = engine.fetch("SELECT * FROM given LIMIT 0").columns
            columns = ", ".join(_vary(name) for name in names)
            grown = folder / f"{table}.grown"
            sql = f"SELECT {columns} FROM given AS g, range({copies}) AS r(nth) ORDER BY {_SORTED[table]}"
            engine.write_parquet(sql, grown)
            grown.replace(folder / f"{table}.parquet")
            engine.view_parquet("given", folder / f"{table}.parquet")
            rows[table] = engine.count("given")
    larger = msgspec.structs.replace(summary, rows=rows)
    path.write_bytes(msgspec.json.encode(larger))
    return larger


def _vary(name: str) -> str:
    """Another pseudonym, number or moment in each copy."""
    if name in _REFS:
        hashed = f'substr(md5(concat(g."{name}", nth)), 1, 24)'
        return f'CASE WHEN g."{name}" IS NOT NULL THEN {hashed} END AS "{name}"'
    if name in ("time_us", "received_us"):
        return f"g.{name} + nth * 61000 AS {name}"
    return f"g.id * 1000 + nth AS {name}" if name == "id" else f'g."{name}"'


def open_page(context: BrowserContext) -> Page:
    """A window that keeps nothing, so that each page brings all of its files."""
    page = context.new_page()
    page.set_default_timeout(120_000)
    context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    return page


def weigh(page: Page, path: str) -> int:
    """Bytes of a page and all that it asks for, each packed as a proxy would."""
    found: list[Response] = []
    page.on("response", found.append)
    page.goto(path)
    page.wait_for_selector(_WHOLE)
    return sum(len(gzip.compress(one.body(), 6)) for one in found)


def measure(served: Served, number: int, times: int) -> None:
    """First paint, chart and weight of each page."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for name in (f"incidents/{number}", "sources"):
            paints, charts = [], []
            for _ in range(times):
                with browser.new_context(base_url=served.url) as context:
                    page = open_page(context)
                    sign_in(page, "analyst")
                    started = time.perf_counter()
                    page.goto(f"/console/{name}")
                    page.wait_for_selector(_WHOLE)
                    charts.append(time.perf_counter() - started)
                    paints.append(page.evaluate(_PAINT) / 1_000)
            with browser.new_context(base_url=served.url) as context:
                page = open_page(context)
                sign_in(page, "analyst")
                weight = weigh(page, f"/console/{name}")
            print(
                f"{name}: first paint {statistics.median(paints):.2f} s"
                f" ({min(paints):.2f} to {max(paints):.2f}),"
                f" whole {statistics.median(charts):.2f} s, {weight / 1_000:.0f} KB packed"
            )
        browser.close()


def main() -> None:
    """Make it, serve it, look at it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attempts", type=int, default=2_000_000)
    parser.add_argument("--complaints", type=int, default=50_000)
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--scale", type=float, default=0.3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        case = write_case(folder / "case", args.scale)
        investigate_case(case, folder / "incident")
        summary = enlarge(folder / "incident" / TABLES, args.attempts, args.complaints)
        print(", ".join(f"{table} {summary.rows[table]:,}" for table in KEPT))
        place = folder / "served"
        place.mkdir()
        add_people(Served(place))
        with serving(place) as served:
            wait_for(served)
            measure(served, add_incident(served, "Large", folder / "incident"), args.times)


if __name__ == "__main__":
    main()
