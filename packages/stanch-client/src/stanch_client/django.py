"""Django middleware, at the end of `MIDDLEWARE`:

    MIDDLEWARE = [..., "stanch_client.django.StanchMiddleware"]
    STANCH = {"url": "http://127.0.0.1:8080", "key": "…", "on_unavailable": "allow",
              "path": "/accounts/login/", "account_field": "username"}

A view may say how the login went: `request.stanch_outcome = "success"`. `STANCH["on_reset"]`, a function
of account and verdict or its dotted name, revokes password and sessions; `STANCH["find_ip"]` finds the
address behind a proxy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.module_loading import import_string

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

_CLIENT: Final = ("url", "key", "on_unavailable", "timeout_s")
_HOOKS: Final = ("on_reset", "find_ip")


class StanchMiddleware:
    """Asks the guard before the login view runs, and tells it afterwards how the login went."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        given: dict[str, Any] = dict(settings.STANCH)
        hooks = {name: given.pop(name, None) for name in _HOOKS}
        own = {name: given.pop(name) for name in _CLIENT if name in given}
        self._get_response = get_response
        self._client = Client(own.pop("url"), **own)
        self._rules = LoginRules(**given)
        self._on_reset = _load(hooks["on_reset"])
        self._find_ip = _load(hooks["find_ip"])

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Handle one request."""
        if not self._rules.concerns(request.method or "", request.path):
            return self._get_response(request)
        account = self._find_account(request)
        device = request.COOKIES.get(self._rules.device_cookie, "")
        ip = self._find_ip(request) if self._find_ip else request.META.get("REMOTE_ADDR", "")
        verdict = self._client.assess(
            ip=ip,
            account=account,
            user_agent=request.headers.get("User-Agent"),
            device=device,
            passed=request.COOKIES.get(self._rules.passed_cookie),
        )
        request.stanch = verdict
        if verdict.action != "allow":
            self._client.report(verdict, "denied" if verdict.action == "deny" else "challenged")
            return self._refuse(request, verdict)
        response = self._get_response(request)
        outcome = read_outcome(
            getattr(request, "stanch_outcome", None),
            self._rules,
            response.status_code,
            response.headers.get("Content-Type", ""),
        )
        told = self._client.report(verdict, outcome)
        if outcome != "success":
            return response
        if told.action == "reset":
            if hasattr(request, "session"):
                request.session.flush()
            if self._on_reset:
                self._on_reset(account, told)
            return self._refuse(request, told)
        if told.device:
            value = merge_devices(device, told.device)
            response.set_cookie(
                self._rules.device_cookie,
                value,
                max_age=DEVICE_MAX_AGE_S,
                secure=request.is_secure(),
                httponly=True,
                samesite="Lax",
            )
        return response

    def _find_account(self, request: HttpRequest) -> str:
        try:
            if int(request.headers.get("Content-Length") or 0) > MAX_BODY_BYTES:
                return ""
            media_type = request.headers.get("Content-Type", "")
            # Read whole, so that the view may read it in its own way.
            body = request.body
            if is_form(media_type):
                return str(request.POST.get(self._rules.account_field, "")).strip()
            return self._rules.find_account(media_type, body)
        except Exception:  # noqa: BLE001 - a broken body is the view's to refuse
            return ""

    def _refuse(self, request: HttpRequest, verdict: Verdict) -> HttpResponse:
        accept, language = (request.headers.get(name, "") for name in ("Accept", "Accept-Language"))
        refusal = make_refusal(verdict, self._rules, accept, language)
        return HttpResponse(refusal.body, status=refusal.status, headers=dict(refusal.headers))


def _load(hook: Any) -> Any:
    return import_string(hook) if isinstance(hook, str) else hook
