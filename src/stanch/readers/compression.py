"""Compressed streams, unpacked piece by piece: bounded in memory, kept up to where they break.

gzip (RFC 1952) by zlib, zstd (RFC 8878) by zstandard; several members or frames one after another
are one stream, as the tools of both formats have it.
"""

from __future__ import annotations

import zlib
from typing import Final, Protocol

import zstandard

from stanch.errors import EvidenceError

GZIP_MAGIC: Final = b"\x1f\x8b"
ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
#: Compressed bytes per step. A block of zstd can say 128 KiB in four bytes (RFC 8878, 3.1.1.2.3),
#: so that a step gives at most 128 MiB; gzip is bounded by `_STEP_OUT`.
_STEP_IN: Final = 4 << 10
_STEP_OUT: Final = 1 << 20
#: `zstd --long=27` writes the largest window that its command line reads without being told to.
_MAX_WINDOW: Final = 1 << 27


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


class GzipStream:
    """Unpacks gzip."""

    def __init__(self, packed: _Bytes) -> None:
        self._packed = packed
        self._member = zlib.decompressobj(wbits=31)

    def read_some(self) -> bytes:
        """The next piece, `b""` at the end.

        Raises:
            EvidenceError: the stream breaks off or is damaged here.
        """
        while True:
            data = self._member.unconsumed_tail or self._member.unused_data
            if self._member.eof:
                data = (data or self._packed.read(_STEP_IN)).lstrip(b"\0")  # padding of tapes
                if data:
                    self._member = zlib.decompressobj(wbits=31)
            data = data or self._packed.read(_STEP_IN)
            if not data:
                if self._member.eof:
                    return b""
                raise EvidenceError("the gzip stream ends too early")
            try:
                piece = self._member.decompress(data, _STEP_OUT)
            except zlib.error as error:
                raise EvidenceError(f"the gzip stream is damaged: {error}") from error
            if piece:
                return piece


class ZstdStream:
    """Unpacks zstd."""

    def __init__(self, packed: _Bytes) -> None:
        self._packed = packed
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
        self._frame = self._unpacker.decompressobj()
        self._begun = False

    def read_some(self) -> bytes:
        """The next piece, `b""` at the end.

        Raises:
            EvidenceError: the stream breaks off or is damaged here.
        """
        while True:
            data = b""
            if self._frame.eof:
                data = self._frame.unused_data
                self._frame, self._begun = self._unpacker.decompressobj(), False
            data = data or self._packed.read(_STEP_IN)
            if not data:
                if not self._begun:
                    return b""
                raise EvidenceError("the zstd stream ends too early")
            self._begun = True
            try:
                piece = self._frame.decompress(data)
            except zstandard.ZstdError as error:
                raise EvidenceError(f"the zstd stream is damaged: {error}") from error
            if piece:
                return piece
