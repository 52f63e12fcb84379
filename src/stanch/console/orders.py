"""Orders of an incident: who saw this order, when, and which of its fields."""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from stanch.console.evidence import Listing
from stanch.console.exploring import Case, EvidenceQuery, Filters, Ref, find_case, list_cases, open_case
from stanch.console.pages import WORKERS, Page, Slice, Visit
from stanch.console.window import choose_window


class OrdersQuery(EvidenceQuery, frozen=True, kw_only=True):
    """Which orders; the stretch of time is that of who saw them."""

    order: Ref = ""
    account: Ref = ""
    source: Annotated[str, Meta(description="Those that a source saw.", max_length=200)] = ""
    exposed: Annotated[bool, Meta(description="Those that an accused source saw.")] = False
    complained: Annotated[bool, Meta(description="Those that somebody complained about.")] = False


class OrderRow(Struct, frozen=True):
    """One order, as a pseudonym. `exposed_us`: first seen by a source that is accused."""

    order: str
    account: str | None
    time_us: int | None
    region: str | None
    accesses: int
    sources: int
    complaints: int
    exposed_us: int | None


class AccessRow(Struct, frozen=True):
    """Somebody saw the order."""

    time_us: int
    source: str
    channel: str | None
    fields: tuple[str, ...]
    ip: str | None
    file: str
    line: int


class Orders(Struct, frozen=True):
    """A part of the list, or of who saw one order; `incident` is empty where none was investigated."""

    incident: Case | None
    choices: tuple[Case, ...]
    orders: Slice[OrderRow]
    #: Who saw the one order that is asked for, oldest first.
    accesses: Slice[AccessRow] | None = None


def load_orders(visit: Visit, query: OrdersQuery) -> Orders:
    """One order with all who saw it, or those that fit."""
    case, choices = find_case(visit, query), list_cases(visit)
    if case is None:
        return Orders(None, choices, Slice((), 0, query.page))
    with open_case(visit, case) as evidence:
        window = choose_window(visit, query, evidence.summary.start_us, evidence.summary.end_us)
        filters = Filters()
        filters.refer(visit.service, '"order"', query.order)
        filters.refer(visit.service, "account", query.account)
        if query.source or window.is_chosen:
            seen = Filters()
            seen.equal("source", query.source)
            if window.is_chosen:
                seen.add("time_us >= $from_us AND time_us < $until_us", **window.params)
            found_by = f'"order" IN (SELECT "order" FROM accesses WHERE {seen.where})'  # noqa: S608
            filters.add(found_by, **seen.params)
        if query.exposed:
            filters.add("exposed_us IS NOT NULL")
        if query.complained:
            filters.add("complaints > 0")
        columns = '"order", account, time_us, region, accesses, sources, complaints, exposed_us'
        listing = Listing("orders", columns, filters.where, params=filters.params)
        if not query.order:
            found = evidence.cut(listing, query.page)
            return Orders(case, choices, _shape(found))
        # The page counts those who saw the one order.
        found = evidence.cut(listing, 1)
        if found.n != 1:
            return Orders(case, choices, _shape(found))
        seen_by = Filters()
        seen_by.equal('"order"', found.rows[0]["order"])
        told = evidence.cut(
            Listing(
                "accesses",
                "time_us, source, channel, fields, ip, file, line",
                seen_by.where,
                params=seen_by.params,
            ),
            query.page,
        )
    accesses = tuple(
        AccessRow(**{**row, "fields": tuple((row["fields"] or "").split("|"))}) for row in told.rows
    )
    return Orders(case, choices, _shape(found), Slice(accesses, told.n, told.page))


def _shape(found: Slice[dict[str, Any]]) -> Slice[OrderRow]:
    return Slice(tuple(OrderRow(**row) for row in found.rows), found.n, found.page)


def _name_look(visit: Visit, answer: Orders) -> str:
    if answer.accesses is not None:
        return visit.name_reference("pseudonym", answer.orders.rows[0].order)
    return "" if answer.incident is None else f"incident:{answer.incident.number}"


ORDERS: Final = Page("/orders", "orders", WORKERS, OrdersQuery, Orders, load_orders, "orders", _name_look)
PAGES: Final = (ORDERS,)
