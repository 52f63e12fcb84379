"""Which amounts are money that left the victim.

Every amount gets the role that the words around it give it: paid or taken, or else asked for, blocked,
refused,
promised, a price, a monthly fee, a limit, somebody else's. The nearest verb in the clause counts; what
governs it (`asked me to`, `had almost`) may undo it. Then the losses are put in order: one item per payment,
what was said twice counts once, and a total that its parts make up is not listed again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from stanch.complaints.reading.amounts import describe_amount
from stanch.complaints.reading.learned import PLAIN, Learned
from stanch.complaints.reading.money import Money
from stanch.complaints.reading.roles import Role, Surroundings, find_role, load_words
from stanch.complaints.reading.text import Text

_FURTHER: Final = re.compile(
    r"\b(?:a further|another|and then|plus)(?: [a-z]+){0,5} $|(?:又|还有|另有)[^,，。]{0,4}$"
)
_NUMBERS: Final = (
    {w: i for i, w in enumerate(["零", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十"])}
    | {"两": 2, "俩": 2}
    | {
        w: i
        for i, w in enumerate(
            ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
        )
    }
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
class Judged:
    """An amount and what the words around it make of it."""

    money: Money
    role: Role
    sure: float
    total: bool = False
    part: bool = False
    again: bool = False
    joint: bool = False
    #: Whether its own clause leaves open what it is.
    open: bool = False
    #: Whether the words behind it say that it was stopped.
    blocked: bool = False
    times: int = 1


def find_losses(text: Text, amounts: Sequence[Money], learned: Learned) -> list[Loss]:
    """Payments of the victim in order of place."""
    judged = judge_amounts(text, amounts)
    weighed = [
        max(
            learned.weigh_amount(*describe_amount(text, amounts, i, j.role)),
            PLAIN if j.role == "loss" else 0.0,
        )
        for i, j in enumerate(judged)
    ]
    stopped = [j.money for j in judged if j.blocked]
    losses = [
        replace(j, role="loss", sure=p)
        for j, p in zip(judged, weighed, strict=True)
        if p >= PLAIN and not any(_is_same(j.money, m) for m in stopped)
    ]
    losses = _drop_totals(_drop_repeats(losses))
    return [
        Loss(j.money.amount, j.money.currency, j.money.start, j.money.end, round(j.sure, 3))
        for j in losses
        for _ in range(j.times)
    ]


def judge_amounts(text: Text, amounts: Sequence[Money]) -> list[Judged]:
    """What the words around each amount make of it."""
    words = load_words(text.language)
    judged: list[Judged] = []
    for money in amounts:
        judged.append(_judge(Surroundings(text, money, words), judged[-1] if judged else None))
        if len(judged) > 1 and judged[-1].joint:  # what is listed one by one is not counted besides
            judged[-2] = replace(judged[-2], times=1)
    for i in range(len(judged) - 2, -1, -1):  # "500 and 700 were debited"
        after = judged[i + 1]
        if after.joint and after.role == "loss" and judged[i].role != "loss" and judged[i].open:
            judged[i] = replace(judged[i], role="loss", sure=0.7)
    return judged


def _judge(around: Surroundings, last: Judged | None) -> Judged:
    role, sure = _follow_list(around, last) or find_role(around)
    words, plain, end = around.words, around.text.plain, around.money.end
    if role == "demanded" and words["confirmed_after"].match(plain[end : end + 130]):
        role, sure = "loss", 0.7
    return Judged(
        around.money,
        role,
        sure,
        total=bool(words["total"].search(around.left)) or around.follows("total_after"),
        part=bool(words["parts"].search(around.left)),
        again=bool(words["again"].search(around.left)),
        joint=_is_listed(around, last),
        open=around.verbless and not around.unlike,
        blocked=role == "none" and around.follows("blocked_after"),
        times=_count_times(around.left, around.right, words),
    )


def _is_listed(around: Surroundings, last: Judged | None) -> bool:
    if last is None:
        return False
    gap = around.text.plain[last.money.end : around.money.start]
    return len(gap) <= 40 and around.words["joint"].match(gap) is not None


def _follow_list(around: Surroundings, last: Judged | None) -> tuple[Role, float] | None:
    """The role of the amount before, for one that is listed with it (`5,000 and 800`, `then another 300`)."""
    if last is None or around.unlike:
        return None
    if _is_listed(around, last):
        return (last.role, last.sure * 0.9) if around.verbless and last.role in ("loss", "demanded") else None
    gap = around.text.plain[last.money.end : around.money.start]
    further = last.role == "loss" and len(gap) <= 80 and _FURTHER.search(gap)
    if further and not around.words["demand"].search(gap) and find_role(around)[0] == "none":
        return "loss", 0.7
    return None


def _count_times(left: str, right: str, words: Mapping[str, re.Pattern[str]]) -> int:
    match = words["each"].search(left)
    after = words.get("each_after")
    if match is None and after is not None:
        match = after.match(right)
    if match is None:
        return 1
    said = match["n"]
    return min(10, max(1, int(said) if said.isdigit() else _NUMBERS.get(said, 1)))


def _drop_repeats(losses: list[Judged]) -> list[Judged]:
    """An amount told again is the same payment, unless the words say that it was another."""
    kept: list[Judged] = []
    for loss in losses:
        twin = next((k for k in kept if _is_same(k.money, loss.money)), None)
        if twin is None or loss.again or loss.joint or loss.times > 1:
            kept.append(loss)
        elif loss.sure > twin.sure:
            kept[kept.index(twin)] = replace(twin, sure=loss.sure)
    return kept


def _drop_totals(losses: list[Judged]) -> list[Judged]:
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


def _makes_up(amount: float, parts: list[Judged]) -> bool:
    """Whether some of `parts`, at least two payments, add up to `amount`."""
    payments = [p.money.amount for p in parts for _ in range(p.times)][:8]
    return any(
        abs(sum(chosen) - amount) < 0.005
        for size in range(2, len(payments) + 1)
        for chosen in combinations(payments, size)
    )


def _is_same(one: Money, other: Money) -> bool:
    return one.currency == other.currency and abs(one.amount - other.amount) < 0.005
