"""Which kind of fraud a complaint tells of: weighed signs, turned into probabilities."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Final

from stanch.complaints.reading.lexicon import Lexicon
from stanch.complaints.reading.text import Text

KINDS: Final = (
    "fake_customer_service",
    "fake_courier",
    "fake_authority",
    "fake_loan",
    "fake_acquaintance",
    "brushing_job",
    "investment",
    "phishing",
    "other_fraud",
    "not_fraud",
)
#: The classes of the Chinese police's statistics on telecom and network fraud that a kind falls under; the
#: others of the twelve (游戏交易, 网络婚恋 and so on) are all `other_fraud` here.
POLICE_CLASSES: Final[Mapping[str, str]] = {
    "fake_customer_service": "冒充电商物流客服类",
    "fake_courier": "冒充电商物流客服类",
    "fake_authority": "冒充公检法及政府机关类",
    "fake_loan": "贷款、代办信用卡类",
    "fake_acquaintance": "冒充领导、熟人类",
    "brushing_job": "刷单返利类",
    "investment": "虚假网络投资理财类",
}

#: What the claimed identity says for each kind, in nats.
_BY_IDENTITY: Final[Mapping[str | None, Mapping[str, float]]] = {
    "shop": {"fake_customer_service": 3.0, "phishing": 0.5},
    "platform": {"fake_customer_service": 3.0, "phishing": 0.5, "brushing_job": 0.3},
    "courier": {"fake_courier": 3.5},
    "authority": {"fake_authority": 3.5},
    "bank": {"other_fraud": 2.5, "phishing": 1.5},
    "other": {
        "fake_acquaintance": 0.8,
        "fake_loan": 0.8,
        "brushing_job": 0.8,
        "investment": 0.8,
        "other_fraud": 1.2,
    },
    None: {},
}
_BY_PRETEXT: Final[Mapping[str, Mapping[str, float]]] = {
    "wholesaler": {"fake_customer_service": 2.5},
    "membership": {"fake_customer_service": 1.0},
    "recall": {"fake_customer_service": 1.0},
    "out_of_stock": {"fake_customer_service": 1.0},
    "refund": {"fake_customer_service": 0.5},
    "duplicate_payment": {"fake_customer_service": 0.8},
    "lost_parcel": {"fake_courier": 0.7, "fake_customer_service": 0.4},
    "customs": {"fake_courier": 0.3, "fake_authority": 0.3},
}
#: People who fill in a form for scam contacts mostly had one.
_PRIOR: Final = 1.2
#: The word itself.
_OUTRIGHT: Final = re.compile(r"冒充|诈骗|骗子|被骗|假客服|\b(?:scam|fraudster|impersonat|con ?man|crook)")
#: Stories of an order or membership: with a link, too, they are told in the shop's name.
_OF_AN_ORDER: Final = frozenset(
    ("out_of_stock", "recall", "duplicate_payment", "wholesaler", "membership", "system_fault")
)
#: That somebody reached the victim at all.
_REACHED: Final = re.compile(
    r"电话|来电|打来|打给|短信|微信|qq|邮件|私信|群里|加我|链接|网址|刷到|认识|广告|有人|对方|"
    r"\b(?:call|rang|ring|phon|text|sms|e-?mail|messag|whatsapp|link|telegram|advert|contact|met |man "
    r"|woman |guy )"
)
_CALLED_ME: Final = re.compile(
    r"(?:接到|来了?个|打来|打(?:我|俺)?)[^。!?]{0,8}(?:电话|来)|来电"
    r"|\b(?:got|received|had|took) (?:a|this|one|another) (?:\w+ )?call"
    r"|\b(?:called|rang|phoned|texted|messaged|contacted) (?:me|my|us|her|him|cust)"
)
_CALLED: Final = re.compile(
    r"电话|来电|打来|打给|致电|语音|\b(?:call(?:ed|er|s)?|rang|rings|phoned|phones|telephon\w+|spoke"
    r"|voicemail)\b"
)


def weigh_kinds(
    text: Text,
    words: Lexicon,
    identity: str | None,
    pretexts: Collection[str],
    *,
    n_links: int,
    n_telling: int,
    harmed: bool,
) -> dict[str, float]:
    """Probability of each of `KINDS`, from the signs of each kind, the identity claimed and the pretexts."""
    scores = {
        kind: sum(weight for weight, pattern in words.kinds[kind] if pattern.search(text.plain))
        for kind in KINDS
    }
    for kind, weight in _BY_IDENTITY[identity].items():
        scores[kind] += weight
    for pretext in pretexts:
        for kind, weight in _BY_PRETEXT.get(pretext, {}).items():
            scores[kind] += weight
    strong = min(4, n_telling + sum(1 for _ in words.fraud["strong"].finditer(text.plain)))
    strong += "membership" in pretexts and _CALLED_ME.search(text.plain) is not None
    weak = min(2, harmed + sum(1 for _ in words.fraud["signs"].finditer(text.plain)))
    if not strong:
        scores = {kind: score if kind == "not_fraud" else 0.6 * score for kind, score in scores.items()}
    scores["not_fraud"] = _weigh_honesty(text, scores["not_fraud"], strong, weak)
    _weigh_messages(text, scores, identity, pretexts, n_links)
    top = max(scores.values())
    odds = {kind: math.exp(score - top) for kind, score in scores.items()}
    return {kind: value / sum(odds.values()) for kind, value in odds.items()}


def _weigh_honesty(text: Text, signs: float, strong: int, weak: int) -> float:
    """What speaks for an ordinary complaint: its own signs, and how little tells of fraud."""
    score = 1.3 * signs + _PRIOR - 1.6 * strong - 0.5 * weak
    if _OUTRIGHT.search(text.plain):
        score -= 1.5
    if strong:
        return score
    if not _REACHED.search(text.plain):
        score += 3.0
    return score + 2.0 if score > _PRIOR else score


def _weigh_messages(
    text: Text, scores: dict[str, float], identity: str | None, pretexts: Collection[str], n_links: int
) -> None:
    """A message with a link is a courier's if it speaks of a parcel; else phishing, whose name it bears."""
    if _CALLED.search(text.plain):
        scores["phishing"] -= 2.0
    elif n_links:
        if {"lost_parcel", "customs"} & set(pretexts):
            scores["fake_courier"] += 3.0
            scores["phishing"] -= 1.0
        if identity != "courier" and not _OF_AN_ORDER & set(pretexts):
            scores["phishing"] += 3.0
            scores["fake_authority"] -= 2.0
