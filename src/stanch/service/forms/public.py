"""`/complaints/new`: anybody may report a scam call or message.

Nobody is turned away for looking like a machine: whoever fills in what is hidden, is faster than a
person, or shares an address from which much has come lately, is asked for the sum of two numbers. Only then
the page has a script, which does a calculation in place of the question.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stanch.cases.segments import KeyReusedError
from stanch.errors import StoreError
from stanch.guard.proof_of_work import N_PARTS, Puzzle, is_solved
from stanch.reporting.catalogue import Lang
from stanch.service.clients import find_network
from stanch.service.forms.pages import SCRIPTED, choose_language, render_page
from stanch.service.forms.report import CURRENCIES, Typed, judge_report
from stanch.service.forms.taking import RefusedFormError, read_form, store_report
from stanch.service.forms.throttle import Throttle
from stanch.service.forms.tokens import (
    FormToken,
    ask,
    is_answered,
    make_puzzle,
    make_receipt,
    make_token,
    open_token,
    sign_token,
)
from stanch.service.state import Service, find_service

LOG: Final = logging.getLogger("stanch.service")
PATH: Final = "/complaints/new"
RECEIVED: Final = "/complaints/received"
FORM: Final = "web_form"
#: A field that people do not see. Machines fill in everything.
TRAP: Final = "homepage"
_NOTHING: Final = Typed({})


class Desk:
    """The public form of one service, and what it remembers of addresses."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.throttle = Throttle()

    async def show(self, request: Request) -> Response:
        """An empty form."""
        lang = choose_language(request)
        return self._render(lang, _NOTHING, make_token(FORM, self.service.now_us()))

    async def take(self, request: Request) -> Response:
        """A form that was sent: the receipt's page, or the form again with what is wrong."""
        try:
            typed = await read_form(request)
        except RefusedFormError as error:
            lang = choose_language(request)
            return self._refuse(lang, error.status, error.key)
        lang = choose_language(request, typed["lang"])
        now_us = self.service.now_us()
        address = find_network(request, self.service.settings)
        if self.throttle.count(address, now_us) >= self.service.settings.forms.refuse_after:
            return self._refuse(lang, 429, "many", {"Retry-After": "3600"})
        token = open_token(self.service.secrets, typed["token"], FORM, now_us)
        if token is None:
            return self._render(lang, typed, make_token(FORM, now_us), alert="old", status=422)
        return await self._judge(lang, typed, token, address, now_us)

    async def _judge(self, lang: Lang, typed: Typed, token: FormToken, address: str, now_us: int) -> Response:
        receipt = make_receipt(self.service.secrets, token, "W")
        judged = judge_report(typed, FORM, receipt, now_us, self.service.settings.zone)
        if token.question is not None and not self._is_answered(token, typed):
            judged.mistakes["answer"] = "answer"
        if judged.mistakes:
            again = ask(token) if "answer" in judged.mistakes else token
            return self._render(lang, typed, again, mistakes=judged.mistakes, status=422)
        if token.question is None and self._is_doubtful(typed, token, address, now_us):
            return self._render(lang, typed, ask(token), alert="question", status=422)
        try:
            is_new = await store_report(self.service, FORM, token, judged)
        except KeyReusedError:
            fresh = make_token(FORM, now_us)
            return self._render(lang, typed, fresh, alert="sent", receipt=receipt, status=409)
        except StoreError as error:
            LOG.error("%s", error)
            return self._render(lang, typed, token, alert="failed", status=503)
        if is_new:
            self.throttle.add(address, now_us)
        self.service.metrics.forms.labels(FORM, "stored" if is_new else "repeated").inc()
        query = urlencode({"receipt": self.service.secrets.sign("received", receipt), "lang": lang})
        return RedirectResponse(f"{RECEIVED}?{query}", 303)

    def _is_doubtful(self, typed: Typed, token: FormToken, address: str, now_us: int) -> bool:
        forms = self.service.settings.forms
        hasty = now_us - token.made_us < forms.min_fill_s * 1e6
        return bool(typed[TRAP]) or hasty or self.throttle.count(address, now_us) >= forms.ask_after

    def _is_answered(self, token: FormToken, typed: Typed) -> bool:
        """By the person, or by the browser's work where it runs scripts."""
        return is_answered(token, typed["answer"]) or is_solved(self._puzzle(token), typed["solution"])

    def _puzzle(self, token: FormToken) -> Puzzle:
        bits = self.service.settings.challenge.min_bits
        return make_puzzle(token, bits - (N_PARTS.bit_length() - 1))

    async def tell_received(self, request: Request) -> Response:
        """The number of a report that was stored."""
        lang = choose_language(request)
        given = request.query_params.get("receipt", "")
        receipt = self.service.secrets.open("received", given, str)
        if receipt is None:
            return RedirectResponse(f"{PATH}?lang={lang}", 303)
        path = f"{RECEIVED}?{urlencode({'receipt': given})}&"
        return render_page("received.html.j2", lang, path, self.service.settings, receipt=receipt)

    def _render(
        self,
        lang: Lang,
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
            "question": token.question,
            "puzzle": self._puzzle(token),
            "parts": N_PARTS,
            "trap": TRAP,
            "currencies": dict.fromkeys((forms.currency, *CURRENCIES)),
        }
        headers = SCRIPTED if token.question is not None else None
        settings = self.service.settings
        return render_page(
            "public.html.j2", lang, f"{PATH}?", settings, status=status, headers=headers, **values
        )

    def _refuse(
        self, lang: Lang, status: int, key: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        self.service.metrics.forms.labels(FORM, "refused").inc()
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


def find_desk(request: Request) -> Desk:
    """The public form of the service that a request came to."""
    state = request.app.state
    if not hasattr(state, "desk"):
        state.desk = Desk(find_service(request))
    desk = state.desk
    assert isinstance(desk, Desk)
    return desk
