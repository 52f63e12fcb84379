"""The page in a real browser: offline, safe, readable on any screen, in both languages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made
import msgspec
import polars as pl
import pytest
from playwright.sync_api import Browser, Page

from browsers import CHROMIUM, launch
from stanch.findings import Attribution, ComplaintCounts, Findings, Input, Interval, Logins
from stanch.reporting import write_outputs
from stanch.reporting.answer import build_answer
from stanch.reporting.catalogue import load_catalogue
from stanch.reporting.sources import list_sources

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")

EVIL = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "\u202egnp.exe\u0000{{7*7}}"
)

#: Contrast of every text against what lies behind it (WCAG 2.2, success criterion 1.4.3).
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
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim()) continue;
    const style = getComputedStyle(e), inSvg = e.closest('svg');
    const ink = parse(inSvg ? style.fill : style.color);
    const [a, b] = [lum(ink), lum(ground(inSvg ? inSvg.parentElement : e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) bad.push([e.tagName, e.className, walk.currentNode.data.slice(0, 40)]);
  }
  return bad;
}
"""


def write(out: Path, findings: Findings, engine: Any, lang: str = "en") -> Path:
    out.mkdir(exist_ok=True)
    write_outputs(out, findings, engine, made.HOUR, lang)  # type: ignore[arg-type]
    engine.close()
    return out / "report.html"


def make_hostile() -> tuple[Findings, Any]:
    """Every text that evidence can carry is an attack on the page."""
    findings, engine = made.make_named(f"staff:{EVIL}")
    long = "W" * 4000
    for table, columns in {
        "fallen_accounts": ("account", "ip"),
        "sources": ("why_for", "why_against"),
    }.items():
        frame = engine.fetch(f"SELECT * FROM {table}")
        engine.put(
            table, frame.with_columns(pl.concat_str(pl.lit(EVIL), pl.col(c)).alias(c) for c in columns)
        )
    fallen = engine.fetch("SELECT account FROM fallen_accounts")["account"]
    made.put_evidence(engine, "logins", [{"ip": EVIL, "account": a, "outcome": "success"} for a in fallen])
    attribution = Attribution(
        "named", [f"staff:{EVIL}"], {f"staff:{EVIL}": 0.99}, 9, [EVIL],
        [f"customer:{long}", f"partner:{EVIL}"], [EVIL, long], [EVIL], 0.001, [EVIL],
    )  # fmt: skip
    campaign = msgspec.structs.replace(made.CAMPAIGN, why=[EVIL, long])
    inputs = [Input("logins", EVIL + long, EVIL, 1, 1, EVIL, EVIL, [EVIL, long])]
    complaints = ComplaintCounts(
        60, loss_total={EVIL: 1.0}, loss_max={EVIL: 1.0}, by_region={EVIL: 3, long: 2}
    )
    hostile = msgspec.structs.replace(
        findings, attribution=attribution, campaigns=[campaign], inputs=inputs, complaints=complaints,
        not_examined=[EVIL],
    )  # fmt: skip
    return hostile, engine


def make_peace() -> tuple[Findings, Any]:
    quiet = msgspec.structs.replace(
        made.NO_FINDINGS, inputs=[made.make_input("logins")], logins=Logins(48_000, Interval(2, 0, 8))
    )
    return quiet, made.make_engine()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("pages")
    return {
        "en": write(root / "en", *made.make_named()),
        "zh": write(root / "zh", *made.make_named("staff:agent31"), lang="zh"),
        "hostile": write(root / "hostile", *make_hostile()),
        "hostile-zh": write(root / "hostile-zh", *make_hostile(), lang="zh"),
        "peace": write(root / "peace", *make_peace()),
        "empty": write(root / "empty", made.NO_FINDINGS, made.make_engine(), lang="zh"),
    }


NAMES = ("en", "zh", "hostile", "hostile-zh", "peace", "empty")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch("--disable-gpu") as started:
        yield started


def visit(browser: Browser, path: Path, width: int = 1280, scheme: Any = "light") -> tuple[Page, list[str]]:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("request", lambda request: trouble.append(request.url))
    page.goto(path.as_uri())
    trouble.remove(path.as_uri())
    return page, trouble


@pytest.mark.parametrize("name", NAMES)
def test_the_page_asks_nothing_of_the_network_and_breaks_no_rule(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    page, trouble = visit(browser, pages[name])
    assert trouble == []
    assert page.title() != "owned"
    assert page.locator("script").count() == 0
    assert page.locator("img").count() == 0
    page.close()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [360, 768])
