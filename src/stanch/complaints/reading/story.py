"""What a text says of the story told: pretexts, what was asked for, and what the caller knew."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stanch.complaints.reading.lexicon import Lexicon
from stanch.complaints.reading.text import Span, Text
from stanch.evidence.tables import FIELDS

PRETEXTS: Final = (
    "system_fault",
    "wholesaler",
    "membership",
    "lost_parcel",
    "recall",
    "out_of_stock",
    "refund",
    "customs",
    "duplicate_payment",
    "account_problem",
)
ASKED: Final = (
    "refund_page",
    "reorder",
    "extra_fee",
    "screen_sharing",
    "loan",
    "verification_code",
    "transfer",
    "qr_code",
    "install_app",
    "card_details",
)


@dataclass(frozen=True, slots=True)
class Found:
    """A word of the contract and where the text says it; `confidence` in 0-1."""

    word: str
    start: int
    end: int
    confidence: float


def find_pretexts(text: Text, words: Lexicon) -> list[Found]:
    """Each pretext once, at its first place."""
    return list(_find_first(text, words, words.pretexts, PRETEXTS))


def find_asked(text: Text, words: Lexicon) -> list[Found]:
    """Each thing asked for once, whether or not it was done."""
    return list(_find_first(text, words, words.asked, ASKED))


def wants_data(text: Text, words: Lexicon) -> bool:
    """Whether somebody is to give away who they are, open a link, or else lose a parcel or an account."""
    return words.fraud["wants"].search(text.plain) is not None


def _find_first(text: Text, words: Lexicon, patterns: object, order: tuple[str, ...]) -> Iterator[Found]:
    assert isinstance(patterns, dict)
    for name in order:
        sure = 0.9
        for match in patterns[name].finditer(text.plain):
            if _is_advice(text, match.start(), words):
                continue
            if _is_negated(text, match.start(), words):
                sure = 0.6
                continue
            yield Found(name, match.start(), match.end(), sure)
            break


def _is_negated(text: Text, position: int, words: Lexicon) -> bool:
    start = max(text.clause_at(position)[0], position - (9 if text.language == "zh" else 26))
    before = text.plain[start:position]
    pattern = words.negated["before"]
    return any(
        len(before) - m.end() <= (4 if text.language == "zh" else 16) for m in pattern.finditer(before)
    )


def _is_advice(text: Text, position: int, words: Lexicon) -> bool:
    start, _ = text.sentence_at(position)
    return words.negated["advice"].search(text.plain, start, position) is not None


#: A knowing word reaches this far, within its sentence.
_REACH: Final = {"zh": 60, "en": 150}
#: Where what the caller knew ends and what the caller said or wanted begins.
_STOP_ZH: Final = re.compile(
    r"(?:称|说(?!出|对|得|的|中|我|他|她|清)|让(?!人)|叫(?!什么|啥|得|出|我名)|要(?:我|求|他|她|给)|谎|告知|以[^。!?]{1,28}为(?:由"
    r"|名)|因(?!此)|由于|才信|就信|信以为真|系统|需|必须|表示|声称|然后|于是|所以|问)"
)
_STOP_EN: Final = re.compile(
    r"\b(?:said|says|saying|told|tells|claim\w*|ask(?:ed|ing|s)?|want(?:ed|s)?|then|so i|because"
    r"|due to|but|wanted|offered|explain\w*|stat(?:ed|ing)|"
    r"according to|instructed|i was|she was|he was|i had been|that (?:i|she|he) (?:was|had been"
    r"|must|should|would|could)|n say|and that (?:my|her|his|the))\b"
)


#: Words that name no particular thing.
_ANY_ZH: Final = "东西|商品|产品|快递|快件|包裹|货|物品|订单|会员|单|保险|什么|啥|时候|账|卡|钱|款|件"
_ANY_EN: Final = (
    r"(?:order|parcel|package|payment|account|card|item|product|delivery|bank|purchase|money|system|recent|online"
    r"|last|phone|computer|goods|shop|store|call|caller|refund|link|number|details|transaction|membership|courier"
    r"|shipment|customer|company|team|police|app|website|site|page|man|woman|lady|money|thing|stuff)s?\b"
)
_THING_ZH: Final = rf"(?!{_ANY_ZH})[\u4e00-\u9fff]{{1,6}}?"
_THING_EN: Final = rf"(?:the|my|her|his|our|a) (?!{_ANY_EN})[a-z-]+(?: (?!{_ANY_EN})[a-z-]+)?"
#: What callers say is wrong with the thing.
_WRONG_ZH: Final = (
    "没货|没有货|断货|缺货|有毒|有问题|丢了|遗失|碎了|坏了|受了?污染|不安全|要?召回|质量|(?:没|未)付(?:款|成)"
)
_WRONG_EN: Final = (
    r"(?:was|were|is|are|had|has|have|could|would"
    r"|needed|needs)\b[^.!?]{0,24}(?:out of stock|stock|recall|lost|missing"
    r"|damaged|broken|contaminated|safe|faulty|defect|paid|charged|deliver|dispatch|reserved|honoured|coming|arriv)"
)
#: A caller who names the thing that was bought knows it.
_BOUGHT_ZH: Final = re.compile(
    r"(?:称|说|讲|问|告知|通知|电话|以)[^。!?]{0,24}?(?:我|她|他|其|俺|你|您|客户|顾客|事主)"
    r"(?:[在从][^,，。]{1,12})?(?:之前|昨天|以前|刚|前几天|上礼拜|上周)?(?:网上)?(?:是不是)?(?:网购|购买|买|拍|订购|订)(?:的|了|过|到)"
    rf"(?:那个|那件|一个|一件|一台|一双|两罐|这个)?(?:的)?(?!{_ANY_ZH})[\u4e00-\u9fff]{{2}}"
    rf"|(?:她|他|我|客户|顾客|您|你)的{_THING_ZH}订单|(?:说|称|讲|以){_THING_ZH}(?:{_WRONG_ZH})"
    rf"|(?:谈|问|说|讲)(?:起|到|了)?(?:我|她|他)(?:买|订|拍)?的{_THING_ZH}(?:[,，。]|有|没|断|丢|碎|坏)"
    rf"|(?:谈|问)(?:起|到)?(?:我|她|他)(?:买|订|拍)的(?!{_ANY_ZH})[\u4e00-\u9fff]"
    rf"|(?:买|订|拍|购){_THING_ZH}(?:的钱|的款|时开通|时误)"
)
_BOUGHT_EN: Final = re.compile(
    rf"\b{_THING_EN} (?:that )?(?:i|she|he|we|they)(?:.d| had)?(?: just| recently| once)? (?:bought|ordered"
    rf"|purchased|got)\b|\b(?:re|about|regarding|for|over) {_THING_EN} order\b|\b{_THING_EN} {_WRONG_EN}"
    rf"|\b(?:paid|payment|refund\w*|charged) (?:(?:of|for) )?(?:[£$€]?[\d.,]+ )?(?:due )?for {_THING_EN}"
    rf"|\b(?:recalled|faulty|contaminated|discontinued) (?!{_ANY_EN})[a-z-]+|\bre {_THING_EN}[,;.]"
    rf"|\b(?:happy|satisfied|pleased) with {_THING_EN}|\babout {_THING_EN}[,.]"
)


def find_known(text: Text, words: Lexicon) -> list[Found]:
    """Fields that the caller already knew, in the order of `FIELDS`."""
    found: dict[str, Found] = {}
    for span in _find_scopes(text, words):
        for name in FIELDS:
            if name in found:
                continue
            match = words.known[name].search(text.plain, *span)
            if match is not None:
                found[name] = Found(name, match.start(), match.end(), 0.8)
    if "items" not in found and (
        match := (_BOUGHT_ZH if text.language == "zh" else _BOUGHT_EN).search(text.plain)
    ):
        found["items"] = Found("items", match.start(), match.end(), 0.5)
    return [found[name] for name in FIELDS if name in found]


#: Behind a list: `my name, address, everything was correct`.
_ALL_RIGHT: Final = re.compile(r"details|information|everything|all|correct|accurate")


def _find_scopes(text: Text, words: Lexicon) -> Iterator[Span]:
    """Parts of the text that list what was known: behind a knowing word up to the next thing said or asked.

    In Chinese the list may also stand in front (`姓名、地址都对得上`) where none stands behind in the same
    clause, as may English (`my name, address, everything was correct`).
    """
    plain = text.plain
    stop = _STOP_ZH if text.language == "zh" else _STOP_EN
    for match in words.known["knows"].finditer(plain):
        start, end = text.sentence_at(match.start())
        if _is_unknown(text, match, words):
            continue
        high = min(end, match.end() + _REACH[text.language])
        halt = stop.search(plain, match.end(), high)
        unknown = words.known["unknown"].search(plain, match.end(), high)
        cut = min(m.start() for m in (halt, unknown) if m) if halt or unknown else high
        low = match.start()
        clause_end = min(cut, text.clause_at(match.end() - 1)[1])
        listed = text.language == "zh" and _names_field(text, words, match.end(), clause_end)
        if not listed and (text.language == "zh" or _ALL_RIGHT.match(match[0])):
            low = max(start, match.start() - (40 if text.language == "zh" else 60))
            low = max((m.end() for m in stop.finditer(plain, low, match.start())), default=low)
        yield low, max(cut, match.end())


def _names_field(text: Text, words: Lexicon, start: int, end: int) -> bool:
    return any(words.known[name].search(text.plain, start, end) for name in FIELDS)


def _is_unknown(text: Text, match: re.Match[str], words: Lexicon) -> bool:
    before = text.plain[max(0, match.start() - (5 if text.language == "zh" else 14)) : match.start()]
    if text.language == "zh":
        return bool(
            re.search(r"(?:我|没|不|未|客户|用户|银行|警方|后来才|才|也不|事后|无从)(?:能|法|太)?$", before)
        ) and match[0] in (
            "知道",
            "清楚",
            "了解",
            "晓得",
            "知",
            "获知",
            "获悉",
            "得知",
            "明白",
            "知晓",
        )
    return bool(
        re.search(r"(?:n.t|not|never|\bi|\bwe|let me|let you|\bu|to|please|you|if you|don.?t) ?$", before)
    ) and match[0].startswith("kn")
