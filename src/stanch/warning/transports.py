"""The shop's own mail server and gateway: one message out, and what became of it."""

from __future__ import annotations

import http.client
import os
import smtplib
import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from stanch.errors import StanchError, UsageError
from stanch.notices.shop import MailServer, Shop, Webhook
from stanch.warning.plan import Delivery, Plan

_TIMEOUT_S: Final = 30
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class RefusedError(Exception):
    """The message surely did not arrive; the others may."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class DoubtfulError(Exception):
    """The connection broke while the message was on its way: it may have arrived."""


class UnreachableError(StanchError):
    """The server cannot be reached or turns everybody away: the run stops, nothing is lost."""


class Transport(Protocol):
    """What takes a message away."""

    def send(self, delivery: Delivery, identity: str, now: datetime) -> None:
        """Send one message; `identity` is the same whenever the same message is tried again.

        Raises:
            RefusedError, DoubtfulError, UnreachableError.
        """

    def close(self) -> None:
        """Say goodbye."""


def open_transports(shop: Shop, plan: Plan) -> dict[str, Transport]:
    """What the deliveries of `plan` need; nothing is connected yet.

    Raises:
        UsageError: the shop's facts do not say how to send.
    """
    needed = plan.count("channel")
    made: dict[str, Transport] = {}
    if "mail" in needed:
        made["mail"] = MailTransport(shop.mail, shop.name)
    if "sms" in needed:
        made["sms"] = WebhookTransport(shop.webhook)
    return made


def build_mail(delivery: Delivery, sender: str, shop: str, identity: str, now: datetime) -> EmailMessage:
    """The message as it goes out (RFC 5322), text and HTML; answered by no robot (RFC 3834)."""
    local, _, domain = sender.rpartition("@")
    mail = EmailMessage(policy=SMTP)
    mail["From"] = MailAddress(" ".join(shop.split()), local, domain)
    mail["To"] = MailAddress(addr_spec=delivery.to)
    mail["Subject"] = " ".join(delivery.text.subject.split())
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{identity}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = delivery.lang
    mail.set_content(delivery.text.body, cte="base64")
    mail.add_alternative(delivery.text.html, subtype="html", cte="base64")
    return mail


class MailTransport:
    """SMTP (RFC 5321) over one connection, which is opened anew when the server closed it."""

    def __init__(self, settings: MailServer, shop: str) -> None:
        if not settings.host or not settings.sender:
            raise UsageError("mail cannot be sent", hint="set mail.host and mail.sender in the shop's facts")
        if settings.security == "none" and settings.host not in _LOCAL:
            raise UsageError(
                f"mail.security is none, and {settings.host} is not this machine", hint="use starttls or tls"
            )
        self._settings = settings
        self._shop = shop
        self._smtp: smtplib.SMTP | None = None

    def send(self, delivery: Delivery, identity: str, now: datetime) -> None:
        """See `Transport`."""
        mail = build_mail(delivery, self._settings.sender, self._shop, identity, now)
        smtp = self._connect()
        try:
            smtp.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            code, why = next(iter(error.recipients.values()))
            raise _refuse(code, why) from error
        except smtplib.SMTPSenderRefused as error:
            raise UnreachableError(
                f"the mail server refuses the sender: {error.smtp_code} {_show(error.smtp_error)}",
                hint="check mail.sender",
            ) from error
        except smtplib.SMTPResponseException as error:
            raise _refuse(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            self.close()
            raise DoubtfulError(f"the connection broke: {_show(error)}") from error

    def close(self) -> None:
        """See `Transport`."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                self._smtp.close()
            self._smtp = None

    def _connect(self) -> smtplib.SMTP:
        if self._smtp is not None and self._answers(self._smtp):
            return self._smtp
        self.close()
        settings = self._settings
        try:
            self._smtp = self._open()
            if settings.user:
                self._smtp.login(settings.user, os.environ.get(settings.password_env, ""))
        except smtplib.SMTPAuthenticationError as error:
            raise UnreachableError(
                "the mail server does not accept the user",
                hint=f"check mail.user and {settings.password_env}",
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise UnreachableError(
                f"{settings.host}:{settings.port} cannot be used: {_show(error)}",
                hint="check mail.host, mail.port and mail.security; then run the same command again",
            ) from error
        return self._smtp

    def _open(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=_TIMEOUT_S, context=context)
        smtp = smtplib.SMTP(settings.host, settings.port, timeout=_TIMEOUT_S)
        if settings.security == "starttls":
            try:
                smtp.starttls(context=ssl.create_default_context())
            except BaseException:
                smtp.close()
                raise
        return smtp

    @staticmethod
    def _answers(smtp: smtplib.SMTP) -> bool:
        try:
            return smtp.noop()[0] == 250
        except (smtplib.SMTPException, OSError):
            return False


class WebhookTransport:
    """One POST of JSON per message; redirects are not followed, since they could lead elsewhere."""

    def __init__(self, settings: Webhook) -> None:
        parts = urlsplit(settings.url)
        if not settings.url or not parts.hostname:
            raise UsageError("short messages cannot be sent", hint="set webhook.url in the shop's facts")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise UsageError("webhook.url is not https", hint="use https, or http on this machine")
        self._host = parts.hostname
        self._path = parts._replace(scheme="", netloc="").geturl() or "/"
        self._token = os.environ.get(settings.token_env, "")
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._open: Callable[[], http.client.HTTPConnection] = lambda: make(
            parts.hostname or "", parts.port, timeout=_TIMEOUT_S
        )

    def send(self, delivery: Delivery, identity: str, now: datetime) -> None:
        """See `Transport`."""
        body = msgspec.json.encode(
            {"id": identity, "to": delivery.to, "text": delivery.text.body, "lang": delivery.lang}
        )
        headers = {"Content-Type": "application/json", "Idempotency-Key": identity}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        connection = self._open()
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise UnreachableError(
                f"{self._host} cannot be reached: {_show(error)}",
                hint="check webhook.url; then run the same command again",
            ) from error
        try:
            connection.request("POST", self._path, body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise DoubtfulError(f"the connection broke: {_show(error)}") from error
        finally:
            connection.close()
        if status in (401, 403):
            raise UnreachableError(f"the gateway answers {status}", hint="check the token of the webhook")
        if status in (429, 503):
            raise UnreachableError(
                f"the gateway answers {status}: it takes no more for now",
                hint="run the same command again later, or lower messages_per_minute",
            )
        if not 200 <= status < 300:
            raise RefusedError(f"the gateway answers {status}", "ask the gateway's log for this id")

    def close(self) -> None:
        """Nothing is kept open."""


def _refuse(code: int, why: bytes | str) -> RefusedError:
    lasting = code >= 500
    remedy = "correct the address in the shop's list" if lasting else "run the same command again later"
    return RefusedError(f"the mail server answers {code} {_show(why)}", remedy)


def _show(why: object) -> str:
    """One line without addresses: servers like to repeat them."""
    text = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
    if isinstance(why, socket.timeout):
        text = "no answer in time"
    words = ["***" if "@" in word else word for word in text.split()]
    return " ".join(words)[:200]
