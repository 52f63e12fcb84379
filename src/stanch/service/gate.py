"""`GET /v1/auth-request`: proxies ask it about each request to a login, and act on the status alone.

nginx: https://nginx.org/en/docs/http/ngx_http_auth_request_module.html (2xx passes, 401 and 403 refuse);
Traefik ForwardAuth and Caddy forward_auth: 2xx passes, anything else goes to the client as it is; Envoy
ext_authz over HTTP: 200 passes, anything else, 204 too, goes to the client as it is.
"""

from __future__ import annotations

import logging
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stanch.errors import StanchError
from stanch.guard.attempts import Answer, Attempt, Reason
from stanch.service.challenge.passes import COOKIE as PASS_COOKIE
from stanch.service.clients import find_address, is_trusted
from stanch.service.judge import judge, judge_address, recognise
from stanch.service.logins import find_challenge
from stanch.service.operations import Content, Operation, Parameter
from stanch.service.state import Service, find_service

LOG: Final = logging.getLogger("stanch.guard")

GATE_PATH: Final = "/v1/auth-request"
_STATUS: Final = {"challenge": 401, "deny": 403}
_COOKIE: Final = "stanch-device"
#: Requests that cannot be an attempt to log in: only standing decisions count.
_READING: Final = ("GET", "HEAD", "OPTIONS")
_METHODS: Final = ("x-forwarded-method", "x-original-method")
_MAX_CHARACTERS: Final = 512


async def answer_proxy(request: Request) -> Response:
    """Whether a proxy should let a request pass."""
    request.scope["stanch.route"] = GATE_PATH
    service = find_service(request)
    passes = 200 if _is_envoy(request) else 204
    ip = find_address(request, service.settings)
    if ip is None:
        return _answer_unavailable(service, "the address cannot be told", passes)
    is_attempt = True
    if is_trusted(request, service.settings):
        methods = [request.headers[name].upper() for name in _METHODS if name in request.headers]
        if _is_envoy(request):
            methods.append(request.method)
        is_attempt = not any(method in _READING for method in methods)
    try:
        if not is_attempt:
            return _answer(service, judge_address(service, ip), "", passes)
        now_us = service.now_us()
        attempt = recognise(service, _read_attempt(request, service, ip, now_us))
        passed = _read_cookies(request).get(PASS_COOKIE, "")
        answer, context = await judge(service, attempt, "auth_request", passed)
        return _answer(service, answer, service.ids.make(context, now_us), passes)
    except StanchError as error:
        LOG.error("%s", error)
        return _answer_unavailable(service, "the guard cannot answer", passes)


def _is_envoy(request: Request) -> bool:
    """Envoy asks with the path of the request behind ours."""
    return "rest" in request.path_params


def _read_attempt(request: Request, service: Service, ip: str, now_us: int) -> Attempt:
    told = request.headers if is_trusted(request, service.settings) else {}
    agent = request.headers.get("user-agent", "")[:_MAX_CHARACTERS]

    def find(name: str) -> str | None:
        return told.get(f"x-stanch-{name}", "").strip()[:_MAX_CHARACTERS] or None

    device = find("device")
    if device is None:
        device = _read_cookies(request).get(_COOKIE)
    return Attempt(
        time_us=now_us,
        ip=ip,
        account=find("account") or "",
        user_agent=agent or None,
        ja4=find("ja4"),
        device=device,
        country=find("country"),
        asn=find("asn"),
    )


def _read_cookies(request: Request) -> dict[str, str]:
    try:
        cookies = SimpleCookie(request.headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in cookies.items()}


def _answer(service: Service, answer: Answer, attempt_id: str, passes: int) -> Response:
    """What the proxy acts on; `passes` is the status that has it let the request pass."""
    is_enforced = answer.action != "allow" and not answer.simulated
    headers = {
        "X-Stanch-Action": answer.action if is_enforced else "allow",
        "X-Stanch-Score": f"{answer.score:.4f}",
        "X-Stanch-Reasons": ",".join(reason.code for reason in answer.reasons),
    }
    if attempt_id:
        headers["X-Stanch-Id"] = attempt_id
    if not is_enforced:
        if answer.action != "allow":
            headers["X-Stanch-Would"] = answer.action
        return Response(b"", passes, headers)
    if answer.action == "challenge":
        challenge = find_challenge(service, answer)
        headers["X-Stanch-Challenge"] = challenge
        # A 401 has to name a scheme (RFC 9110, 15.5.2); browsers do nothing with one that they do not know.
        headers["WWW-Authenticate"] = f'Stanch challenge="{challenge}"'
    return Response(b"", _STATUS[answer.action], headers)


def _answer_unavailable(service: Service, why: str, passes: int) -> Response:
    """What the operator chose for when the guard cannot answer."""
    settings = service.guard.settings
    choice = settings.on_unavailable
    answer = Answer(choice, 0.0, (Reason("unavailable", why),), choice not in settings.enforce)
    return _answer(service, answer, "", passes)


_HEADERS: Final = (
    ("X-Forwarded-For", "Addresses that the request came through; believed from trusted proxies only."),
    ("X-Real-IP", "The client's address, where there is no X-Forwarded-For."),
    ("X-Forwarded-Method", "Method of the request; one that only reads is no attempt to log in."),
    ("X-Original-Method", "The same."),
    ("X-Stanch-Account", "The account tried, where the proxy knows it."),
    ("X-Stanch-Device", "The device's token, where it is not in the cookie stanch-device."),
    ("X-Stanch-JA4", "JA4 fingerprint of the TLS client."),
    ("X-Stanch-Country", "ISO 3166-1 alpha-2 code of the address."),
    ("X-Stanch-ASN", "Number of the autonomous system of the address."),
)
GATE: Final = Operation(
    "GET",
    GATE_PATH,
    "auth_request",
    "Whether a proxy should let a request pass: 204 yes, 401 after a challenge, 403 no.",
    answer_proxy,
    {
        204: Content({}, "Let it pass; `X-Stanch-Would` names what is only simulated."),
        401: Content({}, "Challenge it."),
        403: Content({}, "Deny it."),
    },
    parameters=tuple(Parameter(header, "header", meaning) for header, meaning in _HEADERS),
)
#: Envoy asks with the path of the request behind ours, and with its method.
ENVOY_ROUTE: Final = Route(
    f"{GATE_PATH}/{{rest:path}}", answer_proxy, methods=[*_READING, "POST", "PUT", "PATCH"]
)
