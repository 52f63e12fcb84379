"""Amounts of money in a text, with their currency and place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stanch.complaints.reading.numbers import Number, find_numbers
from stanch.complaints.reading.text import Span, Text

#: No victim tells of more amounts; what stands behind them is not read.
MAX_AMOUNTS: Final = 100
#: ISO 4217 codes by how people write them. `$` and words that several countries share stand for
#: themselves and
#: are settled by the shop's currency.
_BEFORE: Final = (
    (r"(?:人民币|rmb|cny)\s?", "CNY"),
    (r"(?:[¥￥]|yuan\s)\s?", "¥"),
    (r"(?:us|u\.s\.)\s?\$\s?|usd\s?|美[元金]\s?", "USD"),
    (r"(?:s|sg)\$\s?|sgd\s?", "SGD"),
    (r"hk\$\s?|hkd\s?|港[币元]\s?", "HKD"),
    (r"nt\$?\s?|twd\s?|新台币\s?|台币\s?", "TWD"),
    (r"(?:a|au)\$\s?|aud\s?", "AUD"),
    (r"(?:c|ca)\$\s?|cad\s?", "CAD"),
    (r"nz\$\s?|nzd\s?", "NZD"),
    (r"r\$\s?|brl\s?", "BRL"),
    (r"£\s?|gbp\s?|英镑\s?", "GBP"),
    (r"€\s?|eur(?:os?)?\s?|欧元\s?", "EUR"),
    (r"(?:rs\.?|inr|₹)\s?", "INR"),
    (r"rm\s?|myr\s?", "MYR"),
    (r"jpy\s?|日[元币]\s?", "JPY"),
    (r"₩\s?|krw\s?", "KRW"),
    (r"chf\s?", "CHF"),
    (r"aed\s?|dhs?\.?\s?", "AED"),
    (r"zar\s?", "ZAR"),
    (r"php\s?|₱\s?", "PHP"),
    (r"thb\s?|฿\s?", "THB"),
    (r"₦\s?|ngn\s?", "NGN"),
    (r"usdt\s?", "USDT"),
    (r"\$\s?", "$"),
)
_AFTER: Final = (
    (r"(?:元|块|圆)?(?:人民币|rmb|cny|yuan|renminbi)", "CNY"),
    (r"元?港[币元]|hkd|hong kong dollars?", "HKD"),
    (r"元?(?:新台币|台币)|twd|ntd|nt dollars?", "TWD"),
    (r"美[元金]|美刀|刀(?!具)|us dollars?|usd(?!t)", "USD"),
    (r"usdt|u(?![a-z])", "USDT"),
    (r"欧元?|euros?|eur|€", "EUR"),
    (r"英镑|镑|pounds?(?: sterling)?|quid|gbp|£|squid", "GBP"),
    (r"日[元币]|yen|jpy|円", "JPY"),
    (r"新币|新加坡元|sgd|singapore dollars?", "SGD"),
    (r"澳[元币]|aud|australian dollars?", "AUD"),
    (r"加[元币]|cad|canadian dollars?", "CAD"),
    (r"韩[元币]|krw|won(?! the| a)", "KRW"),
    (r"卢比|rupees?|inr|rs\b|/-", "INR"),
    (r"ringgit|myr|rm\b|林吉特|马币", "MYR"),
    (r"chf|francs?|瑞郎", "CHF"),
    (r"dirhams?|aed", "AED"),
    (r"rand|zar", "ZAR"),
    (r"泰铢|baht|thb", "THB"),
    (r"pesos?|php", "PHP"),
    (r"dollars?|bucks?|\$", "$"),
    (r"(?:块|元|圆)(?:钱|整)?|大洋|软妹币", "元"),
)
_PENCE: Final = re.compile(r"\s?(?:p|pence|cents?)(?![a-z])")
_CODE: Final = {f"b{i}": code for i, (_, code) in enumerate(_BEFORE)} | {
    f"a{i}": c for i, (_, c) in enumerate(_AFTER)
}
_BEFORE_AT_END: Final = re.compile(
    r"(?<![a-z])(?:" + "|".join(f"(?P<b{i}>{p})" for i, (p, _) in enumerate(_BEFORE)) + r")$"
)
_AFTER_AT: Final = re.compile(
    r"\s?(?P<more>[多余来几]|左右)?\s?(?:"
    + "|".join(f"(?P<a{i}>{p})" for i, (p, _) in enumerate(_AFTER))
    + r")(?![a-z])"
)
#: Dollars and yuan that a bare sign may mean.
_DOLLARS: Final = frozenset(["USD", "AUD", "CAD", "SGD", "HKD", "NZD", "TWD"])
_YUAN: Final = frozenset(["CNY", "TWD", "HKD", "JPY", "SGD"])

#: In front of a number without a unit that is money all the same.
_IMPLIED_ZH: Final = re.compile(
    r"(?:转|付|汇|打|充|交|缴|垫|刷|骗|损失|花|借|扣|投|给|存|提|取|划|少|亏|赔|补|退|返|额度|共|计|押金|费|金|款|套|笔|单|次)"
    r"[^\d,，。!?;；\s]{0,9}\s?$"
)
_COUNTER_ZH: Final = re.compile(
    r"\s?[多余几来]?(?:次|笔|个(?!w)|时|天|小时|分钟|分(?!$)|秒|点|号|日|月|年|人|张|条|%|位|件|单|遍|倍|岁|米|楼|栋|室|期|:|折|步|部|"
    r"台|双|套|批|名|章|g|cm|份|瓶|只|片|家|层|路|街|级|种|项|通|户|代|公里|号码|开头|星|寸|斤|粒|盒|罐|箱|袋|本|码|-\d|/\d|\.\d|\d)"
)
_IMPLIED_EN: Final = re.compile(
    r"\b(?:lost|lose|losing|paid|pay|sent|send|transferred|transfer|deposited|taken|took|stole"
    r"|withdrew|invested|debited|"
    r"wired|charged?|spent|drained|of|out|another|extra|topped up|top up|more|further|scammed"
    r"|deducted|owe|amount|fee|for|cost)"
    r"(?: (?:me|us|her|him|them|a|an|about|around|over|nearly|almost|of|out|for|by|the|another"
    r"|further|total|sum|in|up|"
    r"with|approx|roughly|from|my|account|to)){0,3}[ :]$"
)
_LISTED: Final = re.compile(r"\s?(?:、|,|，|和|及|与|跟|and|&|\+|/)\s?(?:and )?")
_TENTH: Final = re.compile(r"[一二三四五六七八九](?![一二三四五六七八九十百千万\d])")
_GONE_ZH: Final = re.compile(r"[多余]?(?:就|都|全|也)?(?:没了|没有了|不见|被(?:转|划|扣|刷|骗))")
_GONE_EN: Final = re.compile(
    r" (?:was |were |is |has |had |got |been |just )*(?:gone|debited|taken|stolen|deducted)"
)
_COUNTER_EN: Final = re.compile(
    r"\s?(?:times|days?|hours?|hrs?|mins?|minutes|weeks?|months?|years?|yrs?|o'?clock|am|pm|a\.m"
    r"|p\.m|people|payments?|transfers?|"
    r"items?|digits?|st|nd|rd|th|%|percent|calls?|messages?|of (?:my|the|them|us)|or"
    r"|transactions?|victims?|others?|"
    r"pairs?|pieces?|kg|km|miles|gift|old|-year|parcels?|orders?|more|further|instal|numbers?"
    r"|codes?|cards?|emails?|texts?|"
    r"[a-z]{3,9} (?:20\d\d|morning)|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|/\d|-\d|:\d|\.\d)"
)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with its currency (ISO 4217) at code points `start` to `end`, signs included."""

    start: int
    end: int
    amount: float
    currency: str
    #: Whether a currency was written.
    explicit: bool


