"""Every figure of a draft with the place that it comes from.

A figure is an element `<data value="…" data-source="pointer">`, numbered, and listed at the end of its page
and in `figures.json`. A gap is a `<mark>` that a person has to fill in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from markupsafe import Markup

from stanch.notices.folder import SHOP, Documents
from stanch.notices.shop import find_fact
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as it stands in a draft."""

    n: int
    #: Where its value stands, see `stanch.notices.folder`.
    source: str
    value: str
    shown: str
    #: What was added to the value, such as `+72h`; empty: nothing.
    derived: str = ""


class Ledger:
    """Hands out the figures and gaps of one page and remembers them in order.

    `words` are the report's texts: numbers, times, names of sources and the stages' sentences are told
    in drafts as they are in the report.
    """

    def __init__(self, documents: Documents, texts: Catalogue, words: Catalogue) -> None:
        self.documents = documents
        self.texts = texts
        self.words = words
        self.figures: list[Figure] = []
        self.gaps: list[str] = []

    def number(self, pointer: str) -> Markup:
        """A count, rounded to whole ones."""
        return self._tell(pointer, lambda value: self.words.number(float(value)))

    def chance(self, pointer: str) -> Markup:
        """A probability as percent."""
        return self._tell(pointer, lambda value: self.words.chance(float(value)))

    def moment(self, pointer: str) -> Markup:
        """A time on the clock of the page's zone."""
        return self._tell(pointer, lambda value: self.words.clock.moment(str(value)))

    def name(self, pointer: str, limit: int = 200) -> Markup:
        """A name, number or text as it stands there."""
        return self._tell(pointer, lambda value: show_text(str(value), limit))

    def file(self, pointer: str) -> Markup:
        """The name of a file without its folders."""
        return self._tell(pointer, lambda value: show_text(str(value).replace("\\", "/").rpartition("/")[2]))

    def money(self, pointer: str) -> Markup:
        """An amount; its currency is the last part of the pointer."""
        currency = pointer.rpartition("/")[2]
        sign = self.texts.text("draft.no_currency") if currency == "XXX" else show_text(currency, 8)
        return self._tell(pointer, lambda value: f"{sign} {float(value):,.2f}".removesuffix(".00"))

    def sentence(self, pointer: str) -> Markup:
        """A stage's sentence in the page's language; its numbers come with it."""
        return self._tell(pointer, lambda value: show_text(self.words.sentence(str(value)), 900))

    def source(self, pointer: str, name: str) -> Markup:
        """A source of the leak in words: accounts, never people."""
        return self._tell(pointer, lambda _: self.words.source(name, show_text))

    def interval(self, pointer: str) -> Markup:
        """Mean and 90 % interval of the estimate at `pointer`."""
        found = self.documents.resolve(pointer)
        mean = self.number(f"{pointer}/mean")
        if self.words.number(found["low"]) == self.words.number(found["high"]):
            return mean
        low, high = self.number(f"{pointer}/low"), self.number(f"{pointer}/high")
        return self.texts.html("draft.interval", mean=mean, low=low, high=high)

    def fact(self, name: str) -> Markup:
        """One of the shop's facts, or a gap where it is not given."""
        key, value = find_fact(self.documents.shop, name, self.texts.lang)
        return self.name(f"{SHOP}#/{key}") if value else self.gap(name)

    def facts(self, name: str) -> list[Markup]:
        """One of the shop's lists, each item by itself, or one gap."""
        key, values = find_fact(self.documents.shop, name, self.texts.lang)
        return [self.name(f"{SHOP}#/{key}/{i}", 600) for i in range(len(values))] or [self.gap(name)]

    def deadline(self, hours: int) -> Markup:
        """So many hours after the shop became aware, or a gap where that is not given."""
        if self.documents.shop.aware is None:
            return self.gap("aware")
        return self._tell(f"{SHOP}#/aware", lambda _: self.tell_deadline(hours), derived=f"+{hours}h")

    def tell_deadline(self, hours: int) -> str:
        """So many hours after the shop became aware, on the clock of the page's zone."""
        assert self.documents.shop.aware is not None
        return self.words.clock.moment((self.documents.shop.aware + timedelta(hours=hours)).isoformat())

    def gap(self, name: str) -> Markup:
        """What a person has to fill in, visibly."""
        what = self.texts.text(f"gap.{name}")
        if what not in self.gaps:
            self.gaps.append(what)
        return Markup('<mark class="gap">{}</mark>').format(self.texts.text("gap.mark", what=what))

    def _tell(self, pointer: str, show: Callable[[Any], str], derived: str = "") -> Markup:
        value = self.documents.resolve(pointer)
        shown = show(value)
        known = next((f for f in self.figures if (f.source, f.shown) == (pointer, shown)), None)
        figure = known or Figure(len(self.figures) + 1, pointer, str(value), shown, derived)
        if known is None:
            self.figures.append(figure)
        attribute = Markup(' data-derived="{}"').format(derived) if derived else ""
        return Markup(
            '<data value="{}" data-source="{}"{}>{}</data><sup class="ref"><a href="#f{}">{}</a></sup>'
        ).format(figure.value, pointer, attribute, shown, figure.n, figure.n)
