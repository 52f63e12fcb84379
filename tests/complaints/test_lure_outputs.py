"""What leaves the desk about a look-alike: JSON lines, a STIX bundle, letters with gaps."""

from __future__ import annotations

import io
import json
import sys
import tomllib
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import stix2

from stanch.cli.app import main
from stanch.complaints.lures import judge_link, make_brand
from stanch.complaints.lures.stix import make_bundle
from stanch.complaints.lures.takedown import write_takedowns

BRAND = make_brand(["Uniqlo", "优衣库"], ["uniqlo.com"])
DAY = date(2015, 4, 27)
LINKS = [
    "http://uniqlo-refund.top/a?id='1'",
    "https://hacked.example/uniqlo/login.php?to=ann@mail.example",
    "https://优衣库退款.com/",
    "https://unrelated.example/",
    "http://uniqlo-refund.top/a?id='1'",
]


def run(capfdbinary: pytest.CaptureFixture[bytes], *arguments: str) -> list[dict[str, Any]]:
    assert main(["lures", "check", *arguments]) == 0
    return [json.loads(line) for line in capfdbinary.readouterr().out.decode().splitlines()]


def test_the_bundle_is_valid_and_holds_only_lookalikes() -> None:
    raw = make_bundle([judge_link(link, BRAND) for link in LINKS], BRAND, DAY)
    bundle = stix2.parse(raw.decode(), allow_custom=False)
    kinds = [made.type for made in bundle.objects]
    assert (kinds.count("indicator"), kinds.count("url"), kinds.count("domain-name")) == (3, 3, 2)
    assert len({made.id for made in bundle.objects}) == len(bundle.objects)
    hosts = {made.value for made in bundle.objects if made.type == "domain-name"}
    # The hacked site's name is its owner's: only the page on it is named.
    assert hosts == {"uniqlo-refund.top", "xn--4oq409a8qjwl3aq7h.com"}
    assert "unrelated" not in raw.decode()
    own = stix2.URL(value="http://uniqlo-refund.top/a?id='1'")
    assert own.id in {made.id for made in bundle.objects}, "the identifier that every producer gives it"


def test_the_bundle_repeats_byte_for_byte_and_names_no_victim() -> None:
    one, two = (make_bundle([judge_link(link, BRAND) for link in LINKS], BRAND, DAY) for _ in range(2))
    assert one == two
    assert b"ann@mail" not in one
    assert b"tel" not in one


def test_a_bundle_of_nothing_has_no_empty_list() -> None:
    assert json.loads(make_bundle([], BRAND, DAY)).keys() == {"type", "id"}


@pytest.mark.parametrize(("lang", "gap"), [("en", "[TO FILL IN"), ("zh", "【待填")])
def test_letters_name_the_links_and_mark_what_is_missing(lang: Any, gap: str) -> None:
    letters = write_takedowns([judge_link(link, BRAND) for link in LINKS], BRAND, lang)
    assert list(letters) == ["uniqlo-refund.top", "hacked.example", "优衣库退款.com"]
    for letter in letters.values():
        assert letter.count(gap) >= 8
        assert "http://" not in letter
        assert "ann@" not in letter
    assert letters["uniqlo-refund.top"].count("hxxp://uniqlo-refund[.]top/a") == 1
    told = "broken into" if lang == "en" else "被入侵"
    assert told in letters["hacked.example"]
    assert told not in letters["uniqlo-refund.top"]


def test_the_command_answers_each_line_in_order(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lines = "hxxp://uniqlo[.]top\r\n\n\x1b[31m nonsense\nhttps://www.uniqlo.com/\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    stix, letters = tmp_path / "lures.json", tmp_path / "letters"
    told = run(
        capfdbinary, "--brand", "Uniqlo", "--domain", "uniqlo.com", "--stix", str(stix), "--takedown",
        str(letters), "--reported", "2015-04-27", "-",
    )  # fmt: skip
    assert [row["lookalike"] for row in told] == [True, False, False]
    assert [row["reasons"] for row in told] == [
        ["other_ending", "cheap_ending"], ["not_a_link"], ["own_domain"],
    ]  # fmt: skip
    assert told[0]["url"] == "hxxp://uniqlo[.]top"
    assert all(len(row["why"]) == len(row["reasons"]) for row in told)
    assert json.loads(stix.read_bytes())["objects"][0]["valid_from"] == "2015-04-27T00:00:00.000Z"
    assert sorted(path.name for path in letters.iterdir()) == ["uniqlo.top.en.txt", "uniqlo.top.zh.txt"]


def test_links_may_stand_behind_the_domains(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    links = ["https://uniqlo.top/", "hxxp://uniqlo[.]shop/x"]
    told = run(
        capfdbinary, "--brand", "Uniqlo", "--domain", "uniqlo.com", "uniqlo.cn", *links, "--lang", "zh"
    )
    assert [row["lookalike"] for row in told] == [True, True]
    assert "后缀" in told[0]["why"][0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--brand", "Uniqlo", "--domain", "uniqlo", "https://a.example"],
        ["--brand", "Uniqlo", "--domain", "uniqlo.com", "--reported", "soon", "https://a.example"],
        ["--domain", "uniqlo.com", "https://a.example"],
    ],
)
def test_what_cannot_be_used_ends_in_one_line(
    arguments: list[str], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["lures", "check", *arguments]) == 2
    assert capfdbinary.readouterr().err.count(b"\n") == 1


def test_both_languages_say_the_same_of_every_reason() -> None:
    texts = [
        tomllib.loads(files("stanch.complaints.lures").joinpath("texts", f"{lang}.toml").read_text("utf-8"))
        for lang in ("en", "zh")
    ]
    fields = [
        {
            (part, key): {f for _, f, _, _ in Formatter().parse(text) if f}
            for part, said in tree.items()
            for key, text in said.items()
        }
        for tree in texts
    ]
    assert fields[0] == fields[1]
