"""Phone numbers in a text, and whose they are: the caller's, or the victim's, the shop's, or no phone
at all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from stanch.complaints.reading.text import Span, Text

Owner = Literal["caller", "victim", "official", "none"]

#: Runs of digits with the signs that people put between them; E.164 has at most 15 digits, senders of mass
#: messages in China up to 20.
_RUN: Final = re.compile(r"(?<![\da-z.])(?:\+|00)?\(?\d(?:(?:[ \t()–—-]|\) ){0,2}\d){3,21}(?![\d*%])")

_CHINESE: Final = re.compile(
    r"(?:\+?86|0086)?1[3-9]\d{9}|(?:\+?86|0086)?0(?:10|2\d|[3-9]\d{2})\d{7,8}"
    r"|(?:\+?86)?[48]00\d{7}|95\d{3,6}|96\d{3,5}"
    r"|1[02]\d{3}|106\d{5,17}|\+\d{7,15}|00\d{7,15}|12\d{3}|170\d{8}|(?:852|853|886)\d{8,10}"
    r"|0\d{9,11}|09\d{8}"
)
_ENGLISH: Final = re.compile(
    r"\+\d{8,15}|00\d{8,15}|0[1-9]\d{8,9}|0[38]\d{8,10}|1?[2-9]\d{2}[2-9]?\d{6,7}|[6-9]\d{9}"
    r"|1[38]00\d{6}|44\d{10}|91\d{10}|04\d{8}"
    r"|1[3-9]\d{9}|400\d{7}|8[05]\d{8}"
)

_NONE_ZH: Final = re.compile(
    r"(?:订单|单号|运单|快递|物流|流水|编号|编码|身份证|卡号|账号|账户|帐号|尾号|工号|警号|qq|Q号|企鹅|群|案件|受理|房间|金额|号码牌|银行卡|卡|会议|"
    r"会议号|密码|验证码|邀请码|口令|案号|文号|合同|发票|条码|取件码|户名|支付宝账户?|投诉单|工单|流水号|参考号|id)"
    r"(?:号码|号|编号|为|是|尾号|:|\s|的|名|了|叫|后四位|末四位|\()*$",
    re.IGNORECASE,
)
_NONE_EN: Final = re.compile(
    r"(?<![a-z])(?:order|tracking|track|reference|ref|invoice|case|crime|account|acc|acct|a/c|card"
    r"|sort code|customer|ticket|(?<!caller )id|iban|"
    r"consignment|parcel|booking|transaction|txn|policy|code|otp|pin|passcode|serial"
    r"|confirmation|membership|policy|"
    r"upi|awb|utr|report|complaint|ending|digits|badge|postcode|meeting|anydesk|teamviewer"
    r"|incident|crn|docket|url)"
    r"(?: ?(?:no\.?|number|num|nr|id|ref|code|reference|#|is|was|ending|in|she gave|he gave"
    r"|given|of|:|\.|,|\(|with|-|for))*\s*#?$"
)
_VICTIM_ZH: Final = re.compile(
    r"(?:本人|自己的?|我的|客户|用户|顾客|事主|报案人|受害人|投诉人|来访者|机主|俺的|她的|我|会员|买家|消费者|注册|绑定|预留|下单|收货|收件人?|联络|当事人"
    r"|女士|先生)"
    r"(?:的|预留|绑定|注册|本人|登记|收货)?(?:联系)?(?:手机|电话|联系方式|号码|手机号码?|电话号码|联系电话|号)(?:号码|号|是|为|:|\s|\()*$"
    r"|(?:联系(?:电话|方式|手机|我|号码)|回电|回拨|回复|请(?:拨打?|打|回)|致电我|可打|打我|电联|打这个|请联系|联系人)[^\d]{0,8}$"
)
_VICTIM_AFTER_ZH: Final = re.compile(
    r"^[\s)]*(?:是我的|这是我|是本人|请(?:回电|联系)|联系我|回电|找我|\(?本人)"
)
_VICTIM_EN: Final = re.compile(
    r"(?:\bmy (?:own )?(?:phone|mobile|cell|contact|number|tel|telephone|landline|home|no)"
    r"|\bown (?:mobile|number|phone|no)|"
    r"(?:contact|reach|call|ring|phone|text|call back|get hold of|callback|contactable) (?:me"
    r"|him|her|us|cust\w*|them)(?: back)?|contact (?:number|no|tel|details)|"
    r"(?:cust(?:omer)?(?:'?s)?|client(?:'?s)?|victim(?:'?s)?|complainant(?:'?s)?|her|his"
    r"|account holder) (?:own |contact |registered )?(?:number|no\.?|phone|mobile|tel|contact"
    r"|cell|ph)|"
    r"call ?back(?: number| no)?|(?:^|\n|[.,] )\s*(?:tel|mobile|mob|phone|ph|cell|contact|m|t)\b"
    r"|registered (?:number|mobile|phone)|contactable)"
    r"(?: ?(?:number|no\.?|is|was|on|at|:|\.|,|are|via|which is|ends|phone|mobile|back|\())*\s*$"
)
#: "His number" is the caller's where the victim tells it, the victim's where an agent writes it down.
_THEIRS_EN: Final = re.compile(r"\b(?:his|her|their)\b[^.]*$")
_FIRST_PERSON_EN: Final = re.compile(r"\b(?:i|me|my|i'm|i've|im)\b")
_VICTIM_AFTER_EN: Final = re.compile(r"^[ )]*(?:is my|\(?my (?:number|own|mobile)|which is my|\(mine|\(cust)")
_OFFICIAL_ZH: Final = re.compile(
    r"(?:官方|官网|正规|真正的?|你们(?:公司|店|家)?的?客服|贵司|正确|银行(?:的)?客服(?:热线)?|人工|报警|反诈|拨打了?|(?:我|客户|用户|又|再|就"
    r"|马上|后)(?:打|致电)了?|(?:打|致电)(?:了)?(?=你们|贵|官方|银行|店铺|平台)|咨询"
    r"|投诉(?:电话|热线)|热线|"
    r"卡(?:的)?背面|打(?:过去|回去)|查询|我(?:又)?拨)"
    r"(?:官方|客服|热线|电话|号码|专线|的|是|为|了|:|你们|店铺|平台|咨询|核实|\s)*$"
)
_OFFICIAL_EN: Final = re.compile(
    r"(?<![a-z])(?:official|genuine|real|correct|your (?:customer \w+|help ?line|phone|support|main|own"
    r"|shop.s|store.s|usual|published|service) ?(?:number|line)?|helpline|help line|hotline|"
    r"(?:i|she|he|cust|customer) (?:then |immediately |has |have |also |later "
    r"|already )?(?:called|rang|phoned|dialled|rung|dialed|contacted) (?:you|your\w*|the bank"
    r"|my bank|her bank|the shop|action fraud|the police|the real|customer \w+|u|the store)"
    r"|"
    r"back of (?:my|the|her) card|number on (?:the|your) (?:website|card|site)|action fraud"
    r"|your number|bank on|bank.s number|called (?:you|us) (?:on|at))"
    r"(?: ?(?:number|no\.?|line|is|was|on|at|:|\(|of|service|your|the|website|which|phone))*\s*$"
)
_CALLER_ZH: Final = re.compile(
    r"(?:来电|打来|来的?电话|号码|电话|手机|主叫|短信|对方|骗子|嫌疑|微信|客服|自称|接到|显示|用|拨|联系|座机|境外|陌生|诈骗|号|从|打|收到|\bcall|加"
    r"|以)[^\d]{0,12}$"
)
_SHORT_CALLER_ZH: Final = re.compile(
    r"(?:来电|号码|显示|接到|电话|打来|短信|收到|来自|客服|以|用)[^\d。]{0,10}$"
)
_AFTER_CALLER_ZH: Final = re.compile(
    r"^[\s\"')]*(?:打|来电|的?来电|的?电话|的号|这个(?:号|电话)|联系|给我|发|自称|称|拨|呼|说|号码|致电)"
)


_SHORT_CALLER_EN: Final = re.compile(r"(?:from|number|sender|text|call|called|short ?code)[^\d.]{0,14}$")


@dataclass(frozen=True, slots=True)
class Phone:
    """A number at code points `start` to `end`; `number` is its digits, with a leading `+` where written."""

    start: int
    end: int
    number: str
    owner: Owner
    confidence: float


def find_phones(text: Text, taken: Sequence[Span]) -> list[Phone]:
    """Numbers that are shaped like a phone's, in order; `taken` spans are links."""
    found: list[Phone] = []
    for match in _RUN.finditer(text.plain):
        if any(match.start() < end and start < match.end() for start, end in taken):
            continue
        for start, end in _split(text.plain, match.start(), match.end(), text.language):
            phone = _judge(text, start, end)
            if phone is not None:
                found.append(phone)
    return found


