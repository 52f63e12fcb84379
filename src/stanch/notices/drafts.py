"""The notices: which elements each has to have, and where the law asks for them.

| draft | contents required by |
|---|---|
| `gdpr-33` | Regulation (EU) 2016/679, Art. 33(1), (3), (4), (5) |
| `gdpr-34` | the same, Art. 34(1) to (3) |
| `pipl-57` | 个人信息保护法第五十七条; the clock of 国家网络安全事件报告管理办法第四条 |
| `consumer-29` | 消费者权益保护法第二十九条第二款: remedial measures at once; the rest is added |
| `police` | no form is prescribed: facts, victims, callers, source, evidence with hashes |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from stanch.notices import contents
from stanch.notices.contents import Block
from stanch.notices.figures import Figure, Ledger
from stanch.notices.folder import Documents
from stanch.reporting.catalogue import Catalogue

_Build = Callable[[Ledger], list[Block]]


def _both(*builders: _Build) -> _Build:
    return lambda ledger: [block for build in builders for block in build(ledger)]


#: Draft -> its elements in order: (key of the citation, key of the heading, what it says).
REQUIRED: Final[dict[str, tuple[tuple[str, str, _Build], ...]]] = {
    "gdpr-33": (
        ("g33-1", "time", contents.tell_times),
        ("g33-3a", "nature", contents.tell_nature),
        ("g33-3a", "subjects", contents.tell_subjects),
        ("g33-3a", "records", contents.tell_records),
        ("g33-3b", "contact", contents.tell_contact),
        ("g33-3c", "consequences", contents.tell_consequences),
        ("g33-3d", "measures", _both(contents.tell_measures, contents.tell_proposals)),
        ("g33-4", "open", contents.tell_open),
        ("g33-5", "documentation", contents.tell_documentation),
    ),
    "gdpr-34": (
        ("g34-2", "happened", contents.tell_nature_plainly),
        ("g34-2c", "consequences", contents.tell_dangers),
        ("g34-2d", "measures", contents.tell_measures),
        ("g34-2d", "you_do", contents.tell_self_protection),
        ("g34-2b", "contact", contents.tell_contact),
        ("g34-1", "whether", contents.tell_high_risk),
    ),
    "pipl-57": (
        (
            "p57-1",
            "categories",
            _both(contents.tell_categories, contents.tell_nature, contents.tell_consequences),
        ),
        (
            "p57-2",
            "remedies",
            _both(contents.tell_measures, contents.introduce_self_protection, contents.tell_self_protection),
        ),
        ("p57-3", "contact", contents.tell_contact),
        ("p57-4", "exception", contents.tell_harm),
        ("cac-4", "clock_cac", contents.tell_cac_clock),
    ),
    "consumer-29": (
        ("none", "happened", contents.tell_nature_plainly),
        ("c29-2", "remedy_at_once", _both(contents.state_duty, contents.tell_measures)),
        ("none", "you_do", contents.tell_self_protection),
        ("none", "contact", contents.tell_contact),
    ),
    "police": (
        ("none", "facts", contents.tell_offence),
        ("none", "attack", contents.tell_attacks),
        ("none", "victims", contents.tell_victims),
        ("none", "callers", contents.tell_callers),
        ("none", "source", contents.tell_reasons),
        ("none", "evidence", contents.list_evidence),
        ("none", "left_out", contents.tell_left_out),
        ("none", "signature", contents.sign),
    ),
}


#: Elements for the person who decides, not for the letter.
_INTERNAL: Final = frozenset({"whether", "exception", "clock_cac"})


@dataclass(frozen=True, slots=True)
class Element:
    """One required element of a notice."""

    cite: str
    head: str
    blocks: list[Block]
    is_internal: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """One notice in one language, ready to be laid out."""

    name: str
    lang: str
    sender: Markup
    recipient: Markup
    elements: list[Element]
    figures: list[Figure]
    gaps: list[str]


def make_draft(name: str, documents: Documents, texts: Catalogue, words: Catalogue) -> Draft:
    """The notice `name` of `REQUIRED` in the language of `texts`; `words` are the report's texts."""
    ledger = Ledger(documents, texts, words)
    sender = texts.html("who.line", controller=ledger.fact("controller"), address=ledger.fact("address"))
    addressee = f"who.to_{name.replace('-57', '').replace('-29', '').replace('-', '_')}"
    recipient = texts.html(addressee) if addressee in texts else ledger.fact("authority")
    elements = [
        Element(texts.text(f"cite.{cite}"), texts.text(f"head.{head}"), build(ledger), head in _INTERNAL)
        for cite, head, build in REQUIRED[name]
    ]
    return Draft(name, texts.lang, sender, recipient, elements, ledger.figures, ledger.gaps)
