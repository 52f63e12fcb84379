"""A complaint as the desk lists it: what was read from it, and its text without people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from stanch.complaints.masking import mask_text
from stanch.complaints.reading import Reading, Report, read_report
from stanch.complaints.reading.text import MAX_TEXT, Language, Text
from stanch.complaints.scripts import Told
from stanch.complaints.summary import find_day
from stanch.complaints.vectors import list_features
from stanch.evidence.pseudonyms import Pseudonymiser

_UTC: Final = "UTC"
#: What a row says of whom it is about.
REFERENCES: Final = ("order", "account", "phone")


class Gist(Struct, frozen=True, omit_defaults=True):
    """What was read, in the words of the contract."""

    language: Language = "en"
    claimed_identity: str | None = None
    pretexts: Sequence[str] = ()
    asked: Sequence[str] = ()
    known_fields: Sequence[str] = ()
    #: Different phones and links of the callers.
    n_phones: int = 0
    n_links: int = 0


class Digest(Struct, frozen=True):
    """One complaint, read."""

    complaint: str
    received_us: int
    day: str
    kind: str
    confidence: float
    region: str
    channel: str
    loss: float | None
    currency: str
    #: Keyed hashes.
    order_ref: str | None
    account_ref: str | None
    phone_ref: str | None
    gist: Gist
    text: str


def make_report(row: Mapping[str, Any], received_us: int, zone: str) -> Report:
    """A row of evidence as a reader wants it; UTC as a zone means that of the language."""
    return Report(
        row.get("text") or "", received_us, None if zone == _UTC else zone, row.get("currency") or None
    )


def digest_rows(rows: Sequence[tuple[Mapping[str, Any], int]], zone: str, key: bytes) -> list[Digest]:
    """Rows of evidence with the moment at which each was received (microseconds UTC), read one after another.

    `key` hashes orders, accounts and phones.
    """
    hasher = Pseudonymiser(key)
    return [_digest(row, received_us, zone, hasher) for row, received_us in rows]


def _digest(row: Mapping[str, Any], received_us: int, zone: str, hasher: Pseudonymiser) -> Digest:
    report = make_report(row, received_us, zone)
    reading = read_report(report)
    loss, currency = _find_loss(row, reading)
    refs = {f"{name}_ref": hasher.hash(row[name]) if row.get(name) else None for name in REFERENCES}
    told_fields = tuple((row.get("known_fields") or "").split("|")) if row.get("known_fields") else ()
    return Digest(
        complaint=str(row["complaint"])[:256],
        received_us=received_us,
        day=find_day(received_us, report.zone, reading).isoformat(),
        kind=reading.kind if report.text else "",
        confidence=round(reading.p_kind[reading.kind], 2) if report.text else 0.0,
        region=(row.get("region") or "")[:100],
        channel=(row.get("channel") or "")[:100],
        loss=loss,
        currency=currency,
        **refs,
        gist=Gist(
            reading.language,
            reading.claimed_identity,
            tuple(reading.pretexts),
            tuple(reading.asked),
            told_fields or tuple(reading.known_fields),
            len(reading.scam_phones),
            len(reading.scam_urls),
        ),
        text=mask_text(report.text[:MAX_TEXT]),
    )


def _find_loss(row: Mapping[str, Any], reading: Reading) -> tuple[float | None, str]:
    """What was lost by the report's own entry, else by its text in the currency of most payments."""
    if row.get("loss") is not None:
        return float(row["loss"]), (row.get("currency") or "")[:3]
    if not reading.losses:
        return None, ""
    (currency, _), *_ = Counter(loss.currency for loss in reading.losses).most_common(1)
    return round(sum(loss.amount for loss in reading.losses if loss.currency == currency), 2), currency


def restore(kind: str, gist: Gist, text: str) -> Told:
    """What the grouping into scripts needs, from a digest."""
    reading = Reading(
        gist.language,
        kind,
        {},
        claimed_identity=gist.claimed_identity,
        pretexts=list(gist.pretexts),
        asked=list(gist.asked),
        known_fields=list(gist.known_fields),
    )
    return Told(reading, list_features(Text.of(text)))


def write_gist(gist: Gist) -> str:
    """As it is stored."""
    return msgspec.json.encode(gist).decode()


def read_gist(stored: str) -> Gist:
    """What `write_gist` wrote."""
    return msgspec.json.decode(stored, type=Gist)
