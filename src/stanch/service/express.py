"""A short way for the few routes that are asked thousands of times a second.

Whatever is usual there (POST, a key that is known, a small body of known length) is answered without routing
and without objects for request and response; anything else goes the long way and gets the same answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from stanch.cases.keys import Scope as KeyScope
from stanch.service.problems import ProblemError, answer_problem
from stanch.service.state import Service

#: Takes the body of a request and gives that of its answer.
Exchange = Callable[[Service, bytes], Awaitable[bytes]]

MAX_BYTES: Final = 64 << 10
_JSON: Final = (b"content-type", b"application/json")


class Express:
    """Wraps the application; `exchanges` by path, all for keys of one scope."""

    def __init__(
        self, app: ASGIApp, service: Service, scope: KeyScope, exchanges: Mapping[str, Exchange]
    ) -> None:
        self._app = app
        self._service = service
        self._key_scope = scope
        self._exchanges = dict(exchanges)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = self._exchanges.get(scope.get("path", ""))
        n_left = -1 if exchange is None or scope["method"] != "POST" else self._admit(scope)
        if exchange is None or n_left < 0:
            await self._app(scope, receive, send)
            return
        body = b""
        # The last part is told by its length: to ask for what comes after it would take another turn.
        while n_left > 0:
            message = await receive()
            part = message.get("body", b"")
            if not part and not message.get("more_body", False):
                return
            body += part
            n_left -= len(part)
        try:
            told = await exchange(self._service, body)
        except ProblemError as error:
            response = answer_problem(error.status, error.detail, error.code, error.headers)
            headers, status, told = response.raw_headers, error.status, bytes(response.body)
        else:
            headers, status = [_JSON, (b"content-length", b"%d" % len(told))], 200
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    def _admit(self, scope: Scope) -> int:
        """Length of the body if it is small and the key is good beyond doubt; else -1."""
        shown = length = b""
        for name, value in scope["headers"]:
            if name == b"x-api-key":
                shown = value
            elif name == b"content-length":
                length = value
        if not length.isdigit() or len(length) > 9 or int(length) > MAX_BYTES:
            return -1
        service = self._service
        key = service.keyring.peek(shown)
        if key is None or not key.allows(self._key_scope) or not service.limits.take(key):
            return -1
        service.keyring.note_use(key, service.now_us())
        scope["stanch.route"], scope["stanch.key"] = scope["path"], key.id
        return int(length)
