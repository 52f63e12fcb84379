"""One link and a brand -> how far the link poses as the brand, and why.

The score is a sum of log-odds (nats): what names the brand, plus what surrounds it. A link that names
nothing of the brand stays near 0 however bad it may be: it is no look-alike. The addends are set by hand,
from what each sign is worth to a reader, and were tried on real links (docs/method/lures.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from stanch.complaints.links import defang, refang
from stanch.complaints.lures.address import Address, parse_address
from stanch.complaints.lures.brand import Brand
from stanch.complaints.lures.match import Match, Shape, Spelling, find_matches
from stanch.complaints.lures.paths import weigh_path
from stanch.complaints.lures.words import (
    CHEAP_ENDINGS,
    CREDENTIAL_WORDS,
    HOSTING,
    SHORTENERS,
    TOPIC_SITES,
    is_lure_text,
)

#: Log-odds before anything is known of a link.
_PRIOR: Final = -4.0
THRESHOLD: Final = 0.5

#: Worth of a name of 2, 3, … 7, and 8 or more letters, by its shape in the label.
_WORTH: Final[dict[Shape, tuple[float, ...]]] = {
    "exact": (1.5, 3.0, 4.6, 4.8, 5.0, 5.0, 5.0),
    "with_lures": (3.2, 4.2, 5.5, 6.0, 6.0, 6.0, 6.0),
    "joined_lures": (0.0, 2.5, 5.0, 5.5, 5.5, 6.0, 6.0),
    "with_others": (0.5, 1.5, 2.5, 3.7, 4.3, 4.6, 5.0),
    "at_edge": (0.0, 0.0, 4.1, 4.1, 4.3, 4.5, 4.6),
    "inside": (0.0, 0.0, 0.0, 1.5, 2.9, 4.3, 4.6),
}
_SPELLING: Final[dict[Spelling, float]] = {
    "plain": 0.0,
    "homoglyphs": 2.0,
    "digits_for_letters": 1.0,
    "similar_letters": 0.5,
    "misspelling": -0.5,
}
#: A misspelt name of four letters is mostly a word of its own.
_SHORT_TYPO: Final = -2.2
#: A part of the name may be a word (`view` of `viewcard`).
_PART: Final = -0.8
_SHORT_PART: Final = -1.6
#: Names of three letters under other endings mostly belong to others.
_SHORT_NAME: Final = 3.0
_SUBDOMAIN: Final = 0.6
_LONG_INSIDE_SUBDOMAIN: Final = 1.4
_SHORT_SUBDOMAIN: Final = 1.1

_OWN_DOMAIN_INSIDE: Final = 6.0
_IN_USERINFO: Final = 6.0
_IP_HOST: Final = 2.2
_FALSE_ENDING: Final = 2.0
_PLACE: Final = 1.5
_RANDOM_NAME: Final = 1.0
_CREDENTIAL_WORDS: Final = 1.0
_LURE_WORDS: Final = 0.8
_MAIL_IN_LINK: Final = 1.0
_TOPIC_SITE: Final = -2.5

#: An ending of names, in the middle of one: `shop.co.jp.other.example`, `shop-com.other.example`.
_FALSE_END: Final = re.compile(
    r"(?<=[a-z0-9])(?:[.-]?(?:co|ne|or|com|net|org|gov|ac)[.-]?(?:jp|cn|uk|kr|tw|hk|au|br|nz|sg|in)|[.-](?:com|net|org|jp|cn))"
    r"(?=[.-]|$)"
)
_RANDOM: Final = re.compile(r"[bcdfghjklmnpqrstvwxz]{6,}|[a-z]\d+[a-z]+\d|\d[a-z]+\d+[a-z]")
_MAIL_ADDRESS: Final = re.compile(r"[\w.+-]+@[\w-]+\.\w+")


@dataclass(frozen=True, slots=True)
class Reason:
    """A sign, and the part of the link that shows it."""

    code: str
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is held of one link."""

    #: Defanged.
    url: str
    lookalike: bool
    #: 0 to 1; a look-alike from 0.5 on.
    score: float
    #: The strongest first.
    reasons: tuple[Reason, ...]
    #: Host and registered name, to report to who runs them; empty where there is none.
    host: str = ""
    registered: str = ""
    #: The link as programs take it, without what may tell who it was sent to. Not to be shown to people.
    shared: str = ""


def judge_link(link: str, brand: Brand) -> Verdict:
    """How far `link` poses as `brand`; whatever it holds, it is only read."""
    address = parse_address(link)
    if address is None:
        return Verdict(defang(link), False, 0.0, (Reason("not_a_link"),))
    log_odds, reasons = _weigh(address, brand)
    score = round(1.0 / (1.0 + math.exp(min(-log_odds, 700.0))), 4)
    return Verdict(
        url=defang(link),
        lookalike=score >= THRESHOLD,
        score=score,
        reasons=reasons,
        host=address.host,
        registered=address.registered,
        shared=_cut_personal(refang(link)),
    )


