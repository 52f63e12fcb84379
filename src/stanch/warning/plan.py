"""Whom to send what: recipients of the notices, the shop's addresses, the texts as they lie in the folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Final, Literal

import polars as pl

from stanch.errors import UsageError
from stanch.notices.audiences import RECIPIENTS
from stanch.notices.messages import GAP
from stanch.notices.sms import measure_sms
from stanch.notices.write import MESSAGES
from stanch.warning.addresses import Address, AddressBook

Channel = Literal["mail", "sms"]
#: Customers whom only `--others` warns come last.
_LAST: Final = 4


@dataclass(frozen=True, slots=True)
class Text:
    """One warning as a person left it in the folder."""

    subject: str
    body: str
    html: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one customer."""

    #: Account, or order where the account is not known.
    customer: str
    priority: int
    channel: Channel
    to: str
    lang: str
    audience: str
    text: Text


@dataclass(slots=True)
class Plan:
    """All deliveries, most pressing first, and whom it cannot reach."""

    deliveries: list[Delivery] = field(default_factory=list)
    #: Customers without any address, and those whose address cannot be one.
    missing: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    #: Customers whose address was somebody's before: they are not written to twice.
    duplicates: list[str] = field(default_factory=list)
    #: Texts that still hold a gap: they are not sent.
    gaps: dict[str, list[str]] = field(default_factory=dict)

    def count_segments(self) -> int:
        """Segments of all short messages."""
        return sum(measure_sms(d.text.body).segments for d in self.deliveries if d.channel == "sms")

    def count(self, what: Literal["channel", "audience", "lang", "priority"]) -> dict[str, int]:
        """Deliveries by one of their properties."""
        return dict(sorted(Counter(str(getattr(d, what)) for d in self.deliveries).items()))


def make_plan(
    folder: Path, book: AddressBook, channel: Literal["mail", "sms", "any"], lang: str, *, others: bool
) -> Plan:
    """Plan the warnings of the notices in `folder`; `lang` is that of customers without one of their own.

    With `others` all further accounts of `book` get the general warning, last.

    Raises:
        UsageError: the folder holds no notices, or a text that is needed is not there.
    """
    plan = Plan()
    texts: dict[str, Text] = {}
    taken: set[str] = set()
    for customer, audience, priority, address in _list_customers(folder, book, others=others):
        chosen = _choose(address, channel)
        if address is None or chosen is None:
            (plan.unusable if address and address.unusable else plan.missing).append(customer)
            continue
        by, to = chosen
        if to.casefold() in taken:
            plan.duplicates.append(customer)
            continue
        taken.add(to.casefold())
        language = address.lang if address.lang in ("en", "zh") else lang
        stem = f"{audience}.{language}.{by}"
        if stem not in texts:
            texts[stem] = _load_text(folder / MESSAGES, stem)
            if found := GAP.findall(texts[stem].subject + texts[stem].body + unescape(texts[stem].html)):
                plan.gaps[f"{stem}.txt"] = list(dict.fromkeys(found))
        plan.deliveries.append(Delivery(customer, priority, by, to, language, audience, texts[stem]))
    return plan


def _list_customers(
    folder: Path, book: AddressBook, *, others: bool
) -> Iterator[tuple[str, str, int, Address | None]]:
    try:
        recipients = pl.read_csv(folder / "recipients.csv", infer_schema=False).select(*RECIPIENTS)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(
            "holds no recipients.csv that can be read",
            file=str(folder),
            hint="name the --out of stanch notices",
        ) from error
    seen: set[tuple[bool, str]] = set()
    for account, order, audience, priority in recipients.sort("priority", maintain_order=True).iter_rows():
        customer = account or order
        if customer and (account is not None, customer) not in seen:
            seen.add((account is not None, customer))
            yield customer, audience, int(priority), book.find(account, order)
    if others:
        for account, address in book.by_account.items():
            if (True, account) not in seen:
                yield account, "general", _LAST, address


def _choose(address: Address | None, channel: str) -> tuple[Channel, str] | None:
    """Short messages first: they are read at once."""
    if address is None:
        return None
    if channel in ("sms", "any") and address.phone:
        return "sms", address.phone
    if channel in ("mail", "any") and address.email:
        return "mail", address.email
    return None


def _load_text(folder: Path, stem: str) -> Text:
    try:
        text = (folder / f"{stem}.txt").read_text(encoding="utf-8")
        if stem.endswith(".sms"):
            return Text("", text.strip(), "")
        subject, _, body = text.partition("\n")
        return Text(
            subject.strip(), body.strip() + "\n", (folder / f"{stem}.html").read_text(encoding="utf-8")
        )
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "the text of a warning cannot be read",
            file=str(folder / f"{stem}.txt"),
            hint="make the notices in this language too (--lang both), or name another with --lang",
        ) from error
