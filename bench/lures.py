"""How many phishing links that name a brand are found, and how many genuine links are held for one.

Links are read from a folder that is not part of the project; none is opened. One half of them (`--half dev`)
was looked at while the signs were weighed, the other (`--half test`) was not.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from scipy.stats import beta

from cells import make_table
from stanch.complaints.lures import Brand, judge_link, make_brand

HERE: Final = Path(__file__).resolve().parents[1]
#: The description in JPCERT's list, or none; the brand's names; its domains; words that name it in a link, of
#: which those of three letters and those after `=` must stand apart, as `line` is a part of `online`.
BRANDS: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...]] = (
    ("Apple ID", ("Apple",), ("apple.com", "icloud.com"), "apple icloud"),
    ("メルカリ", ("メルカリ",), ("mercari.com",), "mercari"),
    ("Amazon", ("Amazon",), ("amazon.co.jp", "amazon.com"), "amazon"),
    ("えきねっと", ("えきねっと",), ("eki-net.com",), "eki-net ekinet"),
    ("イオンカード", ("イオンカード",), ("aeon.co.jp", "aeon.com"), "aeon"),
    ("TEPCO", ("TEPCO",), ("tepco.co.jp",), "tepco"),
    ("三井住友カード", ("三井住友カード", "SMBC"), ("smbc-card.com", "vpass.ne.jp"), "smbc vpass"),
    ("JCB", ("JCB",), ("jcb.co.jp",), "jcb myjcb"),
    ("三菱UFJ銀行", ("三菱UFJ銀行", "MUFG"), ("mufg.jp",), "mufg"),
    ("エポスカード", ("エポスカード",), ("eposcard.co.jp",), "epos"),
    ("SAISON CARD", ("SAISON CARD",), ("saisoncard.co.jp",), "saison"),
    ("ヤマト運輸", ("ヤマト運輸",), ("kuronekoyamato.co.jp",), "kuroneko yamato"),
    ("Mastercard", ("Mastercard",), ("mastercard.com",), "mastercard"),
    ("みずほ銀行", ("みずほ銀行",), ("mizuhobank.co.jp",), "mizuho"),
    ("PayPay", ("PayPay",), ("paypay.ne.jp",), "paypay"),
    ("楽天カード", ("楽天", "Rakuten"), ("rakuten.co.jp", "rakuten-card.co.jp"), "rakuten"),
    ("American Express", ("American Express",), ("americanexpress.com",), "americanexpress"),
    ("NTT docomo", ("docomo",), ("docomo.ne.jp",), "docomo"),
    ("BIGLOBE", ("BIGLOBE",), ("biglobe.ne.jp",), "biglobe"),
    ("日本郵便", ("日本郵便",), ("japanpost.jp",), "japanpost"),
    ("Viewcard", ("Viewcard",), ("viewcard.co.jp",), "viewcard"),
    ("Orico", ("Orico",), ("orico.co.jp",), "orico"),
    ("LIFE CARD", ("LIFE CARD",), ("lifecard.co.jp",), "lifecard"),
    ("りそな銀行", ("りそな銀行",), ("resonabank.co.jp",), "resona"),
    ("", ("PayPal",), ("paypal.com",), "paypal"),
    ("", ("Netflix",), ("netflix.com",), "netflix"),
    ("", ("Facebook",), ("facebook.com",), "facebook"),
    ("", ("eBay",), ("ebay.com",), "ebay"),
    ("", ("Dropbox",), ("dropbox.com",), "dropbox"),
    ("", ("Microsoft",), ("microsoft.com", "live.com", "microsoftonline.com"), "microsoft"),
    ("", ("Google",), ("google.com", "googleapis.com", "gmail.com"), "google"),
    ("", ("Wells Fargo",), ("wellsfargo.com",), "wellsfargo"),
    ("", ("Bank of America",), ("bankofamerica.com",), "bankofamerica"),
    ("", ("Chase",), ("chase.com",), "=chase"),
    ("", ("HSBC",), ("hsbc.com", "hsbc.co.uk"), "hsbc"),
    ("", ("Alibaba", "阿里巴巴"), ("alibaba.com",), "alibaba"),
    ("", ("Adobe",), ("adobe.com",), "adobe"),
    ("", ("LinkedIn",), ("linkedin.com",), "linkedin"),
    ("", ("DHL",), ("dhl.com",), "dhl"),
    ("", ("USAA",), ("usaa.com",), "usaa"),
    ("", ("Uniqlo", "优衣库"), ("uniqlo.com", "uniqlo.cn"), "uniqlo"),
    ("", ("JD", "京东"), ("jd.com",), "jd jingdong"),
    ("", ("LINE",), ("line.me",), "=line"),
    ("", ("Target",), ("target.com",), "=target"),
)
_DIGITS: Final = str.maketrans("01345", "oleas")


@dataclass(frozen=True)
class Case:
    """A brand with the words that tell, without Stanch's own code, that a link names it."""

    brand: Brand
    title: str
    listed: str
    words: tuple[str, ...]

    def find_named(self, link: str) -> str:
        """`host`, `path` or an empty string: where the link holds one of the words."""
        host, path = cut_link(link)
        for where, text in (("host", host), ("path", path)):
            if any(
                self._holds(text, word) or self._holds(text.translate(_DIGITS), word) for word in self.words
            ):
                return where
        return ""

    @staticmethod
    def _holds(text: str, word: str) -> bool:
        if len(word) > 3 and word[0] != "=":
            return word in text
        return re.search(rf"(?<![a-z]){word.lstrip('=')}(?![a-z])", text) is not None


