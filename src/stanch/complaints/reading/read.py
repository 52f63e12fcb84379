"""One complaint -> everything that its text tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from stanch.complaints.links import Link, defang, find_links
from stanch.complaints.reading.contact import Contact, find_contact
from stanch.complaints.reading.dates import find_dates
from stanch.complaints.reading.identity import IDENTITIES, find_identity
from stanch.complaints.reading.kinds import KINDS
from stanch.complaints.reading.learned import LABELS, Described, Learned, describe, load_learned
from stanch.complaints.reading.lexicon import load_lexicon
from stanch.complaints.reading.losses import Loss, find_losses
from stanch.complaints.reading.marks import Mark
from stanch.complaints.reading.money import find_money
from stanch.complaints.reading.phones import Phone, find_phones
from stanch.complaints.reading.story import find_asked, find_known, find_pretexts
from stanch.complaints.reading.surroundings import (
    find_accounts,
    find_channel,
    find_place,
    is_callers_link,
)
from stanch.complaints.reading.text import Language, Text

DEFAULT_ZONE: Final = {"zh": "Asia/Shanghai", "en": "Europe/London"}
DEFAULT_CURRENCY: Final = {"zh": "CNY", "en": "GBP"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Report:
    """What a reader is given: the text, and when the report came in (UTC microseconds)."""

    text: str
    received_us: int
    #: Zone of the complaint; None: by its language.
    zone: str | None = None
    #: Currency of amounts outside Chinese that name none; None: by its language.
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text tells, in the words of the contract. Where it is no fraud, nothing but `kind` is filled."""

    language: Language
    kind: str
    p_kind: dict[str, float]
    claimed_identity: str | None = None
    pretexts: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    known_fields: list[str] = field(default_factory=list)
    scam_phones: list[str] = field(default_factory=list)
    scam_urls: list[str] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    #: UTC.
    contacted: datetime | None = None
    #: Whether only the day of `contacted` is told.
    contacted_is_day: bool = False
    channel: str | None = None
    place: str | None = None
    scam_accounts: list[str] = field(default_factory=list)
    #: The victim's own numbers.
    own_phones: list[str] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


class Reader(Protocol):
    """Anything that reads a report: the rules here, or a language model put in their place by a caller."""

    def __call__(self, report: Report) -> Reading:
        """What the text tells."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """Everything found in one text, before its kind is settled."""

    text: Text
    learned: Learned
    described: Described
    callers: list[Phone]
    own: list[Phone]
    lures: list[Link]
    losses: list[Loss]
    contact: Contact | None


def read_report(
    report: Report,
    tell_kind: Callable[[str], dict[str, float]] | None = None,
    weights: Callable[[Language], Learned] = load_learned,
) -> Reading:
    """Read by rules and what was learned; no network, no randomness, time linear in the text's length.

    `tell_kind` takes the place of the learned kinds: it gives the probability of each. `weights` gives what
    was learned for a language.
    """
    parts = _find_parts(report, weights)
    language, learned = parts.text.language, parts.learned
    p = learned.weigh(parts.described)
    p_kind = tell_kind(parts.text.raw) if tell_kind is not None else _share(p, "kind")
    kind = max(KINDS, key=lambda name: p_kind[name])
    if kind == "not_fraud":
        return Reading(language, kind, p_kind)
    p_identity = _share(p, "claimed_identity")
    identity = max(IDENTITIES, key=lambda name: p_identity[name])
    pretexts, asked, known = (
        learned.list_told(parts.described, p, column) for column in ("pretexts", "asked", "known_fields")
    )
    channel, place = find_channel(parts.text), find_place(parts.text)
    accounts = find_accounts(parts.text)
    who = learned.locate(parts.described, f"claimed_identity.{identity}")
    told = [Mark("claimed_identity", identity, *who, round(p_identity[identity], 3))]
    for name, found in (("pretexts", pretexts), ("asked", asked), ("known_fields", known)):
        told += [Mark(name, f.word, f.start, f.end, f.confidence) for f in found]
    return Reading(
        language=language,
        kind=kind,
        p_kind=p_kind,
        claimed_identity=identity,
        pretexts=[f.word for f in pretexts],
        asked=[f.word for f in asked],
        known_fields=[f.word for f in known],
        scam_phones=[p.number for p in parts.callers],
        scam_urls=list(dict.fromkeys(defang(link.url) for link in parts.lures)),
        losses=parts.losses,
        contacted=parts.contact.at if parts.contact else None,
        contacted_is_day=parts.contact is not None and parts.contact.is_day,
        channel=channel.value if channel else None,
        place=place.value if place else None,
        scam_accounts=[a.value for a in accounts],
        own_phones=[p.number for p in parts.own],
        marks=[*told, *_list_marks(parts), *(m for m in (channel, place) if m), *accounts],
    )


def describe_text(text: Text) -> Described:
    """A text without links as what is weighed, with all that the rules make of it."""
    words = load_lexicon(text.language)
    columns = (("pretexts", find_pretexts), ("asked", find_asked), ("known_fields", find_known))
    found = [f"{column}.{f.word}" for column, find in columns for f in find(text, words)]
    return describe(text, find_identity(text, words), found)


def _share(p: NDArray[np.float64], column: str) -> dict[str, float]:
    """Probabilities of the words of `column`, of which one is right."""
    words = {
        label.partition(".")[2]: float(p[i])
        for i, label in enumerate(LABELS)
        if label.startswith(f"{column}.")
    }
    total = sum(words.values())
    return {word: value / total for word, value in words.items()}


def _find_parts(report: Report, weights: Callable[[Language], Learned]) -> _Parts:
    text = Text.of(report.text)
    learned = weights(text.language)
    received = _EPOCH + timedelta(microseconds=report.received_us)
    local = received.astimezone(ZoneInfo(report.zone or DEFAULT_ZONE[text.language]))
    currency = DEFAULT_CURRENCY["zh"] if text.language == "zh" else report.currency or DEFAULT_CURRENCY["en"]
    links = find_links(text.raw)
    spans = [(link.start, link.end) for link in links]
    text = text.without(spans)
    dates = find_dates(text, local)
    phones = find_phones(text, spans)
    spans += [(p.start, p.end) for p in phones] + [(d.start, d.end) for d in dates]
    return _Parts(
        text=text,
        learned=learned,
        described=describe_text(text),
        callers=_merge_phones([p for p in phones if p.owner == "caller"]),
        own=_merge_phones([p for p in phones if p.owner == "victim"]),
        lures=[link for link in links if is_callers_link(text, link)],
        losses=find_losses(text, find_money(text, currency, spans), learned),
        contact=find_contact(text, dates, local),
    )


def _list_marks(parts: _Parts) -> Iterator[Mark]:
    for phone in parts.callers:
        yield Mark("scam_phones", phone.number, phone.start, phone.end, phone.confidence)
    for link in parts.lures:
        yield Mark("scam_urls", defang(link.url), link.start, link.end, 0.9)
    for loss in parts.losses:
        value = f"{loss.amount:.2f} {loss.currency}"
        yield Mark("losses", value, loss.start, loss.end, loss.confidence)
    if (when := parts.contact) is not None:
        yield Mark("contacted", when.at.isoformat(), when.start, when.end, when.confidence)


def _merge_phones(phones: list[Phone]) -> list[Phone]:
    """One of each number, with or without the code of its country."""
    first: dict[str, Phone] = {}
    for phone in phones:
        first.setdefault(phone.number[-9:], phone)
    return list(first.values())
