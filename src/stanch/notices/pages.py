"""Drafts and their overview as HTML: self-contained, no script, no network, made to be printed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, Template
from markupsafe import Markup

from stanch.notices.audiences import AUDIENCES
from stanch.notices.contents import Table
from stanch.notices.drafts import Draft
from stanch.notices.figures import Ledger
from stanch.notices.messages import Message
from stanch.notices.sms import measure_sms
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.templates import open_templates

#: Hours within which a notice is due, see `stanch.notices.contents`.
_CLOCKS: Final = {"gdpr-33": 72, "pipl-57": 4}
_ROOM: Final = {("GSM-7", True): 160, ("GSM-7", False): 153, ("UCS-2", True): 70, ("UCS-2", False): 67}


def render_draft(draft: Draft, ledger: Ledger, version: str) -> str:
    """One notice as a page of its own."""
    return _render(
        "draft.html.j2", ledger.texts, draft=draft, ledger=ledger, version=version, kind_of=_kind_of
    )


def render_index(
    ledger: Ledger, drafts: Sequence[Draft], messages: Sequence[Message], banner: str, recipients: Any
) -> str:
    """The overview: whom to warn, with which words, which notices there are, what is left to fill in."""
    texts = ledger.texts
    rows = [
        (texts.text(f"audience.{audience}"), [_count(recipients, audience, p) for p in (1, 2, 3, None)])
        for audience in AUDIENCES
    ]
    unsure = not ledger.documents.shop.never_asks
    return _render(
        "index.html.j2",
        texts,
        ledger=ledger,
        drafts=drafts,
        messages=[(message, _tell_length(message.sms, texts)) for message in messages],
        banner=banner,
        rows=[row for row in rows if row[1][-1]],
        confirm=texts.html("index.confirm", gap=ledger.gap("never_asks")) if unsure else None,
        deadlines={name: ledger.tell_deadline(hours) for name, hours in _CLOCKS.items()}
        if ledger.documents.shop.aware
        else {},
    )


def _render(template: str, texts: Catalogue, **values: Any) -> str:
    environment, style = _load_templates()
    page: Template = environment.get_template(template)
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    # Our own style sheet, as it lies in the package.
    return page.render(t=texts.html, style=Markup(style), style_hash=style_hash, **values)  # noqa: S704


def _kind_of(block: object) -> str:
    return "list" if isinstance(block, list) else "table" if isinstance(block, Table) else "text"


def _count(recipients: Any, audience: str, priority: int | None) -> int:
    return sum(
        1
        for row in recipients.iter_rows(named=True)
        if row["audience"] == audience and priority in (None, row["priority"])
    )


def _tell_length(text: str, texts: Catalogue) -> str:
    length = measure_sms(text)
    many = texts.text("index.segment_many", n=length.segments)
    return texts.text(
        "index.length",
        alphabet=length.alphabet,
        units=length.units,
        room=_ROOM[length.alphabet, length.segments == 1] * length.segments,
        segments=texts.text("index.segment_one") if length.segments == 1 else many,
    )


@cache
def _load_templates() -> tuple[Environment, str]:
    environment = open_templates("stanch.notices")
    style = files("stanch.notices").joinpath("page", "notices.css").read_text(encoding="utf-8")
    return environment, style
