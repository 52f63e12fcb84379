"""Whether the service lives, whether it can work, and its counters."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from stanch import __version__
from stanch.errors import StoreError
from stanch.service.keyring import authenticate
from stanch.service.metrics import CONTENT_TYPE
from stanch.service.operations import Content, Operation
from stanch.service.problems import ProblemError
from stanch.service.state import find_service

_FORWARDED: Final = ("x-forwarded-for", "forwarded", "via")


class Health(Struct, frozen=True, omit_defaults=True):
    """A good answer; a bad one is a problem."""

    status: Literal["ok"]
    version: Annotated[str, Meta(description="Version of Stanch.")]
    troubles: Annotated[
        dict[str, str], Meta(description="What is wrong without keeping the service from its work.")
    ] = {}


async def tell_health(_request: Request) -> Response:
    """The process answers."""
    return Response(msgspec.json.encode(Health("ok", __version__)), media_type="application/json")


async def tell_readiness(request: Request) -> Response:
    """It can also store what comes in. What is wrong otherwise is told beside."""
    service = find_service(request)
    try:
        await asyncio.to_thread(service.database.ask)
    except StoreError:
        raise ProblemError(503, "not_ready", "The database does not answer.", {"Retry-After": "5"}) from None
    health = Health("ok", __version__, dict(service.troubles))
    return Response(msgspec.json.encode(health), media_type="application/json")


async def tell_metrics(request: Request) -> Response:
    """Open to this machine itself; from anywhere else, a key for `admin` is needed."""
    service = find_service(request)
    if not _is_local(request):
        await authenticate(request, service.keyring, "admin", service.now_us())
    return Response(service.metrics.render(), media_type=CONTENT_TYPE)


def _is_local(request: Request) -> bool:
    """Whether the caller sits on this machine, with no proxy between."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


_HEALTHY: Final = {200: Content({"application/json": Health})}
HEALTH: Final = (
    Operation("GET", "/healthz", "healthz", "Whether the process answers.", tell_health, _HEALTHY),
    Operation(
        "GET",
        "/readyz",
        "readyz",
        "Whether it can store what comes in.",
        tell_readiness,
        _HEALTHY,
    ),
    Operation(
        "GET",
        "/metrics",
        "metrics",
        "Counters for Prometheus; from another machine, with a key for admin.",
        tell_metrics,
        {200: Content({"text/plain": None}, "The text format of Prometheus.")},
        problems=(401, 403),
    ),
)
