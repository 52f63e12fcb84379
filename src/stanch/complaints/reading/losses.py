"""Which amounts are money that left the victim.

Every amount gets the role that the words around it give it: paid or taken, or else asked for, blocked,
refused,
promised, a price, a monthly fee, a limit, somebody else's. The nearest verb in the clause counts; what
governs it (`asked me to`, `had almost`) may undo it. Then the losses are put in order: one item per payment,
what was said twice counts once, and a total that its parts make up is not listed again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

from stanch.complaints.reading.lexicon import load_patterns
from stanch.complaints.reading.money import Money
from stanch.complaints.reading.text import Language, Text

Role = Literal["loss", "demanded", "borrowed", "none"]

#: So far left of an amount its verb is looked for.
_REACH: Final = {"zh": 40, "en": 110}
_TURNS: Final = re.compile(
    r"\b(?:but|so|then|however|though|and (?:i|he|she|they|we|then|my|so|the)|because|when|which|where|until|"
    r"after that|before)\b"
)
_FURTHER: Final = re.compile(
    r"\b(?:a further|another|and then|plus)(?: [a-z]+){0,5} $|(?:又|还有|另有)[^,，。]{0,4}$"
)
_PERSON: Final = re.compile(r"(?:^|[,，。;；\s])(?:我|她|他|本人|俺|遂|于是|就|便)")
_NUMBERS: Final = (
    {w: i for i, w in enumerate("零 一 二 三 四 五 六 七 八 九 十".split())}
    | {"两": 2, "俩": 2}
    | {w: i for i, w in enumerate("zero one two three four five six seven eight nine ten".split())}
    | {
        "both": 2,
        "couple of": 2,
        "twice": 2,
        "each": 1,
        "apiece": 1,
        "two times": 2,
        "three times": 3,
        "thrice": 3,
    }
)


@dataclass(frozen=True, slots=True)
class Loss:
    """One payment that left the victim, at its place in the text; `confidence` in 0-1."""

    amount: float
    currency: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class _Judged:
    money: Money
    role: Role
    sure: float
    total: bool = False
    part: bool = False
    again: bool = False
    joint: bool = False
    verbless: bool = False
    times: int = 1


def find_losses(text: Text, amounts: Sequence[Money]) -> list[Loss]:
    """Payments of the victim in order of place."""
    words = load_patterns(text.language, "amounts", 14 if text.language == "zh" else 30)
    judged: list[_Judged] = []
    for money in amounts:
        judged.append(_judge(text, money, words, judged[-1] if judged else None))
        if len(judged) > 1 and judged[-1].joint:  # what is listed one by one is not counted besides
            judged[-2] = replace(judged[-2], times=1)
    for i in range(len(judged) - 2, -1, -1):  # "500 and 700 were debited"
        after = judged[i + 1]
        if after.joint and after.role == "loss" and judged[i].role != "loss" and judged[i].verbless:
            judged[i] = replace(judged[i], role="loss", sure=0.7)
    losses = [j for j in judged if j.role == "loss"]
    if not losses:
        losses = _believe_demands(text, judged, words)
    losses = _drop_totals(_drop_repeats(losses, text))
    return [
        Loss(j.money.amount, j.money.currency, j.money.start, j.money.end, j.sure)
        for j in losses
        for _ in range(j.times)
    ]


def _judge(text: Text, money: Money, words: dict[str, re.Pattern[str]], last: _Judged | None) -> _Judged:
    left, right = _look_around(text, money, words)
    role, sure = _find_role(text, money, left, right, words)
    judged = _Judged(money, role, sure)
    verbless = not _has_cue(left[_clause_start(left, text.language) :], words)
    if last is not None:
        gap = text.plain[last.money.end : money.start]
        if len(gap) <= 40 and words["joint"].match(gap):
            judged = replace(judged, joint=True)
            if last.role in ("loss", "demanded") and verbless and not _is_unlike(left, right, words):
                judged = replace(judged, role=last.role, sure=last.sure * 0.9)
        elif role == "none" and last.role == "loss" and len(gap) <= 80 and _FURTHER.search(gap):
            if not (_is_unlike(left, right, words) or words["demand"].search(gap)):
                judged = replace(judged, role="loss", sure=0.7)
    if judged.role == "demanded" and words["confirmed_after"].match(text.plain[money.end : money.end + 130]):
        judged = replace(judged, role="loss", sure=0.7)
    total = words["total"].search(left)
    total_after = words.get("total_after")
    return replace(
        judged,
        total=bool(total or (total_after and total_after.match(right))),
        verbless=verbless and not _is_unlike(left, right, words),
        part=bool(words["parts"].search(left)),
        again=bool(words["again"].search(left)),
        times=_count_times(left, right, words),
    )


def _look_around(text: Text, money: Money, words: dict[str, re.Pattern[str]]) -> tuple[str, str]:
    """What stands left of an amount, back to where its clause turns, and right of it in its sentence."""
    plain = text.plain
    start, end = text.sentence_at(money.start)
    reach = max(start, money.start - _REACH[text.language])
    left = words["relay"].sub(lambda m: "\u00b7" * len(m[0]), plain[reach : money.start])
    if text.language == "en":
        cut = 0
        gone = words["taken_after"].match(plain[money.end : end]) is not None
        for turn in _TURNS.finditer(left):
            if gone or len(left) - turn.end() > 6:
                cut = turn.end()
        left = left[cut:]
    return left, plain[money.end : min(max(end, money.end), money.end + 90)]


def _has_cue(clause: str, words: dict[str, re.Pattern[str]]) -> bool:
    return any(
        words[n].search(clause) for n in ("done", "taken", "bare", "promise", "price", "limit", "recurring")
    )


def _is_unlike(left: str, right: str, words: dict[str, re.Pattern[str]]) -> bool:
    names = ("price", "promise", "recurring", "limit", "attempted")
    after = ("promise_after", "recurring_after", "price_after", "blocked_after")
    return any(words[n].search(left) for n in names) or any(words[n].match(right) for n in after)


def _find_role(
    text: Text, money: Money, left: str, right: str, words: dict[str, re.Pattern[str]]
) -> tuple[Role, float]:
    clause = left[_clause_start(left, text.language) :]
    near = clause
    if not _has_cue(clause, words):
        near = left[-_REACH[text.language] :]
    at = {name: _last(words[name], near) for name in ("done", "taken", "bare")}
    paid = max(at.values())
    verb = "done" if at["done"] >= 0 and paid - at["done"] <= 4 else max(at, key=lambda name: at[name])
    if words["aggregate"].search(left) or words["others"].search(left):
        return "none", 0.8
    if words["recurring_after"].match(right) and not (verb == "done" and len(near) - paid < 14):
        return "none", 0.9
    if words["promise_after"].match(right):
        return "none", 0.8
    if words["blocked_after"].match(right) and not _is_other_payment(right):
        return "none", 0.8
    if words["attempted"].search(near):
        return "none", 0.8
    after = bool(words["taken_after"].match(right))
    for name in ("promise", "price", "recurring", "limit"):
        found = words[name].search(near)
        if found and found.start() >= paid and not (after and name in ("price", "limit")):
            return "none", 0.7
    if paid < 0:
        if words["borrow"].search(near):
            return _follow_borrowed(text, money, words)
        if after:
            return "loss", 0.8
        return ("demanded" if words["demand"].search(near) else "none"), 0.5
    if words["price_after"].match(right) and verb != "taken":
        return "none", 0.7
    if verb == "bare" and words["borrow"].search(near) and not after:
        return _follow_borrowed(text, money, words)
    return _weigh_verb(text, near, left, verb, paid, after, words)


def _weigh_verb(
    text: Text, near: str, left: str, verb: str, paid: int, after: bool, words: dict[str, re.Pattern[str]]
) -> tuple[Role, float]:
    """The role that a payment's verb gives, with what governs it."""
    governing = near[max(0, paid - 30) : paid] if text.language == "en" else near[:paid]
    demand = _last(words["demand"], governing)
    if after:
        return "loss", 0.9
    if verb in ("done", "taken"):
        if demand >= 0 and _governs(governing[demand:], text.language, verb):
            return "demanded", 0.6
        return "loss", 0.95 if verb == "taken" else 0.9
    if demand >= 0 and not _PERSON.search(governing[demand:][2:]):
        return "demanded", 0.7
    if text.language == "en":
        return ("loss", 0.7) if "\u00b7" in near[max(0, paid - 4) : paid] else ("demanded", 0.5)
    before = left[: len(left) - len(near)]
    if demand < 0 and paid <= 1 and words["demand"].search(before[-14:]):
        return "demanded", 0.5
    return "loss", 0.75


