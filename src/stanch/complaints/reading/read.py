"""One complaint -> everything that its text tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from stanch.complaints.links import Link, defang, find_links
from stanch.complaints.reading.contact import Contact, find_contact
from stanch.complaints.reading.dates import find_dates
from stanch.complaints.reading.identity import Identity, find_identity
from stanch.complaints.reading.kinds import KINDS, weigh_kinds
from stanch.complaints.reading.lexicon import Lexicon, load_lexicon
from stanch.complaints.reading.losses import Loss, find_losses
from stanch.complaints.reading.marks import Mark
from stanch.complaints.reading.money import find_money
from stanch.complaints.reading.phones import Phone, find_phones
from stanch.complaints.reading.story import Found, find_asked, find_known, find_pretexts
from stanch.complaints.reading.surroundings import (
    find_accounts,
    find_channel,
    find_lure_page,
    find_place,
    is_callers_link,
)
from stanch.complaints.reading.text import Language, Text

DEFAULT_ZONE: Final = {"zh": "Asia/Shanghai", "en": "Europe/London"}
DEFAULT_CURRENCY: Final = {"zh": "CNY", "en": "GBP"}
#: What no honest caller says or asks for.
_TELLING: Final = frozenset(
    (
        "screen_sharing",
        "verification_code",
        "refund_page",
        "qr_code",
        "install_app",
        "wholesaler",
        "card_details",
    )
)
#: Stories whose page, where there is one, claims to settle something.
_SETTLED: Final = frozenset(
    ("refund", "membership", "wholesaler", "duplicate_payment", "out_of_stock", "recall", "lost_parcel")
)
#: Words that mean something else in such a fraud: what is promised there is a wage, what is frozen the gains.
_NO_PRETEXT: Final = {
    "brushing_job": ("refund", "system_fault", "account_problem", "membership", "out_of_stock"),
    "investment": ("refund", "system_fault", "account_problem", "membership"),
    "fake_acquaintance": ("refund", "wholesaler", "system_fault"),
    "fake_authority": ("refund", "membership"),
    "fake_loan": ("refund", "membership"),
}
#: Whom these callers claim to be is none of the contract's words, unless they say so outright.
_STRANGERS: Final = frozenset(("fake_loan", "fake_acquaintance", "brushing_job", "investment", "other_fraud"))
_SENDERS: Final = ("bank", "courier", "authority", "platform")
_USUAL: Final = {"fake_customer_service": "shop", "fake_courier": "courier", "fake_authority": "authority"}
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
    words: Lexicon
    identity: Identity | None
    pretexts: list[Found]
    asked: list[Found]
    known: list[Found]
    callers: list[Phone]
    own: list[Phone]
    lures: list[Link]
    losses: list[Loss]
    contact: Contact | None


def read_report(report: Report, tell_kind: Callable[[str], dict[str, float]] | None = None) -> Reading:
    """Read by rules and weighed words; no network, no randomness, time linear in the text's length.

    `tell_kind` takes the place of the weighed words for the kind: it gives the probability of each.
    """
    parts = _find_parts(report)
    p_kind = tell_kind(parts.text.raw) if tell_kind is not None else _weigh_kinds(parts)
    kind = max(KINDS, key=lambda name: p_kind[name])
    if kind == "not_fraud":
        return Reading(parts.text.language, kind, p_kind)
    parts = replace(
        parts,
        pretexts=[p for p in parts.pretexts if p.word not in _NO_PRETEXT.get(kind, ())],
        asked=_settle_asked(kind, parts),
    )
    channel, place = find_channel(parts.text), find_place(parts.text)
    accounts = find_accounts(parts.text)
    return Reading(
        language=parts.text.language,
        kind=kind,
        p_kind=p_kind,
        claimed_identity=_settle_identity(kind, parts.identity, parts.text, parts.words),
        pretexts=[f.word for f in parts.pretexts],
        asked=[f.word for f in parts.asked],
        known_fields=[f.word for f in parts.known],
        scam_phones=[p.number for p in parts.callers],
        scam_urls=list(dict.fromkeys(defang(link.url) for link in parts.lures)),
        losses=parts.losses,
        contacted=parts.contact.at if parts.contact else None,
        contacted_is_day=parts.contact is not None and parts.contact.is_day,
        channel=channel.value if channel else None,
        place=place.value if place else None,
        scam_accounts=[a.value for a in accounts],
        own_phones=[p.number for p in parts.own],
        marks=[*_list_marks(parts), *(m for m in (channel, place) if m), *accounts],
    )


def _find_parts(report: Report) -> _Parts:
    text = Text.of(report.text)
    words = load_lexicon(text.language)
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
        words=words,
        identity=find_identity(text, words),
        pretexts=find_pretexts(text, words),
        asked=find_asked(text, words),
        known=find_known(text, words),
        callers=_merge_phones([p for p in phones if p.owner == "caller"]),
        own=_merge_phones([p for p in phones if p.owner == "victim"]),
        lures=[link for link in links if is_callers_link(text, link)],
        losses=find_losses(text, find_money(text, currency, spans)),
        contact=find_contact(text, dates, local),
    )


def _weigh_kinds(parts: _Parts) -> dict[str, float]:
    return weigh_kinds(
        parts.text,
        parts.words,
        parts.identity.name if parts.identity else None,
        [p.word for p in parts.pretexts],
        n_links=len(parts.lures),
        n_telling=len(_TELLING & {w.word for w in (*parts.asked, *parts.pretexts)}) + bool(parts.known),
        harmed=bool(parts.losses),
    )


def _settle_asked(kind: str, parts: _Parts) -> list[Found]:
    """What was asked for, given the kind; a page to open that settles something is a refund page."""
    wanted = kind in ("fake_loan", "fake_acquaintance")  # there the loan is the bait
    asked = [a for a in parts.asked if not (a.word == "loan" and wanted)]
    page = find_lure_page(parts.text, parts.lures)
    told = {p.word for p in parts.pretexts if p.word not in _NO_PRETEXT.get(kind, ())}
    if page and _SETTLED & told and not {"refund_page", "reorder", "extra_fee"} & {a.word for a in asked}:
        asked.insert(0, Found("refund_page", *page, 0.6))
    return asked


def _list_marks(parts: _Parts) -> Iterator[Mark]:
    if (who := parts.identity) is not None:
        yield Mark("claimed_identity", who.name, who.start, who.end, who.confidence)
    for name, found in (("pretexts", parts.pretexts), ("asked", parts.asked), ("known_fields", parts.known)):
        for f in found:
            yield Mark(name, f.word, f.start, f.end, f.confidence)
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


def _settle_identity(kind: str, identity: Identity | None, text: Text, words: Lexicon) -> str:
    """Whom the caller claimed to be; where the text does not say, whom such a caller usually claims to be."""
    if kind in _STRANGERS and (
        identity is None
        or (identity.confidence < 0.9 and not (kind == "other_fraud" and identity.name == "bank"))
    ):
        return "other"
    if identity is not None:
        return identity.name
    if kind == "phishing":  # whose name the message bears
        at = {n: m.start() for n in _SENDERS if (m := words.identity[n].search(text.plain))}
        return min(at, key=lambda n: at[n]) if at else "shop"
    return _USUAL.get(kind, "other")
