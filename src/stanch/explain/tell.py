"""An explanation in words for a terminal, or as JSON."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from stanch.explain.facts import tell_levels, tell_weight
from stanch.explain.folder import Folder
from stanch.explain.weigh import Addend, Attempt, Explanation
from stanch.reporting.catalogue import Catalogue, Lang, load_catalogue
from stanch.reporting.cells import show_text

_TEXTS: Final = "stanch.explain"
_NOT_ASCII: Final = re.compile(r"[^\x20-\x7e\n]")


def tell_explanation(told: Explanation, folder: Folder, lang: Lang) -> list[str]:
    """Lines of text. What comes from evidence is shown harmless, unknown accounts are masked already."""
    texts = load_catalogue(lang, _TEXTS)
    return [
        *_tell_subject(told, texts),
        *_tell_answer(told, texts),
        *_tell_reasons(told, lang, texts),
        "",
        *_tell_sum(told, folder, texts),
        *_tell_list(told, texts),
    ]


def tell_nothing(lang: Lang) -> str:
    """What is said where no campaign was found and nothing else was asked for."""
    return load_catalogue(lang, _TEXTS).text("answer.nothing")


def encode_explanations(explanations: Sequence[Explanation], folder: Folder, lang: Lang) -> bytes:
    """UTF-8 JSON: `explanations`, each with its addends in numbers and in words.

    Control and other invisible characters are escaped, so that the text is safe on a terminal.
    """
    texts = load_catalogue(lang, _TEXTS)
    tree = {"explanations": [_put_into_words(told, folder, texts) for told in explanations]}
    plain = msgspec.json.format(msgspec.json.encode(tree), indent=2).decode()
    return _NOT_ASCII.sub(lambda found: _escape(found[0]), plain).encode() + b"\n"


def round_addends(addends: Sequence[float]) -> tuple[list[str], str]:
    """The addends with two decimals, and their total, such that what is printed adds up exactly.

    Largest remainder: of the addends rounded down, those that lost most are rounded up.
    """
    total = round(sum(addends) * 100)
    down = [int(a * 100 // 1) for a in addends]
    most = sorted(range(len(addends)), key=lambda i: (down[i] - addends[i] * 100, i))
    for i in most[: total - sum(down)]:
        down[i] += 1
    return [f"{hundredths / 100:+.2f}" for hundredths in down], f"{total / 100:+.2f}"


def _tell_subject(told: Explanation, texts: Catalogue) -> Iterator[str]:
    values: dict[str, Any] = {
        "name": show_text(told.name, 200),
        "n": told.n_attempts,
        "first": _tell_time(told.first),
        "last": _tell_time(told.last),
        "addresses": texts.number(told.n_addresses),
        "accounts": texts.number(told.n_accounts),
    }
    if told.n_attempts > 1:
        values["n"] = texts.number(told.n_attempts)
    if told.campaign is not None:
        values["kind"] = texts.text(f"kind.{told.campaign.kind}")
    if told.kind == "line":
        yield _tell_attempt(told.attempts[0], texts)
        return
    yield texts.text(f"subject.{told.kind}", **values)
    outcomes = texts.text("sum.list").join(
        f"{texts.text(f'outcome_word.{name}')} {texts.number(n)}" for name, n in told.outcomes.items()
    )
    yield texts.text("subject.outcomes", outcomes=outcomes)


def _tell_answer(told: Explanation, texts: Catalogue) -> Iterator[str]:
    if told.kind == "account":
        p = told.p_compromised
        yield texts.text("answer.not_fell") if p is None else texts.text("answer.fell", p=texts.chance(p))
    if told.campaign is not None:
        fell = told.campaign.compromised
        yield texts.text(
            "answer.fallen",
            mean=texts.number(fell.mean),
            low=texts.number(fell.low),
            high=texts.number(fell.high),
        )
    if told.n_attempts > 1:
        n = texts.number(told.n_attempts)
        yield texts.text("answer.group", attack=f"{told.attack_attempts:,.1f}", n=n)
    if told.telling is not None and told.kind == "account":
        yield texts.text("answer.telling", attempt=_tell_attempt(told.telling, texts))
    if told.telling is not None or told.n_attempts == 1:
        yield texts.text("answer.attempt", p=texts.chance((told.telling or told.attempts[0]).p_attack))
    if told.kind == "line":
        campaign = told.attempts[0].campaign
        yield (
            texts.text("subject.in_campaign", campaign=campaign)
            if campaign
            else texts.text("subject.in_none")
        )
    elif told.kind != "campaign" and told.campaigns:
        yield texts.text("subject.campaigns", campaigns=texts.text("sum.comma").join(told.campaigns))


def _tell_reasons(told: Explanation, lang: Lang, texts: Catalogue) -> Iterator[str]:
    if told.campaign is not None:
        yield texts.text("answer.why")
        report = load_catalogue(lang)
        yield from (f"  {show_text(report.sentence(why), 600)}" for why in told.campaign.why)


def _tell_sum(told: Explanation, folder: Folder, texts: Catalogue) -> Iterator[str]:
    numbers, total = round_addends([addend.addend for addend in told.addends])
    one = told.telling is not None or told.n_attempts == 1
    yield texts.text("sum.attempt" if one else "sum.group", total=total)
    weighed = list(zip(numbers, told.addends, strict=True))
    for key, sign in (("for", "+"), ("against", "-")):
        side = [pair for pair in weighed if pair[0][0] == sign and float(pair[0])]
        if side:
            yield f"{texts.text(f'sum.{key}')}"
        for number, addend in side:
            yield from _tell_addend(number, addend, folder, texts)
    idle = [
        texts.text(f"addend.{addend.name}")
        for number, addend in weighed
        if not float(number) and addend.levels
    ]
    if idle:
        yield texts.text("sum.no_weight", names=texts.text("sum.comma").join(idle))


def _tell_addend(number: str, addend: Addend, folder: Folder, texts: Catalogue) -> Iterator[str]:
    weight = tell_weight(addend, texts)
    title = texts.text(f"addend.{addend.name}")
    yield f"{number:>8}  {texts.text('sum.weighed', title=title, weight=weight) if weight else title}"
    yield from (f"{'':10}{line}" for line in tell_levels(addend, folder, texts))


def _tell_list(told: Explanation, texts: Catalogue) -> Iterator[str]:
    if told.n_attempts == 1 or told.kind == "campaign":
        return
    yield ""
    yield texts.text("answer.list")
    for attempt in told.attempts:
        yield f"  {texts.chance(attempt.p_attack):>12}  {_tell_attempt(attempt, texts)}"
    if told.n_attempts > len(told.attempts):
        yield "  " + texts.text("answer.list_more", n=texts.number(told.n_attempts - len(told.attempts)))


def _tell_attempt(attempt: Attempt, texts: Catalogue) -> str:
    account = attempt.account
    return texts.text(
        "subject.attempt",
        file=show_text(attempt.file, 120),
        line=attempt.line,
        time=_tell_time(attempt.time),
        ip=attempt.ip,
        account=texts.text("subject.account_none") if account is None else show_text(account),
        outcome=texts.text(f"outcome_word.{attempt.outcome}"),
    )


def _tell_time(time: str) -> str:
    return time.replace("T", " ").removesuffix("Z")


def _put_into_words(told: Explanation, folder: Folder, texts: Catalogue) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(told)
    for addend, numbers in zip(told.addends, tree["addends"], strict=True):
        numbers["title"] = texts.text(f"addend.{addend.name}")
        for words, level in zip(tell_levels(addend, folder, texts), numbers["levels"], strict=True):
            level["words"] = words
    return tree


def _escape(char: str) -> str:
    """JSON's escape for what a terminal might obey; anything visible stays."""
    if unicodedata.category(char)[0] != "C" and char not in "\u2028\u2029":
        return char
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
