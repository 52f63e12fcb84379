"""The shop's own list of addresses: account (or order) -> mail, phone, language.

Read as evidence is: CSV, JSON Lines, Parquet or Excel in any encoding. Addresses stay in memory; what is
shown of them is masked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from stanch.errors import EvidenceError
from stanch.evidence.checks import check_rows
from stanch.evidence.pseudonyms import Pseudonymiser
from stanch.evidence.tables import Column, Kind, Table
from stanch.notices.shop import MAIL
from stanch.readers import ReadRequest
from stanch.readers.files import Source, list_paths
from stanch.readers.open import open_table
from stanch.reporting.cells import neutralise_cells

ADDRESSES: Final = Table(
    "addresses",
    "one row per customer",
    (
        Column("account", Kind.NAME, "account, as in the evidence", personal=True),
        Column(
            "order", Kind.NAME, "an order of theirs, for warnings that know the order alone", personal=True
        ),
        Column("email", Kind.NAME, "mail address", personal=True),
        Column("phone", Kind.NAME, "number for short messages", personal=True),
        Column("lang", Kind.NAME, "language: begins with zh or en"),
    ),
    one_of=("account", "order"),
)

#: A number (E.164: at most 15 digits). Nothing in it or in a mail address can end a line or begin a header.
_PHONE: Final = re.compile(r"\+?[0-9]{5,15}", re.ASCII)
_SIGNS: Final = re.compile(r"[ ().\u2010-\u2015-]")


@dataclass(frozen=True, slots=True)
class Address:
    """How one customer can be reached; None: not, or not by anything that is an address."""

    email: str | None
    phone: str | None
    lang: str | None
    #: Whether something stood there that is no address.
    unusable: bool = False


@dataclass(slots=True)
class AddressBook:
    """Addresses by account and by order, as these are written in warn.csv."""

    by_account: dict[str, Address] = field(default_factory=dict)
    by_order: dict[str, Address] = field(default_factory=dict)

    def find(self, account: str | None, order: str | None) -> Address | None:
        """The address of a customer, None if the shop gave none."""
        found = self.by_account.get(account) if account else None
        return found or (self.by_order.get(order) if order and not account else None)


def read_addresses(
    paths: tuple[str, ...], renames: Mapping[str, str], encoding: str | None, key: bytes | None
) -> AddressBook:
    """Read the files; the first row of an account counts. With `key` accounts and orders are hashed.

    Raises:
        UsageError: a pattern matches nothing, or an unknown encoding.
        EvidenceError: a file cannot be read as such a table.
    """
    book = AddressBook()
    hasher = Pseudonymiser(key) if key is not None else None
    request = ReadRequest({}, renames={ADDRESSES.name: renames}, encoding=encoding)
    for path in list_paths(paths):
        for rows in _read_file(path, request):
            for row in rows:
                address = _make_address(row)
                for name, found in (("account", book.by_account), ("order", book.by_order)):
                    if value := row.get(name):
                        found.setdefault(hasher.hash(value) if hasher else _as_written(value), address)
    return book


def mask_address(to: str) -> str:
    """An address fit to be shown: enough to find the row, too little to write to."""
    local, at, domain = to.partition("@")
    return f"{local[:1]}***@{domain[:1]}***" if at else f"***{to[-2:]}"


def _read_file(path: str, request: ReadRequest) -> Iterator[list[dict[str, str | None]]]:
    with Source(path) as source:
        for batch in open_table(source, ADDRESSES, request).batches:
            yield check_rows(ADDRESSES, batch.frame, "UTC").frame.to_dicts()
        if source.damage is not None:
            raise EvidenceError(f"breaks off: {source.damage}", file=source.shown, hint="export it again")


def _make_address(row: Mapping[str, str | None]) -> Address:
    given = [row.get("email") or "", row.get("phone") or ""]
    email, phone = given[0].strip().removeprefix("mailto:"), _SIGNS.sub("", given[1])
    usable = [email if MAIL.fullmatch(email) else None, phone if _PHONE.fullmatch(phone) else None]
    return Address(
        usable[0],
        usable[1],
        (row.get("lang") or "").strip().casefold()[:2] or None,
        unusable=any(text and not found for text, found in zip(given, usable, strict=True)),
    )


def _as_written(value: str) -> str:
    """`value` as warn.csv writes it: what a spreadsheet would compute is quoted there."""
    return str(neutralise_cells(pl.DataFrame({"value": [value]}))["value"][0])
