"""Nothing is invented: every number of a draft leads to a file, every gap is visible, law is covered."""

import csv
import hashlib
import json
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from notices.investigated import CAMPAIGN, VERDICTS, write_folder, write_shop
from stanch.cli.app import main
from stanch.errors import UsageError
from stanch.notices.drafts import REQUIRED

LANGS = ("en", "zh")


class Page(HTMLParser):
    """A draft's figures, citations, gaps and the rest of its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.figures: list[tuple[dict[str, str], str]] = []
        self.cites: list[str] = []
        self.gaps: list[str] = []
        self.rest: list[str] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(html.split("<body>")[1].split('<section id="figures">', maxsplit=1)[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append((tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = dict(self._open)
        if "data" in tags:
            self.figures.append((tags["data"], data))
        elif "cite" in tags:
            self.cites.append(data)
        elif "mark" in tags:
            self.gaps.append(data)
        elif "sup" not in tags:
            self.rest.append(data)


def look_up(pointer: str, folder: Path, shop: Path) -> str:
    """The value at `pointer`, found without the code under test."""
    name, place = pointer.split("#", 1)
    path = shop if name == "shop.toml" else folder / name
    if place == "sha256":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    parts = [p.replace("~1", "/").replace("~0", "~") for p in place.split("/")[1:]]
    if name.endswith(".csv"):
        table = list(csv.DictReader(path.read_text().splitlines()))
        if place.startswith("rows"):
            column, _, value = place.removeprefix("rows").removeprefix("?").partition("=")
            return str(len([row for row in table if not column or row[column] == value]))
        return next(row[parts[1]] for row in table if row["source"] == parts[0])
    tree: Any = tomllib.loads(path.read_text()) if name == "shop.toml" else json.loads(path.read_text())
    for part in parts:
        tree = tree[int(part)] if isinstance(tree, list) else tree[part]
    return tree.isoformat() if hasattr(tree, "isoformat") else str(tree)


@pytest.fixture(scope="module", params=[*VERDICTS])
def drafted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp(request.param)
    made = {
        "verdict": request.param,
        "folder": write_folder(root / "findings", request.param),
        "shop": write_shop(root / "shop.toml"),
        "out": root / "out",
    }
    arguments = ["notices", str(made["folder"]), "--out", str(made["out"]), "--shop", str(made["shop"])]
    assert main([*arguments, "--quiet", "--zone", "Asia/Shanghai"]) == 0
    return made


def pages_of(drafted: dict[str, Any]) -> dict[str, Page]:
    names = [f"{name}.{lang}.html" for name in REQUIRED for lang in LANGS]
    return {name: Page((drafted["out"] / name).read_text()) for name in names}


def test_every_number_comes_from_the_findings_the_lists_or_the_shop(drafted: dict[str, Any]) -> None:
    for name, page in pages_of(drafted).items():
        assert page.figures
        for attrs, shown in page.figures:
            value = look_up(attrs["data-source"], drafted["folder"], drafted["shop"])
            assert attrs["value"] == value, (name, attrs)
            if re.fullmatch(r"[\d,]+", shown):
                assert int(shown.replace(",", "")) == round(float(value)), (name, attrs, shown)
        rest = "".join(page.rest).replace("SHA-256", "").replace("Stanch 0.1.0", "")
        stray = re.findall(r".{0,30}[0-9].{0,30}", rest)
        assert stray == [], name


def test_figures_json_lists_every_figure(drafted: dict[str, Any]) -> None:
    listed = json.loads((drafted["out"] / "figures.json").read_text())
    known = {(f["page"], f["source"], f["value"]) for f in listed}
    for name, page in pages_of(drafted).items():
        assert {(name, a["data-source"], a["value"]) for a, _ in page.figures} <= known


def test_another_count_in_the_findings_is_another_count_in_the_draft(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f")
    path = folder / "findings.json"
    path.write_text(path.read_text().replace('"count": 152', '"count": 3171'))
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    page = Page((tmp_path / "o" / "gdpr-33.en.html").read_text())
    assert "3,171" in [shown for _, shown in page.figures]


def test_what_callers_say_ask_and_knew_is_what_the_investigation_read(drafted: dict[str, Any]) -> None:
    page = Page((drafted["out"] / "police.en.html").read_text())
    told = {attrs["data-source"]: shown for attrs, shown in page.figures}
    assert told["findings.json#/heard/texts"] == "149"
    assert told["findings.json#/heard/pretexts/wholesaler"] == "120"
    assert told["findings.json#/heard/asked/transfer"] == "101"
    assert told["findings.json#/complaints/known_fields/order_id"] == "97"


def test_complaints_without_texts_tell_no_story(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", heard=msgspec.UNSET)
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    page = (tmp_path / "o" / "police.en.html").read_text()
    assert "No complaint came with a text" in page
    assert "findings.json#/heard" not in page
    assert "wholesaler" not in (tmp_path / "o/messages/order.en.mail.txt").read_text()


@pytest.mark.parametrize("lang", LANGS)
def test_every_element_that_the_law_asks_for_is_there(lang: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet", "--lang", lang]) == 0
    wanted = {
        "en": {
            "gdpr-33": {f"Art. 33({p})" for p in ("1", "3)(a", "3)(b", "3)(c", "3)(d", "4", "5")},
            "gdpr-34": {"Art. 34(2)", *(f"Art. 34(2), 33(3)({p})" for p in "bcd"), "Art. 34(1), (3)"},
            "pipl-57": {"Art. 57(1)(i)", "Art. 57(1)(ii)", "Art. 57(1)(iii)", "Art. 57(2)"},
            "consumer-29": {"Art. 29(2)"},
        },
        "zh": {
            "gdpr-33": {f"第 33 条第 3 款 ({p})" for p in "abcd"} | {"第 33 条第 1 款", "第 33 条第 4 款"},
            "pipl-57": {f"第五十七条第一款第（{n}）项" for n in "一二三"},
            "consumer-29": {"第二十九条第二款"},
        },
    }[lang]
    for name, cites in wanted.items():
        page = Page((tmp_path / "o" / f"{name}.{lang}.html").read_text())
        assert cites <= set(page.cites), name


def test_what_only_the_shop_knows_is_a_gap_and_never_made_up(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    page = Page((tmp_path / "o" / "gdpr-33.en.html").read_text())
    told = " ".join(page.gaps)
    for what in ("legal name of the controller", "became aware", "contact point", "measures already taken"):
        assert f"To fill in: {what}" in told or what in told
    assert not any(attrs["data-source"].startswith("shop.toml") for attrs, _ in page.figures)
    assert "aware" in (tmp_path / "o" / "shop.example.toml").read_text()


def test_judgements_stay_gaps_even_with_all_facts(drafted: dict[str, Any]) -> None:
    pages = pages_of(drafted)
    assert any("high risk" in gap for gap in pages["gdpr-34.en.html"].gaps)
    assert any("grading" in gap for gap in pages["pipl-57.en.html"].gaps)
    assert any("offence" in gap for gap in pages["police.en.html"].gaps)


def test_clocks_run_from_when_the_shop_became_aware(tmp_path: Path) -> None:
    folder, shop = write_folder(tmp_path / "f"), tmp_path / "shop.toml"
    # Clocks in Berlin go forward in between: 72 hours are 73 on the wall.
    shop.write_text("aware = 2026-03-27T12:00:00+01:00\n")
    arguments = ["notices", str(folder), "--shop", str(shop), "--zone", "Europe/Berlin", "--quiet"]
    assert main([*arguments, "--out", str(tmp_path / "o")]) == 0
    shown = [s for _, s in Page((tmp_path / "o" / "gdpr-33.en.html").read_text()).figures]
    assert "2026-03-30 13:00" in shown
    shown = [s for _, s in Page((tmp_path / "o" / "pipl-57.zh.html").read_text()).figures]
    assert "2026-03-27 16:00" in shown


def test_without_that_time_there_is_no_clock(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    html = (tmp_path / "o" / "gdpr-33.en.html").read_text()
    assert "data-derived" not in html
    assert "by <mark" in html


def test_undetermined_is_said_and_nobody_is_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "undetermined")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    for name in REQUIRED:
        text = (tmp_path / "o" / f"{name}.en.html").read_text()
        assert "Undetermined" in text or name == "consumer-29", name
        assert "agent07" not in text
    assert "尚无定论" in (tmp_path / "o" / "gdpr-33.zh.html").read_text()


def test_customers_are_told_of_no_staff_account(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "staff")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    told = [p for p in (tmp_path / "o").rglob("*") if p.name.startswith(("gdpr-34", "consumer-29", "index"))]
    told += list((tmp_path / "o" / "messages").iterdir())
    assert len(told) > 20
    assert [p.name for p in told if "agent07" in p.read_text()] == []
    assert "agent07" in (tmp_path / "o" / "gdpr-33.en.html").read_text()


def test_intervals_are_kept(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    html = (tmp_path / "o" / "gdpr-33.en.html").read_text()
    text = re.sub(r"<sup.*?</sup>|<[^>]*>", "", html)
    assert "212 (likely 203 to 221) accounts were probably entered" in text


def test_text_from_evidence_and_shop_stays_text(tmp_path: Path) -> None:
    folder, shop = write_folder(tmp_path / "f"), tmp_path / "shop.toml"
    shop.write_text("controller = \"<script>alert(1)</script>\"\nname = '<img src=x onerror=alert(1)>'\n")
    assert main(["notices", str(folder), "--shop", str(shop), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    for page in (tmp_path / "o").rglob("*.html"):
        html = page.read_text()
        assert not re.search(r"<script|<img|<b>", html), page.name


def test_a_folder_with_anything_in_it_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = write_folder(tmp_path / "f"), tmp_path / "o"
    out.mkdir()
    (out / "reset.en.sms.txt").write_text("edited by a person")
    assert main(["notices", str(folder), "--out", str(out)]) == 2
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["findings.json", "warn.csv"])
def test_what_is_no_finished_investigation_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_folder(tmp_path / "f")
    (folder / name).unlink()
    assert main(["notices", str(folder), "--out", str(tmp_path / "o")]) == 2
    assert f"holds no {name}" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    "facts", ["aware = 2026-03-27T12:00:00", "phon = '1'", "never_asks = ['sleep']", "="]
)
def test_facts_that_cannot_be_meant_are_refused(facts: str, tmp_path: Path) -> None:
    folder, shop = write_folder(tmp_path / "f"), tmp_path / "shop.toml"
    shop.write_text(facts + "\n")
    assert main(["notices", str(folder), "--shop", str(shop), "--out", str(tmp_path / "o")]) == 2


def test_a_pdf_says_what_the_page_says(tmp_path: Path) -> None:
    import shutil
    import subprocess

    from stanch.notices.pdf import render_pdf

    try:
        pdf = render_pdf(
            "<html lang='zh-CN'><title>草稿</title><body><h1>个人信息泄露通知</h1></body></html>"
        )
    except UsageError as error:
        pytest.skip(f"a program is missing: {error}")
    if shutil.which("pdftotext") is None:
        pytest.skip("a program is missing: pdftotext")
    (tmp_path / "a.pdf").write_bytes(pdf)
    done = subprocess.run(["pdftotext", str(tmp_path / "a.pdf"), "-"], capture_output=True, check=True)
    assert "个人信息泄露通知" in done.stdout.decode()


def test_a_missing_pdf_maker_is_told_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "weasyprint", None)
    folder = write_folder(tmp_path / "f")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--pdf"]) == 2
    assert "stanch[pdf]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "told"), [("guessing", "Many guesses"), ("spraying", "A few common"), ("enumeration", "probed")]
)
def test_an_attack_is_called_what_it_is(kind: str, told: str, tmp_path: Path) -> None:
    campaign = msgspec.structs.replace(CAMPAIGN, kind=kind)
    folder = write_folder(tmp_path / "f", campaigns=[campaign])
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet", "--lang", "en"]) == 0
    html = (tmp_path / "o" / "gdpr-33.en.html").read_text()
    assert told in html
    assert "became known elsewhere" not in html


def test_without_accounts_to_reset_nobody_is_said_to_need_a_new_password(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f", "staff")
    (folder / "reset.csv").write_text("account,p_compromised,campaign,since\n")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet", "--lang", "en"]) == 0
    for name in REQUIRED:
        assert "new password" not in (tmp_path / "o" / f"{name}.en.html").read_text(), name