def cut_link(link: str) -> tuple[str, str]:
    """Host and path, in lower case, by the simplest rule that works."""
    bare = re.sub(r"^[a-z]+://", "", link.strip().lower())
    host, _, path = bare.partition("/")
    return host, unquote(path.partition("?")[0])


def list_cases() -> list[Case]:
    return [
        Case(make_brand(names, domains), names[-1], listed, tuple(words.split()))
        for listed, names, domains, words in BRANDS
    ]


def read_jpcert(folder: Path, half: str) -> Iterator[tuple[str, str]]:
    """(link, listed brand), each link once; January to June to look at, July to December to test."""
    seen = set()
    for file in sorted((folder / "jpcert" / "2024").glob("*.csv")):
        if (int(file.stem[4:]) <= 6) == (half == "dev"):
            with file.open(encoding="utf-8-sig", newline="") as lines:
                for row in csv.DictReader(lines):
                    link = (row["URL"] or "").strip()
                    if link and link not in seen:
                        seen.add(link)
                        yield link, (row["description"] or "").strip()


def read_pdd(folder: Path, name: str, half: str) -> list[str]:
    """Links of one of the two JSON lists, by the parity of their host so that no host is in both halves."""
    links = dict.fromkeys(json.loads((folder / "pdd" / name).read_text(encoding="utf-8")))
    parity = 0 if half == "dev" else 1
    return [link for link in links if sum(cut_link(link)[0].encode()) % 2 == parity]


def show_rate(hits: int, n: int) -> str:
    """Share in per cent with its 95 % interval (Clopper and Pearson 1934)."""
    if not n:
        return "–"
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return f"{100 * hits / n:.2f} [{100 * low:.2f}–{100 * high:.2f}]"


def measure_recall(pairs: Iterable[tuple[Case, str]], show_missed: int) -> dict[tuple[str, str], list[bool]]:
    """Outcome by brand and by where the link names it."""
    outcomes: dict[tuple[str, str], list[bool]] = defaultdict(list)
    missed: Counter[str] = Counter()
    for case, link in pairs:
        verdict = judge_link(link, case.brand)
        where = case.find_named(link) or "nowhere"
        if "own_domain" not in [reason.code for reason in verdict.reasons]:
            outcomes[case.title, where].append(verdict.lookalike)
            if not verdict.lookalike and where != "nowhere" and missed[case.title + where] < show_missed:
                missed[case.title + where] += 1
                print(f"missed {case.title} {where} {verdict.score} {verdict.url[:110]}")
    return outcomes


