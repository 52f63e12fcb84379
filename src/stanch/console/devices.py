"""Browsers that somebody signed in with before, counted apart: failures elsewhere do not keep them out.

The device cookies of `stanch.guard.device_cookie`, under keys of the console's own: no token of a shop's
customer is one of these.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from stanch.guard.device_cookie import MAX_TOKENS, VALID_S, DeviceCookies
from stanch.service.judge import hash_account
from stanch.service.state import Service

_SEPARATOR: Final = "~"


def name_device_cookie(service: Service) -> str:
    """As the session's: behind TLS only the host itself can set it."""
    return "__Host-stanch-device" if service.settings.is_https else "stanch-device"


def find_device(request: Request, service: Service, name: str) -> str:
    """Id of the browser if the person called `name` signed in with it before; else empty."""
    cookies, text = _open(service), _read(request, service)
    now_us = service.now_us()
    found = (cookies.recognise(text, account, now_us) for account in _hash(service, name))
    return next((device for device in found if device is not None), "")


def remember_device(request: Request, response: Response, service: Service, name: str) -> None:
    """Have the browser known for `name` from now on, beside others who share it."""
    cookies, now_us = _open(service), service.now_us()
    accounts = _hash(service, name)
    others = [
        token
        for token in _read(request, service).split(_SEPARATOR)
        if token and all(cookies.recognise(token, account, now_us) is None for account in accounts)
    ]
    tokens = [cookies.issue(accounts[0], now_us), *others[: MAX_TOKENS - 1]]
    response.set_cookie(
        name_device_cookie(service), _SEPARATOR.join(tokens), max_age=VALID_S, path="/",
        secure=service.settings.is_https, httponly=True, samesite="lax",
    )  # fmt: skip


def _read(request: Request, service: Service) -> str:
    return request.cookies.get(name_device_cookie(service), "")[:1_000]


def _open(service: Service) -> DeviceCookies:
    return DeviceCookies(service.secrets.derive_all("console device"))


def _hash(service: Service, name: str) -> tuple[int, ...]:
    """What stands for a name, under the present key first."""
    keys = service.secrets.derive_all("console device name")
    return tuple(hash_account(key, name.casefold()) for key in keys)
