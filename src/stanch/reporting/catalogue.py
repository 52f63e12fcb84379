"""The texts of one language: one TOML file each under `texts/`, same keys, filled in on demand.

Also translates the sentences that stages write in English: `[sentences]` maps each, with
`{placeholders}`, to its wording in the language, so a page never mixes languages.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final, Literal

from markupsafe import Markup

from stanch.reporting.clock import Clock

Lang = Literal["en", "zh"]

_NAMED_KINDS: Final = ("staff", "partner", "service", "customer", "endpoint", "campaign", "unit")
_SOURCE_KINDS: Final = frozenset({*_NAMED_KINDS, "unlogged", "none"})
_MOMENT: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_SOURCE: Final = re.compile(rf"\b(?:group:)?({'|'.join(_NAMED_KINDS)}):(?=(\S))")
_PERCENT: Final = re.compile(r"(?<=\d) %")
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
#: Where the next source of a list begins.
_NEXT_SOURCE: Final = re.compile(rf"(?:, | and )(?=(?:{'|'.join(('group', *_NAMED_KINDS))}):)")
_TAG: Final = re.compile(r"<[^<>]*>")
_BLANK_BEFORE: Final = re.compile(r" ((?:<[^<>]*>)*\{(\w+)\})")
_BLANK_AFTER: Final = re.compile(r"(\{(\w+)\}(?:<[^<>]*>)*) ")
_NARROW: Final = (False, False)


class Catalogue:
    """Texts of one language, looked up by dotted key, and the clock that its times are told by."""

    def __init__(
        self, lang: str, texts: Mapping[str, str], sentences: Mapping[str, str], clock: Clock
    ) -> None:
        self.lang = lang
        self.clock = clock
        self._texts = texts
        self._sentences = [(_compile(pattern), wording) for pattern, wording in sentences.items()]

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def text(self, key: str, /, **params: object) -> str:
        """The text of `key` with `{name}` filled in; `n=1` takes `key.one` where there is one.

        Raises:
            KeyError: no such key, or a placeholder without a value.
        """
        if params.get("n") in (1, "1") and f"{key}.one" in self._texts:
            key = f"{key}.one"
        return self._close_up(self._texts[key], params).format(**params)

    def html(self, key: str, /, **params: object) -> Markup:
        """As `text`, for a page: values are escaped unless they are `Markup` already."""
        if params.get("n") in (1, "1") and f"{key}.one" in self._texts:
            key = f"{key}.one"
        return Markup(self._close_up(self._texts[key], params)).format(**params)  # noqa: S704  (our own)

    def translate(self, sentence: str) -> str | None:
        """A stage's English sentence in this language; None where the catalogue lacks it."""
        if self.lang == "en":
            return sentence
        for pattern, wording in self._sentences:
            if found := pattern.fullmatch(sentence):
                return self._fill(wording, found.groupdict())
        return None

    def sentence(self, sentence: str) -> str:
        """A stage's sentence as the page says it: in its language, or English where the catalogue lacks it.

        Times are told to the minute and never broken over lines, sources in words, percent without a blank.
        """
        told = self.translate(sentence) or sentence
        told = _MOMENT.sub(lambda found: self.clock.moment(found[0]).replace(" ", "\u00a0"), told)
        return _PERCENT.sub("%", self._name_kind(told))

    def source(self, name: str, show: Callable[[str], str] = str) -> str:
        """`staff:agent07` as words; what comes from evidence goes through `show`."""
        kind, _, rest = name.partition(":")
        if kind == "group":
            return self.text("source.or").join(self.source(part, show) for part in rest.split("+"))
        if kind not in _SOURCE_KINDS:
            return show(name)
        return self.text(f"source.{kind}", name=show(rest))

    def number(self, value: float) -> str:
        """A count with thousands separated."""
        return f"{round(value):,}"

    def expected(self, value: float) -> str:
        """An expected count, small ones to two digits: what may happen is not told as 0."""
        if 0 < value < 0.01:
            return self.text("share.under", share="0.01")
        return self.number(value) if value >= 10 or not value else f"{value:.2g}"

    def share(self, p: float) -> str:
        """A share as percent; what is not quite all or nothing is not rounded to it."""
        if 0 < p < 0.001:
            return self.text("share.under", share="0.1%")
        if 0.999 < p < 1:
            return self.text("share.over", share="99.9%")
        return (f"{p:.1%}" if p < 0.1 or p > 0.9 else f"{p:.0%}").replace(".0%", "%")

    def chance(self, p: float) -> str:
        """A probability as percent: nothing that is concluded is ever certain."""
        return self.share(min(max(p, 1e-9), 1 - 1e-9))

    def _fill(self, wording: str, params: Mapping[str, str]) -> str:
        told = {name: self._translate_part(name, value) for name, value in params.items()}
        return self._close_up(wording, told).format(**told)

    def _translate_part(self, name: str, value: str) -> str:
        """A placeholder's value may itself be a sentence of ours, or a list of fields, columns or sources."""
        if name == "fields":
            return self.text("page.comma").join(self._texts.get(f"field.{f}", f) for f in value.split(", "))
        if name == "table":
            return self._texts.get(f"word.{value}", value)
        if name == "columns":
            listed = value.replace(", ", self.text("page.comma")).replace(" and ", self.text("page.comma"))
            return listed.replace(" or ", self.text("source.or"))
        if name in ("source", "members", "others"):
            return self.text("page.comma").join(map(self._name_kind, _NEXT_SOURCE.split(value)))
        return self.translate(value) or value

    def _name_kind(self, told: str) -> str:
        """`told` with the kinds of sources in words: `staff:agent07` as `staff account agent07`."""
        return _SOURCE.sub(
            lambda found: self.text(f"source.{found[1]}", name=found[2]).removesuffix(found[2]), told
        )

    def _close_up(self, wording: str, params: Mapping[str, object]) -> str:
        """`wording` without the blanks beside what begins or ends with a full-width character.

        Chinese is set with a blank between characters and Latin letters or digits, and none between
        characters; which of them a value brings is known only when it is filled in.
        """
        if self.lang == "en":
            return wording
        wide = {name: _find_wide_edges(value) for name, value in params.items()}
        told = _BLANK_BEFORE.sub(lambda m: m[1] if wide.get(m[2], _NARROW)[0] else m[0], wording)
        return _BLANK_AFTER.sub(lambda m: m[1] if wide.get(m[2], _NARROW)[1] else m[0], told)