def _weigh(address: Address, brand: Brand) -> tuple[float, tuple[Reason, ...]]:
    """Log-odds, and what speaks for them, the strongest first."""
    if brand.owns(address.host):
        return -math.inf, (Reason("own_domain", address.host),)
    named = list(_find_names(address, brand))
    around = list(_weigh_surroundings(address))
    if not named:
        told = [reason for reason, _ in around if reason.code in ("shortener", "ip_host")]
        return _PRIOR, (Reason("names_no_brand"), *told)
    best = max(worth for _, worth in named)
    ranked = sorted(named + around, key=lambda pair: -pair[1])
    total = _PRIOR + best + sum(worth for _, worth in around)
    return total, tuple(dict.fromkeys(reason for reason, _ in ranked))


def _cut_personal(link: str) -> str:
    """`link` without query and fragment if they hold a mail address: a victim's, more often than not."""
    scheme = "" if "://" in link else "http://"
    bare = re.split(r"[?#]", link, maxsplit=1)[0]
    return scheme + (bare if _MAIL_ADDRESS.search(unquote(link[len(bare) :])) else link)


def _find_names(address: Address, brand: Brand) -> Iterator[tuple[Reason, float]]:
    """Each way in which the link names the brand, with its worth. Only the best counts."""
    if address.userinfo and any(True for _ in find_matches(address.userinfo, brand)):
        yield Reason("brand_in_userinfo", address.userinfo), _IN_USERINFO
    labels = [] if address.is_ip else [*address.subdomains, address.label]
    front = ".".join(labels)
    for domain in brand.domains:
        if f".{domain}." in f".{front}.":
            yield Reason("own_domain_inside", domain), _OWN_DOMAIN_INSIDE
    for at, label in enumerate(labels):
        is_name = at == len(labels) - 1
        best = max(find_matches(label, brand), key=_weigh_match, default=None)
        if best:
            worth = _weigh_match(best)
            if not is_name:
                worth += _weigh_subdomain(best)
            elif best.shape == "exact" and len(best.form.name) == 3:
                worth = min(worth, _SHORT_NAME)
            yield from ((Reason(code, label), worth) for code in _name_reasons(best, is_name, address))
    yield from ((Reason(code, shown), worth) for code, shown, worth in weigh_path(address.path, brand))


def _weigh_match(match: Match) -> float:
    n = match.form.size
    worth = _WORTH[match.shape][min(n, 8) - 2] + _SPELLING[match.spelling]
    if match.spelling == "misspelling" and n <= 4:
        worth += _SHORT_TYPO
    if match.shape in ("with_lures", "joined_lures") and CREDENTIAL_WORDS.search(match.label):
        worth += _CREDENTIAL_WORDS
    if match.form.is_part:
        worth += _PART if n > 4 else _SHORT_PART
    return worth


def _weigh_subdomain(match: Match) -> float:
    """What a name is worth more in a sub-domain, which few honest sites name after another firm."""
    if match.shape == "inside" and match.form.size > 5:
        return _LONG_INSIDE_SUBDOMAIN
    return _SHORT_SUBDOMAIN if match.shape == "exact" and match.form.size == 3 else _SUBDOMAIN


def _name_reasons(match: Match, is_name: bool, address: Address) -> Iterator[str]:
    if match.spelling != "plain":
        yield match.spelling
    if match.spelling == "homoglyphs" and address.is_punycode:
        yield "punycode"
    if not is_name:
        yield "brand_in_subdomain"
    elif match.shape == "exact" and match.spelling == "plain":
        yield "other_ending"
    if match.shape in ("with_lures", "joined_lures"):
        yield "added_words"
    elif match.shape in ("with_others", "at_edge", "inside"):
        yield "brand_inside"


def _weigh_surroundings(address: Address) -> Iterator[tuple[Reason, float]]:
    """What makes a link that names the brand more suspicious."""
    if words := CREDENTIAL_WORDS.search(address.path.lower()):
        yield Reason("credential_words", words[0]), _CREDENTIAL_WORDS
    if _MAIL_ADDRESS.search(address.query):
        yield Reason("mail_address"), _MAIL_IN_LINK
    if address.is_ip:
        yield Reason("ip_host", address.host), _IP_HOST
        return
    yield from _weigh_place(address)
    front = ".".join([*address.subdomains, address.label])
    if false_end := _FALSE_END.search(front):
        yield Reason("false_ending", false_end[0].strip(".-")), _FALSE_ENDING
    if _RANDOM.search(address.label):
        yield Reason("random_name", address.label), _RANDOM_NAME
    lures = [label for label in address.subdomains if label not in ("www", "m") and is_lure_text(label)]
    if lures:
        yield Reason("lure_words", lures[0]), _LURE_WORDS


def _weigh_place(address: Address) -> Iterator[tuple[Reason, float]]:
    """Where the page is put up."""
    if address.registered in TOPIC_SITES:
        yield Reason("topic_site", address.registered), _TOPIC_SITE
    if address.registered in SHORTENERS:
        yield Reason("shortener", address.registered), _PLACE
    elif address.is_hosted or address.registered in HOSTING:
        yield Reason("hosting", address.registered), _PLACE
    elif address.suffix.rpartition(".")[2] in CHEAP_ENDINGS:
        yield Reason("cheap_ending", address.suffix), _PLACE
