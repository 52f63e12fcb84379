"""People in free text, masked: phones, cards and accounts, identity numbers, mail addresses, names.

For everything that leaves the desk: examples in reports, exports, messages to others. What stays is
the story.
"""

from __future__ import annotations

import re
from typing import Final

from stanch.complaints.links import defang, find_links
from stanch.complaints.reading.text import Text

#: Chinese family names that cover nine in ten people, and the double ones in use.
_FAMILY: Final = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜"
    "范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦"
    "申尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左涂谷祁耿牟卜肖詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏"
)
_ROLE_ZH: Final = "(?:先生|女士|小姐|太太|阿姨|大爷|大妈|奶奶|爷爷|老师|师傅|某某?|同学|经理|主任)"
_NAMES_ZH: Final = (
    re.compile(rf"(?<=[我本]叫)(?P<name>[{_FAMILY}][\u4e00-\u9fff]{{1,2}})(?=[,，。;；、\s(!]|$)"),
    re.compile(
        rf"(?:姓名|名字|本人|事主|报案人|受害人|投诉人|客户|联系人|收件人|户名|署名)(?:为|是|:|："
        rf"|叫)?\s?(?P<name>[{_FAMILY}][\u4e00-\u9fff]{{1,2}})(?=[,，。;；、\s(（!电手女男]|$)"
    ),
    re.compile(rf"(?<![向从])(?P<name>(?!向某)[{_FAMILY}][\u4e00-\u9fff]{{0,2}}?)(?={_ROLE_ZH})"),
    re.compile(
        rf"(?:此致|敬礼|投诉人|落款)[\s:：]*(?P<name>[{_FAMILY}][\u4e00-\u9fff]{{1,2}})\s*$", re.MULTILINE
    ),
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
        rf"|[Tt]hank you|[Bb]est wishes|[Ss]incerely),?\s+(?P<name>{_NAME_EN})"
    ),
    re.compile(
        rf"\b(?:Dear|Hi|Hello) (?P<name>(?!Sir|Madam|Sirs|Team|Customer|Manager|Mum|Dad|Mom|All"
        rf"|Support|There|Shop|Store){_NAME_EN})(?=,)"
    ),
)
_MAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
#: Identity cards of China (GB 11643: eighteen signs, the last may be X), and runs of digits long
#: enough to be a
#: phone, a card or an account, with the signs that people put between them.
_NUMBER: Final = re.compile(r"(?<![\dA-Za-z.])\+?\(?\d(?:[ \t().–—*-]{0,2}[\d*]){6,24}[Xx]?(?![\dA-Za-z%])")
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-./ ]\d{1,2}[-./ ]\d{1,2}(?:[ ]\d{1,2})?|\d{1,2}[-./]\d{1,2}[-./](?:19|20)?\d\d"
)
_MONEY: Final = re.compile(r"[¥￥$€£]\s?$|(?:rs\.?|eur|usd|gbp|rmb)\s?$", re.IGNORECASE)
_ACCOUNT: Final = re.compile(
    r"(?i)(?:qq|微信号?|wechat(?: id)?|支付宝账号|telegram)(?:号|:|：|是|为|\s"
    r"|@){0,3}(?P<id>[a-z0-9_-]{5,24})"
)
_SHORT_CARD: Final = re.compile(
    r"(?i)(?:尾号|末四位|后四位|ending(?: in)?|last (?:four|4)(?: digits)?)(?:为|是|:|：|\s"
    r"|\(){0,3}(?P<id>\d{3,4})(?!\d)"
)

PHONE, NUMBER, MAIL, NAME, ACCOUNT = "[phone]", "[number]", "[mail]", "[name]", "[account]"


def mask_text(text: str) -> str:
    """`text` with every person in it replaced by a word in brackets, and links defanged.

    Amounts of money and dates stay. Masking twice changes nothing.
    """
    spans = sorted(_find_people(text), key=lambda s: (s[0], -s[1]))
    parts: list[str] = []
    at = 0
    for start, end, word in spans:
        if start < at:
            continue
        parts += [text[at:start], word]
        at = end
    return "".join(parts) + text[at:]


def _find_people(text: str) -> list[tuple[int, int, str]]:
    plain = Text.of(text).plain + text[len(Text.of(text).plain) :]
    links = find_links(text)
    found = [(link.start, link.end, defang(link.url)) for link in links]
    found += [(m.start(), m.end(), MAIL) for m in _MAIL.finditer(plain)]
    found += [
        (m.start("id"), m.end("id"), ACCOUNT) for p in (_ACCOUNT, _SHORT_CARD) for m in p.finditer(plain)
    ]
    for match in _NUMBER.finditer(plain):
        if _DATE.fullmatch(match[0].strip()) or _MONEY.search(
            plain[max(0, match.start() - 5) : match.start()]
        ):
            continue
        digits = re.sub(r"[^\d*]", "", match[0])
        money = re.match(
            r"\s?(?:元|块|万|圆|usd|eur|pounds|euro|rupees|dollars)", plain[match.end() : match.end() + 9]
        )
        if len(digits) >= 7 and not money:
            found.append(
                (match.start(), match.end(), PHONE if len(digits) <= 15 and "*" not in digits else NUMBER)
            )
    for pattern in (*_NAMES_ZH, *_NAMES_EN):
        found += [(m.start("name"), m.end("name"), NAME) for m in pattern.finditer(text)]
    return found
