"""Channel, place, the caller's accounts, and which links are the caller's."""

from __future__ import annotations

import re
from typing import Final

from stanch.complaints.links import Link
from stanch.complaints.reading.marks import Mark
from stanch.complaints.reading.text import Text

#: How the victim was reached, the first named counts.
_CHANNELS: Final = re.compile(
    r"(?P<sms>短信|彩信|\b(?:text(?:ed)?(?: message)?|sms)\b)|(?P<wechat>微信|\bwechat\b)|(?P<qq>qq)"
    r"|(?P<whatsapp>\bwhats?app)"
    r"|(?P<telegram>\btelegram\b|电报)|(?P<email>邮件|\be-?mails?\b)|(?P<social>私信|抖音私"
    r"|\b(?:messenger|facebook|instagram|dm|dating app)\b|交友)"
    r"|(?P<call>电话|来电|致电|打来|\b(?:call(?:ed)?|rang|rings|phon(?:ed|e call|es)|telephon\w+"
    r"|voicemail|rung)\b)"
)
_PLACE: Final = re.compile(
    r"(?:家住|住在|居住在|住址(?:为|是|:)|家在|来自)(?P<zh>[\u4e00-\u9fff]{2,9}?(?:省|市|区|县|镇|街道))"
    r"|(?P<zh2>(?:[\u4e00-\u9fff]{2,3}省)?(?:[\u4e00-\u9fff]{2,3}市)(?:[\u4e00-\u9fff]{2,3}(?:区"
    r"|县))?)(?=市民|居民|的|某|民众|[\u4e00-\u9fff]女士|[\u4e00-\u9fff]先生)"
)
_PLACE_EN: Final = re.compile(
    r"\b(?:from|of|living in|lives in|live in|based in|resident of"
    r"|in) (?P<en>[A-Z][a-z]{2,14}(?:[ -][A-Z][a-z]{2,14})?)(?=[ ,.]|$)"
)
_NOT_PLACES: Final = frozenset(
    [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
        "Amazon",
        "Royal",
        "Post",
        "Facebook",
        "Easter",
        "Christmas",
    ]
)
_ACCOUNTS: Final = (
    re.compile(r"(?:qq|企鹅)(?:号码?|群)?\s?(?:为|是|:)?\s?\(?(?P<id>[1-9]\d{4,10})(?!\d)"),
    re.compile(
        r"(?:微信号?|wechat(?: id)?|telegram|whatsapp id)\s?(?:为|是|:"
        r"|@)?\s?\(?(?P<id>[a-z][a-z0-9_-]{5,19})(?![a-z])"
    ),
    re.compile(
        r"(?:账[号户]|帐[号户]|卡号|银行卡|account(?: number| no\.?)?|acc(?:t)? no\.?"
        r"|iban)[^\d\n]{0,12}(?P<id>(?:[a-z]{2}\d{2})?\d{4,6}[\d *-]{4,22}\d)"
    ),
)
_OWN_LINK: Final = re.compile(
    r"(?:官网|官方(?:网站|网址|商城)?|正规网站|你们(?:的)?(?:网站|官网|商城|店铺))(?:是|为|\s|:|上|网站)*$"
    r"|\b(?:your (?:real |official |own |actual )?(?:website|site|shop|store|page)"
    r"|official (?:website|site)|(?:ordered|bought|purchased|shopped|shopping)"
    r" (?:(?!again)\w+ ){0,5}?(?:from|on|at)|genuine (?:site|website)|real (?:site|website)"
    r"|reported (?:it )?(?:to|on|at|via)|forward(?:ed)? (?:it )?to)(?: is| at|,|:)* ?\(?$"
)
#: `在 shop.example 买了` names where it was bought; `在 … 付了` may be the lure.
_AT_ZH: Final = re.compile(r"(?:在|从)(?:\s|网站)*$")
_BOUGHT_THERE_ZH: Final = re.compile(r"[^,，。]{0,8}?(?:买|购|下(?:了)?单|订|拍)")
_OFFICIAL_HOSTS: Final = re.compile(
    r"(?:^|\.)(?:gov\.\w{2}|gov|police\.uk|actionfraud\.\w+|ic3\.gov|12321\.cn|cyberpolice\.cn)$"
)


def find_channel(text: Text) -> Mark | None:
    """The first way named in which the caller reached the victim."""
    match = _CHANNELS.search(text.plain)
    if match is None or match.lastgroup is None:
        return None
    return Mark("channel", match.lastgroup, match.start(), match.end(), 0.7)


def find_place(text: Text) -> Mark | None:
    """Where the victim lives, as written."""
    pattern = _PLACE if text.language == "zh" else _PLACE_EN
    for match in pattern.finditer(text.raw):
        group = match.lastgroup
        if group and match[group] not in _NOT_PLACES:
            return Mark("place", match[group], match.start(group), match.end(group), 0.6)
    return None


def find_accounts(text: Text) -> list[Mark]:
    """Accounts that the caller used: messengers, bank accounts."""
    return [
        Mark(
            "scam_accounts",
            text.raw[match.start("id") : match.end("id")],
            match.start("id"),
            match.end("id"),
            0.6,
        )
        for pattern in _ACCOUNTS
        for match in pattern.finditer(text.plain)
    ]


def is_callers_link(text: Text, link: Link) -> bool:
    """Whether a link is the lure: not the shop's own site, nor an authority's."""
    before = text.plain[max(0, link.start - 60) : link.start]
    if _AT_ZH.search(before) and _BOUGHT_THERE_ZH.match(text.plain, link.end):
        return False
    return not (_OWN_LINK.search(before) or _OFFICIAL_HOSTS.search(link.host))
