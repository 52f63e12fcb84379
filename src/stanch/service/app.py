"""The web application: its routes, and what every answer has in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Lifespan

from stanch.service.bouncers import BOUNCERS
from stanch.service.challenge.page import CHALLENGE
from stanch.service.events import EVENTS
from stanch.service.express import Express
from stanch.service.forms.routes import FORMS
from stanch.service.gate import ENVOY_ROUTE, GATE
from stanch.service.health import HEALTH
from stanch.service.leaked import LEAKED
from stanch.service.logins import EXCHANGES, LOGINS
from stanch.service.openapi import describe_service
from stanch.service.operations import Content, Operation, make_route
from stanch.service.problems import ProblemError, Telling, answer_error, answer_problem
from stanch.service.shield import Shield
from stanch.service.state import Service


async def tell_openapi(request: Request) -> Response:
    """This document."""
    return Response(request.app.state.openapi, media_type="application/json")


async def go_to_form(_request: Request) -> Response:
    """Whoever comes to the front door most likely wants to report something."""
    return RedirectResponse("/complaints/new", 303)


#: Those that are asked most come first: routes are looked through in this order.
OPERATIONS: Final[Sequence[Operation]] = (
    *LOGINS,
    GATE,
    *BOUNCERS,
    *EVENTS,
    *HEALTH,
    *FORMS,
    *CHALLENGE,
    LEAKED,
    Operation(
        "GET",
        "/openapi.json",
        "openapi",
        "This document.",
        tell_openapi,
        {200: Content({"application/json": dict[str, Any]})},
    ),
    Operation(
        "GET", "/", "home", "Leads to the form for reports.", go_to_form, {303: Content({}, "To the form.")}
    ),
)


_CODES: Final = {404: "no_such_route", 405: "no_such_method"}


class _Application(Starlette):
    """Starlette without its own last resort, which would answer an unforeseen error before `Shield` can."""

    def build_middleware_stack(self) -> ASGIApp:
        """The router, and the handlers of errors that are foreseen."""
        return ExceptionMiddleware(self.router, handlers=self.exception_handlers)


def build_app(
    service: Service,
    lifespan: Lifespan[Starlette] | None = None,
    *,
    more: Sequence[Operation] = (),
    tell: Telling | None = None,
) -> ASGIApp:
    """The application, ready to be served; `lifespan` goes on beside it, `more` is served as well.

    `tell` may show a page where nobody else answers.
    """

    async def answer_http_error(request: Request, error: Exception) -> Response:
        """What Starlette itself refuses: no such route, no such method."""
        assert isinstance(error, HTTPException)
        page = await tell(request, error.status_code, "") if tell is not None else None
        if page is not None:
            return page
        code = _CODES.get(error.status_code, "")
        return answer_problem(error.status_code, error.detail, code, error.headers)

    operations = (*OPERATIONS, *more)
    app = _Application(
        routes=[*map(make_route, operations), ENVOY_ROUTE],
        lifespan=lifespan,
        exception_handlers={
            ProblemError: answer_error,
            HTTPException: answer_http_error,
            ClientDisconnect: _answer_gone,
        },
    )
    app.router.redirect_slashes = False
    app.state.service = service
    app.state.openapi = msgspec.json.encode(describe_service(operations))
    return Shield(Express(app, service, "shop", EXCHANGES), service, tell)


async def _answer_gone(_request: Request, _error: Exception) -> Response:
    """Nobody is left to read it."""
    return answer_problem(400, "The request broke off.", "broken_off")
