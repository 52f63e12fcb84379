"""What an amount of money is in its sentence: paid, asked for, borrowed, or nothing that was lost.

The nearest verb in the clause counts; what governs it (`asked me to`, `had almost`) may undo it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from stanch.complaints.reading.lexicon import load_patterns
from stanch.complaints.reading.money import Money
from stanch.complaints.reading.text import Language, Text

Role = Literal["loss", "demanded", "borrowed", "none"]
#: A role, and how sure it is (0-1).
Judgement = tuple[Role, float]

#: So far left of an amount its verb is looked for.
_REACH: Final = {"zh": 40, "en": 110}
_TURNS: Final = re.compile(
    r"\b(?:but|so|then|however|though|and (?:i|he|she|they|we|then|my|so|the)|because|when|which|where|until|"
    r"after that|before)\b"
)
_PERSON: Final = re.compile(r"(?:^|[,，。;；\s])(?:我|她|他|本人|俺|遂|于是|就|便)")
_CUES: Final = ("done", "taken", "bare", "promise", "price", "limit", "recurring")
#: What undoes a verb that says the thing is done: `would be charged`, `会被扣`.
_GOVERNS: Final = {
    "en": re.compile(
        r"(?:would|will|wld|could|can|may|might|.ll|ll|.d|to|going to|about to|unless|if|must"
        r"|should|has to)\b"
        r"(?: (?:be|have|get|not|been|you|i|we|she|he|they|it|just|only|also|then|automatically))* ?$"
    ),
    "zh": re.compile(r"(?:会|将|要|就要|可能|否则|不然|需|想|企图|试图|准备|如果|若)[^,，。]{0,6}$"),
}
#: `£500, then a second payment was stopped`: what was stopped is another one.
_OTHER_PAYMENT: Final = re.compile(
    r"[^.!?。]{0,40}(?:another|second|further|more|again|other|next|rest|再|又|还|第二|另|其余|后续|继续|剩|其中)"
    r"|[^。.!?]{0,12}[,，;；。]?\s?(?:他|对方|还|后来|后面)[^。]{0,4}(?:又|还|再)"
)
_CLAUSE: Final = {"zh": re.compile(r"[，,;；、\s](?!\d{3})"), "en": re.compile(r"[,;:](?!\d)")}


def load_words(language: Language) -> dict[str, re.Pattern[str]]:
    """The patterns of `[amounts]`."""
    return load_patterns(language, "amounts", 14 if language == "zh" else 30)


@dataclass(frozen=True)
class Surroundings:
    """An amount and the words around it."""

    text: Text
    money: Money
    words: Mapping[str, re.Pattern[str]]

    @cached_property
    def left(self) -> str:
        """What stands left of the amount in its sentence, back to where the story turns.

        Words as `按对方要求` and `persuaded me to`, behind which a thing asked for is a thing done, are dots.
        """
        plain, money = self.text.plain, self.money
        start, end = self.text.sentence_at(money.start)
        reach = max(start, money.start - _REACH[self.text.language])
        left = self.words["relay"].sub(lambda m: "\u00b7" * len(m[0]), plain[reach : money.start])
        if self.text.language == "zh":
            return left
        gone = self.words["taken_after"].match(plain[money.end : end]) is not None
        cuts = [t.end() for t in _TURNS.finditer(left) if gone or len(left) - t.end() > 6]
        return left[cuts[-1] :] if cuts else left

    @cached_property
    def right(self) -> str:
        """What stands right of the amount in its sentence."""
        end = max(self.text.sentence_at(self.money.start)[1], self.money.end)
        return self.text.plain[self.money.end : min(end, self.money.end + 90)]

    @cached_property
    def clause(self) -> str:
        """The part of `left` in the amount's own clause."""
        left = self.left
        length = len(left.rstrip())
        ends = [m.end() for m in _CLAUSE[self.text.language].finditer(left) if m.end() < length]
        return left[ends[-1] :] if ends else left

    @cached_property
    def verbless(self) -> bool:
        """Whether its own clause says nothing of what the amount is."""
        return not any(self.words[name].search(self.clause) for name in _CUES)

    @cached_property
    def near(self) -> str:
        """Where the verb is looked for: its clause, or all of `left` where that says nothing."""
        return self.left if self.verbless else self.clause

    @cached_property
    def unlike(self) -> bool:
        """Whether anything says that it is no payment."""
        left = ("price", "promise", "recurring", "limit", "attempted")
        right = ("promise_after", "recurring_after", "price_after", "blocked_after")
        return any(self.words[n].search(self.left) for n in left) or any(self.follows(n) for n in right)

    def follows(self, name: str) -> bool:
        """Whether the words of `name` stand right of the amount."""
        return name in self.words and self.words[name].match(self.right) is not None

    @cached_property
    def verb(self) -> tuple[str, int]:
        """The nearest verb of payment: its group (`done`, `taken`, `bare`) and place in `near`, or -1."""
        at = {name: _find_last(self.words[name], self.near) for name in ("done", "taken", "bare")}
        nearest = max(at, key=lambda name: at[name])
        if at["done"] >= 0 and at[nearest] - at["done"] <= 12:
            return "done", at["done"]
        return nearest, at[nearest]


