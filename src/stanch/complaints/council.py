"""The table that a consumer council asks for: how many, since when, where, how much, what is demanded."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Final

from jinja2 import Environment, StrictUndefined

from stanch.complaints.claims.totals import SUMS, Totals
from stanch.complaints.count import NO_CURRENCY
from stanch.complaints.wording import Lang, load_wording
from stanch.findings import ComplaintCounts

PACKAGE: Final = "stanch.complaints"
#: What parts the demands of one victim.
_SEPARATORS: Final = str.maketrans(dict.fromkeys(";；、，", "|"))


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: in which section, of what, in which currency (empty for counts)."""

    section: str
    item: str
    currency: str
    value: str


def count_demands(cells: Iterable[str | None]) -> dict[str, int]:
    """How many victims demand what, the most frequent first; a victim's repeated demand counts once."""
    counts: Counter[str] = Counter()
    for cell in cells:
        words = {word.strip() for word in (cell or "").translate(_SEPARATORS).split("|")}
        counts.update(words - {""})
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def list_rows(
    counts: ComplaintCounts, demands: Mapping[str, int], totals: Sequence[Totals], lang: Lang
) -> list[Row]:
    """The table, section by section."""
    texts = load_wording(PACKAGE, lang)
    rows = list(_list_counts(counts, demands, texts))
    for total in totals:
        currency = _name_currency(total.currency, texts)
        section = texts["section.claims"].format(currency=currency)
        rows += [Row(section, texts[f"sum.{name}"], currency, f"{getattr(total, name):.2f}") for name in SUMS]
    return rows


def _list_counts(
    counts: ComplaintCounts, demands: Mapping[str, int], texts: Mapping[str, str]
) -> Iterator[Row]:
    whole = texts["section.whole"]
    yield Row(whole, texts["item.victims"], "", str(counts.count))
    yield Row(whole, texts["item.reports"], "", str(counts.count + counts.duplicates))
    yield Row(whole, texts["item.first"], "", counts.first or texts["item.none"])
    yield Row(whole, texts["item.last"], "", counts.last or texts["item.none"])
    for losses, item in ((counts.loss_total, "loss_total"), (counts.loss_max, "loss_max")):
        for currency, loss in losses.items():
            amount = f"{Decimal(repr(loss)):.2f}"
            yield Row(texts["section.losses"], texts[f"item.{item}"], _name_currency(currency, texts), amount)
    for region, n in counts.by_region.items():
        yield Row(texts["section.regions"], region, "", str(n))
    if unknown := counts.count - sum(counts.by_region.values()):
        yield Row(texts["section.regions"], texts["item.unknown"], "", str(unknown))
    for demand, n in demands.items():
        yield Row(texts["section.demands"], demand, "", str(n))


def _name_currency(currency: str, texts: Mapping[str, str]) -> str:
    return texts["item.no_currency"] if currency == NO_CURRENCY else currency


def write_csv(rows: Iterable[Row], lang: Lang) -> str:
    """The table for a spreadsheet. Cells that would be formulas there are quoted."""
    texts = load_wording(PACKAGE, lang)
    text = io.StringIO(newline="")
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow([texts[f"head.{name}"] for name in ("section", "item", "currency", "value")])
    for row in rows:
        cells = (row.section, row.item, row.currency, row.value)
        sheet.writerow(
            [f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t")) else cell for cell in cells]
        )
    return text.getvalue()


def write_text(rows: Iterable[Row]) -> str:
    """The table for a terminal or a mail: a section's head, then a line for each figure."""
    lines: list[str] = []
    section = ""
    for row in rows:
        if row.section != section:
            section = row.section
            lines += ["", section] if lines else [section]
        lines.append(f"  {row.item}: {row.value} {row.currency}".rstrip())
    return "\n".join(lines) + "\n"


def write_page(rows: Sequence[Row], lang: Lang) -> str:
    """The table as a page of its own, without scripts or anything from elsewhere."""
    texts = load_wording(PACKAGE, lang)
    sections: dict[str, list[Row]] = {}
    for row in rows:
        sections.setdefault(row.section, []).append(row)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files(PACKAGE).joinpath("council.html.j2").read_text(encoding="utf-8")
    page = environment.from_string(source)
    return page.render(sections=sections, texts=texts, lang="zh-CN" if lang == "zh" else "en")
