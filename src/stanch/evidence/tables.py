"""The four tables of evidence: the one place that defines their columns.

Readers, checks, docs and the engine's tables all follow from `TABLES`. A column is stored under
its own name, except times, which are stored as integer microseconds since 1970-01-01 UTC under
`NAME_us` (integers mean the same thing to every engine). Every stored table also has `file_id`
(index into the list of inputs) and `line` (1-based data row in that file, header not counted).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a cell means; decides how it is read, checked and stored."""

    TIME = "time"  # RFC 3339, or Unix seconds; stored as BIGINT microseconds UTC
    ADDRESS = "address"  # IPv4 or IPv6; stored as canonical text, IPv4-mapped IPv6 as IPv4
    NAME = "name"  # opaque identifier; stored as text, surrounding blanks removed
    WORD = "word"  # one out of `words`; stored in lower case
    WORDS = "words"  # a `|`-separated set out of `words`; stored in the order of `words`
    AMOUNT = "amount"  # a finite decimal number >= 0; stored as DOUBLE
    TEXT = "text"  # free text; stored as it came


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an evidence table."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    words: tuple[str, ...] = ()
    #: Replaced by a keyed hash under `--pseudonymise`.
    personal: bool = False
    #: Replaced by a hash always, because holding one is enough to act as the person.
    secret: bool = False

    @property
    def stored_name(self) -> str:
        """Name of the column in the engine's table."""
        return f"{self.name}_us" if self.kind is Kind.TIME else self.name

    @property
    def stored_type(self) -> str:
        """SQL type of the column in the engine's table."""
        return {Kind.TIME: "BIGINT", Kind.AMOUNT: "DOUBLE"}.get(self.kind, "VARCHAR")


@dataclass(frozen=True, slots=True)
class Table:
    """One evidence table: its grain and its columns."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    #: At least one of these must be given in every row.
    one_of: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name}.{name}")

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names as they stand in a file, in the order of definition."""
        return tuple(column.name for column in self.columns)

    @property
    def required_names(self) -> tuple[str, ...]:
        """Names without which a file is not this table (`one_of` not included)."""
        return tuple(column.name for column in self.columns if column.required)

    @property
    def stored_schema(self) -> dict[str, str]:
        """Stored column name -> SQL type, `file_id` and `line` first."""
        return {"file_id": "INTEGER", "line": "BIGINT"} | {
            column.stored_name: column.stored_type for column in self.columns
        }


OUTCOMES: Final = ("success", "failure", "unknown_account", "challenged", "denied", "unknown")
ACTOR_KINDS: Final = ("customer", "staff", "partner", "service", "anonymous")
FIELDS: Final = ("name", "phone", "address", "items", "price", "time", "order_id", "payment")

LOGINS: Final = Table(
    "logins",
    "one row per attempt to log in",
    (
        Column("time", Kind.TIME, "when the attempt was made", required=True),
        Column("ip", Kind.ADDRESS, "address the attempt came from", required=True),
        Column("account", Kind.NAME, "account tried; may be empty", required=True, personal=True),
        Column(
            "outcome",
            Kind.WORD,
            "how it ended; `failure` where a log cannot tell an unknown account from a wrong"
            " password, `unknown` where it cannot tell at all",
            required=True,
            words=OUTCOMES,
        ),
        Column("user_agent", Kind.TEXT, "User-Agent header or client software"),
        Column("ja4", Kind.NAME, "JA4 fingerprint of the TLS client"),
        Column("device", Kind.NAME, "device identifier the shop gave out", personal=True),
        Column("session", Kind.NAME, "session identifier; hashed always", secret=True),
        Column("country", Kind.NAME, "ISO 3166-1 alpha-2 code of the address"),
        Column("asn", Kind.NAME, "number of the autonomous system of the address"),
        Column("path", Kind.TEXT, "URL path or service the attempt was made at"),
    ),
)