def find_money(text: Text, currency: str, taken: Sequence[Span]) -> list[Money]:
    """Amounts of `text` in order; those without a unit are in `currency`. `taken` spans are phones,
    dates, links."""
    found: list[Money] = []
    for number in find_numbers(text.plain):
        listed = bool(found) and _LISTED.fullmatch(text.plain[found[-1].end : number.start]) is not None
        hidden = "*" in text.plain[max(0, number.start - 1) : number.end + 1]
        if hidden or any(number.start < end and start < number.end for start, end in taken):
            continue
        money = _read_unit(text, number, currency) or _read_implied(text, number, currency, listed=listed)
        if money is not None and 0 < money.amount <= 1e11:
            found.append(money)
            if len(found) == MAX_AMOUNTS:
                break
    return found


def _read_unit(text: Text, number: Number, currency: str) -> Money | None:
    plain = text.plain
    left = plain[max(0, number.start - 12) : number.start]
    before = _BEFORE_AT_END.search(left)
    after = _AFTER_AT.match(plain, number.end)
    if before is not None:
        start = number.start - len(left) + before.start()
        end = after.end() if after is not None and _name(after) in ("元", _name(before)) else number.end
        return Money(start, end, number.value, _settle(_name(before), text, currency), explicit=True)
    if after is not None and (tenth := _TENTH.match(plain, after.end())) and plain[after.end() - 1] == "块":
        amount = number.value + ("一二三四五六七八九".index(tenth[0]) + 1) / 10  # "两块五"
        return Money(number.start, tenth.end(), amount, _settle("元", text, currency), explicit=True)
    if after is not None:
        return Money(
            number.start, after.end(), number.value, _settle(_name(after), text, currency), explicit=True
        )
    pence = _PENCE.match(plain, number.end)
    if pence is not None and text.language == "en" and number.value < 100:
        return Money(number.start, pence.end(), number.value / 100, currency, explicit=True)
    return None


def _read_implied(text: Text, number: Number, currency: str, *, listed: bool) -> Money | None:
    """A number that the verb before it, or what became of it, makes money."""
    plain = text.plain
    written = plain[number.start : number.end]
    if (number.value < 10 and "." not in written) or len(written) > 9 or written.startswith("0"):
        return None
    start = max(text.sentence_at(number.start)[0], number.start - 24)
    if text.language == "zh":
        implied, counter = _IMPLIED_ZH, _COUNTER_ZH
        gone = _GONE_ZH.match(plain, number.end)
    else:
        implied, counter = _IMPLIED_EN, _COUNTER_EN
        gone = _GONE_EN.match(plain, number.end)
    if not (gone or listed or implied.search(plain[start : number.start])) or counter.match(
        plain, number.end
    ):
        return None
    if text.language == "en" and (
        (number.value < 20 and not re.search(r"\.\d\d$", written))
        or (1990 <= number.value <= 2100 and "k" not in written and not gone)
    ):
        return None
    return Money(number.start, number.end, number.value, currency, explicit=False)


def _name(match: re.Match[str]) -> str:
    assert match.lastgroup is not None
    return _CODE[match.lastgroup]


def _settle(name: str, text: Text, currency: str) -> str:
    if name == "$":
        return currency if currency in _DOLLARS else "USD"
    if name in ("元", "¥"):
        return currency if currency in _YUAN else "CNY"
    return name
