"""One list says what there is over HTTP; the routes and the OpenAPI document both follow from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stanch.cases.keys import ApiKey, Scope
from stanch.service.keyring import authenticate
from stanch.service.problems import ProblemError
from stanch.service.state import find_service

_TOO_OFTEN: Final = "This key calls too often. Come back later."
Open = Callable[[Request], Awaitable[Response]]
Keyed = Callable[[Request, ApiKey], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Content:
    """What a body may be: media type -> type of its content (None: text that no schema describes)."""

    media: Mapping[str, Any]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter; those of the path are always there."""

    name: str
    where: Literal["header", "query", "path"]
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route."""

    method: Literal["GET", "HEAD", "POST"]
    path: str
    name: str
    summary: str
    #: Gets the caller's key as well where `scope` says that one is needed.
    handler: Open | Keyed
    answers: Mapping[int, Content]
    scope: Scope | None = None
    body: Content | None = None
    parameters: tuple[Parameter, ...] = ()
    #: Statuses of problems that this operation may answer with, beside those of every operation.
    problems: tuple[int, ...] = ()
    #: What to say instead of a problem to a caller whose key does not fit: another protocol's own words.
    refuse: Callable[[], Response] | None = None


def make_route(operation: Operation) -> Route:
    """The route of one operation; asks for a key before anything of the body is read."""
    handler: Any = operation.handler
    scope, path = operation.scope, operation.path

    async def answer(request: Request) -> Response:
        request.scope["stanch.route"] = path
        if scope is None:
            return await handler(request)  # type: ignore[no-any-return]
        service = find_service(request)
        try:
            key = await authenticate(request, service.keyring, scope, service.now_us())
        except ProblemError:
            service.metrics.refused_keys.inc()
            if operation.refuse is not None:
                return operation.refuse()
            raise
        request.scope["stanch.key"] = key.id
        if not service.limits.take(key):
            service.metrics.limited.labels(key.scope).inc()
            raise ProblemError(429, "too_many_requests", _TOO_OFTEN, {"Retry-After": "1"})
        return await handler(request, key)  # type: ignore[no-any-return]

    return Route(path, answer, methods=[operation.method], name=operation.name)