def test_nothing_sticks_out_of_a_narrow_screen(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    page, _ = visit(browser, pages[name], width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["en", "zh", "peace"])
def test_every_text_can_be_read_against_its_ground(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    page, _ = visit(browser, pages[name], scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate(CONTRAST) == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(19, 23, 27)"
    assert dark == (scheme == "dark")
    page.close()


def test_print_is_light_even_from_a_dark_screen(browser: Browser, pages: dict[str, Path]) -> None:
    page, _ = visit(browser, pages["en"], scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate(CONTRAST) == []
    page.close()


def test_hostile_text_is_shown_and_not_obeyed(browser: Browser, pages: dict[str, Path]) -> None:
    html = pages["hostile"].read_text(encoding="utf-8")
    assert "\u202e" not in html
    assert "\x00" not in html
    assert "<script" not in html
    page, _ = visit(browser, pages["hostile"])
    shown = page.inner_text("main")
    assert "<script>" in shown
    assert "[U+202E]" in shown
    assert "{{7*7}}" in html
    page.close()


def test_the_page_can_be_walked_without_eyes_or_mouse(browser: Browser, pages: dict[str, Path]) -> None:
    page, _ = visit(browser, pages["en"])
    assert page.locator("main, header.top, nav[aria-label], footer").count() == 4
    assert page.locator("h1").count() == 1
    titles = page.locator("main > section")
    assert titles.count() == page.locator("main > section[aria-labelledby] > h2").count()
    assert page.locator("table").count() == page.locator("table > caption").count()
    assert (
        page.locator(".scroll").count()
        == page.locator(".scroll[tabindex='0'][role=region][aria-label]").count()
    )
    assert page.locator("svg").count() == page.locator("svg[aria-hidden=true]").count()
    for link in page.locator("a[href^='#']").all():
        assert page.locator(link.get_attribute("href") or "").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#answer"
    page.close()


def test_one_drawing_is_shown_per_width(browser: Browser, pages: dict[str, Path]) -> None:
    for width, shown in ((1280, "wide"), (360, "narrow")):
        page, _ = visit(browser, pages["en"], width)
        for name in ("wide", "narrow"):
            assert page.locator(f".chart .{name}").is_visible() == (name == shown)
        sizes = page.locator(f".chart .{shown} text").evaluate_all(
            "all => all.map(e => e.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 8
        page.close()


def test_the_chinese_page_is_chinese(browser: Browser, pages: dict[str, Path]) -> None:
    page, _ = visit(browser, pages["empty"])
    assert page.get_attribute("html", "lang") == "zh-CN"
    words = set(re.findall(r"[A-Za-z]{2,}", page.inner_text("body")))
    assert words <= {
        "Stanch",
        "UTC",
        "SHA",
        "IPv",
        "CSV",
        "duckdb",
        "csv",
        "json",
        "jsonl",
        "sources",
        "accounts",
        "rejects",
    }
    page.close()
    page, _ = visit(browser, pages["zh"])
    assert "员工账号 agent31" in page.inner_text("#answer h2")
    assert "可能已被盗用" in page.inner_text("#answer")
    page.close()


UNDECIDED = Attribution("undetermined", posterior={"staff:a": 0.6, "none": 0.01})
UNLOGGED = Attribution("unlogged", posterior={"unlogged": 0.97})
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "undetermined": ({"attribution": UNDECIDED}, "does not decide"),
    "unlogged": ({"attribution": UNLOGGED}, "none of the given logs"),
    "no_leak": ({"attribution": Attribution("no_leak", posterior={"none": 0.97})}, "coincidence"),
    "attack": ({"attribution": Attribution()}, "got into about 212 accounts"),
    "nothing": ({"attribution": Attribution(), "campaigns": []}, "No attack"),
    "not_examined": (
        {
            "attribution": Attribution(),
            "campaigns": [],
            "logins": Logins(),
            "complaints": ComplaintCounts(),
        },
        "does not answer",
    ),
    "complaints_only": (
        {"attribution": Attribution(), "campaigns": [], "logins": Logins()},
        "60 complaints, and no log that shows who saw which order",
    ),
    "named": ({}, "stolen passwords"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_sentence_is_the_answer(case: str) -> None:
    change, words = CASES[case]
    findings, engine = made.make_named()
    answer = build_answer(
        msgspec.structs.replace(findings, **change), list_sources(engine), load_catalogue("en")
    )
    assert words in answer.headline
    assert answer.certainty


def test_the_page_stays_small_whatever_the_incident(tmp_path: Path) -> None:
    findings, engine = made.make_named()
    n = 10_000
    names = [f"staff:{i:05d}-{'x' * 100}" for i in range(5_000)]
    row = engine.fetch("SELECT * FROM sources WHERE verdict = 'cleared' LIMIT 1").drop("source")
    engine.put("sources", pl.DataFrame({"source": names}).join(row, how="cross"))
    engine.put("fallen_accounts", pl.DataFrame({
        "account": [f"{i:06d}-{'y' * 60}" for i in range(n)], "p_compromised": 0.5, "campaign": "c1",
        "first_success_us": made.START, "ip": "203.0.113.1",
    }))  # fmt: skip
    bins = [made.START + made.HOUR * i for i in range(24 * 400)]
    engine.put("attempt_bins", pl.DataFrame({"bin_us": bins, "attempts": 90.0, "attack": 30.0}))
    campaigns = [msgspec.structs.replace(made.CAMPAIGN, id=f"c{i}") for i in range(1, 200)]
    attribution = msgspec.structs.replace(findings.attribution, cleared=names)
    big = msgspec.structs.replace(findings, campaigns=campaigns, attribution=attribution)
    page = write(tmp_path, big, engine)
    assert page.stat().st_size < 1_000_000
    assert "9,980 more" in page.read_text(encoding="utf-8")


def test_campaigns_are_typed(tmp_path: Path) -> None:
    findings, engine = made.make_named()
    kinds: list[Any] = ["stuffing", "spraying", "guessing", "enumeration"]
    campaigns = [
        msgspec.structs.replace(made.CAMPAIGN, id=f"c{i}", kind=kind) for i, kind in enumerate(kinds)
    ]
    html = write(tmp_path, msgspec.structs.replace(findings, campaigns=campaigns), engine, "zh").read_text()
    for word in ("撞库", "密码喷洒", "密码猜解", "账号枚举"):
        assert word in html


def test_an_unlikely_source_is_not_pointed_at() -> None:
    findings, engine = made.make_named("staff:agent31")
    weak = Attribution("undetermined", posterior={"none": 0.3, "unlogged": 0.3, "staff:agent31": 0.1})
    answer = build_answer(
        msgspec.structs.replace(findings, attribution=weak), list_sources(engine), load_catalogue("en")
    )
    assert "agent31" not in " ".join(map(str, [answer.headline, *answer.certainty, *answer.figures]))
