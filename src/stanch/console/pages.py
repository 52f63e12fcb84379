"""How a page of the console and what can be done on it are declared."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

from msgspec import Meta, Struct
from starlette.responses import Response

from stanch.cases.database import Connection
from stanch.cases.incidents import Actor
from stanch.cases.people import ROLES, Person, Role
from stanch.reporting.catalogue import Lang
from stanch.service.state import Service

Q = TypeVar("Q", bound=Struct)
A = TypeVar("A", bound=Struct)
Row = TypeVar("Row")

#: In the order of the navigation; a section is shown once a page of it is registered that the reader may see.
Section = Literal[
    "now", "incidents", "attempts", "accounts", "orders", "sources", "complaints", "decisions", "rules",
    "people", "audit", "",
]  # fmt: skip

EVERYBODY: Final = frozenset(ROLES)
#: Those who work on incidents, rather than only read about them.
WORKERS: Final[frozenset[Role]] = frozenset({"agent", "analyst", "officer", "administrator"})
ANALYSTS: Final[frozenset[Role]] = frozenset({"analyst", "administrator"})
#: Who may hand in logs and have them investigated.
INVESTIGATORS: Final[frozenset[Role]] = frozenset({"analyst", "officer", "administrator"})
OFFICERS: Final[frozenset[Role]] = frozenset({"officer", "administrator"})
ADMINISTRATORS: Final[frozenset[Role]] = frozenset({"administrator"})

#: Rows of a list on one page.
PAGE_SIZE: Final = 50


#: Number of a row that people see.
Number = Annotated[int, Meta(ge=1, le=10**15)]
IncidentNumber = Annotated[int, Meta(description="Number of the incident.", ge=1, le=10**15)]


class Nothing(Struct, frozen=True):
    """A page or form without anything to ask for."""


class Paged(Struct, frozen=True, kw_only=True):
    """What every list is asked with; lists inherit from it."""

    page: Annotated[int, Meta(description="Which page of the list.", ge=1, le=1_000_000)] = 1

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * PAGE_SIZE


class Slice(Struct, Generic[Row], frozen=True):
    """One page of a list."""

    rows: Sequence[Row]
    #: Rows on all pages.
    n: int
    page: int

    @property
    def n_pages(self) -> int:
        """How many pages there are, one at least."""
        return max(1, -(-self.n // PAGE_SIZE))


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks, in which language, and a connection: to read from for pages, to write to for actions."""

    service: Service
    connection: Connection
    person: Person
    lang: Lang
    now_us: int

    @property
    def actor(self) -> Actor:
        """The same for the store."""
        return Actor(self.person.id, self.now_us)

    def may(self, roles: frozenset[Role]) -> bool:
        """Whether the person has one of these roles."""
        return not roles.isdisjoint(self.person.roles)

    def name_reference(self, kind: str, value: str) -> str:
        """What stands in the audit for an account, order, phone or the like: a keyed hash."""
        return name_reference(self.service, kind, value)


def name_reference(service: Service, kind: str, value: str) -> str:
    """A keyed reference, the same for the same value."""
    told = f"{kind}\0{value.strip().casefold()}".encode("utf-8", "replace")
    return (
        f"{kind}:{hmac.new(service.secrets.derive('audit reference'), told, hashlib.sha256).hexdigest()[:24]}"
    )


@dataclass(frozen=True, slots=True)
class Page(Generic[Q, A]):
    """One page: from it come HTML, the JSON twin (`.json`), OpenAPI, the audit and the navigation.

    Its template is `page/NAME.html.j2`, its texts are `texts/LANG/NAME.toml` (keys `NAME.…`).
    """

    #: Below `/console`; `{name}` is filled into the field of `query` that is called so.
    path: str
    name: str
    #: Whoever has one of these may see it.
    roles: frozenset[Role]
    query: type[Q]
    answer: type[A]
    #: Runs in a thread. Raises `MissingError` where there is no such thing.
    load: Callable[[Visit, Q], A]
    section: Section = ""
    #: What was looked at, where that is personal data: looks are put into the audit under `NAME.look`.
    look: Callable[[Visit, A], str] | None = None
    #: Makes a file of the answer, instead of a template.
    give: Callable[[A], Response] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """An action that was done: where to go now, and what the audit says of it."""

    #: Path from the root, `#part` included.
    location: str
    subject: str = ""
    details: str = ""
    #: Rights have changed: the session gets another token.
    renew: bool = False


@dataclass(frozen=True, slots=True)
class Action(Generic[Q]):
    """One thing that a form or a program can do (POST). Each is put into the audit under `PAGE.NAME`.

    A form holds the hidden field `token`; a program sends the same fields as JSON, and the token as
    `X-Console-Token`. What is wrong with what was sent is shown on `page`.
    """

    path: str
    name: str
    roles: frozenset[Role]
    form: type[Q]
    #: Runs in the transaction that writes; raises `MistakeError`, `MissingError` or `UsageError`.
    do: Callable[[Visit, Q], Done]
    page: Page[Any, Any]

    @property
    def full_name(self) -> str:
        """With the page's, whose texts tell of it: `PAGE.done.NAME`, and `PAGE.did.NAME` in the audit."""
        return f"{self.page.name}.{self.name}"


class SignInNeededError(LookupError):
    """Nobody is signed in."""


class NotAllowedError(LookupError):
    """The person has none of the roles."""


class MissingError(LookupError):
    """There is no such thing, or not any more."""


class MistakeError(ValueError):
    """What was sent cannot be used: the text `PAGE.mistake.KEY`, or the shell's, beside `field`."""

    def __init__(self, field: str, key: str, **params: object) -> None:
        super().__init__(key)
        self.field = field
        self.key = key
        self.params = params
