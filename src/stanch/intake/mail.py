"""One raw mail -> a complaint: when it came, who wrote it, what they said, and the attachments it had.

Everything in a mail is the sender's to choose. Encodings are tried as named, then guessed; headers lose their
line ends; HTML becomes text and is never shown; attachments are listed and refused, none is opened.
"""

from __future__ import annotations

import email
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import mktime_tz, parseaddr, parsedate_tz
from html.parser import HTMLParser
from typing import Final

from stanch.errors import UsageError
from stanch.intake.quoting import strip_quoted
from stanch.readers.encodings import check_encoding, guess_encoding

_MAX_PARTS: Final = 200
_MAX_DEPTH: Final = 30
_MAX_HTML: Final = 500_000
_MAX_TEXT: Final = 200_000
_BLOCKS: Final = frozenset(
    [
        *("address", "article", "blockquote", "br", "dd", "div", "dl", "dt", "footer", "h1", "h2", "h3"),
        *("h4", "h5", "h6", "header", "hr", "li", "ol", "p", "pre", "section", "table", "td", "tr", "ul"),
    ]
)
_UNSEEN: Final = frozenset({"script", "style", "head", "title", "template"})
_ROBOT: Final = re.compile(r"auto-(?:generated|replied|notified)", re.IGNORECASE)


class UnreadableMailError(Exception):
    """A mail that holds no complaint; says why."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What of a mail becomes a complaint."""

    message_id: str
    sender: str
    received: datetime
    subject: str
    text: str
    #: Whether the text was forwarded by somebody who wrote nothing themselves.
    is_forwarded: bool
    #: `name (type, bytes)` of each attachment, none of which was opened.
    attachments: list[str] = field(default_factory=list)


def read_mail(raw: bytes) -> Mail:
    """Read one message.

    Raises:
        UnreadableMailError: it has no sender, no date, no text, was sent by a robot, or is built to do harm.
    """
    if raw.lower().count(b"boundary=") > _MAX_DEPTH:
        raise UnreadableMailError("its parts are nested too deeply")
    try:
        message = email.message_from_bytes(raw)
        parts = _list_parts(message)
    except RecursionError as error:
        raise UnreadableMailError("its parts are nested too deeply") from error
    if _ROBOT.search(_read_header(message, "Auto-Submitted")):
        raise UnreadableMailError("was sent by a robot (Auto-Submitted)")
    sender = parseaddr(_read_header(message, "From"))[1].casefold()
    if "@" not in sender:
        raise UnreadableMailError("has no sender")
    body, attachments = _choose_body(parts)
    text, is_forwarded = strip_quoted(body[:_MAX_TEXT])
    subject = _read_header(message, "Subject")
    if not text and not subject:
        raise UnreadableMailError("has no text")
    return Mail(
        _read_header(message, "Message-ID"),
        sender,
        _find_date(message),
        subject,
        text,
        is_forwarded,
        attachments,
    )


def _find_date(message: Message) -> datetime:
    """When the first of our servers took it (the topmost Received); else what the sender says."""
    stamps = [line.rpartition(";")[2] for line in _all_headers(message, "Received")[:1]]
    for stamp in (*stamps, _read_header(message, "Date")):
        parsed = parsedate_tz(stamp)
        if parsed is None:
            continue
        try:
            return datetime.fromtimestamp(mktime_tz(parsed), UTC)
        except (ValueError, OverflowError, OSError):
            continue
    raise UnreadableMailError("has no date")


def _list_parts(message: Message) -> list[Message]:
    """Leaves, in order; a forwarded message as a whole is one."""
    leaves: list[Message] = []
    ahead: list[Message] = [message]
    while ahead:
        part = ahead.pop()
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            ahead += [p for p in reversed(payload) if isinstance(p, Message)]
        else:
            leaves.append(part)
        if len(leaves) + len(ahead) > _MAX_PARTS:
            raise UnreadableMailError(f"has more than {_MAX_PARTS} parts")
    return leaves


def _choose_body(parts: list[Message]) -> tuple[str, list[str]]:
    """The text, plain if there is any, and the attachments."""
    plain: list[str] = []
    html: list[str] = []
    attachments: list[str] = []
    for part in parts:
        kind = part.get_content_type()
        is_text = kind in ("text/plain", "text/html") and part.get_content_disposition() != "attachment"
        if not is_text or part.get_filename():
            attachments.append(_describe(part, kind))
        elif kind == "text/plain":
            plain.append(_decode(part))
        else:
            html.append(_strip_html(_decode(part)[:_MAX_HTML]))
    return "\n".join(text for text in (plain if any(t.strip() for t in plain) else html)), attachments


def _describe(part: Message, kind: str) -> str:
    name = _clean(_decode_words(str(part.get_filename() or "")))[:80] or "without a name"
    payload = part.get_payload()
    size = len(payload) if isinstance(payload, str) else 0
    return f"{name} ({_clean(kind)[:60]}, about {size * 3 // 4 if size else 0:,} bytes)"


def _decode(part: Message) -> str:
    raw = part.get_payload(decode=True)
    if not isinstance(raw, bytes):
        return ""
    return _decode_bytes(raw, str(part.get_content_charset() or ""))


def _decode_bytes(raw: bytes, named: str) -> str:
    try:
        return raw.decode(check_encoding(named)) if named else raw.decode("utf-8")
    except (UsageError, UnicodeError, LookupError, ValueError):
        if raw.isascii():
            return raw.decode("ascii")
        return raw.decode(guess_encoding(raw), "replace")


def _all_headers(message: Message, name: str) -> list[str]:
    """Every header `name`, from the raw pairs: raw bytes are masked in all others."""
    raw = [value for header, value in message.raw_items() if header.casefold() == name.casefold()]
    return [_clean(_decode_words(value)) for value in raw]


def _read_header(message: Message, name: str) -> str:
    return next(iter(_all_headers(message, name)), "")[:2000]


def _decode_words(value: str) -> str:
    """RFC 2047, and raw bytes of whatever encoding where a header has none."""
    raw = value.encode("utf-8", "surrogateescape")
    if not raw.isascii():
        return _decode_bytes(raw, "")
    try:
        parts = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    return "".join(
        part if isinstance(part, str) else _decode_bytes(part, charset or "") for part, charset in parts
    )


def _clean(text: str) -> str:
    """One line: what would begin another header, or steer a terminal, becomes a blank."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class _Text(HTMLParser):
    """Collects what a reader would see, without what a mail program marked as a quote."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        is_quote = tag == "blockquote" or "gmail_quote" in given.get("class", "").split()
        if self._unseen:
            if tag == self._unseen[0]:
                self._unseen.append(tag)
        elif tag in _UNSEEN:
            self._unseen.append(tag)
        elif is_quote:
            self.parts.append("\n> \n")  # a quote follows, as plain mails mark it
            self._unseen.append(tag)
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._unseen and tag == self._unseen[0]:
            self._unseen.pop()
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(re.sub(r"\s+", " ", data))


def _strip_html(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    text = "".join(parser.parts)
    return re.sub(r" *\n *", "\n", text)