@cache
def load_catalogue(lang: Lang, package: str = "stanch.reporting", *, zone: str = "UTC") -> Catalogue:
    """The texts of "en" or "zh" that lie in `package`, with times told in `zone`.

    They are one file, or a folder of files, one for each part, whose name begins the keys of its texts.
    """
    tree = _read_tree(files(package).joinpath("texts"), lang)
    sentences = tree.pop("sentences", {})
    return Catalogue(lang, dict(_flatten(tree)), sentences, Clock(zone))


def _read_tree(folder: Traversable, lang: Lang) -> dict[str, Any]:
    whole = folder.joinpath(f"{lang}.toml")
    if whole.is_file():
        return tomllib.loads(whole.read_text(encoding="utf-8"))
    tree: dict[str, Any] = {"sentences": {}}
    for part in sorted(folder.joinpath(lang).iterdir(), key=lambda file: file.name):
        texts = tomllib.loads(part.read_text(encoding="utf-8"))
        tree["sentences"] |= texts.pop("sentences", {})
        tree[part.name.removesuffix(".toml")] = texts
    return tree


def _find_wide_edges(value: object) -> tuple[bool, bool]:
    """Whether it begins and ends with a full-width character (Unicode Annex 11); nothing counts as one."""
    text = _TAG.sub("", str(value))
    first, last = text[:1], text[-1:]
    return not first or unicodedata.east_asian_width(first) in "WF", (
        not last or unicodedata.east_asian_width(last) in "WF"
    )


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for key, value in tree.items():
        flat += [(prefix + key, value)] if isinstance(value, str) else _flatten(value, f"{prefix}{key}.")
    return flat


def _compile(pattern: str) -> re.Pattern[str]:
    parts = _PLACEHOLDER.split(pattern)
    regex = "".join(re.escape(p) if i % 2 == 0 else f"(?P<{p}>.+?)" for i, p in enumerate(parts))
    return re.compile(regex, re.DOTALL)
