"""A shop's names and domains -> the spellings to look for in a link."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stanch.complaints.lures.address import parse_address, split_domain
from stanch.complaints.lures.fold import fold_letters, make_skeleton
from stanch.complaints.lures.typos import SHORTEST_FOR_TWO, list_typos
from stanch.complaints.lures.words import HOSTING, TOPIC_SITES, is_lure_text
from stanch.errors import UsageError

_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_VOWELS: Final = re.compile("[aeiouy]")
#: Endings of a name that say what the shop is rather than which.
_KINDS: Final = re.compile(
    r"(?:card|bank|shop|store|mall|online|pay|group|japan|china|official|net|web|mail|app|id|jp|cn|uk|us)$"
)
_SHORTEST_ROOT: Final = 4


@dataclass(frozen=True, slots=True)
class Form:
    """One spelling of the brand as a link may hold it: lower case, without blanks."""

    name: str
    skeleton: str
    #: Skeletons of its misspellings.
    typos: frozenset[str]
    #: Only a part of the name: `saison` of `saisoncard`.
    is_part: bool = False

    @property
    def size(self) -> int:
        """How many letters it is worth: a Chinese character about three, and one more for a name that cannot
        be spoken (`jcb`), which words hold more seldom than syllables."""
        if not self.name.isascii():
            return 3 * len(self.name)
        return len(self.name) + self.is_unspeakable

    @property
    def is_unspeakable(self) -> bool:
        """Whether it is no syllable of any word."""
        return len(self.name) > 2 and self.name.isascii() and not _VOWELS.search(self.name)

    @property
    def takes_two_slips(self) -> bool:
        """Whether two slips still leave no other name."""
        return len(self.name) >= SHORTEST_FOR_TWO and self.name.isascii()


@dataclass(frozen=True, slots=True)
class Brand:
    """What is the shop's own, and how it is spelt."""

    names: tuple[str, ...]
    #: The shop's own domains, lower case, punycode decoded.
    domains: tuple[str, ...]
    #: The longest first.
    forms: tuple[Form, ...]

    def owns(self, host: str) -> bool:
        """Whether `host` is one of the domains or lies under one."""
        return any(host == domain or host.endswith("." + domain) for domain in self.domains)


def make_brand(names: Sequence[str], domains: Sequence[str]) -> Brand:
    """The brand of these names (in any script; Chinese ones also in pinyin) and domains.

    Raises:
        UsageError: a domain is none, or no name has two letters.
    """
    hosts: list[str] = []
    spelled: dict[str, bool] = {}
    for domain in domains:
        found = parse_address(domain)
        if found is None:
            raise UsageError(f"{domain}: not a domain", hint="such as shop.example")
        # Who has a sub-domain has the name that it is under, unless others get names there.
        is_shared = found.is_ip or found.is_hosted or found.registered in HOSTING | TOPIC_SITES
        hosts.append(found.host if is_shared else found.registered or found.host)
    whole = [spelling for name in names for spelling in _spell(name)]
    whole += [spelling for host in hosts for spelling in _spell(split_domain(host)[0])]
    for name in whole:
        spelled.setdefault(name, False)
    for host in hosts:
        for spelling, is_part in _list_parts(split_domain(host)[0]):
            spelled.setdefault(spelling, is_part)
    for dashed in {name for name in spelled if "-" in name}:
        spelled.setdefault(dashed.replace("-", ""), spelled[dashed])
    forms = [_make_form(name, is_part) for name, is_part in spelled.items() if len(name) > 1]
    if not forms:
        raise UsageError("the brand has no name of two letters or more")
    forms.sort(key=lambda form: (-len(form.name), form.name))
    return Brand(tuple(names), tuple(dict.fromkeys(hosts)), tuple(forms))


def _spell(name: str) -> list[str]:
    """`name` as one word, as words with dashes, and in pinyin if it is Chinese."""
    plain = fold_letters(unicodedata.normalize("NFKC", name).strip())
    words = re.findall(r"[^\W_]+", plain)
    spellings = ["".join(words), "-".join(words)] if words else []
    if words and all(_HAN.fullmatch(word) for word in words):
        from pypinyin import lazy_pinyin  # a sixth of a second to load

        syllables = lazy_pinyin("".join(words))
        spellings += ["".join(syllables)]
    return list(dict.fromkeys(spellings))


def _list_parts(name: str) -> list[tuple[str, bool]]:
    """Other spellings of a registered name, and whether each is only a part of it.

    `eki` of `eki-net`; `saison-card` and `saison` of `saisoncard`.
    """
    first = name.split("-", maxsplit=1)[0]
    parts = [(first, True)] if "-" in name and len(first) > 2 and not is_lure_text(first) else []
    root = _KINDS.sub("", name).rstrip("-")
    if root != name and len(root) >= _SHORTEST_ROOT and not is_lure_text(root):
        parts += [(f"{root}-{name[len(root) :].lstrip('-')}", False), (root, True)]
    return parts


def _make_form(name: str, is_part: bool) -> Form:
    typos = {make_skeleton(typo) for typo in list_typos(name)} if name.isascii() and name.isalpha() else set()
    skeleton = make_skeleton(name)
    return Form(name, skeleton, frozenset(typos - {skeleton}), is_part)
