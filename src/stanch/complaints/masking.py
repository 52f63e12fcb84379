"""People in free text, masked: phones, cards, accounts, identity numbers, codes, mail, addresses, names.

For everything that leaves the desk: examples in reports, exports, messages to others. What stays is
the story.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from stanch.complaints.links import defang, find_links, split_link
from stanch.complaints.reading.text import Text

#: Chinese family names that cover nine in ten people, and the double ones in use.
_FAMILY: Final = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
    "范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦"
    "申尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左涂谷祁耿牟卜肖詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏"
)
_DOUBLE: Final = "欧阳|司马|上官|诸葛|司徒|夏侯|皇甫|尉迟|公孙|慕容|令狐|东方|南宫|端木|轩辕"
_NAME_ZH: Final = rf"(?P<name>(?:{_DOUBLE}|[{_FAMILY}])[\u4e00-\u9fff]{{1,2}})"
_ROLE_ZH: Final = "(?:先生|女士|小姐|太太|阿姨|大爷|大妈|奶奶|爷爷|老师|师傅|某某?|同学|经理|主任)"
_WHO_ZH: Final = (
    "(?:姓名|名字|本人|事主|报案人|受害人|被害人|当事人|投诉人|来电人|举报人"
    "|客户|用户|顾客|买家|会员|联系人|收件人|户名|署名)"
)
_NAMES_ZH: Final = (
    # Whatever follows "I am called", up to a stop; with a dot within: names of other peoples of China.
    re.compile(
        r"(?<=[我本]叫)(?P<name>(?![他她它你您我骗客对不])[\u4e00-\u9fff·•・]{2,12})(?=[,，。;；、\s(!]|$)"
    ),
    re.compile(r"(?P<name>[\u4e00-\u9fff]{2,6}[·•・][\u4e00-\u9fff]{2,8})(?![\u4e00-\u9fff])"),
    re.compile(rf"我是{_NAME_ZH}(?<![人员生户家的])(?=[,，。;；、\s(!]|$)"),
    re.compile(rf"{_WHO_ZH}(?:为|是|:|：|叫)?\s?{_NAME_ZH}(?=[,，。;；、\s(（!电手女男来反称说表报]|$)"),
    re.compile(
        rf"(?<![向从])(?P<name>(?!向某)(?:{_DOUBLE}|[{_FAMILY}])[\u4e00-\u9fff]{{0,2}}?)(?={_ROLE_ZH})"
    ),
    re.compile(rf"(?:此致|敬礼|投诉人|落款)[\s:：]*{_NAME_ZH}\s*$", re.MULTILINE),
)
_NAME_EN: Final = r"[A-Z][a-z'’-]{1,20}(?: [A-Z]\.)?(?: (?:de |van |von |O')?[A-Z][a-z'’-]{1,20}){0,2}"
_NAMES_EN: Final = (
    re.compile(rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Mx|Sir|Prof)\.? (?P<name>{_NAME_EN})"),
    re.compile(
        rf"\b(?:[Mm]y name is|[Mm]y name's|I am called|[Nn]ame:|(?:called|named|calling) (?:himself"
        rf"|herself)) (?P<name>{_NAME_EN})"
    ),
    re.compile(
        rf"(?:[Yy]ours (?:sincerely|faithfully|truly)|[Kk]ind [Rr]egards|[Rr]egards|[Tt]hanks"
        rf"|[Tt]hank you|[Bb]est wishes|[Ss]incerely|[Ss]igned),?\s+(?P<name>(?:[A-Z]\. ?)*{_NAME_EN})"
    ),
    re.compile(
        rf"\b(?:Dear|Hi|Hello) (?P<name>(?!Sir|Madam|Sirs|Team|Customer|Manager|Mum|Dad|Mom|All"
        rf"|Support|There|Shop|Store){_NAME_EN})(?=,)"
    ),
    re.compile(
        r"\b(?:[Cc]ustomer|[Cc]lient|[Cc]aller|[Vv]ictim|[Cc]omplainant|[Bb]uyer) (?P<name>(?!Service|Care"
        r"|Support|Relations|Complaint)[A-Z][a-z'’-]{1,20} [A-Z][a-z'’-]{1,20})"
    ),
)
#: Mail addresses, also as people hide them from robots.
_AT: Final = r"(?:@|%40|\s?[\[({]\s?(?:at|@)\s?[\])}]\s?)"
_STOP: Final = r"(?:\.|\s?[\[({]\s?(?:dot|\.)\s?[\])}]\s?)"
_MAIL: Final = re.compile(
    rf"(?i)(?<![\w.+-])[\w.+-]{{1,64}}{_AT}[\w-]{{1,63}}(?:{_STOP}[\w-]{{1,63}}){{1,4}}"
)
#: Identity cards of China (GB 11643: eighteen signs, the last may be X), and runs of digits long
#: enough to be a
#: phone, a card or an account, with the signs that people put between them.
_NUMBER: Final = re.compile(r"(?<![\dA-Za-z.])\+?\(?\d(?:[ \t().–—*-]{0,2}[\d*]){6,24}[Xx]?(?![\dA-Za-z%])")
#: Passports, accounts (ISO 13616: IBAN) and whatever else holds so many digits in one word.
_MIXED: Final = re.compile(
    r"(?i)(?<![a-z0-9])(?:[a-z]{2}\d\d(?=(?:[a-z ]{0,9}\d){8})(?: ?[a-z0-9]{4}){3,7}(?: ?[a-z0-9]{1,3})?"
    r"|[a-z]{0,20}\d{7,30}[a-z0-9]{0,20})(?![a-z0-9])"
)
_DIGIT_ZH: Final = "[零〇一二三四五六七八九幺洞拐两]"
_DIGIT_EN: Final = "(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple|hundred)"
_SPOKEN: Final = re.compile(
    rf"{_DIGIT_ZH}(?:[\s、,，-]{{0,2}}{_DIGIT_ZH}){{6,20}}"
    rf"|(?i:\b{_DIGIT_EN}(?:[\s,-]{{1,2}}{_DIGIT_EN}){{5,24}}\b)"
)
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}(?:[ ]\d{1,2})?|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d"
)
_MONEY: Final = re.compile(r"[¥￥$€£]\s?$|(?:rs\.?|eur|usd|gbp|rmb)\s?$", re.IGNORECASE)
_UNIT: Final = re.compile(r"\s?(?:元|块|万|圆|usd|eur|pounds|euro|rupees|dollars)")
#: Fewer digits are no phone, card or account.
_LEAST_DIGITS: Final = 7
_ACCOUNT: Final = re.compile(
    r"(?i)(?:qq|微信号?|wechat(?: id)?|支付宝账号|telegram)(?:号|:|：|是|为|\s"
    r"|@){0,3}(?P<id>[a-z0-9_-]{5,24})"
)
_SHORT_CARD: Final = re.compile(
    r"(?i)(?:尾号|末四位|后四位|ending(?: in)?|last (?:four|4)(?: digits)?)(?:为|是|:|：|\s"
    r"|\(){0,3}(?P<id>\d{3,4})(?!\d)"
)
_SORT_CODE: Final = re.compile(r"(?i)sort ?code:?\s?(?P<id>\d\d[- ]?\d\d[- ]?\d\d)(?!\d)")
_CODE: Final = re.compile(
    r"(?i)(?:验证码|动态码|校验码|密码|口令|\b(?:otp|pin|password|passcode|code))(?:是|为|:|：|\s|was|is){0,4}"
    r"(?P<id>(?=[a-z]{0,20}\d)[a-z0-9]{4,20})(?![a-z0-9])"
)
_PLACES: Final = (
    re.compile(
        r"[\u4e00-\u9fff]{2,4}(?:路|街|大道|巷|弄|里|村|小区|花园|苑|公寓)(?:\d{1,5}|[一二三四五六七八九十百]{1,4})"
        r"(?:号|弄|栋|幢|座|单元|室|楼)(?:[\d一二三四五六七八九十-]{1,5}(?:号楼|号|弄|栋|幢|座|单元|室|楼|层)){0,4}"
    ),
    re.compile(
        r"\b\d{1,4}[A-Za-z]? (?:[A-Z][a-z'’]{1,20} ){1,3}(?:Street|St|Road|Rd|Lane|Ln|Avenue|Ave|Close|Drive"
        r"|Way|Court|Crescent|Gardens|Place|Terrace|Square|Grove|Row)\b"
    ),
    re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"),
)

PHONE, NUMBER, MAIL, NAME = "[phone]", "[number]", "[mail]", "[name]"
ACCOUNT, CODE, PLACE = "[account]", "[code]", "[address]"


def mask_text(text: str) -> str:
    """`text` with every person in it replaced by a word in brackets, and links defanged.

    Amounts of money and dates stay. Masking twice changes nothing.
    """
    parts: list[str] = []
    at = 0
    for start, end, word in find_masked(text):
        parts += [text[at:start], word]
        at = end
    return "".join(parts) + text[at:]


def find_masked(text: str) -> list[tuple[int, int, str]]:
    """Start, end and word of what `mask_text` replaces, in order; none overlaps another."""
    found: list[tuple[int, int, str]] = []
    at = 0
    for start, end, word in sorted(_find_people(text), key=lambda s: (s[0], -s[1])):
        if start >= at:
            found.append((start, end, word))
            at = end
    return found


def _find_people(text: str) -> Iterator[tuple[int, int, str]]:
    plain = Text.of(text).plain + text[len(Text.of(text).plain) :]
    for link in find_links(text):
        yield link.start, link.end, _mask_link(link.url)
    yield from _find_numbers(plain)
    for patterns, source, word in (
        ((_MAIL,), plain, MAIL),
        ((_ACCOUNT, _SHORT_CARD, _SORT_CODE), plain, ACCOUNT),
        ((_CODE,), plain, CODE),
        ((_SPOKEN,), plain, PHONE),
        (_PLACES, text, PLACE),
        ((*_NAMES_ZH, *_NAMES_EN), text, NAME),
    ):
        for pattern in patterns:
            group = next(iter(pattern.groupindex), 0)
            yield from ((m.start(group), m.end(group), word) for m in pattern.finditer(source))


def _find_numbers(plain: str) -> Iterator[tuple[int, int, str]]:
    for match in _NUMBER.finditer(plain):
        before, behind = (
            plain[max(0, match.start() - 5) : match.start()],
            plain[match.end() : match.end() + 9],
        )
        if _DATE.fullmatch(match[0].strip()) or _MONEY.search(before) or _UNIT.match(behind):
            continue
        digits = re.sub(r"[^\d*]", "", match[0])
        if len(digits) >= _LEAST_DIGITS:
            yield match.start(), match.end(), PHONE if len(digits) <= 15 and "*" not in digits else NUMBER
    for match in _MIXED.finditer(plain):
        before, behind = (
            plain[max(0, match.start() - 5) : match.start()],
            plain[match.end() : match.end() + 9],
        )
        if not (_MONEY.search(before) or _UNIT.match(behind)):
            yield match.start(), match.end(), NUMBER


def _mask_link(url: str) -> str:
    """A link defanged, without what its path or query tells of a person."""
    scheme, host, tail = split_link(defang(url))
    return scheme + host + re.sub(rf"\d{{{_LEAST_DIGITS},}}", NUMBER, _MAIL.sub(MAIL, tail))
