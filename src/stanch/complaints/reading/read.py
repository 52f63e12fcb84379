"""One complaint -> everything that its text tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from stanch.complaints.links import defang, find_links
from stanch.complaints.reading.contact import find_contact
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
    channel: str | None = None
    place: str | None = None
    scam_accounts: list[str] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


class Reader(Protocol):
    """Anything that reads a report: the rules here, or a language model put in their place by a caller."""

    def __call__(self, report: Report) -> Reading:
        """What the text tells."""


def read_report(report: Report, tell_kind: Callable[[str], dict[str, float]] | None = None) -> Reading:
    """Read by rules and weighed words; no network, no randomness, time linear in the text's length.

    `tell_kind` takes the place of the weighed words for the kind: it gives the probability of each.
    """
    text = Text.of(report.text)
    words = load_lexicon(text.language)
    received = _EPOCH + timedelta(microseconds=report.received_us)
    local = received.astimezone(ZoneInfo(report.zone or DEFAULT_ZONE[text.language]))
    links = find_links(text.raw)
    spans = [(link.start, link.end) for link in links]
    text = text.without(spans)
    dates = find_dates(text, local)
    phones = find_phones(text, spans)
    spans += [(p.start, p.end) for p in phones] + [(d.start, d.end) for d in dates]
    currency = DEFAULT_CURRENCY["zh"] if text.language == "zh" else report.currency or DEFAULT_CURRENCY["en"]
    losses = find_losses(text, find_money(text, currency, spans))
    identity = find_identity(text, words)
    pretexts = find_pretexts(text, words)
    lures = [link for link in links if is_callers_link(text, link)]
    known = find_known(text, words)
    found_asked = find_asked(text, words)
    p_kind = weigh_kinds(
        text,
        words,
        identity.name if identity else None,
        [p.word for p in pretexts],
        n_links=len(lures),
        n_telling=len(_TELLING & {w.word for w in (*found_asked, *pretexts)}) + bool(known),
        harmed=bool(losses),
    )
    if tell_kind is not None:
        p_kind = tell_kind(text.raw)
    kind = max(KINDS, key=lambda name: p_kind[name])
    if kind == "not_fraud":
        return Reading(text.language, kind, p_kind)
    pretexts = [p for p in pretexts if p.word not in _NO_PRETEXT.get(kind, ())]
    asked = [a for a in found_asked if not (a.word == "loan" and kind in ("fake_loan", "fake_acquaintance"))]
    page = find_lure_page(text, lures)
    if (
        page
        and _SETTLED & {p.word for p in pretexts}
        and not {"refund_page", "reorder", "extra_fee"} & {a.word for a in asked}
    ):
        asked.insert(0, Found("refund_page", *page, 0.6))
    callers = _merge_phones([p for p in phones if p.owner == "caller"])
    contact = find_contact(text, dates, local)
    channel, place, accounts = find_channel(text), find_place(text), find_accounts(text)
    marks = [
        *(
            [Mark("claimed_identity", identity.name, identity.start, identity.end, identity.confidence)]
            if identity
            else ()
        ),
        *(Mark("pretexts", f.word, f.start, f.end, f.confidence) for f in pretexts),
        *(Mark("asked", f.word, f.start, f.end, f.confidence) for f in asked),
        *(Mark("known_fields", f.word, f.start, f.end, f.confidence) for f in known),
        *(Mark("scam_phones", p.number, p.start, p.end, p.confidence) for p in callers),
        *(Mark("scam_urls", defang(link.url), link.start, link.end, 0.9) for link in lures),
        *(Mark("losses", f"{x.amount:.2f} {x.currency}", x.start, x.end, x.confidence) for x in losses),
        *(
            [Mark("contacted", contact.at.isoformat(), contact.start, contact.end, contact.confidence)]
            if contact
            else ()
        ),
        *([channel] if channel else ()),
        *([place] if place else ()),
        *accounts,
    ]
    return Reading(
        language=text.language,
        kind=kind,
        p_kind=p_kind,
        claimed_identity=_settle_identity(kind, identity, text, words),
        pretexts=[f.word for f in pretexts],
        asked=[f.word for f in asked],
        known_fields=[f.word for f in known],
        scam_phones=[p.number for p in callers],
        scam_urls=list(dict.fromkeys(defang(link.url) for link in lures)),
        losses=losses,
        contacted=contact.at if contact else None,
        channel=channel.value if channel else None,
        place=place.value if place else None,
        scam_accounts=[a.value for a in accounts],
        marks=marks,
    )


def _merge_phones(phones: list[Phone]) -> list[Phone]:
    """One of each number."""
    first: dict[str, Phone] = {}
    for phone in phones:
        first.setdefault(phone.number, phone)
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
