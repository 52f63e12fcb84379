"""The warnings themselves: short message, mail and banner, per audience and language.

They name what the complaints of this incident were about where these were read, say what the shop never asks,
and hold no link, no order and no name: a warning that looks like the scam would teach the wrong thing. What
the shop did not tell stands in the text as `<<gap>>`, which `stanch warn` refuses to send.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from stanch.notices.audiences import AUDIENCES, Audience
from stanch.notices.folder import Documents
from stanch.notices.shop import find_fact
from stanch.notices.sms import choose_wording
from stanch.reporting.catalogue import Catalogue

GAP: Final = re.compile(r"<<[^<>]{1,200}>>")
#: What is warned of where neither the shop nor the complaints say more.
_USUAL_ASKS: Final = ("transfer", "verification_code", "screen_sharing")
_MOST_ASKS: Final = 4
_MOST_PRETEXTS: Final = 3


@dataclass(frozen=True, slots=True)
class Message:
    """One warning in one language."""

    audience: Audience
    lang: str
    sms: str
    subject: str
    mail: str
    mail_html: str


def write_message(audience: Audience, documents: Documents, texts: Catalogue) -> Message:
    """The warning to `audience` in the language of `texts`."""
    told = _list_facts(documents, texts)
    text = list(_write_mail(audience, documents, texts))
    return Message(
        audience,
        texts.lang,
        choose_wording(_list_wordings(audience, documents, texts)),
        texts.text(f"mail.subject_{audience}", **told),
        "\n\n".join("\n".join(f"- {line}" for line in p) if isinstance(p, list) else p for p in text) + "\n",
        _render_html(text, texts),
    )


def write_messages(documents: Documents, texts: Catalogue) -> list[Message]:
    """The warnings to all audiences."""
    return [write_message(audience, documents, texts) for audience in AUDIENCES]


def tell_banner(documents: Documents, texts: Catalogue) -> str:
    """The warning for the shop's pages, as text."""
    asks = _join(texts, "ask", list_asks(documents)[:3])
    return texts.text("banner.text", asks=asks, **_list_facts(documents, texts, ("phone",)))


def render_banner(told: str, texts: Catalogue) -> str:
    """The same as a piece of HTML that needs no style sheet."""
    return str(
        Markup(
            '<div role="alert" lang="{}" style="padding:12px 16px;background:#fff4d6;color:#3a2a00;'
            'border-bottom:2px solid #b26a00;font:16px/1.5 system-ui,sans-serif">{}</div>\n'
        ).format(texts.text("lang.page"), told)
    )


def list_asks(documents: Documents) -> list[str]:
    """What to say that the shop never asks, what complaints report most often first.

    Where the shop has said what it never asks, nothing else is claimed.
    """
    allowed = documents.shop.never_asks
    told = documents.findings.heard
    heard = list(told.asked) if told else []
    if not allowed:
        return list(dict.fromkeys([*heard, *_USUAL_ASKS]))[:_MOST_ASKS]
    return [*(word for word in heard if word in allowed), *(word for word in allowed if word not in heard)]


def _list_wordings(audience: Audience, documents: Documents, texts: Catalogue) -> Iterator[str]:
    """From the fullest to the barest: three asks, two, one, none."""
    told = _list_facts(documents, texts)
    asks = list_asks(documents)
    for n in range(min(3, len(asks)), 0, -1):
        yield texts.text(f"sms.{audience}", asks=_join(texts, "ask", asks[:n]), **told)
    yield texts.text(f"sms.{audience}_short", **told)


def _write_mail(audience: Audience, documents: Documents, texts: Catalogue) -> Iterator[str | list[str]]:
    told = _list_facts(documents, texts)
    heard = documents.findings.heard
    pretexts = list(heard.pretexts)[:_MOST_PRETEXTS] if heard else []
    yield texts.text("mail.hello")
    yield texts.text(f"mail.what_{audience}", **told)
    yield texts.text("mail.tell")
    said = _join(texts, "pretext", pretexts)
    never = _join(texts, "ask", list_asks(documents))
    yield [
        texts.text("mail.pretexts", list=said) if pretexts else texts.text("mail.pretexts_unknown"),
        texts.text("mail.never", list=never),
    ]
    yield texts.text("mail.do")
    steps = ["do_reset"] if audience == "reset" else []
    yield [texts.text(f"mail.{step}", **told) for step in (*steps, "do_hang_up", "do_paid", "do_link")]
    yield texts.text("mail.bye", **told)


def _render_html(text: list[str | list[str]], texts: Catalogue) -> str:
    heads = {texts.text("mail.tell"), texts.text("mail.do")}
    parts = []
    for part in text:
        if isinstance(part, list):
            items = Markup("").join(Markup("<li>{}</li>").format(line) for line in part)
            parts.append(Markup("<ul>{}</ul>").format(items))
        else:
            tag = Markup("<h2 style='font-size:1.1em'>{}</h2>") if part in heads else Markup("<p>{}</p>")
            parts.append(tag.format(part))
    body = Markup("\n").join(parts)
    return str(
        Markup(
            '<!doctype html>\n<html lang="{}"><head><meta charset="utf-8">'
            '<meta name="color-scheme" content="light dark">'
            '<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n'
            '<body style="font:16px/1.6 system-ui,sans-serif;max-width:36em;margin:0 auto;padding:16px">\n'
            "{}\n</body></html>\n"
        ).format(texts.text("lang.page"), body)
    )


def _list_facts(
    documents: Documents, texts: Catalogue, names: tuple[str, ...] = ("shop", "phone", "site")
) -> dict[str, str]:
    facts = {}
    for name in names:
        key = "name" if name == "shop" else name
        _, value = find_fact(documents.shop, key, texts.lang)
        facts[name] = " ".join(str(value).split()) or f"<<{texts.text(f'gap.{key}')}>>"
    return facts


def _join(texts: Catalogue, kind: str, words: list[str]) -> str:
    told = [texts.text(f"{kind}.{word}") for word in words if f"{kind}.{word}" in texts]
    between, last = ("told", "told_or") if kind == "pretext" else ("comma", "or")
    parts = [texts.text(f"list.{between}").join(told[:-1]), told[-1]] if len(told) > 1 else told
    return texts.text(f"list.{last}").join(parts)
