"""What the middlewares have in common: what of a request is read, and what is answered in place of the shop.

Of a login's body the account is taken and nothing else; it is never stored, logged or sent on whole.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Final, cast
from urllib.parse import parse_qsl, quote

from stanch_client.verdict import Outcome, Verdict

#: Of longer bodies nothing is read; nginx passes on no longer ones unless told to. A shorter limit would
#: have a stranger hide the account behind a long field of no use.
MAX_BODY_BYTES: Final = 1 << 20
DEVICE_MAX_AGE_S: Final = 180 * 86_400
_FORM: Final = "application/x-www-form-urlencoded"
_PARTS: Final = "multipart/form-data"
#: Tokens of different accounts that one browser keeps.
_MAX_TOKENS: Final = 4
#: The part of a token that stands for its account.
_ACCOUNT_CHARACTERS: Final = 10
_FAILED: Final = (400, 401, 403, 422)

TellOutcome = Callable[[int, str], Outcome]


def tell_outcome(status: int, media_type: str) -> Outcome:
    """How a login went, by how most shops answer: a form again (200) fails, a redirect is good.

    Shops that answer otherwise say so themselves.
    """
    if status in _FAILED:
        return "failure"
    if status in (302, 303, 204):
        return "success"
    if status in (200, 201):
        return "success" if "json" in media_type else "failure"
    return "unknown"


@dataclass(frozen=True, slots=True)
class LoginRules:
    """Where the shop's login is, and what its form looks like."""

    path: str = "/login"
    account_field: str = "account"
    #: Where a challenge is passed; empty: the shop answers challenges itself.
    challenge_url: str = "/challenge"
    device_cookie: str = "stanch-device"
    passed_cookie: str = "stanch-passed"
    tell_outcome: TellOutcome = tell_outcome

    def concerns(self, method: str, path: str) -> bool:
        """Whether a request is a login."""
        return method == "POST" and path == self.path

    def find_account(self, media_type: str, body: bytes) -> str:
        """The account in the body of a login; empty if there is none to be found.

        Of several fields of that name the last counts, as it does for Starlette and for JSON.
        """
        kind = media_type.partition(";")[0].strip().lower()
        try:
            if kind == _FORM:
                return dict(parse_qsl(body.decode("utf-8", "replace"))).get(self.account_field, "").strip()
            if kind == _PARTS:
                return _read_parts(media_type, body).get(self.account_field, "").strip()
            if kind.endswith("json"):
                found = json.loads(body)
                value = found.get(self.account_field) if isinstance(found, dict) else None
                return str(value).strip() if isinstance(value, str | int) else ""
        except (ValueError, RecursionError):
            pass
        return ""


def is_form(media_type: str) -> bool:
    """Whether a body is a form, which frameworks read themselves."""
    return media_type.partition(";")[0].strip().lower() in (_FORM, _PARTS)


def _read_parts(media_type: str, body: bytes) -> dict[str, str]:
    """The texts of a form sent in parts (RFC 7578)."""
    message = message_from_bytes(f"Content-Type: {media_type}\r\n\r\n".encode("latin-1", "replace") + body)
    parts = message.get_payload()
    found = {}
    for part in parts if isinstance(parts, list) else ():
        if not isinstance(part, Message):
            continue
        name, text = part.get_param("name", header="content-disposition"), part.get_payload()
        if isinstance(name, str) and isinstance(text, str):
            found[name] = text.encode("ascii", "surrogateescape").decode("utf-8", "replace")
    return found


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is answered in place of the shop."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def make_refusal(verdict: Verdict, rules: LoginRules, accept: str, accept_language: str) -> Refusal:
    """The answer to a login that is challenged, denied or reset: JSON for programs, else a page."""
    # For a service that is asked by both, a browser names text/html itself.
    wants_page = "text/html" in accept
    lang = "zh" if accept_language.strip().lower().startswith("zh") else "en"
    title, text = _TEXTS[verdict.action][lang]
    status = 401 if verdict.action == "challenge" else 403
    url = ""
    if verdict.action == "challenge" and rules.challenge_url:
        url = f"{rules.challenge_url}?id={quote(verdict.id)}&next={quote(rules.path)}"
    if wants_page and url:
        return Refusal(303, {"Location": url, "Cache-Control": "no-store"}, b"")
    headers = {"Cache-Control": "no-store"}
    if not wants_page:
        told = {"action": verdict.action, "title": title, "detail": text, "id": verdict.id}
        told |= {"challenge": verdict.challenge, "url": url} if verdict.action == "challenge" else {}
        return Refusal(status, headers | {"Content-Type": "application/json"}, json.dumps(told).encode())
    page = _PAGE.format(
        lang="zh-CN" if lang == "zh" else "en", title=html.escape(title), text=html.escape(text)
    )
    return Refusal(status, headers | {"Content-Type": "text/html; charset=utf-8"}, page.encode())


def merge_devices(old: str, new: str) -> str:
    """The cookie of a browser after a good login: the new token in front, those of other accounts kept."""
    account = new[:_ACCOUNT_CHARACTERS]
    others = [token for token in old.split("~") if token and not token.startswith(account)]
    return "~".join([new, *others][:_MAX_TOKENS])


def make_cookie(name: str, value: str, *, secure: bool) -> str:
    """The header `Set-Cookie` for the device."""
    flags = "; Secure" if secure else ""
    return f"{name}={value}; Max-Age={DEVICE_MAX_AGE_S}; Path=/; HttpOnly; SameSite=Lax{flags}"


def read_outcome(given: object, rules: LoginRules, status: int, media_type: str) -> Outcome:
    """What the shop said itself, else what its answer says."""
    return cast(Outcome, given) if isinstance(given, str) else rules.tell_outcome(status, media_type)


_PAGE: Final = (
    '<!doctype html><html lang="{lang}"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>'
    "<h1>{title}</h1><p>{text}</p></html>"
)
_TEXTS: Final = {
    "challenge": {
        "en": ("One more step", "Please confirm that it is you who is signing in, then try again."),
        "zh": ("还需一步", "请先完成验证，确认是您本人登录，然后再试一次。"),
    },
    "deny": {
        "en": ("Not possible just now", "Please try again in a few minutes, or reset your password."),
        "zh": ("暂时无法登录", "请过几分钟再试，或重设密码。"),
    },
    "reset": {
        "en": (
            "Please choose a new password",
            "Somebody else may know your password. For your safety it no longer works here.",
        ),
        "zh": ("请设置新密码", "您的密码可能已被他人知晓。为了您的安全，原密码已不能使用。"),
    },
}
