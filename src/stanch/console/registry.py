"""Every page and action of the console. A new page's module is listed here, and nowhere else."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stanch.cases.people import Role
from stanch.console import (
    account,
    accounts,
    attempts,
    audit,
    claims,
    complaint,
    complaint_figures,
    complaints,
    decisions,
    handing_in,
    handing_out,
    incident,
    incidents,
    investigating,
    now,
    orders,
    people,
    resets,
    rules,
    sample,
    search,
    sources,
    timeline,
    unmasking,
)
from stanch.console.access import ROOT, SIGN_IN
from stanch.console.assets import make_asset_operations
from stanch.console.entrance import Entrance
from stanch.console.pages import Action, Page
from stanch.console.serving import Console, find_reader
from stanch.service.operations import Content, Operation

PAGES: Final[tuple[Page[Any, Any], ...]] = (
    *now.PAGES,
    *incidents.PAGES,
    *incident.PAGES,
    *decisions.PAGES,
    *resets.PAGES,
    *rules.PAGES,
    *investigating.PAGES,
    *timeline.PAGES,
    *attempts.PAGES,
    *accounts.PAGES,
    *orders.PAGES,
    *unmasking.PAGES,
    *sources.PAGES,
    *complaints.PAGES,
    *complaint_figures.PAGES,
    *claims.PAGES,
    *complaint.PAGES,
    *people.PAGES,
    *audit.PAGES,
    *account.PAGES,
    *search.PAGES,
)
ACTIONS: Final[tuple[Action[Any], ...]] = (
    *incidents.ACTIONS,
    *incident.ACTIONS,
    *decisions.ACTIONS,
    *resets.ACTIONS,
    *investigating.ACTIONS,
    *sample.ACTIONS,
    *unmasking.ACTIONS,
    *complaint.ACTIONS,
    *claims.ACTIONS,
    *people.ACTIONS,
    *account.ACTIONS,
)


def make_operations() -> tuple[Operation, ...]:
    """All routes of one console."""
    console = Console(PAGES, ACTIONS)

    async def go_home(request: Request) -> Response:
        """To the first section that the person may see."""
        person = await find_reader(request)
        return RedirectResponse(console.list_sections(person)[0][1] if person is not None else SIGN_IN, 303)

    home = Operation(
        "GET", ROOT, "console", "Leads to the console's first page.", go_home,
        {303: Content({}, "To the first page, or to the sign-in.")},
    )  # fmt: skip
    return (
        home,
        *Entrance(console).list_operations(),
        *console.list_operations(),
        *handing_in.OPERATIONS,
        *handing_out.OPERATIONS,
        *make_asset_operations(),
    )


async def tell_failure(request: Request, status: int, number: str) -> Response | None:
    """A page for a browser that asked for something below `/console` that failed or is not there."""
    return await Console(PAGES, ACTIONS).tell(request, status, number)


def find_roles() -> dict[tuple[str, str], frozenset[Role]]:
    """Method and path of every route that needs a role, with the roles."""
    gets = {("GET", ROOT + page.path + twin): page.roles for page in PAGES for twin in ("", ".json")}
    return (
        gets
        | {("POST", ROOT + action.path): action.roles for action in ACTIONS}
        | handing_in.ROLES
        | handing_out.ROLES
    )
