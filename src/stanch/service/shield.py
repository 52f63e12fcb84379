"""What holds for every request: how long it may take, what headers its answer carries, what is counted.

An error that nobody foresaw is written to the log under a number; the caller is told the number only.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stanch.errors import StoreError
from stanch.service.deadlines import Deadlines
from stanch.service.problems import Telling, answer_problem
from stanch.service.state import Service

LOG: Final = logging.getLogger("stanch.service")
REQUESTS: Final = logging.getLogger("stanch.requests")

#: The pages have no script at all, and ask for nothing but their own style and mark.
CONTENT_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
#: OWASP Secure Headers Project (https://owasp.org/www-project-secure-headers/). The referrer policy is not
#: `no-referrer`: under it browsers send `Origin: null` with our own forms (Fetch Standard, 3.2).
HEADERS: Final = (
    (b"server", b"stanch"),
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=()"),
)
_CACHE: Final = (b"cache-control", b"no-store")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")
_CLOSE: Final = {"Connection": "close"}


class Shield:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, service: Service, tell: Telling | None = None) -> None:
        self._app = app
        self._tell = tell
        self._service = service
        self._headers = (*HEADERS, *((_HSTS,) if service.settings.is_https else ()), _CACHE)
        self._names = frozenset(name for name, _ in self._headers)
        self._deadlines = Deadlines()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or the start and stop of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 0

        async def send_shielded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message = {**message, "headers": self._complete(message["headers"])}
            await send(message)

        try:
            problem = await self._try(scope, receive, send_shielded)
            # Where an answer is under way already, the server ends it where it broke off.
            if problem is not None and not status:
                await problem(scope, receive, send_shielded)
        finally:
            self._count(scope, status, time.monotonic() - started)

    async def _try(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Have the application answer; what to answer instead if it could not."""
        task = asyncio.current_task()
        assert task is not None
        self._deadlines.start(task, self._service.settings.request_timeout_s)
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            if not self._deadlines.end(task):
                raise
            told = "It took too long to arrive or to be answered."
            return await self._answer(scope, answer_problem(408, told, "timeout", _CLOSE))
        except StoreError as error:
            LOG.error("%s", error)
            told = "What was sent could not be stored. Send it again later."
            headers = {**_CLOSE, "Retry-After": "5"}
            return await self._answer(scope, answer_problem(503, told, "not_stored", headers))
        except Exception:
            number = secrets.token_hex(4)
            LOG.exception("error %s", number)
            told = f"Something went wrong; the log tells more under {number}."
            return await self._answer(scope, answer_problem(500, told, "internal", _CLOSE), number)
        finally:
            self._deadlines.end(task)
        return None

    async def _answer(self, scope: Scope, problem: Response, number: str = "") -> Response:
        """A page in place of a problem, for those who want one."""
        if self._tell is None or "app" not in scope:
            return problem
        try:
            return await self._tell(Request(scope), problem.status_code, number) or problem
        except Exception:
            LOG.exception("a problem could not be told as a page")
            return problem

    def _complete(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        names = {name for name, _ in given}
        if self._names.isdisjoint(names):
            return [*given, *self._headers]
        return [*given, *(header for header in self._headers if header[0] not in names)]

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("stanch.route", "none")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
        self._service.metrics.count_request(method, route, status, seconds)
        if self._service.settings.log_requests:
            told = {"method": method, "route": route, "status": status, "ms": round(seconds * 1e3, 2)}
            if key := scope.get("stanch.key"):
                told["key"] = key
            REQUESTS.info("request", extra={"told": told})
