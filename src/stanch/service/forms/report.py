"""The report that both forms take: what was typed, what is wrong with it, and the row it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from stanch.evidence.amounts import parse_amount
from stanch.evidence.tables import FIELDS

#: Longest entry by field, in characters; the fields as they stand on the page.
LIMITS: Final[Mapping[str, int]] = {
    "text": 5_000,
    "contacted_on": 10,
    "contacted_at": 8,
    "order": 100,
    "phone": 40,
    "account": 100,
    "region": 100,
    "scam_phone": 40,
    "scam_url": 2_000,
    "loss": 30,
    "currency": 3,
}
#: ISO 4217 codes that the forms offer.
CURRENCIES: Final = (
    "CNY", "USD", "EUR", "GBP", "HKD", "TWD", "JPY", "KRW", "SGD", "MYR", "THB", "AUD", "CAD", "CHF", "INR",
)  # fmt: skip
#: One of these tells which customer it was.
WHO: Final = ("order", "account", "phone")
#: No form of ours is nearly as long, each character escaped in nine bytes.
MAX_BYTES: Final = 128 << 10
_MAX_FIELDS: Final = 40


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was sent."""

    values: Mapping[str, str]
    known_fields: Sequence[str] = ()

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


@dataclass(slots=True)
class Judged:
    """The row a report becomes, and what is wrong with it: field -> key of the text that says so."""

    row: dict[str, str | float]
    mistakes: dict[str, str] = field(default_factory=dict)


def parse_form(body: bytes) -> Typed:
    """A body of `application/x-www-form-urlencoded`, repeated names but for the first ignored.

    Raises:
        ValueError: it has more fields than any form of ours.
    """
    pairs = parse_qsl(
        body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="replace"
    )
    values: dict[str, str] = {}
    for name, value in pairs:
        values.setdefault(name, value.replace("\r\n", "\n").strip())
    known = [value for name, value in pairs if name == "known_fields" and value in FIELDS]
    return Typed(values, known)


def judge_report(typed: Typed, channel: str, receipt: str, now_us: int, zone: str) -> Judged:
    """Read a report; with mistakes in it, its row is incomplete."""
    now = datetime.fromtimestamp(now_us / 1e6, UTC)
    judged = Judged({"complaint": receipt, "received": now.isoformat(), "channel": channel})
    for name, limit in LIMITS.items():
        if len(typed[name]) > limit:
            judged.mistakes[name] = "long"
    for name in ("text", *WHO, "scam_phone", "scam_url", "region"):
        if typed[name]:
            judged.row[name] = typed[name]
    if typed.known_fields:
        judged.row["known_fields"] = "|".join(typed.known_fields)
    if not any(typed[name] for name in WHO):
        judged.mistakes.setdefault("order", "who")
    if channel == "web_form" and not typed["text"]:
        judged.mistakes["text"] = "empty"
    _judge_moment(typed, judged, now, zone)
    _judge_loss(typed, judged)
    judged.mistakes = {name: judged.mistakes[name] for name in LIMITS if name in judged.mistakes}
    return judged


def _judge_moment(typed: Typed, judged: Judged, now: datetime, zone: str) -> None:
    day, hour = typed["contacted_on"], typed["contacted_at"]
    if not day:
        if hour:
            judged.mistakes.setdefault("contacted_on", "day")
        return
    try:
        moment = datetime.fromisoformat(f"{day}T{hour}" if hour else day).replace(tzinfo=ZoneInfo(zone))
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        judged.mistakes.setdefault("contacted_on", "date")
        return
    if moment > now:
        judged.mistakes.setdefault("contacted_on", "future")
    judged.row["contacted"] = moment.isoformat()


def _judge_loss(typed: Typed, judged: Judged) -> None:
    if not typed["loss"]:
        return
    amount = parse_amount(typed["loss"])
    if amount is None:
        judged.mistakes.setdefault("loss", "amount")
        return
    if typed["currency"] not in CURRENCIES:
        judged.mistakes.setdefault("currency", "currency")
        return
    judged.row |= {"loss": amount, "currency": typed["currency"]}
