"""Alarms by webhook and mail: only where somebody named a receiver, and each alarm once."""

from __future__ import annotations

import json
import os
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import unquote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from stanch.complaints.early.level import Alarm
from stanch.complaints.early.tell import PACKAGE, describe_alarm, name_alarm, tell_alarm
from stanch.complaints.wording import Lang, load_wording
from stanch.errors import StanchError, UsageError

_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Receivers:
    """Where alarms go; empty means nowhere.

    Raises:
        UsageError: an address that cannot be one, or mail without a server.
    """

    webhook: str = ""
    mail_to: str = ""
    #: `smtp://user@host:587` (STARTTLS where offered), `smtps://user@host`; password by environment.
    smtp: str = ""
    mail_from: str = ""

    def __post_init__(self) -> None:
        """Check what was given."""
        if self.webhook and urlsplit(self.webhook).scheme not in ("http", "https"):
            raise UsageError(f"{self.webhook}: not a web address", hint="such as https://chat.example/hook")
        if bool(self.mail_to) != bool(self.smtp):
            raise UsageError("mail needs both a receiver and a server", hint="--mail-to and --smtp")
        if self.smtp and (
            urlsplit(self.smtp).scheme not in ("smtp", "smtps") or not urlsplit(self.smtp).hostname
        ):
            raise UsageError(f"{self.smtp}: not a mail server", hint="such as smtp://mail.example:587")


def send_alarms(alarms: Sequence[Alarm], to: Receivers, sent: Path, lang: Lang) -> int:
    """Send those of `alarms` that the file `sent` does not name yet, and name them there; how many.

    Webhook and mail are noted apart, so that a failure of one does not repeat the other.

    Raises:
        StanchError: a receiver could not be reached; what it had not got stays to be sent.
    """
    known = set(sent.read_text(encoding="utf-8").splitlines()) if sent.exists() else set()
    n_sent = 0
    for way, address, send in (("webhook", to.webhook, _post), ("mail", to.mail_to, _mail)):
        new = [alarm for alarm in alarms if f"{way} {name_alarm(alarm)}" not in known]
        if not address or not new:
            continue
        try:
            send(new, to, lang)
        except (OSError, smtplib.SMTPException, URLError) as error:
            raise StanchError(
                f"{way}: could not be sent: {error}", hint="nothing is lost; run it again"
            ) from error
        with sent.open("a", encoding="utf-8") as file:
            file.writelines(f"{way} {name_alarm(alarm)}\n" for alarm in new)
        n_sent += len(new)
    return n_sent


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the alarm to somebody who was not named."""

    def redirect_request(self, *args: Any) -> None:
        """Refuse."""


def _post(alarms: Sequence[Alarm], to: Receivers, lang: Lang) -> None:
    """POST `{"text": …, "alarms": […]}`: chat services show `text`, programs read the rest."""
    text = "\n".join(tell_alarm(alarm, lang) for alarm in alarms)
    body = json.dumps({"text": text, "alarms": [describe_alarm(a, lang) for a in alarms]}, ensure_ascii=False)
    request = Request(  # noqa: S310  (the scheme was checked)
        to.webhook, data=body.encode(), headers={"Content-Type": "application/json; charset=utf-8"}
    )
    with build_opener(_NoRedirect).open(request, timeout=_TIMEOUT_S):
        pass


def _mail(alarms: Sequence[Alarm], to: Receivers, lang: Lang) -> None:
    texts = load_wording(PACKAGE, lang)
    server = urlsplit(to.smtp)
    message = EmailMessage()
    message["Subject"] = texts["mail.subject"].format(n=len(alarms))
    message["From"] = to.mail_from or to.mail_to
    message["To"] = to.mail_to
    message.set_content("\n\n".join([*(tell_alarm(a, lang) for a in alarms), texts["mail.foot"]]) + "\n")
    safe = ssl.create_default_context()
    host, port = server.hostname or "", server.port
    with (
        smtplib.SMTP_SSL(host, port or 465, timeout=_TIMEOUT_S, context=safe)
        if server.scheme == "smtps"
        else smtplib.SMTP(host, port or 587, timeout=_TIMEOUT_S)
    ) as connection:
        connection.ehlo()
        is_secret = server.scheme == "smtps"
        if not is_secret and connection.has_extn("starttls"):
            connection.starttls(context=safe)
            is_secret = True
        if server.username:
            if not is_secret:
                raise StanchError("mail: the server offers no encryption, so the password was not sent")
            connection.login(unquote(server.username), os.environ.get("STANCH_SMTP_PASSWORD", ""))
        connection.send_message(message)