ACCESSES: Final = Table(
    "accesses",
    "one row per order seen by someone",
    (
        Column("time", Kind.TIME, "when the order was seen", required=True),
        Column(
            "actor",
            Kind.NAME,
            "who saw it: a pseudonymous staff account, a partner, a service, a customer's account,"
            " or the endpoint that shows orders without sign-in",
            required=True,
            personal=True,
        ),
        Column(
            "actor_kind",
            Kind.WORD,
            "`anonymous` means no sign-in: an open endpoint, an enumerable order number",
            required=True,
            words=ACTOR_KINDS,
        ),
        Column("order", Kind.NAME, "the order that was seen", required=True, personal=True),
        Column("channel", Kind.TEXT, "page, API or export through which it was seen"),
        Column("fields", Kind.WORDS, "what was visible, `|`-separated; empty means unknown", words=FIELDS),
        Column("ip", Kind.ADDRESS, "address it was seen from"),
        Column("session", Kind.NAME, "session it was seen in; hashed always", secret=True),
        Column("team", Kind.NAME, "team or queue of who saw it"),
        Column("branch", Kind.NAME, "branch, depot or site where it was seen"),
        Column("vendor", Kind.NAME, "outside firm or software through which it was seen"),
        Column("device", Kind.NAME, "terminal or hand-held on which it was seen", personal=True),
    ),
)

ORDERS: Final = Table(
    "orders",
    "one row per order",
    (
        Column("order", Kind.NAME, "order number", required=True, personal=True),
        Column("account", Kind.NAME, "account that placed it", required=True, personal=True),
        Column("time", Kind.TIME, "when it was placed", required=True),
        Column("amount", Kind.AMOUNT, "total, in `currency`"),
        Column("currency", Kind.NAME, "ISO 4217 code"),
        Column("region", Kind.NAME, "where it was sent"),
    ),
)

COMPLAINTS: Final = Table(
    "complaints",
    "one row per report of a scam contact",
    (
        Column("complaint", Kind.NAME, "number of the report", required=True),
        Column("received", Kind.TIME, "when the report was received", required=True),
        Column("order", Kind.NAME, "order the caller knew", personal=True),
        Column("account", Kind.NAME, "account of the victim", personal=True),
        Column("phone", Kind.NAME, "phone of the victim", personal=True),
        Column(
            "contacted",
            Kind.TIME,
            "when the scam call or message came; unknown where empty, at or before `received`",
        ),
        Column(
            "known_fields",
            Kind.WORDS,
            "what the caller already knew, `|`-separated; empty means unknown",
            words=FIELDS,
        ),
        Column("loss", Kind.AMOUNT, "money lost, in `currency`"),
        Column("currency", Kind.NAME, "ISO 4217 code"),
        Column("region", Kind.NAME, "where the victim lives"),
        Column("channel", Kind.TEXT, "how it was reported"),
        Column("text", Kind.TEXT, "the report in the victim's or agent's words", personal=True),
        Column("scam_phone", Kind.NAME, "number the caller used; may be spoofed", personal=True),
        Column("scam_url", Kind.TEXT, "link the caller sent; never opened"),
    ),
    one_of=("order", "account", "phone"),
)

#: Not evidence of its own: who of the accesses belongs together.
ACTOR_GROUPS: Final = Table(
    "actor_groups",
    "one row per actor and what it belongs to",
    (
        Column("actor", Kind.NAME, "actor of the accesses", required=True, personal=True),
        Column("actor_kind", Kind.WORD, "its kind; empty: whichever has this name", words=ACTOR_KINDS),
        Column("team", Kind.NAME, "team or queue"),
        Column("branch", Kind.NAME, "branch, depot or site"),
        Column("vendor", Kind.NAME, "outside firm or software"),
        Column("device", Kind.NAME, "terminal or hand-held", personal=True),
    ),
    one_of=("team", "branch", "vendor", "device"),
)

#: The four tables of evidence.
TABLES: Final[dict[str, Table]] = {t.name: t for t in (LOGINS, ACCESSES, ORDERS, COMPLAINTS)}
#: Everything that is read as a table.
READABLE: Final[dict[str, Table]] = TABLES | {ACTOR_GROUPS.name: ACTOR_GROUPS}