def _governs(between: str, language: Language, verb: str) -> bool:
    """Whether a demand just before undoes a verb that says the thing is done (`would be charged`,
    `会被扣`)."""
    if language == "en":
        return bool(
            re.match(
                r"(?:would|will|wld|could|can|may|might|.ll|ll|.d|to|going to|about to|unless|if|must|should"
                r"|has to)\b"
                r"(?: (?:be|have|get|not|been|you|i|we|she|he|they|it|just|only|also|then"
                r"|automatically))* ?$",
                between,
            )
        )
    return verb == "taken" and bool(
        re.match(r"(?:会|将|要|就要|可能|否则|不然|需|想|企图|试图|准备|如果|若)[^,，。]{0,6}$", between)
    )


def _follow_borrowed(text: Text, money: Money, words: dict[str, re.Pattern[str]]) -> tuple[Role, float]:
    """Borrowed money left the victim if the text goes on to say that it was passed on."""
    end = min(len(text.plain), money.end + (80 if text.language == "zh" else 140))
    if words["passed_on"].search(text.plain, money.end, end):
        return "loss", 0.7
    return "borrowed", 0.6


def _is_other_payment(right: str) -> bool:
    """`£500, then a second payment was stopped`: what was stopped is another one."""
    return bool(
        re.match(
            r"[^.!?。]{0,40}(?:another|second|further|more|again|other|next|rest|再|又|还|第二|另|其余|后续|继续|剩)"
            r"|[^。.!?]{0,12}[,，;；。]?\s?(?:他|对方|还|后来|后面)[^。]{0,4}(?:又|还|再)",
            right,
        )
    )