def measure_false_alarms(cases: list[Case], links: list[str], show: int) -> dict[str, tuple[int, int]]:
    """Per brand: alarms, and links that are not its own. Also `any`: links alarming for any brand."""
    counts: dict[str, tuple[int, int]] = {}
    alarming, naming, named_alarms = set(), 0, 0
    for case in cases:
        alarms = n = 0
        for link in links:
            verdict = judge_link(link, case.brand)
            if verdict.reasons[0].code in ("own_domain", "not_a_link"):
                continue
            n += 1
            named = bool(case.find_named(link))
            naming += named
            if verdict.lookalike:
                alarms += 1
                named_alarms += named
                alarming.add(link)
                if alarms <= show:
                    codes = [reason.code for reason in verdict.reasons]
                    print(f"alarm {case.title} {verdict.score} {verdict.url[:110]} {codes}")
        counts[case.title] = (alarms, n)
    counts["any of them"] = (len(alarming), len(links))
    counts["naming the brand"] = (named_alarms, naming)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    default = os.environ.get("STANCH_SHARED_DATA") or HERE.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(default))
    parser.add_argument("--half", choices=("dev", "test"), default="test")
    parser.add_argument("--show", type=int, default=0, help="wrong answers to print per brand")
    args = parser.parse_args()
    folder = args.data / "phishing-urls"
    cases = list_cases()
    listed = {case.listed: case for case in cases if case.listed}
    pairs = [(listed[brand], link) for link, brand in read_jpcert(folder, args.half) if brand in listed]
    lures = read_pdd(folder, "data_phishing_37175.json", args.half)
    western = [(case, link) for link in lures for case in cases if not case.listed and case.find_named(link)]
    begun = time.perf_counter()
    outcomes = measure_recall(pairs, args.show)
    print_recall("JPCERT 2024", outcomes)
    outcomes_pdd = measure_recall(western, args.show)
    print_recall("pdd phishing", outcomes_pdd)
    genuine = read_pdd(folder, "data_legitimate_36400.json", args.half)
    sites = sorted({host for link in genuine if (host := cut_link(link)[0])})
    for name, links in (("genuine sites (hosts)", sites), ("genuine links", genuine)):
        counts = measure_false_alarms(cases, links, args.show)
        shown = {title: counts[title] for title in ("any of them", "naming the brand")}
        total = [sum(values[i] for title, values in counts.items() if title not in shown) for i in (0, 1)]
        rows = [(f"{name}, each for each brand", *map(str, total), show_rate(*total))]
        rows += [(f"{name}, {title}", *map(str, pair), show_rate(*pair)) for title, pair in shown.items()]
        worst = max(counts, key=lambda t: counts[t][0] / counts[t][1] if t not in shown else -1.0)
        rows.append((f"{name}, worst brand: {worst}", *map(str, counts[worst]), show_rate(*counts[worst])))
        print(make_table(("genuine", "alarms", "of", "per cent"), rows))
    print(f"{time.perf_counter() - begun:.0f} s")


def print_recall(name: str, outcomes: dict[tuple[str, str], list[bool]]) -> None:
    rows = []
    for wheres in (("host",), ("path",), ("host", "path"), ("nowhere",)):
        flags = [flag for (_, where), values in outcomes.items() if where in wheres for flag in values]
        if flags:
            label = f"{name}, brand named in {' or '.join(wheres)}"
            rows.append((label, str(sum(flags)), str(len(flags)), show_rate(sum(flags), len(flags))))
    print(make_table(("phishing", "found", "of", "per cent"), rows))
    for title in sorted({title for title, _ in outcomes}):
        flags = [flag for where in ("host", "path") for flag in outcomes.get((title, where), [])]
        if flags:
            print(f"  {title}: {sum(flags)} of {len(flags)}")


if __name__ == "__main__":
    main()
