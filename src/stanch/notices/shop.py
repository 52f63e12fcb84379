"""What the shop alone knows: its names, its contacts, when it became aware, what it did, how it sends.

One TOML file per shop and incident. Every key is optional: what is missing becomes a gap for a person to
fill, or a clear refusal where it is needed to send.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from stanch.errors import SettingsError

Ask = Literal[
    "refund_page",
    "reorder",
    "extra_fee",
    "screen_sharing",
    "loan",
    "verification_code",
    "transfer",
    "qr_code",
    "install_app",
    "card_details",
]
#: A mail address that any server takes as one recipient (RFC 5321, 4.1.2; no quoted local parts, ASCII).
MAIL: Final = re.compile(
    r"(?=.{3,254}$)(?=.{1,64}@)[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+",
    re.ASCII,
)
_ENVIRONMENT: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"


class MailServer(Struct, frozen=True, forbid_unknown_fields=True):
    """The shop's own SMTP server."""

    host: Annotated[str, Meta(description="SMTP server; empty: no mail can be sent.")] = ""
    port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(description="How the connection is encrypted; `none` only for a server on this machine."),
    ] = "starttls"
    sender: Annotated[str, Meta(description="Address that the mail comes from.")] = ""
    user: Annotated[str, Meta(description="User to sign in as; empty: none.")] = ""
    password_env: Annotated[
        str,
        Meta(pattern=_ENVIRONMENT, description="Environment variable that holds the password."),
    ] = "STANCH_SMTP_PASSWORD"  # noqa: S105  (its name)

    def __post_init__(self) -> None:
        """Check what types cannot say.

        Raises:
            ValueError: the sender is no address.
        """
        if self.sender and not MAIL.fullmatch(self.sender):
            raise ValueError(f"mail.sender: {self.sender!r} is no mail address")


class Webhook(Struct, frozen=True, forbid_unknown_fields=True):
    """The shop's gateway for short messages: one JSON object is posted per message."""

    url: Annotated[str, Meta(description="Where to post; https, or http on this machine; empty: none.")] = ""
    token_env: Annotated[
        str,
        Meta(pattern=_ENVIRONMENT, description="Environment variable that holds the bearer token, if any."),
    ] = "STANCH_WEBHOOK_TOKEN"  # noqa: S105  (its name)


class Shop(Struct, frozen=True, forbid_unknown_fields=True):
    """Facts about the shop and the incident; `_zh` is the wording of Chinese texts where it differs."""

    name: Annotated[str, Meta(description="The shop's name as customers know it.")] = ""
    name_zh: Annotated[str, Meta(description="The same in Chinese texts.")] = ""
    controller: Annotated[str, Meta(description="Legal name of the controller (GDPR), 个人信息处理者.")] = ""
    controller_zh: Annotated[str, Meta(description="The same in Chinese texts.")] = ""
    address: Annotated[str, Meta(description="Its registered address.")] = ""
    address_zh: Annotated[str, Meta(description="The same in Chinese texts.")] = ""
    phone: Annotated[str, Meta(description="The official number that customers call back.")] = ""
    site: Annotated[str, Meta(description="The official site, as customers type it.")] = ""
    contact_name: Annotated[str, Meta(description="Data protection officer or other contact point.")] = ""
    contact_email: Annotated[str, Meta(description="That contact's mail address.")] = ""
    contact_phone: Annotated[str, Meta(description="That contact's number.")] = ""
    authority: Annotated[str, Meta(description="Supervisory authority that is notified (GDPR).")] = ""
    aware: Annotated[
        Annotated[datetime, Meta(tz=True)] | None,
        Meta(description="When the shop became aware, with its offset; the clocks run from here."),
    ] = None
    data_categories: Annotated[
        tuple[str, ...], Meta(description="Categories of data that were open to be seen.")
    ] = ()
    data_categories_zh: Annotated[tuple[str, ...], Meta(description="The same in Chinese texts.")] = ()
    measures_taken: Annotated[tuple[str, ...], Meta(description="What was done already, one each.")] = ()
    measures_taken_zh: Annotated[tuple[str, ...], Meta(description="The same in Chinese texts.")] = ()
    measures_planned: Annotated[tuple[str, ...], Meta(description="What will be done, one each.")] = ()
    measures_planned_zh: Annotated[tuple[str, ...], Meta(description="The same in Chinese texts.")] = ()
    never_asks: Annotated[
        tuple[Ask, ...],
        Meta(description="What the shop never asks of a customer, and warnings may say so."),
    ] = ()
    incident: Annotated[
        str,
        Meta(max_length=80, description="Name of the incident; nobody is warned of the same one twice."),
    ] = ""
    messages_per_minute: Annotated[
        int, Meta(ge=1, le=60_000, description="Warnings are sent no faster than this.")
    ] = 60
    mail: MailServer = MailServer()
    webhook: Webhook = Webhook()


NOTHING_KNOWN: Final = Shop()


def load_shop(path: Path | None) -> Shop:
    """The facts in the TOML file `path`; none for None.

    Raises:
        SettingsError: the file cannot be read, is not TOML, or holds an unknown key or a value out of range.
    """
    if path is None:
        return NOTHING_KNOWN
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Shop)
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(str(error), file=str(path), hint="docs/guide/shop.md lists every key") from error


def find_fact(shop: Shop, name: str, lang: str) -> tuple[str, Any]:
    """(key, value) of the fact `name`, in its Chinese wording where there is one and `lang` is "zh"."""
    if lang == "zh" and (own := getattr(shop, f"{name}_zh", None)):
        return f"{name}_zh", own
    return name, getattr(shop, name)


def render_example() -> str:
    """A TOML file with every key, commented out, to be filled in by a person."""
    from stanch.settings import list_settings  # which brings every stage along

    lines = ["# What the shop alone knows. Remove the # before a key and fill it in; leave out what is open."]
    section = ""
    for key, _, default, description in list_settings(Shop):
        table, _, name = key.rpartition(".")
        if table != section:
            lines += ["", f"# [{table}]"]
            section = table
        shown = "2026-01-31T09:00:00+08:00" if name == "aware" else msgspec.json.encode(default).decode()
        lines += [f"# {' '.join(description.split())}", f"# {name} = {shown}"]
    return "\n".join(lines) + "\n"


def render_shop_page() -> str:
    """The Markdown page `docs/guide/shop.md`."""
    from stanch.settings import list_settings

    lines = [
        "# Shop facts",
        "",
        "A TOML file given with `--shop` to `stanch notices` and `stanch warn`. Every key is optional; an",
        "unknown key is an error. What is missing is marked in the drafts for a person to fill in. Passwords",
        "and tokens never stand in it. This page is made from the code: `python3 dev.py docs`.",
        "",
        "| key | default | meaning |",
        "|---|---|---|",
    ]
    for key, _, default, description in list_settings(Shop):
        shown = msgspec.json.encode(default).decode()
        lines.append(f"| `{key}` | `{shown}` | {' '.join(description.split())} |")
    return "\n".join(lines) + "\n"
