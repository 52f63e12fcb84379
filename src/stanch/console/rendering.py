"""Pages of the console as HTML: texts, times by the shop's clock, links, and the frame around it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment
from markupsafe import Markup
from starlette.responses import HTMLResponse

from stanch.cases.people import Person
from stanch.console.assets import find_asset
from stanch.console.pages import MistakeError
from stanch.console.pseudonyms import shorten
from stanch.findings import format_time
from stanch.reporting.catalogue import Catalogue, Lang, load_catalogue
from stanch.reporting.templates import open_templates
from stanch.service.settings import ServiceSettings

PACKAGE: Final = "stanch.console"
#: Scripts and styles come from files of ours alone; none stands in a page.
CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
LANGUAGE_TAGS: Final[Mapping[Lang, str]] = {"en": "en", "zh": "zh-CN"}


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has around it."""

    lang: Lang
    #: Where the page itself is, query included.
    path: str
    #: Name and path of the sections that may be seen, and which of them this page belongs to.
    sections: Sequence[tuple[str, str]] = ()
    section: str = ""
    person: Person | None = None
    token: str = ""
    #: Page and name of the action that led here, if one did.
    done: str = ""


def read_texts(lang: Lang, settings: ServiceSettings) -> Catalogue:
    """The texts, with times told in the service's zone."""
    return load_catalogue(lang, PACKAGE, zone=settings.zone)


def render(
    template: str, frame: Frame, settings: ServiceSettings, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """A page."""
    texts = read_texts(frame.lang, settings)
    given: dict[str, Any] = {
        "mistakes": {},
        "typed": {},
        "acted": "",
        "data": None,
        "query": None,
        "number": "",
        **values,
    }
    html = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(
            frame=frame,
            html_lang=LANGUAGE_TAGS[frame.lang],
            t=texts.html,
            has=lambda key: key in texts,
            texts=texts,
            report=load_catalogue(frame.lang, zone=settings.zone),
            short=shorten,
            when=lambda us: _tell_moment(texts, us),
            exact=format_time,
            asset=find_asset,
            link=link,
            shop=settings.forms.shop,
            zone=settings.zone,
            **given,
        )
    )
    headers = {"Content-Security-Policy": CONTENT_POLICY, "Content-Language": LANGUAGE_TAGS[frame.lang]}
    return HTMLResponse(html, status, headers)


def tell_mistake(texts: Catalogue, page: str, mistake: MistakeError) -> str:
    """What is wrong, in the page's words or the shell's."""
    own = f"{page}.mistake.{mistake.key}"
    return texts.text(own if own in texts else f"shell.mistake.{mistake.key}", **mistake.params)


def link(path: str, **query: object) -> str:
    """A path below `/console` with a query; what is empty is left out."""
    told = urlencode(
        {name: value for name, value in query.items() if value not in (None, "", ())}, doseq=True
    )
    return f"/console{path}" + (f"?{told}" if told else "")


def _tell_moment(texts: Catalogue, us: int | None) -> Markup:
    """A moment by the wall clock, with the exact one for programs; a dash for none."""
    if us is None:
        return Markup("–")
    exact = format_time(us)
    return Markup('<time datetime="{}">{}</time>').format(exact, texts.clock.moment(exact))


@cache
def _environment() -> Environment:
    return open_templates(PACKAGE)
