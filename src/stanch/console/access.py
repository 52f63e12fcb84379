"""Whose request it is: the cookie of the session, and the token without which nothing is done.

Forms are protected twice against other sites (OWASP Cross-Site Request Forgery Prevention): by where the
browser says that they come from, and by a token that follows from the session.
"""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from stanch.cases.database import Connection
from stanch.cases.people import LONGEST_US, Person, Role, find_signed_in
from stanch.console.pages import NotAllowedError, SignInNeededError
from stanch.service.clients import is_same_site
from stanch.service.state import Service

ROOT: Final = "/console"
SIGN_IN: Final = f"{ROOT}/sign-in"
TOKEN_HEADER: Final = "x-console-token"  # noqa: S105  (its name)


def name_cookie(service: Service) -> str:
    """Behind TLS only the host itself can set a cookie of this name (RFC 6265bis, 4.1.3.2)."""
    return "__Host-stanch-console" if service.settings.is_https else "stanch-console"


def read_cookie(request: Request, service: Service) -> str:
    """The session's token, empty if there is none."""
    return request.cookies.get(name_cookie(service), "")


def set_cookie(response: Response, service: Service, token: str) -> None:
    """Lax: a link in a message leads to the page, and no other site can post with it."""
    response.set_cookie(
        name_cookie(service), token, max_age=LONGEST_US // 1_000_000, path="/",
        secure=service.settings.is_https, httponly=True, samesite="lax",
    )  # fmt: skip


def delete_cookie(response: Response, service: Service) -> None:
    """Have the browser forget it."""
    response.delete_cookie(
        name_cookie(service), path="/", secure=service.settings.is_https, httponly=True, samesite="lax"
    )


def make_form_token(service: Service, session: str) -> str:
    """The token of every form of a session."""
    return hmac.digest(service.secrets.derive("console form"), session.encode(), "sha256").hex()[:32]


def is_ours(request: Request, service: Service, session: str, token: str) -> bool:
    """Whether a form was sent from a page of this session."""
    expected = make_form_token(service, session)
    return is_same_site(request, service.settings) and hmac.compare_digest(expected.encode(), token.encode())


def admit(connection: Connection, token: str, roles: frozenset[Role], now_us: int) -> tuple[Person, bool]:
    """Who asks, and whether their session has to be noted as used.

    Raises:
        SignInNeededError: nobody is signed in.
        NotAllowedError: they have none of the roles.
    """
    found = find_signed_in(connection, token, now_us) if token else None
    if found is None:
        raise SignInNeededError
    if roles.isdisjoint(found[0].roles):
        raise NotAllowedError
    return found


def lead_to_sign_in(request: Request, back: str = "") -> str:
    """Where to sign in, and come from there to `back`, or here."""
    target = back or request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"{SIGN_IN}?next={quote(target, safe='/')}"


def read_next(given: str) -> str:
    """Where to go after the sign-in: a page of the console, whatever was given."""
    is_inside = (
        given.startswith(f"{ROOT}/") and "\\" not in given and given.isprintable() and len(given) < 2_000
    )
    return given if is_inside and "//" not in given else ROOT
