"""Accounts of an incident: which likely fell, what was tried on them, and whose orders got out."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from stanch.console.evidence import Listing
from stanch.console.exploring import Case, EvidenceQuery, Filters, Ref, find_case, list_cases, open_case
from stanch.console.pages import WORKERS, Page, Slice, Visit

_MOST_ORDERS: Final = 50


class AccountsQuery(EvidenceQuery, frozen=True, kw_only=True):
    """Which accounts."""

    account: Ref = ""
    campaign: Annotated[str, Meta(max_length=100)] = ""
    least: Annotated[float, Meta(description="Chance that it fell, at least.", ge=0, le=1)] = 0.0


class AccountRow(Struct, frozen=True):
    """One account, as a pseudonym."""

    account: str
    #: Chance that an attacker got in; 0 where there is no sign of it.
    p_compromised: float
    campaign: str | None
    first_success_us: int | None
    ip: str | None
    attempts: int
    #: Expected number of an attack's among them.
    attack: float
    failures: int
    successes: int
    orders: int
    orders_exposed: int
    complaints: int


class OrderOfAccount(Struct, frozen=True):
    """An order of the account that is looked at."""

    order: str
    time_us: int | None
    accesses: int
    complaints: int
    exposed_us: int | None


class Accounts(Struct, frozen=True):
    """A part of the list; `incident` is empty where none was investigated."""

    incident: Case | None
    choices: tuple[Case, ...]
    accounts: Slice[AccountRow]
    #: Where one account alone is asked for.
    orders: tuple[OrderOfAccount, ...] = ()


def load_accounts(visit: Visit, query: AccountsQuery) -> Accounts:
    """The likeliest to have fallen first."""
    case, choices = find_case(visit, query), list_cases(visit)
    if case is None:
        return Accounts(None, choices, Slice((), 0, query.page))
    filters = Filters()
    filters.refer(visit.service, "account", query.account)
    filters.equal("campaign", query.campaign)
    if query.least:
        filters.add("p_compromised >= $least", least=query.least)
    columns = ", ".join(AccountRow.__struct_fields__)
    with open_case(visit, case) as evidence:
        found = evidence.cut(Listing("accounts", columns, filters.where, params=filters.params), query.page)
        rows = tuple(AccountRow(**row) for row in found.rows)
        orders: tuple[OrderOfAccount, ...] = ()
        if query.account and found.n == 1 and rows:
            table = evidence.fetch(
                'SELECT "order", time_us, accesses, complaints, exposed_us FROM orders'  # noqa: S608
                f" WHERE account = $account ORDER BY time_us DESC LIMIT {_MOST_ORDERS}",
                account=rows[0].account,
            )
            orders = tuple(OrderOfAccount(**row) for row in table.to_dicts())
    return Accounts(case, choices, Slice(rows, found.n, found.page), orders)


def _name_look(visit: Visit, answer: Accounts) -> str:
    if len(answer.accounts.rows) == 1:
        return visit.name_reference("pseudonym", answer.accounts.rows[0].account)
    return "" if answer.incident is None else f"incident:{answer.incident.number}"


ACCOUNTS: Final = Page(
    "/accounts", "accounts", WORKERS, AccountsQuery, Accounts, load_accounts, "accounts", _name_look
)
PAGES: Final = (ACCOUNTS,)
