"""A tiny shop whose login is guarded by Stanch: customers in memory, a form, a JSON login, orders.

STANCH_KEY=… python examples/shop/shop.py --port 8081
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import html
import os
import secrets
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

import httpx
from granian import Granian
from granian.constants import Interfaces
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from stanch_client import AsyncClient, Verdict
from stanch_client.asgi import StanchMiddleware
from stanch_client.login import LoginRules

GUARD: Final = os.environ.get("STANCH_URL", "http://127.0.0.1:8080")
KEY: Final = os.environ.get("STANCH_KEY", "")
#: A machine that tests itself is slower than a shop's network.
TIMEOUT_S: Final = float(os.environ.get("STANCH_TIMEOUT_S", "0.05"))
SESSION: Final = "shop-session"
#: Small, so that the example stays quick; a real shop takes 2**14 or more.
_SCRYPT_N: Final = 2**10


class Customers:
    """Accounts and sessions, in memory."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)
        self._passwords: dict[str, bytes] = {}
        self._sessions: dict[str, str] = {}

    def add(self, account: str, password: str) -> None:
        """Open an account."""
        self._passwords[account] = self._hash(password)

    def check(self, account: str, password: str) -> bool:
        """Whether the password is right."""
        return hmac.compare_digest(self._passwords.get(account, b""), self._hash(password))

    def sign_in(self, account: str) -> str:
        """A new session."""
        session = secrets.token_urlsafe(24)
        self._sessions[session] = account
        return session

    def find(self, session: str) -> str | None:
        """Whose session it is."""
        return self._sessions.get(session)

    def lock_out(self, account: str) -> None:
        """Take password and sessions back: the customer sets a new one by mail."""
        self._passwords.pop(account, None)
        self._sessions = {s: a for s, a in self._sessions.items() if a != account}

    def _hash(self, password: str) -> bytes:
        return hashlib.scrypt(password.encode(), salt=self._salt, n=_SCRYPT_N, r=8, p=1)


def build_shop(customers: Customers, guard: AsyncClient) -> Starlette:
    """The shop, its login behind the guard."""

    async def home(request: Request) -> Response:
        account = customers.find(request.cookies.get(SESSION, ""))
        if account is None:
            return HTMLResponse(_page('<a href="/login">Sign in</a>'))
        return HTMLResponse(_page(f"Signed in as {html.escape(account)}. You have no orders yet."))

    async def show_login(_request: Request) -> Response:
        return HTMLResponse(_page(_FORM))

    async def login(request: Request) -> Response:
        is_json = "json" in request.headers.get("content-type", "")
        sent = await request.json() if is_json else dict(parse_qsl((await request.body()).decode()))
        account, password = str(sent.get("account", "")), str(sent.get("password", ""))
        if not customers.check(account, password):
            text = "Account or password is wrong."
            return JSONResponse({"error": text}, 401) if is_json else HTMLResponse(_page(text + _FORM), 401)
        response = JSONResponse({"ok": True}) if is_json else RedirectResponse("/", 303)
        response.set_cookie(SESSION, customers.sign_in(account), httponly=True, samesite="lax")
        return response

    async def on_reset(account: str, _verdict: Verdict) -> None:
        customers.lock_out(account)

    middleware = Middleware(
        StanchMiddleware,
        client=guard,
        rules=LoginRules(path="/login", account_field="account"),
        on_reset=on_reset,
    )
    routes = [
        Route("/", home),
        Route("/login", show_login, methods=["GET"]),
        Route("/login", login, methods=["POST"]),
        # In front of a real shop nginx does this.
        Route("/challenge{rest:path}", pass_to_guard, methods=["GET", "POST"]),
    ]
    return Starlette(routes=routes, middleware=[middleware])


async def pass_to_guard(request: Request) -> Response:
    """The challenge page, under the shop's own name."""
    names = ("accept", "accept-language", "content-type", "cookie", "sec-fetch-site")
    headers = {name: request.headers[name] for name in names if name in request.headers}
    headers["x-forwarded-for"] = request.client.host if request.client else ""
    async with httpx.AsyncClient(base_url=GUARD, trust_env=False) as guard:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        answer = await guard.request(request.method, path, headers=headers, content=await request.body())
    kept = ("content-type", "content-security-policy", "location", "set-cookie", "cache-control")
    told = {name: answer.headers[name] for name in kept if name in answer.headers}
    return Response(answer.content, answer.status_code, told)


def read_customers(path: Path) -> Customers:
    """Customers of a file, `account:password` a line."""
    customers = Customers()
    for line in path.read_text(encoding="utf-8").splitlines():
        account, _, password = line.partition(":")
        customers.add(account, password)
    return customers


def open_shop() -> Starlette:
    """The shop as the environment describes it."""
    path = Path(os.environ.get("SHOP_CUSTOMERS") or Path(__file__).with_name("customers.txt"))
    return build_shop(read_customers(path), AsyncClient(GUARD, key=KEY, timeout_s=TIMEOUT_S))


def _page(body: str) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Fanfan</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<h1>Fanfan</h1><p>{body}</p></html>"
    )


_FORM: Final = (
    '<form method="post" action="/login">'
    '<label>Account <input name="account" autocomplete="username"></label>'
    ' <label>Password <input name="password" type="password" autocomplete="current-password"></label>'
    " <button>Sign in</button></form>"
)


def main() -> None:
    """Serve the shop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8081)
    args = parser.parse_args()
    Granian(
        f"{Path(__file__).stem}:open_shop", address="127.0.0.1", port=args.port, interface=Interfaces.ASGI,
        factory=True, working_dir=Path(__file__).parent, log_enabled=False,
    ).serve()  # fmt: skip


if __name__ == "__main__":
    main()
