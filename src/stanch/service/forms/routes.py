"""The routes of the forms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from stanch.evidence.tables import FIELDS
from stanch.service.forms import hotline, public
from stanch.service.forms.hotline import Hotline
from stanch.service.forms.pages import load_asset
from stanch.service.forms.public import Desk
from stanch.service.forms.report import LIMITS
from stanch.service.forms.taking import FORM_TYPE
from stanch.service.operations import Content, Operation, Parameter

_HTML: Final = "text/html"
_LANG: Final = Parameter("lang", "query", "Language of the page.", {"type": "string", "enum": ["en", "zh"]})
_MISTAKES: Final = Content({_HTML: None}, "The form again, and what is wrong with it.")
_REFUSED: Final = {
    status: Content({_HTML: None}, "A page that says why the form could not be taken.")
    for status in (400, 413, 415, 429)
}
_AGAIN: Final = dict.fromkeys((409, 422, 503), _MISTAKES)
_REPORT: Final = Content(
    {
        FORM_TYPE: {
            "type": "object",
            "required": ["token"],
            "properties": {
                "token": {"type": "string", "description": "As the empty form has it."},
                "lang": {"type": "string", "enum": ["en", "zh"]},
                **{name: {"type": "string", "maxLength": limit} for name, limit in LIMITS.items()},
                "known_fields": {"type": "array", "items": {"type": "string", "enum": list(FIELDS)}},
            },
        }
    }
)
_SIGN_IN: Final = Content(
    {
        FORM_TYPE: {
            "type": "object",
            "required": ["token", "key"],
            "properties": {"token": {"type": "string"}, "key": {"type": "string"}},
        }
    }
)
_CACHED: Final = {"Cache-Control": "public, max-age=3600"}


def _bind_desk(
    page: Callable[[Desk, Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await page(public.find_desk(request), request)

    return answer


def _bind_hotline(
    page: Callable[[Hotline, Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await page(hotline.find_hotline(request), request)

    return answer


def _make_asset(name: str, media_type: str) -> Operation:
    content = load_asset(name)

    async def give(_request: Request) -> Response:
        return Response(content, headers=_CACHED, media_type=media_type)

    path = f"/assets/{name}"
    return Operation("GET", path, name, "Part of the pages.", give, {200: Content({media_type: None})})


def _page(description: str) -> Content:
    return Content({_HTML: None}, description)


def _goes_to(description: str) -> Content:
    return Content({}, description)


FORMS: Final = (
    Operation(
        "GET",
        public.PATH,
        "show_report_form",
        "The form for reports of scam contacts, for anybody.",
        _bind_desk(Desk.show),
        {200: _page("The empty form.")},
        parameters=(_LANG,),
    ),
    Operation(
        "POST",
        public.PATH,
        "take_report",
        "Send the form in; it is stored once, however often it is sent.",
        _bind_desk(Desk.take),
        {303: _goes_to("Stored; leads to the page with its number."), **_AGAIN, **_REFUSED},
        body=_REPORT,
        parameters=(_LANG,),
    ),
    Operation(
        "GET",
        public.RECEIVED,
        "tell_received",
        "The number of a report.",
        _bind_desk(Desk.tell_received),
        {200: _page("The number."), 303: _goes_to("Nothing was sent in; leads to the form.")},
        parameters=(_LANG, Parameter("receipt", "query", "As the redirection has it.")),
    ),
    Operation(
        "GET",
        hotline.PATH,
        "show_hotline_form",
        "The form for agents.",
        _bind_hotline(Hotline.show),
        {200: _page("The empty form."), 303: _goes_to("Not signed in; leads to the sign-in.")},
        parameters=(_LANG,),
    ),
    Operation(
        "POST",
        hotline.PATH,
        "take_hotline_report",
        "Send the agents' form in.",
        _bind_hotline(Hotline.take),
        {303: _goes_to("Stored, or not signed in."), **_AGAIN, **_REFUSED},
        body=_REPORT,
        parameters=(_LANG,),
    ),
    Operation(
        "GET",
        hotline.SIGN_IN,
        "show_sign_in",
        "Where agents sign in.",
        _bind_hotline(Hotline.show_sign_in),
        {200: _page("The sign-in.")},
        parameters=(_LANG,),
    ),
    Operation(
        "POST",
        hotline.SIGN_IN,
        "sign_in",
        "Sign in with a key for ingest.",
        _bind_hotline(Hotline.sign_in),
        {303: _goes_to("Signed in; leads to the form."), 401: _MISTAKES, 422: _MISTAKES, **_REFUSED},
        body=_SIGN_IN,
        parameters=(_LANG,),
    ),
    Operation(
        "POST",
        "/hotline/sign-out",
        "sign_out",
        "Sign out.",
        _bind_hotline(Hotline.sign_out),
        {303: _goes_to("Leads to the sign-in.")},
        parameters=(_LANG,),
    ),
    _make_asset("forms.css", "text/css"),
    _make_asset("mark.svg", "image/svg+xml"),
)
