"""Mailboxes (mbox, RFC 4155) and single messages (.eml, RFC 5322) -> raw messages, one at a time.

In an mbox a message begins with a line `From ` behind an empty line or at the start; a line `>From ` within
one was `From ` before (mboxrd). No message grows beyond a limit in memory, whatever the file holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from stanch.readers.files import Source

#: What mail servers take at most, with room: Gmail and Outlook end at 25 to 50 MB.
MAX_MESSAGE: Final = 50 << 20
_CHUNK: Final = 1 << 20
_FIELD: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:Received|Return-Path|Delivered-To|X-[\w-]+|From|To|Subject|Date|Message-ID"
    rb"|MIME-Version|Content-Type|DKIM-Signature|ARC-[\w-]+|Authentication-Results|Reply-To|Sender):",
    re.IGNORECASE,
)
_NEEDED: Final = re.compile(rb"^(?:From|Date|Received):", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message as it stands; `raw` is None where it is longer than any mail."""

    number: int
    raw: bytes | None


def is_mailbox(head: bytes) -> bool:
    """Whether a file that begins so is an mbox or a message."""
    if head.startswith(b"From ") and b"\n" in head[:1000]:
        return True
    return bool(_FIELD.match(head)) and len(_NEEDED.findall(head[:65536])) >= 2


def read_messages(source: Source, limit: int = MAX_MESSAGE) -> Iterator[RawMessage]:
    """Every message of the file, numbered from 1."""
    if not source.head.startswith(b"From "):
        raw = _read_limited(source, limit)
        yield RawMessage(1, raw)
        return
    number, size, after_blank = 0, 0, True
    parts: list[bytes] | None = []
    for line, is_whole in _read_lines(source):
        if after_blank and line.startswith(b"From "):
            if number:
                yield RawMessage(number, None if parts is None else b"".join(parts))
            number, size, parts = number + 1, 0, []
        else:
            size += len(line)
            if parts is not None and size <= limit:
                parts.append(line[1:] if re.match(rb">+From ", line) else line)
            else:
                parts = None
        after_blank = is_whole and not line.strip(b"\r\n")
    if number:
        yield RawMessage(number, None if parts is None else b"".join(parts))


def _read_limited(source: Source, limit: int) -> bytes | None:
    parts, size = [], 0
    while data := source.read(_CHUNK):
        size += len(data)
        if size > limit:
            return None
        parts.append(data)
    return b"".join(parts)


def _read_lines(source: Source) -> Iterator[tuple[bytes, bool]]:
    """Lines with their ends; one that is longer than a chunk comes in pieces."""
    rest, starts = b"", True
    while data := source.read(_CHUNK):
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        for line in lines:
            yield line + b"\n", starts
            starts = True
        if len(rest) > _CHUNK:
            yield rest, False
            rest, starts = b"", False
    if rest:
        yield rest, starts
