"""ASGI middleware: stands in front of a login, for Starlette, FastAPI and others.

    app.add_middleware(StanchMiddleware, client=AsyncClient(…), rules=LoginRules(path="/login"))

A handler may say how the login went: `request.scope["stanch_outcome"] = "success"`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final

from stanch_client.client import AsyncClient
from stanch_client.login import (
    MAX_BODY_BYTES,
    LoginRules,
    make_cookie,
    make_refusal,
    merge_devices,
    read_outcome,
)
from stanch_client.verdict import Verdict

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
#: Called when a good login has to be undone: revoke the account's password and sessions.
OnReset = Callable[[str, Verdict], Awaitable[None]]

_DEFAULT: Final = LoginRules()


@dataclass(frozen=True, slots=True)
class _Guard:
    """What every login of one shop needs."""

    client: AsyncClient
    rules: LoginRules
    on_reset: OnReset | None

    async def refuse(self, verdict: Verdict, headers: dict[str, str], send: Send) -> None:
        """Answer in place of the shop."""
        accept, language = (headers.get(name, "") for name in ("accept", "accept-language"))
        refusal = make_refusal(verdict, self.rules, accept, language)
        pairs = [(name.lower().encode(), value.encode()) for name, value in refusal.headers.items()]
        pairs.append((b"content-length", str(len(refusal.body)).encode()))
        await send({"type": "http.response.start", "status": refusal.status, "headers": pairs})
        await send({"type": "http.response.body", "body": refusal.body})


class StanchMiddleware:
    """Asks the guard before the login handler runs, and tells it afterwards how the login went."""

    def __init__(
        self,
        app: App,
        *,
        client: AsyncClient,
        rules: LoginRules = _DEFAULT,
        on_reset: OnReset | None = None,
        find_ip: Callable[[Scope], str] | None = None,
    ) -> None:
        self._app = app
        self._guard = _Guard(client, rules, on_reset)
        self._find_ip = find_ip or _find_ip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        client, rules = self._guard.client, self._guard.rules
        if scope["type"] != "http" or not rules.concerns(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = _read_headers(scope["headers"])
        cookies = _read_cookies(headers.get("cookie", ""))
        body, replay = await _read_body(receive)
        account = rules.find_account(headers.get("content-type", ""), body)
        device = cookies.get(rules.device_cookie, "")
        verdict = await client.assess(
            ip=self._find_ip(scope),
            account=account,
            user_agent=headers.get("user-agent"),
            device=device,
            passed=cookies.get(rules.passed_cookie),
        )
        scope["stanch"] = verdict
        if verdict.action != "allow":
            await client.report(verdict, "denied" if verdict.action == "deny" else "challenged")
            await self._guard.refuse(verdict, headers, send)
            return
        login = _Login(self._guard, scope, send, verdict, account, device, headers)
        await self._app(scope, replay, login.send)


@dataclass(slots=True)
class _Login:
    """One login under way: looks at the shop's answer before it leaves."""

    guard: _Guard
    scope: Scope
    forward: Send
    verdict: Verdict
    account: str
    device: str
    headers: dict[str, str]
    replaced: bool = False

    async def send(self, message: Message) -> None:
        """Pass on a message of the shop's answer."""
        if message["type"] == "http.response.start":
            message = await self._look(message)
        if not self.replaced:
            await self.forward(message)

    async def _look(self, message: Message) -> Message:
        """Tell how the login went; the answer with the device's cookie, or ours in its place."""
        rules, sent = self.guard.rules, message.get("headers", ())
        media_type = _read_headers(sent).get("content-type", "")
        outcome = read_outcome(self.scope.get("stanch_outcome"), rules, message["status"], media_type)
        verdict = await self.guard.client.report(self.verdict, outcome)
        if outcome != "success":
            return message
        if verdict.action == "reset":
            await self._reset(verdict)
        elif verdict.device:
            value = merge_devices(self.device, verdict.device)
            cookie = make_cookie(rules.device_cookie, value, secure=self.scope.get("scheme") == "https")
            message = {**message, "headers": [*sent, (b"set-cookie", cookie.encode("ascii", "ignore"))]}
        return message

    async def _reset(self, verdict: Verdict) -> None:
        """Undo the login: the shop's answer, with its session in it, never leaves."""
        self.replaced = True
        if "session" in self.scope:
            self.scope["session"].clear()
        if self.guard.on_reset is not None:
            await self.guard.on_reset(self.account, verdict)
        await self.guard.refuse(verdict, self.headers, self.forward)


async def _read_body(receive: Receive) -> tuple[bytes, Receive]:
    """The body as far as it is read, and a `receive` that starts again at its beginning."""
    messages: list[Message] = []
    n_bytes, more = 0, True
    while more and n_bytes <= MAX_BODY_BYTES:
        message = await receive()
        messages.append(message)
        n_bytes += len(message.get("body", b""))
        more = bool(message.get("more_body")) and message["type"] == "http.request"
    body = b"".join(message.get("body", b"") for message in messages)
    ahead = iter(messages)

    async def replay() -> Message:
        message = next(ahead, None)
        return message if message is not None else await receive()

    return (body if n_bytes <= MAX_BODY_BYTES else b""), replay


def _read_headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


def _read_cookies(text: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(text).items()}
    except CookieError:
        return {}


def _find_ip(scope: Scope) -> str:
    """The peer's address; behind a proxy, have the server read its header (uvicorn: --proxy-headers)."""
    client = scope.get("client")
    return str(client[0]) if client else ""
