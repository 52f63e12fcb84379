"""Flask extension:

    guard_logins(app, Client(…), LoginRules(path="/login", account_field="email"))

A view may say how the login went: `flask.g.stanch_outcome = "success"`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Flask, Response, g, request, session

from stanch_client.client import Client
from stanch_client.login import (
    DEVICE_MAX_AGE_S,
    MAX_BODY_BYTES,
    LoginRules,
    is_form,
    make_refusal,
    merge_devices,
    read_outcome,
)
from stanch_client.verdict import Verdict

OnReset = Callable[[str, Verdict], None]
_DEFAULT: Final = LoginRules()


def guard_logins(
    app: Flask,
    client: Client,
    rules: LoginRules = _DEFAULT,
    *,
    on_reset: OnReset | None = None,
    find_ip: Callable[[], str] | None = None,
) -> None:
    """Ask the guard before the login view of `app` runs, and tell it afterwards how the login went.

    `on_reset` revokes password and sessions; `find_ip` finds the address behind a proxy, where Werkzeug's
    ProxyFix is not in use.
    """

    def assess() -> Response | None:
        if not rules.concerns(request.method, request.path):
            return None
        g.stanch_account = _find_account(rules)
        g.stanch = client.assess(
            ip=find_ip() if find_ip else request.remote_addr or "",
            account=g.stanch_account,
            user_agent=request.headers.get("User-Agent"),
            device=request.cookies.get(rules.device_cookie, ""),
            passed=request.cookies.get(rules.passed_cookie),
        )
        if g.stanch.action == "allow":
            return None
        g.stanch_outcome = "denied" if g.stanch.action == "deny" else "challenged"
        return _refuse(g.stanch, rules)

    def report(response: Response) -> Response:
        if "stanch" not in g:
            return response
        given = g.get("stanch_outcome")
        outcome = read_outcome(given, rules, response.status_code, response.content_type or "")
        told = client.report(g.stanch, outcome)
        if outcome != "success":
            return response
        if told.action == "reset":
            session.clear()
            if on_reset is not None:
                on_reset(g.stanch_account, told)
            return _refuse(told, rules)
        if told.device:
            response.set_cookie(
                rules.device_cookie,
                merge_devices(request.cookies.get(rules.device_cookie, ""), told.device),
                max_age=DEVICE_MAX_AGE_S,
                secure=request.is_secure,
                httponly=True,
                samesite="Lax",
            )
        return response

    app.before_request(assess)
    app.after_request(report)


def _find_account(rules: LoginRules) -> str:
    media_type = request.content_type or ""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return ""
    # Read whole, so that the view may read it in its own way.
    body = request.get_data()
    if is_form(media_type):
        return request.form.get(rules.account_field, "").strip()
    return rules.find_account(media_type, body)


def _refuse(verdict: Verdict, rules: LoginRules) -> Response:
    accept, language = (request.headers.get(name, "") for name in ("Accept", "Accept-Language"))
    refusal = make_refusal(verdict, rules, accept, language)
    return Response(refusal.body, refusal.status, dict(refusal.headers))