def _clause_start(left: str, language: Language) -> int:
    pattern = r"[，,;；、\s](?!\d{3})" if language == "zh" else r"[,;:](?!\d)"
    return max((m.end() for m in re.finditer(pattern, left) if m.end() < len(left.rstrip())), default=0)


def _last(pattern: re.Pattern[str], text: str) -> int:
    return max((m.start() for m in pattern.finditer(text)), default=-1)


def _count_times(left: str, right: str, words: dict[str, re.Pattern[str]]) -> int:
    match = words["each"].search(left)
    after = words.get("each_after")
    if match is None and after is not None:
        match = after.match(right)
    if match is None:
        return 1
    said = match["n"]
    return min(10, max(1, int(said) if said.isdigit() else _NUMBERS.get(said, 1)))


def _believe_demands(text: Text, judged: list[_Judged], words: dict[str, re.Pattern[str]]) -> list[_Judged]:
    """Where nothing else was lost but the text says that the victim did as told, what was demanded was
    paid."""
    if words["unharmed"].search(text.plain) or not words["harmed"].search(text.plain):
        return []
    asked = [j for j in judged if j.role == "demanded"]
    return [replace(j, sure=0.5) for j in asked or [j for j in judged if j.role == "borrowed"]]


def _drop_repeats(losses: list[_Judged], text: Text) -> list[_Judged]:
    """An amount told again is the same payment, unless the words say that it was another."""
    kept: list[_Judged] = []
    for loss in losses:
        twin = next((k for k in kept if _is_same(k.money, loss.money)), None)
        if twin is None or loss.again or loss.joint or loss.times > 1:
            kept.append(loss)
        elif loss.sure > twin.sure:
            kept[kept.index(twin)] = replace(twin, sure=loss.sure)
    return kept


def _drop_totals(losses: list[_Judged]) -> list[_Judged]:
    kept = list(losses)
    for loss in losses:
        parts = [k for k in kept if k is not loss and k.money.currency == loss.money.currency]
        if not parts:
            continue
        if loss.total or _makes_up(loss.money.amount, parts):
            if loss.total and not _makes_up(loss.money.amount, parts) and all(p.part for p in parts):
                kept = [loss]  # "30,000 in all, 5,000 of it by card"
            elif loss.total or (not loss.joint and (len(parts) > 1 or parts[0].times > 1)):
                kept.remove(loss)
    return kept


def _makes_up(amount: float, parts: list[_Judged]) -> bool:
    """Whether some of `parts`, at least two payments, add up to `amount`."""
    payments = [p.money.amount for p in parts for _ in range(p.times)][:8]
    return any(
        abs(sum(chosen) - amount) < 0.005
        for size in range(2, len(payments) + 1)
        for chosen in combinations(payments, size)
    )


def _is_same(one: Money, other: Money) -> bool:
    return one.currency == other.currency and abs(one.amount - other.amount) < 0.005
