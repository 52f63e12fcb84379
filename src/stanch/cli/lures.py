"""`stanch lures check`: which of the reported links pose as the shop."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter

from stanch.cli.stdin import STDIN_PATH
from stanch.complaints.lures import Brand, Verdict, judge_link, make_brand
from stanch.complaints.lures.stix import make_bundle
from stanch.complaints.lures.takedown import write_takedowns
from stanch.complaints.lures.tell import encode_verdict
from stanch.errors import UsageError

lures_app = App(name="lures", help="Phishing links that pose as the shop.")

_LONGEST_LINE: Final = 100_000


@lures_app.command(name="check")
def check_lures(
    *links: Annotated[
        str, Parameter(help="A reported link, defanged or not; `-` reads one a line.", metavar="URL")
    ],
    brand: Annotated[
        tuple[str, ...],
        Parameter(
            help="The shop's name; repeat it for other names and scripts.", metavar="NAME", negative=()
        ),
    ],
    domain: Annotated[
        tuple[str, ...],
        Parameter(help="The shop's own domains.", metavar="DOMAIN…", negative=(), consume_multiple=True),
    ],
    stix: Annotated[
        Path | None, Parameter(help="Write the look-alikes as a STIX 2.1 bundle.", metavar="FILE")
    ] = None,
    takedown: Annotated[
        Path | None,
        Parameter(help="Write letters to registrars and hosts, in both languages.", metavar="DIR"),
    ] = None,
    reported: Annotated[
        str | None, Parameter(help="Day of the report in the bundle; today if not given.", metavar="DATE")
    ] = None,
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language of the reasons.")] = "en",
) -> int:
    """Say of each link whether it poses as the shop, one JSON object a line. No link is opened.

    A link that names nothing of the brand is no look-alike, however bad it may be.

        stanch lures check --brand Uniqlo --domain uniqlo.com uniqlo.cn -- 'hxxp://uniqlo-refund[.]top/a'

        stanch lures check --brand Uniqlo --brand 优衣库 --domain uniqlo.com --stix lures.json - < links.txt
    """
    domains, strays = _part_domains(domain)
    known = make_brand(brand, domains)
    day = _read_day(reported)
    kept: list[Verdict] = []
    for link in _list_links([*strays, *links]):
        verdict = judge_link(link, known)
        sys.stdout.buffer.write(encode_verdict(verdict, lang))
        if verdict.lookalike and (stix or takedown):
            kept.append(verdict)
    if stix:
        stix.write_bytes(make_bundle(kept, known, day, lang))
    if takedown:
        _write_letters(kept, known, takedown)
    return 0


def _part_domains(words: Iterable[str]) -> tuple[list[str], list[str]]:
    """Domains, and links that stand behind them on the command line: those with a scheme or a path."""
    domains: list[str] = []
    strays: list[str] = []
    for word in words:
        is_link = word in ("-", STDIN_PATH) or bool(re.search(r"[/:@?]", word))
        (strays if is_link else domains).append(word)
    return domains, strays


def _list_links(given: list[str]) -> Iterator[str]:
    """Links as given, with those of standard input in the place of `-`, or if nothing else is given."""
    if not given and sys.stdin.isatty():
        raise UsageError("no link given", hint="put links behind --, or - to read them from standard input")
    for word in given or ["-"]:
        if word in ("-", STDIN_PATH):
            for line in sys.stdin.buffer:
                if text := line[:_LONGEST_LINE].decode("utf-8-sig", "replace").strip():
                    yield text
        else:
            yield word


def _read_day(text: str | None) -> date:
    if text is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--reported {text}: not a date", hint="such as 2026-05-08") from error


def _write_letters(verdicts: list[Verdict], brand: Brand, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for lang in ("en", "zh"):
        for host, letter in write_takedowns(verdicts, brand, lang).items():
            name = re.sub(r"[^\w.-]", "_", host)[:150]
            (folder / f"{name}.{lang}.txt").write_text(letter, encoding="utf-8")