def _split(plain: str, start: int, end: int, language: str) -> list[Span]:
    """A run may hold several numbers parted by blanks; then each stands for itself."""
    if _is_phone(_digits(plain[start:end]), language):
        return [(start, end)]
    return [
        (start + m.start(), start + m.end())
        for m in re.finditer(r"\+?\(?\d[\d()–—-]*", plain[start:end])
        if _is_phone(_digits(m[0]), language)
    ]


def _digits(written: str) -> str:
    plus = "+" if written.lstrip().startswith("+") else ""
    digits = re.sub(r"\D", "", written)
    if plus and digits.startswith("440"):  # "+44 (0)20 ..."
        digits = "44" + digits[3:]
    return plus + digits


def _is_phone(number: str, language: str) -> bool:
    if re.fullmatch(r"(\d)\1{4,}", number) and len(number) < 8:
        return False
    patterns = (_CHINESE, _ENGLISH) if language == "zh" else (_ENGLISH, _CHINESE)
    if number.startswith("20") and len(number) == 8:  # a date
        return False
    return any(p.fullmatch(number) for p in patterns)


def _judge(text: Text, start: int, end: int) -> Phone | None:
    plain = text.plain
    number = _digits(plain[start:end])
    if "**" in (plain[end : end + 2], plain[max(0, start - 2) : start]):
        return None  # half of a card, `621700*******0011`
    sentence = text.sentence_at(start)[0]
    left = plain[max(sentence, start - 45) : start]
    right = plain[end : end + 24]
    short = len(number) <= 6
    if text.language == "zh":
        owner = _find_owner_zh(left, right, short=short)
    else:
        told = _FIRST_PERSON_EN.search(plain) is not None
        owner = _find_owner_en(left, right, short=short, told_by_victim=told)
    if owner == "none":
        return None
    called = _CALLER_ZH.search(left) or _AFTER_CALLER_ZH.match(right) or text.language == "en"
    return Phone(start, end, number, owner, 0.9 if called else 0.6)


def _find_owner_zh(left: str, right: str, *, short: bool) -> Owner:
    if _NONE_ZH.search(left):
        return "none"
    named = _AFTER_CALLER_ZH.match(right)
    if short and not (_SHORT_CALLER_ZH.search(left) or named):
        return "none"
    if _VICTIM_ZH.search(left) or _VICTIM_AFTER_ZH.match(right):
        return "victim"
    return "official" if _OFFICIAL_ZH.search(left) and not named else "caller"


def _find_owner_en(left: str, right: str, *, short: bool, told_by_victim: bool) -> Owner:
    if _NONE_EN.search(left) or (short and not _SHORT_CALLER_EN.search(left)):
        return "none"
    named = _VICTIM_EN.search(left)
    theirs = told_by_victim and named is not None and _THEIRS_EN.search(named[0]) is not None
    if (named and not theirs) or _VICTIM_AFTER_EN.match(right):
        return "victim"
    return "official" if _OFFICIAL_EN.search(left) else "caller"