def find_role(around: Surroundings) -> Judgement:
    """What the amount is."""
    if _is_nothing(around):
        return "none", 0.8
    verb, paid = around.verb
    borrowed = around.words["borrow"].search(around.near) is not None
    gone = around.follows("taken_after")
    if borrowed and not gone and (paid < 0 or verb == "bare"):
        return _follow_borrowed(around)
    if gone:
        return "loss", 0.9
    if paid < 0:
        return ("demanded" if around.words["demand"].search(around.near) else "none"), 0.5
    if around.follows("price_after") and verb != "taken":
        return "none", 0.7
    return _weigh_verb(around, verb, paid)


def _is_nothing(around: Surroundings) -> bool:
    """Whether the words make it somebody else's money, a fee to come, a promise, a price or a limit."""
    words, (verb, paid) = around.words, around.verb
    if words["aggregate"].search(around.left) or words["others"].search(around.left):
        return True
    if around.follows("recurring_after") and not (verb == "done" and len(around.near) - paid < 14):
        return True
    if around.follows("promise_after") or words["attempted"].search(around.near):
        return True
    if around.follows("blocked_after") and not _OTHER_PAYMENT.match(around.right):
        return True
    gone = around.follows("taken_after")
    monthly = verb != "done" and words["recurring"].search(around.near)
    limit = verb != "taken" and around.follows("limit_after")
    if not gone and (monthly or limit):
        return True
    names = ("recurring",) if gone else ("promise", "price", "recurring", "limit")
    found = [m for name in names if (m := words[name].search(around.near))]
    return any(m.start() >= paid for m in found)


def _weigh_verb(around: Surroundings, verb: str, paid: int) -> Judgement:
    """The role that a payment's verb gives, with what governs it."""
    near, words, language = around.near, around.words, around.text.language
    governing = near[max(0, paid - 30) : paid] if language == "en" else near[:paid]
    demand = _find_last(words["demand"], governing)
    if verb != "bare":
        governed = demand >= 0 and (language == "en" or verb == "taken")
        if governed and _GOVERNS[language].match(governing[demand:]):
            return "demanded", 0.6
        return "loss", 0.95 if verb == "taken" else 0.9
    if demand >= 0 and not _PERSON.search(governing[demand:][2:]):
        return "demanded", 0.7
    if language == "en":
        return ("loss", 0.7) if "\u00b7" in near[max(0, paid - 4) : paid] else ("demanded", 0.5)
    before = around.left[: len(around.left) - len(near)]
    if demand < 0 and paid <= 1 and words["demand"].search(before[-14:]):
        return "demanded", 0.5
    return "loss", 0.75


def _follow_borrowed(around: Surroundings) -> Judgement:
    """Borrowed money left the victim if the text goes on to say that it was passed on."""
    plain, start = around.text.plain, around.money.end
    end = min(len(plain), start + (80 if around.text.language == "zh" else 140))
    return ("loss", 0.7) if around.words["passed_on"].search(plain, start, end) else ("borrowed", 0.6)


def _find_last(pattern: re.Pattern[str], text: str) -> int:
    return max((m.start() for m in pattern.finditer(text)), default=-1)
