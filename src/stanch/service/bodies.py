"""Bodies of requests: read within bounds of size, unpacked within bounds of memory."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import msgspec
import zstandard
from starlette.requests import Request

from stanch.service.problems import ProblemError

#: The largest window that a zstd content coding may ask for (RFC 9659, section 3).
_MAX_WINDOW: Final = 8 << 20
#: Packed bytes per step. A zstd block of 128 KiB takes four bytes at least (RFC 8878, 3.1.1.2), so that a
#: step gives 16 MiB at most; gzip gives less.
_STEP: Final = 512
_CLOSE: Final = {"Connection": "close"}
T = TypeVar("T")


async def read_body(request: Request, limit: int) -> bytes:
    """The body as it was sent.

    Raises:
        ProblemError: 413, it is longer than `limit` bytes; the rest of it is not read.
    """
    told = request.headers.get("content-length", "")
    if told.isascii() and told.isdigit() and int(told[:20]) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    n_left = limit
    async for part in request.stream():
        n_left -= len(part)
        if n_left < 0:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def decode_json(decoder: msgspec.json.Decoder[T], body: bytes, code: str) -> T:
    """What a body says. What is no character (bytes that are not UTF-8, half a surrogate pair) is replaced.

    A stranger can have the shop send such, and must not be let through because of it.

    Raises:
        ProblemError: 400, it is no JSON; under `code`, something in it is of the wrong type.
    """
    try:
        try:
            return decoder.decode(body)
        except msgspec.ValidationError:
            raise
        except ValueError:
            return decoder.decode(_replace_broken(body))
    except (ValueError, RecursionError) as error:
        what = code if isinstance(error, msgspec.ValidationError) else "no_json"
        raise ProblemError(400, what, f"{error}"[:200]) from None


def _replace_broken(body: bytes) -> bytes:
    """The same JSON with what is no character replaced."""
    value = json.loads(body.decode("utf-8", "replace"))
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def unpack_body(body: bytes, coding: str, limit: int) -> bytes:
    """`body` without its content coding (RFC 9110, 8.4): none, gzip or zstd.

    Raises:
        ProblemError: 415, another coding; 400, it is damaged; 413, it unpacks to more than `limit` bytes.
    """
    if coding in ("", "identity"):
        return body
    if coding in ("gzip", "x-gzip"):
        return _unpack(body, limit, "gzip", lambda: zlib.decompressobj(wbits=31), zlib.error)
    if coding == "zstd":
        unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        return _unpack(body, limit, "zstd", unpacker.decompressobj, zstandard.ZstdError)
    accepted = {"Accept-Encoding": "gzip, zstd"}
    raise ProblemError(415, "content_coding", "Send the body plain, or packed with gzip or zstd.", accepted)


class _Member(Protocol):
    """A gzip member or a zstd frame under way."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _unpack(
    body: bytes, limit: int, coding: str, start: Callable[[], _Member], broken: type[Exception]
) -> bytes:
    """Members one after another, in steps small enough to stop soon after `limit`."""
    parts: list[bytes] = []
    at, n_left = 0, limit
    while at < len(body):
        member = start()
        while not member.eof:
            if at >= len(body):
                raise _damaged(coding)
            try:
                part = member.decompress(body[at : at + _STEP])
            except broken:
                raise _damaged(coding) from None
            at += _STEP
            n_left -= len(part)
            if n_left < 0:
                raise _too_large(limit)
            parts.append(part)
        at = min(at, len(body)) - len(member.unused_data)
    return b"".join(parts)


def _too_large(limit: int) -> ProblemError:
    shown = f"{limit >> 20} MiB" if limit >= 1 << 20 else f"{limit >> 10} KiB"
    return ProblemError(413, "too_large", f"More than {shown}. Send it in smaller parts.", _CLOSE)


def _damaged(coding: str) -> ProblemError:
    return ProblemError(400, "damaged", f"The {coding} stream is damaged or cut off.")
