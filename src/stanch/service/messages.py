"""Tells people and programs what the guard does: a signed webhook, and chats through Apprise.

Each way has a thread and a bounded queue of its own: a receiver that is slow, gone or wrong never holds up
the guard, and at worst misses messages, which is counted. Webhooks are signed as Standard Webhooks says
(https://github.com/standard-webhooks/standard-webhooks, "Signature scheme"), redirects are not followed.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import logging
import os
import queue
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, Final, NamedTuple
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec

from stanch.errors import UsageError
from stanch.guard.guard import Sweep
from stanch.reporting.catalogue import Catalogue, Lang, load_catalogue
from stanch.service.guard_metrics import GuardMetrics
from stanch.service.settings import Event, NotifySettings

LOG: Final = logging.getLogger("stanch.guard")

SECRET: Final = "STANCH_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
CHATS: Final = "STANCH_CHATS"
_MAX_WAITING: Final = 1_000
_TIMEOUT_S: Final = 10.0
#: Pauses before each further try.
PAUSES_S: Final = (1.0, 5.0, 30.0)
#: Entries that one message lists; the rest is counted.
_MOST_LISTED: Final = 1_000
#: How long a stop waits for messages under way.
_STOP_S: Final = 2.0


class Message(NamedTuple):
    """One event, for programs and for people."""

    event: Event
    data: Mapping[str, Any]
    text: str


class Messenger:
    """Sends messages from threads of its own, as the settings say at that moment."""

    def __init__(
        self,
        find_settings: Callable[[], NotifySettings],
        metrics: GuardMetrics,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._find_settings = find_settings
        self._metrics = metrics
        self._pauses_s = pauses_s
        self._stopping = threading.Event()
        self._ways: dict[str, queue.Queue[Message | None]] = {}
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads.

        Raises:
            UsageError: chats are wanted and cannot be reached: no address, or Apprise is not installed.
        """
        ways: dict[str, Callable[[Message], None]] = {"webhook": self._post}
        if self._find_settings().chats:
            ways["chat"] = _open_chats(lambda: self._find_settings().lang)
        for name, send in ways.items():
            waiting: queue.Queue[Message | None] = queue.Queue(_MAX_WAITING)
            self._ways[name] = waiting
            thread = threading.Thread(
                target=self._send_all, args=(name, waiting, send), name=f"stanch-{name}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Send what waits if that is quick, and end the threads."""
        self._stopping.set()
        for waiting in self._ways.values():
            try:
                waiting.put_nowait(None)
            except queue.Full:
                continue
        for thread in self._threads:
            thread.join(_STOP_S)

    def tell(self, message: Message) -> None:
        """Have a message sent where the settings want it; returns at once."""
        settings = self._find_settings()
        if message.event not in settings.events:
            return
        for name, waiting in self._ways.items():
            if name == "webhook" and not settings.webhook:
                continue
            try:
                waiting.put_nowait(message)
            except queue.Full:
                self._count(name, "dropped")

    def _send_all(
        self, name: str, waiting: queue.Queue[Message | None], send: Callable[[Message], None]
    ) -> None:
        while (message := waiting.get()) is not None:
            for pause_s in (*self._pauses_s, None):
                try:
                    send(message)
                except (OSError, HTTPException, ValueError) as error:
                    if pause_s is None or self._stopping.wait(pause_s):
                        # The address may hold a token, so the kind of failure has to do.
                        LOG.error("%s: a message on %s was given up: %s", name, message.event, _tell(error))
                        self._count(name, "given_up")
                        break
                else:
                    self._count(name, "sent")
                    break

    def _count(self, name: str, result: str) -> None:
        self._metrics.messages.labels(name, result).inc()

    def _post(self, message: Message) -> None:
        address = self._find_settings().webhook
        if not address:
            return
        now = datetime.now(UTC)
        body = msgspec.json.encode(
            {
                "type": f"guard.{message.event}",
                "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "text": message.text,
                "data": message.data,
            }
        )
        headers = {"Content-Type": "application/json", "User-Agent": "stanch"}
        headers |= sign_webhook(body, f"msg_{secrets.token_hex(12)}", int(now.timestamp()))
        request = Request(address, data=body, headers=headers)  # noqa: S310 - the scheme was checked
        with build_opener(_NoRedirect).open(request, timeout=_TIMEOUT_S):
            pass


def sign_webhook(body: bytes, message_id: str, time_s: int) -> dict[str, str]:
    """Headers that show who sent a webhook and when; without a secret in the environment, no signature."""
    headers = {"webhook-id": message_id, "webhook-timestamp": str(time_s)}
    secret = os.environ.get(SECRET, "")
    if secret:
        tag = hmac.digest(_read_secret(secret), f"{message_id}.{time_s}.".encode() + body, "sha256")
        headers["webhook-signature"] = f"v1,{base64.b64encode(tag).decode()}"
    return headers


def _read_secret(text: str) -> bytes:
    """`whsec_` and base64 as the standard writes secrets; anything else as it is."""
    if text.startswith("whsec_"):
        try:
            return base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return text.encode()


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would carry the message to somebody who was not named."""

    def redirect_request(self, *args: Any) -> None:
        """Refuse."""


def _open_chats(find_lang: Callable[[], Lang]) -> Callable[[Message], None]:
    addresses = os.environ.get(CHATS, "").split()
    if not addresses:
        raise UsageError(f"service.notify.chats: the environment variable {CHATS} is empty")
    try:
        import apprise
    except ImportError:
        raise UsageError(
            "service.notify.chats: Apprise is not installed", hint="pip install 'stanch[chat]'"
        ) from None
    chats = apprise.Apprise()
    for number, address in enumerate(addresses, start=1):
        if not chats.add(address):
            raise UsageError(f"{CHATS}: address {number} is none that Apprise knows")

    def send(message: Message) -> None:
        if not chats.notify(title=_load(find_lang()).text("message.title"), body=message.text):
            raise OSError("not every chat took it")

    return send


def _tell(error: Exception) -> str:
    status = getattr(error, "code", None)
    return f"status {status}" if status else type(error).__name__


# --- what is said


def describe_sweep(sweep: Sweep, was_alarm: bool, lang: Lang, show: Callable[[int], str]) -> list[Message]:
    """What is worth telling of a look at the whole."""
    texts = _load(lang)
    told: list[Message] = []
    if sweep.alarm != was_alarm:
        data: dict[str, Any] = {"alarm": sweep.alarm, "attack_share": round(sweep.level, 4)}
        if sweep.alarm:
            data["since"] = show(sweep.since_us)
        text = (
            texts.text("message.wave_begins", since=data["since"], share=_tell_share(sweep.level))
            if sweep.alarm
            else texts.text("message.wave_ends")
        )
        told.append(Message("wave", data, text))
    if sweep.resets:
        resets = [
            {
                "account": reset.account,
                "login": show(reset.context.time_s * 1_000_000),
                "score": round(reset.score, 4),
                "reasons": [reason.code for reason in reset.reasons],
                "simulated": reset.simulated,
            }
            for reset in sweep.resets[:_MOST_LISTED]
        ]
        text = _count(texts, "resets", [reset.simulated for reset in sweep.resets])
        told.append(Message("reset", {"count": len(sweep.resets), "resets": resets}, text))
    if sweep.decisions:
        decisions = [
            {
                "value": d.value,
                "kind": d.kind,
                "until": show(d.until_us),
                "scenario": d.scenario,
                "why": d.why,
                "simulated": d.simulated,
            }
            for d in sweep.decisions[:_MOST_LISTED]
        ]
        text = _count(texts, "decisions", [d.simulated for d in sweep.decisions])
        told.append(Message("ban", {"count": len(sweep.decisions), "decisions": decisions}, text))
    return told


def describe_trouble(subject: str, problem: str, lang: Lang) -> Message:
    """Something went wrong without stopping the guard."""
    texts = _load(lang)
    text = texts.text("message.trouble", subject=texts.text(f"subject.{subject}"), problem=problem)
    return Message("trouble", {"subject": subject, "problem": problem}, text)


def _load(lang: Lang) -> Catalogue:
    return load_catalogue(lang, "stanch.service")


def _count(texts: Catalogue, key: str, simulated: Sequence[bool]) -> str:
    mark = texts.text("message.simulated") if all(simulated) else ""
    return texts.text(f"message.{key}", n=len(simulated), simulated=mark)


def _tell_share(share: float) -> str:
    """An estimate as percent: never all."""
    return f"{share:.0%}" if share <= 0.99 else "> 99%"
