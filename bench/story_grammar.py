"""Complaints made up from a grammar of phrases, with labels, for training the reading.

The phrases are the project's own, in `stories/LANGUAGE.txt`. A complaint is a handful of sentences in a style's
usual order; what each sentence tells is known, so the labels are exact where people's would be a matter of taste.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "stories"
STYLES = ("press", "hotline", "chat", "letter")
_TOKEN = re.compile(r"\{([^{}]*)\}|<(\w+)>")
_KINDS = {
    "fake_customer_service": 34, "fake_courier": 9, "fake_authority": 6, "fake_loan": 6, "fake_acquaintance": 6,
    "brushing_job": 6, "investment": 6, "phishing": 8, "other_fraud": 7, "not_fraud": 14,
}  # fmt: skip
_IDENTITIES = {
    "fake_customer_service": ("shop", "shop", "shop", "platform"),
    "fake_courier": ("courier",),
    "fake_authority": ("authority",),
    "other_fraud": ("bank", "other"),
    "phishing": ("shop", "courier", "bank", "platform", "authority"),
}
#: What the callers of a kind tell and ask, apart from what its own sentences say.
_PRETEXTS = {
    "fake_customer_service": (
        "system_fault", "wholesaler", "membership", "lost_parcel", "recall", "out_of_stock", "refund", "refund",
        "duplicate_payment", "account_problem",
    ),
    "fake_courier": ("lost_parcel", "lost_parcel", "customs", "refund"),
    "fake_authority": ("account_problem", "customs"),
    "phishing": ("lost_parcel", "refund", "account_problem", "membership"),
    "other_fraud": ("account_problem",),
}  # fmt: skip
_ASKED = {
    "fake_customer_service": (
        "refund_page", "reorder", "extra_fee", "screen_sharing", "loan", "verification_code", "transfer", "qr_code",
        "install_app", "card_details",
    ),
    "fake_courier": ("extra_fee", "card_details", "refund_page", "qr_code", "install_app", "screen_sharing"),
    "fake_authority": ("transfer", "screen_sharing", "install_app", "verification_code"),
    "phishing": ("card_details", "verification_code", "extra_fee"),
    "other_fraud": ("transfer", "verification_code", "card_details"),
    "investment": ("transfer",),
    "brushing_job": ("transfer",),
    "fake_loan": ("extra_fee", "transfer"),
    "fake_acquaintance": ("transfer", "qr_code"),
}  # fmt: skip


@dataclass
class Story:
    """One made-up complaint; `labels` are `column.word`, `amounts` the spans of payments that left the victim."""

    text: str
    language: str
    kind: str
    identity: str | None
    labels: set[str]
    #: Every amount written: span, whether it is a loss.
    amounts: list[tuple[int, int, bool]] = field(default_factory=list)


@cache
def load_grammar(language: str) -> Mapping[str, list[str]]:
    """Section -> its lines."""
    sections: dict[str, list[str]] = {}
    name = ""
    for line in (FOLDER / f"{language}.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            name = line.strip("[]")
            sections[name] = []
        elif line.strip() and not line.startswith("#"):
            sections[name].append(line)
    return sections


def make_story(rng: random.Random, language: str) -> Story:
    """A complaint in one of the styles."""
    return _Teller(rng, language).tell()


class _Teller:
    def __init__(self, rng: random.Random, language: str) -> None:
        self.rng, self.language = rng, language
        self.grammar = load_grammar(language)
        self.labels: set[str] = set()
        self.style = rng.choice(STYLES)

    def tell(self) -> Story:
        rng = self.rng
        kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
        identity = None if kind == "not_fraud" else rng.choice(_IDENTITIES.get(kind, ("other",)))
        parts = self._tell_ordinary() if kind == "not_fraud" else self._tell_fraud(kind, identity)
        text = self._join(parts)
        if identity is not None:
            self.labels.add(f"claimed_identity.{identity}")
        self.labels.add(f"kind.{kind}")
        text, amounts = _cut_marks(text)
        return Story(text, self.language, kind, identity, self.labels, amounts)

    def _tell_ordinary(self) -> list[str]:
        rng = self.rng
        parts = [self._line("kind.not_fraud") for _ in range(rng.randint(1, 3))]
        if rng.random() < 0.4:
            parts.append(self._line("aftermath_ordinary"))
        return parts

    def _tell_fraud(self, kind: str, identity: str | None) -> list[str]:
        rng = self.rng
        parts = [self._contact()]
        own = f"kind.{kind}" in self.grammar
        if identity != "other" or not own or rng.random() < 0.5:
            parts.append(self._line(f"identity.{identity}"))
        if own:
            parts += [self._line(f"kind.{kind}") for _ in range(rng.choice((1, 1, 2)))]
        for column, words, most in (("pretexts", _PRETEXTS, 2), ("asked", _ASKED, 2)):
            pool = words.get(kind, ())
            for word in set(
                rng.sample(pool, min(len(pool), rng.choice((0, 1, 1, most) if own else (1, 1, most))))
            ):
                parts.append(self._say(self._line(f"{column}.{word}", f"{column}.{word}"), column))
        if kind in ("fake_customer_service", "fake_courier", "fake_authority") and rng.random() < 0.5:
            parts.insert(rng.randrange(1, len(parts) + 1), self._known())
        parts += [self._line("loss") for _ in range(rng.choice((0, 1, 1, 2)))]
        parts += [self._line("noloss") for _ in range(rng.random() < 0.35)]
        for _ in range(rng.randint(0, 2)):
            parts.insert(rng.choice((0, len(parts), len(parts))), self._line("aftermath"))
        if rng.random() < 0.25:
            rng.shuffle(parts)
        if rng.random() < 0.1:  # some say hardly more than that there was one
            self.labels.clear()
            more = [
                self._line(f"identity.{identity}"),
                self._line("loss"),
                self._expand(rng.choice(_ASIDE[self.language])),
            ]
            told = [self._outright(), *rng.sample(more, rng.randint(0, 2))]
            rng.shuffle(told)
            return told
        return parts

    def _outright(self) -> str:
        """That a scammer called, and no more."""
        return self._expand(self.rng.choice(_OUTRIGHT[self.language]))

    def _known(self) -> str:
        rng = self.rng
        if rng.random() < 0.2:
            return self._line("known.items.alone", "known_fields.items")
        fields = rng.sample(
            ("name", "phone", "address", "items", "price", "time", "order_id", "payment"), rng.randint(1, 3)
        )
        self.labels |= {f"known_fields.{name}" for name in fields}
        listed = [self._expand(rng.choice(_alternatives(self.grammar[f"known.{name}"]))) for name in fields]
        comma = "、" if self.language == "zh" else ", "
        last = (
            rng.choice(("和", "、", ""))
            if self.language == "zh"
            else rng.choice((" and ", ", ", " & ", " n "))
        )
        joined = comma.join(listed[:-1]) + last + listed[-1] if len(listed) > 1 else listed[0]
        line = rng.choice(self.grammar["known.frame"]).replace("<known>", "\x01")
        return self._expand(line).replace("\x01", joined)

    def _contact(self) -> str:
        return self._expand(self.rng.choice(_CONTACT[self.language]))

    def _say(self, line: str, column: str) -> str:
        """What the caller said, as the victim reports it."""
        if line.startswith("="):
            return line[1:]
        return self._expand(self.rng.choice(_SAYS[self.language][column])) + line

    def _line(self, section: str, *labels: str) -> str:
        if section == "aftermath_ordinary":
            return self._expand(self.rng.choice(_ORDINARY[self.language]))
        line = self.rng.choice(self.grammar[section])
        line, *more = line.split(" +")
        self.labels |= set(labels)
        for word in (w.strip() for w in more):
            column = "known_fields" if word == "items" else "asked"
            self.labels.add(f"{column}.{word}")
        return self._expand(line, lost=section == "loss")

    def _expand(self, line: str, *, lost: bool = False) -> str:
        while (match := _TOKEN.search(line)) is not None:
            if match[1] is not None:
                chosen = self.rng.choice(match[1].split("|"))
            elif match[2] == "amt":
                chosen = ("\x02" if lost else "\x03") + self._amount() + "\x04"
            else:
                chosen = self._fill(match[2])
            line = line[: match.start()] + chosen + line[match.end() :]
        return line

    def _fill(self, name: str) -> str:
        if name == "me":
            return "me"
        if f"fill.{name}" in self.grammar:
            return self.rng.choice(_alternatives(self.grammar[f"fill.{name}"]))
        return _FILLS[self.language][name](self.rng)

    def _amount(self) -> str:
        return write_amount(self.rng, self.language)

    def _join(self, parts: list[str]) -> str:
        rng, zh = self.rng, self.language == "zh"
        if zh:
            parts = [re.sub(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fffA-Z])", "", part) for part in parts]
        parts = (
            [_third_person(p, self.language, rng) for p in parts]
            if self.style in ("press", "hotline")
            else parts
        )
        if self.style == "chat":
            ends = (
                (" ", "，", " ", "\n", "。") if zh else (" ", ". ", ", ", " so ", " and then ", "\n", "... ")
            )
        else:
            ends = ("，", "。", "，", "；", "。") if zh else (". ", ", ", ". ", "; ", " and ", ". ")
        text = parts[0]
        for part in parts[1:]:
            end = rng.choice(ends)
            text += end + (part[:1].upper() + part[1:] if end == ". " else part)
        text += "" if self.style == "chat" else ("。" if zh else ".")
        return _roughen(text, self.style, self.language, rng)


def _alternatives(lines: list[str]) -> list[str]:
    """The parts of `lines` between `|` outside braces."""
    found, depth, start, whole = [], 0, 0, lines[0]
    for at, sign in enumerate(whole):
        depth += (sign == "{") - (sign == "}")
        if sign == "|" and not depth:
            found.append(whole[start:at])
            start = at + 1
    return [*found, whole[start:]]


_CONTACT = {
    "en": (
        "{on <date>|yesterday|last week|this morning|} {I|she|he|the customer} {got|received|had|took} {a|another|this} {call|phone call|text|message|email|WhatsApp} {from <phone>|}",
        "{someone|a man|a woman|a stranger|some guy|a lady|a scammer|a fraudster|a con man|a fake agent} {rang|called|phoned|texted|messaged|contacted} {me|her|him} {on <date>|yesterday|today|last night|just now|at about 4pm|}",
        "{a caller|the caller|he|she|cllr}",
        "{Dear Sir|Hello|hi|Hi there|To whom it may concern|cust reports|Caller states|Customer adv}",
    ),
    "zh": (
        "{<date>|昨天|今天上午|上周三|刚才|前天晚上|}{我|客户|她|本人|市民王女士}{接到|收到|接了}{一个|一通|}{电话|来电|陌生电话|短信|微信}",
        "{有人|一个男的|一女的|一男子|陌生人|有个女的|骗子|假客服|诈骗分子}{<date>|昨天|今早|}{打电话给我|给我打电话|加我微信|联系我|来电|打过来}",
        "{对方|他|她|那边|那人|来电人}",
        "{你好|您好|尊敬的客服|亲|客户来电|顾客反映|述|在吗}",
    ),
}  # fmt: skip
_ASIDE = {
    "en": ("{I|she} ordered {on|} <date>", "about {tracking|order|my} number <ref>", "{I|we} had bought a <item>", "from your shop", "my order is <ref>"),
    "zh": ("{我|客户}<date>下的单", "订单号<ref>", "{我|她}买了<item>", "是贵店的顾客", "运单号<ref>"),
}  # fmt: skip
_OUTRIGHT = {
    "en": (
        "{a|the} {scammer|fraudster|crook|con man|scam caller} {called|rang|phoned|texted|messaged} {me|us} {<date>|yesterday|today|}",
        "{I|we} {had|got|received} a {scam|fraudulent|fake|bogus} {call|text|email|message} {<date>|yesterday|today|from <phone>|}",
        "{I|she} {was|got|have been} {scammed|defrauded|conned} {out of <amt>|by phone|online|}",
    ),
    "zh": (
        "{<date>|昨天|今天|刚才|}{骗子|诈骗分子|假客服|不法分子}{打来电话|给我打电话|加我微信|发短信来}",
        "{<date>|昨天|}{我|客户}{接到|收到}{诈骗|骗子的|假的}{电话|短信|微信}{<phone>|}",
        "{我|她}{被骗|被诈骗|遇到骗子|上当受骗}{了|}",
    ),
}  # fmt: skip
_SAYS = {
    "en": {
        "pretexts": (
            "{he|she|they|the caller|the man} {said|told me|told her|claimed|explained|stated|informed me|reckoned|insisted|maintained} {that |}",
            "{apparently|allegedly|supposedly|saying|claiming|because|as} ", "{about|re|regarding} ", "", "\"",
        ),
        "asked": (
            "{he|she|they|the caller} {wanted|asked|told|made|got|instructed|persuaded|talked} {me|her} {to|into|} ",
            "{so |then |and |}{I|she} {had to|was to|should|was asked to|was told to|did} ", "", "{I|she} ", "then ",
        ),
    },
    "zh": {
        "pretexts": (
            "{他|她|对方|那人|来电人|客服|骗子}{说|称|讲|告诉我|表示|告知|声称|解释|通知我}{，|：|}", "{说|称|讲|因|以|由于|说是|据说|声称}", "", "“",
        ),
        "asked": (
            "{他|她|对方|骗子}{让|叫|要求|要|引导|指导|哄|催|教}{我|她|客户}", "{我|她|客户}{就|按要求|便|被要求|于是|照他说的|}", "", "{然后|随后|接着}", "{需要|须|得|要}",
        ),
    },
}  # fmt: skip
_ORDINARY = {
    "en": (
        "order {no|number} <ref>", "{please|kindly} {reply|call me back|help|advise}", "my number is <phone>", "{I|we} paid <amt>",
        "{it|the order} {cost|was} <amt>", "I am {very|really|quite} {disappointed|angry|unhappy}", "{delivery was promised for|ordered on} <date>",
        "I have {rung|called|emailed} {three times|twice|your hotline}", "{regards|thanks|best wishes}", "I will {never order again|leave a bad review|go to trading standards}",
        "otherwise I will ask my bank to reverse the payment", "is that normal?",
    ),
    "zh": (
        "订单号<ref>", "{请|麻烦}{回复|回电|处理|尽快}", "我电话<phone>", "付了<amt>", "{一共|花了}<amt>", "{很失望|太气人了|不满意|要投诉到12315}",
        "{说好|承诺}<date>到", "{打了三次|问了两遍}客服", "{谢谢|急}", "{再也不买了|给差评}", "不处理我就找银行撤款", "这正常吗",
    ),
}  # fmt: skip


def write_amount(rng: random.Random, language: str) -> str:
    """An amount as people write them."""
    value = round(10 ** rng.uniform(1, 4.8))
    if language == "zh":
        tens = rng.randint(11, 990) / 10
        return rng.choice(
            (f"{value}元", f"{value}", f"{value:,}元", f"{tens}万元", f"{tens:.1f}万", f"{value}块", f"{value}块钱", f"¥{value}", f"{rng.choice('一二三五六七八九')}{rng.choice('百千万')}{rng.choice('一二三四五六七八九')}",
             f"{rng.choice('一两三五六七八九')}{rng.choice('百千万')}元", f"{value}余元", f"人民币{value}元", f"{value}港币"),
        )  # fmt: skip
    return rng.choice(
        (f"£{value}", f"£{value:,}", f"{value} pounds", f"{value}", f"£{value}.{rng.randint(10, 99)}", f"${value:,}", f"{value} euro", f"{value} quid", f"€{value}", f"Rs {value:,}", f"{rng.randint(2, 30)}k", f"£{rng.randint(2, 9)}.5k", f"{value} dollars", f"EUR {value}"),
    )  # fmt: skip


def write_date(rng: random.Random, language: str) -> str:
    """A day as people write them."""
    day, month = rng.randint(1, 28), rng.randint(1, 12)
    if language == "zh":
        return rng.choice(
            (
                f"{month}月{day}日",
                f"{day}号",
                f"{month}.{day}",
                f"上周{rng.choice('一二三四五六日')}",
                f"{month}月{day}号",
            )
        )
    names = [
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
    ]
    week = rng.choice(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"))
    return rng.choice(
        (
            f"{day} {names[month - 1]}",
            f"{names[month - 1]} {day}",
            f"the {day}th",
            f"{day}/{month}",
            week,
            f"last {week}",
        )
    )


_Fill = Callable[[random.Random], str]
_FILLS: dict[str, dict[str, _Fill]] = {
    "en": {
        "date": lambda rng: write_date(rng, "en"),
        "phone": lambda rng: f"0{rng.choice((7, 2, 1))}{rng.randint(10**8, 10**9 - 1)}",
        "ref": lambda rng: str(rng.randint(10**4, 10**9)),
        "url": lambda rng: f"{rng.choice(('shop', 'refund', 'parcel', 'my'))}-{rng.choice(('claim', 'help', 'pay'))}.{rng.choice(('com', 'net', 'top'))}",
    },
    "zh": {
        "date": lambda rng: write_date(rng, "zh"),
        "phone": lambda rng: f"1{rng.choice('3578')}{rng.randint(10**8, 10**9 - 1)}",
        "ref": lambda rng: str(rng.randint(10**4, 10**9)),
        "url": lambda rng: f"{rng.choice(('tuikuan', 'dian', 'kuaidi'))}-{rng.choice(('lp', 'kf', 'fw'))}.{rng.choice(('com', 'cc', 'top'))}",
    },
}  # fmt: skip


def _third_person(part: str, language: str, rng: random.Random) -> str:
    if language == "zh":
        return part.replace("我", rng.choice(("其", "客户", "她", "他", "顾客", "我")))
    whom = rng.choice(
        (
            ("she", "her", "her"),
            ("he", "his", "him"),
            ("the customer", "the customer's", "the customer"),
            ("cust", "cust's", "cust"),
        )
    )
    part = re.sub(r"\bI\b", whom[0], part)
    part = re.sub(r"\bmy\b", whom[1], part)
    return re.sub(r"\bme\b", whom[2], part)


_SHORT = {
    "you": "u", "your": "ur", "because": "cos", "please": "pls", "and": "n", "are": "r", "customer": "cust", "account": "acct",
    "payment": "pymt", "received": "recd", "number": "no", "said": "sed", "about": "abt", "message": "msg", "address": "addr",
    "with": "w", "that": "tht", "thought": "thort", "money": "dosh", "through": "thru", "something": "smth", "were": "wer",
    "parcel": "pkg", "order": "ordr", "transaction": "txn", "transfer": "tfr", "would": "wd", "should": "shd", "called": "cld",
}  # fmt: skip
_ZH_SLIPS = str.maketrans(
    {"账": "帐", "的": "滴", "验": "检", "那": "哪", "在": "再", "做": "作", "像": "象", "户": "号"}
)


def _roughen(text: str, style: str, language: str, rng: random.Random) -> str:
    """Typing as it comes: short forms, slips, missing signs."""
    if language == "zh":
        if style == "chat" and rng.random() < 0.5:
            text = re.sub("[，。；]", " ", text)
        if rng.random() < 0.15:
            text = "".join(c.translate(_ZH_SLIPS) if rng.random() < 0.3 else c for c in text)
        return text
    if style in ("chat", "hotline"):
        share = 0.5 if rng.random() < 0.6 else 0.0
        text = re.sub(
            r"[A-Za-z]+", lambda m: _SHORT.get(m[0].lower(), m[0]) if rng.random() < share else m[0], text
        )
    if style == "hotline" and rng.random() < 0.6:
        text = re.sub(
            r"\b(?:the|a|an|was|had|were|her|his|my) ", lambda m: "" if rng.random() < 0.6 else m[0], text
        )
    if style == "chat":
        text = text.lower() if rng.random() < 0.6 else text
        text = text.replace("'", "") if rng.random() < 0.5 else text
        if rng.random() < 0.4:
            text = re.sub(r"[a-z]{5,}", lambda m: _slip(m[0], rng) if rng.random() < 0.08 else m[0], text)
    return text


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return rng.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            word[:at] + word[at] + word[at:],
        )
    )


def _cut_marks(text: str) -> tuple[str, list[tuple[int, int, bool]]]:
    out, amounts, start, lost = [], [], 0, False
    n = 0
    for sign in text:
        if sign in "\x02\x03":
            start, lost = n, sign == "\x02"
        elif sign == "\x04":
            amounts.append((start, n, lost))
        else:
            out.append(sign)
            n += 1
    return "".join(out), amounts
