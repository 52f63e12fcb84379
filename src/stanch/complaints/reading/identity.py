"""Whom the caller first claimed to be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from stanch.complaints.reading.lexicon import Lexicon
from stanch.complaints.reading.text import Text

IDENTITIES: Final = ("authority", "courier", "bank", "platform", "shop", "other")
#: So much of what follows a claiming word is read as the claim.
_REACH: Final = {"zh": 26, "en": 70}
#: A shop on a platform is a shop; a platform's customer service is the platform.
_SHOP_ZH: Final = re.compile(
    r"(?:旗舰店|专卖店|店铺|网店|卖家|商家|店主|店家|专营店|店(?:的)?(?:客服|售后|财务|员)|小店|微店主|直播间|卖场)"
)
_SHOP_EN: Final = re.compile(
    r"\b(?:sellers?|merchant|(?:ebay|etsy|amazon|facebook|shopee|vinted) (?:shop|store|seller"
    r"|merchant|vendor))\b"
)
_AFTER_EN: Final = re.compile(
    r"[.!?;]|\b(?:who|that|saying|about|regarding|re|and (?:told|said|asked|that)|because"
    r"|telling|warn\w*|my (?:parcel|order|account|payment|card)|asking)\b"
)
_AFTER_ZH: Final = re.compile(
    r"[。!?;；]|(?:[,，]|称|说(?!他|她|是|自己)|告知|因|以[^,，。]{1,12}为由|需|要求|让)"
)


#: A second caller, or the one that the first put through to.
_LATER: Final = re.compile(
    r"(?:又|再|转接|转到|另一|第二个|随后|之后|接着|后来|然后)[^。!?]{0,12}$|\b(?:then|later|transferred|second"
    r"|another|put through|passed)\b[^.!?]{0,14}$"
)


#: A sentence on such cases at large, as newspapers begin with.
_MANY: Final = re.compile(r"多起|近期|高发|频发|此类|这类|不法分子")


@dataclass(frozen=True, slots=True)
class Identity:
    """One claim and where it stands; `confidence` in 0-1."""

    name: str
    start: int
    end: int
    confidence: float


def find_identity(text: Text, words: Lexicon) -> Identity | None:
    """The first claim whose words say who it was; None where there is none."""
    after = _AFTER_ZH if text.language == "zh" else _AFTER_EN
    plain = text.plain
    best: Identity | None = None
    for match in words.identity["claims"].finditer(plain):
        end = min(text.sentence_at(match.start())[1], match.end() + _REACH[text.language])
        halt = after.search(plain, match.end() + 1, end)
        claim = (match.end(), halt.start() if halt else end)
        name = _name(plain, claim, words)
        if name is None:
            continue
        sure = 0.9 if _is_strong(match[0]) else 0.6
        if text.language == "zh" and _MANY.search(plain, text.sentence_at(match.start())[0], end):
            continue
        if _LATER.search(plain[max(0, match.start() - 18) : match.start()]):
            sure = 0.3
        if best is None or (best.confidence < sure and match.start() - best.start < 80):
            best = Identity(name, match.start(), claim[1], sure)
        if best.confidence > 0.8:
            break
    return best if best is not None and best.confidence > 0.3 else None


def _is_strong(claim: str) -> bool:
    return bool(
        re.match(
            r"自称|声称|谎称|冒充|假冒|号称|伪装|假扮|假装|称|说|讲|claim|pretend|pos|purport|imperson|introduc|identif"
            r"|represent|masq|on behalf|under the|call(?:ed|ing) from",
            claim,
        )
    )


def _name(plain: str, claim: tuple[int, int], words: Lexicon) -> str | None:
    """Who a claim names: the most telling word of it, else the first."""
    at = {
        name: m.start()
        for name in IDENTITIES
        if (m := words.identity[name].search(plain, *claim)) is not None
    }
    if not at:
        return None
    said = plain[slice(*claim)]
    shop = _SHOP_ZH.search(said) or _SHOP_EN.search(said)
    if shop and "platform" in at and not {"authority", "courier", "bank"} & at.keys():
        return "shop"
    first = min(at, key=lambda name: (at[name], IDENTITIES.index(name)))
    if first == "shop" and len(at) > 1:  # "customer service of DHL", "客服" behind a bank's name
        others = {n: a for n, a in at.items() if n not in ("shop", "other") and a - at["shop"] < 40}
        if others and not shop:
            return min(others, key=lambda n: others[n])
    return first
