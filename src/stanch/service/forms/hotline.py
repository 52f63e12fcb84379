"""`/hotline`: agents write down what callers tell them.

Until there are people with names of their own, an agent signs in with a key for `ingest`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stanch.cases.keys import ApiKey
from stanch.cases.segments import KeyReusedError
from stanch.cases.sessions import close_session, find_session, open_session
from stanch.errors import StoreError
from stanch.reporting.catalogue import Lang
from stanch.service.clients import find_network, is_same_site
from stanch.service.forms.pages import choose_language, render_page
from stanch.service.forms.report import CURRENCIES, Typed, judge_report
from stanch.service.forms.taking import RefusedFormError, read_form, store_report
from stanch.service.forms.throttle import Throttle
from stanch.service.forms.tokens import FormToken, make_receipt, make_token, open_token, sign_token
from stanch.service.state import Service, find_service

LOG: Final = logging.getLogger("stanch.service")
PATH: Final = "/hotline"
SIGN_IN: Final = "/hotline/sign-in"
FORM: Final = "hotline"
#: A working day of an agent.
SESSION_S: Final = 10 * 3_600
#: Wrong keys an hour from one address before further tries must wait. No key can be guessed; this only keeps
#: a machine from trying for ever.
_WRONG_KEYS: Final = 60
_NOTHING: Final = Typed({})


@dataclass(frozen=True, slots=True)
class SignIn:
    """An agent who is signed in."""

    key: ApiKey
    secret: str


class Hotline:
    """The agents' form of one service."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.throttle = Throttle()
        #: A cookie of this name can only be set by the host itself, over TLS (RFC 6265bis, 4.1.3.2).
        self.cookie = "__Host-stanch" if service.settings.is_https else "stanch"

    async def show(self, request: Request) -> Response:
        """An empty form, or the way to the sign-in."""
        lang = choose_language(request)
        signed_in = await self._find_sign_in(request)
        if signed_in is None:
            return RedirectResponse(f"{SIGN_IN}?lang={lang}", 303)
        saved = self.service.secrets.open("received", request.query_params.get("saved", ""), str)
        token = make_token(FORM, self.service.now_us(), signed_in.secret)
        return self._render(
            lang, signed_in, _NOTHING, token, alert="saved" if saved else "", receipt=saved or ""
        )

    async def take(self, request: Request) -> Response:
        """A form that was sent: an empty one for the next caller, or the same with what is wrong."""
        signed_in = await self._find_sign_in(request)
        lang = choose_language(request)
        if signed_in is None or not is_same_site(request, self.service.settings):
            return RedirectResponse(f"{SIGN_IN}?lang={lang}", 303)
        try:
            typed = await read_form(request)
        except RefusedFormError as error:
            return self._refuse(lang, error.status, error.key)
        lang = choose_language(request, typed["lang"])
        now_us = self.service.now_us()
        token = open_token(self.service.secrets, typed["token"], FORM, now_us, signed_in.secret)
        if token is None:
            fresh = make_token(FORM, now_us, signed_in.secret)
            return self._render(lang, signed_in, typed, fresh, alert="old", status=422)
        return await self._judge(lang, signed_in, typed, token, now_us)

    async def _judge(
        self, lang: Lang, signed_in: SignIn, typed: Typed, token: FormToken, now_us: int
    ) -> Response:
        receipt = make_receipt(self.service.secrets, token, "H")
        judged = judge_report(typed, FORM, receipt, now_us, self.service.settings.zone)
        if judged.mistakes:
            return self._render(lang, signed_in, typed, token, mistakes=judged.mistakes, status=422)
        try:
            is_new = await store_report(self.service, signed_in.key.id, token, judged)
        except KeyReusedError:
            fresh = make_token(FORM, now_us, signed_in.secret)
            return self._render(lang, signed_in, typed, fresh, alert="sent", receipt=receipt, status=409)
        except StoreError as error:
            LOG.error("%s", error)
            return self._render(lang, signed_in, typed, token, alert="failed", status=503)
        self.service.metrics.forms.labels(FORM, "stored" if is_new else "repeated").inc()
        query = urlencode({"saved": self.service.secrets.sign("received", receipt), "lang": lang})
        return RedirectResponse(f"{PATH}?{query}", 303)

    async def show_sign_in(self, request: Request) -> Response:
        """The sign-in."""
        return self._render_sign_in(choose_language(request))

    async def sign_in(self, request: Request) -> Response:
        """Sign in with a key."""
        lang = choose_language(request)
        try:
            typed = await read_form(request)
        except RefusedFormError as error:
            return self._refuse(lang, error.status, error.key)
        lang = choose_language(request, typed["lang"])
        now_us = self.service.now_us()
        address = find_network(request, self.service.settings)
        if self.throttle.count(address, now_us) >= _WRONG_KEYS:
            return self._refuse(lang, 429, "many", {"Retry-After": "3600"})
        token = open_token(self.service.secrets, typed["token"], "sign_in", now_us)
        if token is None or not is_same_site(request, self.service.settings):
            return self._render_sign_in(lang, alert="old", status=422)
        key = await self.service.keyring.find(typed["key"])
        if key is None or not key.allows("ingest"):
            self.throttle.add(address, now_us)
            self.service.metrics.refused_keys.inc()
            return self._render_sign_in(lang, alert="wrong_key" if key is None else "wrong_scope", status=401)
        self.service.keyring.note_use(key, now_us)
        expires_us = now_us + SESSION_S * 1_000_000
        secret = await self.service.database.write_soon(
            lambda connection: open_session(connection, key.id, now_us, expires_us)
        )
        response = RedirectResponse(f"{PATH}?lang={lang}", 303)
        response.set_cookie(
            self.cookie, secret, max_age=SESSION_S, path="/", secure=self.service.settings.is_https,
            httponly=True, samesite="strict",
        )  # fmt: skip
        return response

    async def sign_out(self, request: Request) -> Response:
        """Sign out, here and wherever else the cookie was copied to."""
        secret = request.cookies.get(self.cookie, "")
        if secret and is_same_site(request, self.service.settings):
            await self.service.database.write_soon(lambda connection: close_session(connection, secret))
        response = RedirectResponse(f"{SIGN_IN}?lang={choose_language(request)}", 303)
        response.delete_cookie(
            self.cookie, path="/", secure=self.service.settings.is_https, httponly=True, samesite="strict"
        )
        return response

    async def _find_sign_in(self, request: Request) -> SignIn | None:
        secret = request.cookies.get(self.cookie, "")
        if not secret:
            return None
        key_id = await asyncio.to_thread(self._find_key_id, secret)
        key = await self.service.keyring.find_by_id(key_id) if key_id else None
        return SignIn(key, secret) if key is not None and key.allows("ingest") else None

    def _find_key_id(self, secret: str) -> str | None:
        with self.service.database.read() as connection:
            return find_session(connection, secret, self.service.now_us())

    def _render(
        self,
        lang: Lang,
        signed_in: SignIn,
        typed: Typed,
        token: FormToken,
        *,
        mistakes: Mapping[str, str] | None = None,
        alert: str = "",
        receipt: str = "",
        status: int = 200,
    ) -> Response:
        if status != 200:
            self.service.metrics.forms.labels(FORM, "returned").inc()
        forms = self.service.settings.forms
        values: dict[str, Any] = {
            "form": FORM,
            "action": PATH,
            "typed": typed,
            "mistakes": mistakes or {},
            "alert": alert,
            "receipt": receipt,
            "token": sign_token(self.service.secrets, token),
            "agent": signed_in.key.name,
            "currencies": dict.fromkeys((forms.currency, *CURRENCIES)),
        }
        return render_page(
            "hotline.html.j2", lang, f"{PATH}?", self.service.settings, status=status, **values
        )

    def _render_sign_in(self, lang: Lang, *, alert: str = "", status: int = 200) -> Response:
        token = sign_token(self.service.secrets, make_token("sign_in", self.service.now_us()))
        return render_page(
            "sign_in.html.j2",
            lang,
            f"{SIGN_IN}?",
            self.service.settings,
            status=status,
            token=token,
            alert=alert,
        )

    def _refuse(
        self, lang: Lang, status: int, key: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        return render_page(
            "refused.html.j2",
            lang,
            f"{PATH}?",
            self.service.settings,
            status=status,
            headers=headers,
            key=key,
            back=PATH,
        )


def find_hotline(request: Request) -> Hotline:
    """The agents' form of the service that a request came to."""
    state = request.app.state
    if not hasattr(state, "hotline"):
        state.hotline = Hotline(find_service(request))
    hotline = state.hotline
    assert isinstance(hotline, Hotline)
    return hotline
