"""Pages of the forms: their language, their texts, and HTML in which everything typed is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from stanch.evidence.tables import FIELDS
from stanch.reporting.catalogue import Catalogue, Lang, load_catalogue
from stanch.reporting.templates import open_templates
from stanch.service.forms.report import LIMITS
from stanch.service.settings import FormSettings, ServiceSettings
from stanch.service.shield import CONTENT_POLICY

PACKAGE: Final = "stanch.service"
LANGUAGES: Final[tuple[Lang, ...]] = ("en", "zh")
#: Of the few pages that have scripts of our own: as the others, and these.
SCRIPTED: Final = {"Content-Security-Policy": f"{CONTENT_POLICY}; script-src 'self'; worker-src 'self'"}
_GAP: Final = Markup("<mark>{}</mark>")


def choose_language(request: Request, asked: str = "") -> Lang:
    """The language of a page: the one asked for, else the browser's favourite (RFC 9110, 12.5.4)."""
    asked = asked or request.query_params.get("lang", "")
    for lang in LANGUAGES:
        if asked == lang:
            return lang
    best: tuple[float, Lang] = (0.0, "en")
    for entry in request.headers.get("accept-language", "")[:500].split(","):
        tag, _, quality = entry.partition(";q=")
        for lang in LANGUAGES:
            if tag.strip().lower().split("-")[0] == lang and (weight := _read_quality(quality)) > best[0]:
                best = (weight, lang)
    return best[1]


def _read_quality(text: str) -> float:
    try:
        return float(text) if text.strip() else 1.0
    except ValueError:
        return 0.0


def render_page(
    template: str,
    lang: Lang,
    path: str,
    settings: ServiceSettings,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Response:
    """A page; `path` is where the switch of the language leads."""
    catalogue = load_catalogue(lang, PACKAGE)
    html = (
        _environment()
        .get_template(template)
        .render(
            lang={"en": "en", "zh": "zh-CN"}[lang],
            code=lang,
            other="zh" if lang == "en" else "en",
            path=path,
            t=catalogue.html,
            has=lambda key: key in catalogue,
            shop=settings.forms.shop,
            zone=settings.zone,
            notice=_list_notice(settings.forms, catalogue),
            fields=FIELDS,
            limits=LIMITS,
            **{"assets": "/assets", **values},
        )
    )
    told = {"Vary": "Accept-Language", "Content-Language": catalogue.lang, **(headers or {})}
    return HTMLResponse(html, status, told)


def load_asset(name: str) -> bytes:
    """A file of the pages, out of the package."""
    return files(PACKAGE).joinpath("page", name).read_bytes()


def _list_notice(settings: FormSettings, catalogue: Catalogue) -> list[Markup | str]:
    """The paragraphs of the privacy notice: the operator's own, or ours with the gaps marked."""
    own = settings.notice_zh if catalogue.lang == "zh" else settings.notice_en
    if own:
        return [paragraph.strip() for paragraph in own.split("\n\n") if paragraph.strip()]
    shop = settings.shop or _GAP.format(catalogue.text("notice.gap.shop"))
    contact = settings.contact or _GAP.format(catalogue.text("notice.gap.contact"))
    gaps = {
        name: _GAP.format(catalogue.text(f"notice.gap.{name}")) for name in ("basis", "period", "authority")
    }
    keys = ("who", "why", "what", "removed", "period", "rights")
    return [catalogue.html(f"notice.{key}", shop=shop, contact=contact, **gaps) for key in keys]


@cache
def _environment() -> Environment:
    return open_templates(PACKAGE)
