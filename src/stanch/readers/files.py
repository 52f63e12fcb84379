"""Files as they come: patterns, compression, standard input, and what may not be opened.

Compression is told by the first bytes, never by the name: gzip (RFC 1952, 1f 8b), zstd (RFC 8878,
28 b5 2f fd). A damaged stream ends where the damage is; what came before it is read.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import stat
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from stanch.errors import EvidenceError, UsageError
from stanch.readers.compression import GZIP_MAGIC, ZSTD_MAGIC, GzipStream, ZstdStream

STDIN: Final = "-"
_CHUNK: Final = 1 << 20


def list_paths(patterns: Sequence[str]) -> list[str]:
    """Every file that `patterns` name, in the order given, globs sorted, each file once
    (whatever it is called).

    A name that exists is taken as it stands even if it holds `*`, `?` or `[`.

    Raises:
        UsageError: a pattern matches nothing, or names a folder.
    """
    found: dict[str, str] = {}
    for pattern in patterns:
        if pattern == STDIN or os.path.lexists(pattern):
            matches = [pattern]
        else:
            matches = [m for m in sorted(glob.glob(pattern, recursive=True)) if not Path(m).is_dir()]
        if not matches:
            raise UsageError("no such file", file=show_path(pattern), hint="check the name or the pattern")
        for match in matches:
            if match != STDIN and Path(match).is_dir():
                raise UsageError(
                    "is a folder", file=show_path(match), hint="name its files, as in 'logs/*.gz'"
                )
            found.setdefault(os.path.realpath(match) if match != STDIN else STDIN, match)
    return list(found.values())


def show_path(path: str) -> str:
    """`path` fit for JSON and a terminal: bytes that are no UTF-8 and control characters replaced."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


class _HashingRaw(io.RawIOBase):
    """Reads a file, hashing every byte that passes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer)) or b""
        self.sha256.update(data)
        buffer[: len(data)] = data
        return len(data)


class Source:
    """One opened input: its bytes without compression, its hash, and its damage if it has any."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.shown = show_path(path)
        #: Why the stream ended early, None if it did not.
        self.damage: str | None = None
        self._spooled: Path | None = None
        file = _open(path)
        self._closes = file if path != STDIN else None
        self._raw = _HashingRaw(file)
        self._buffered = io.BufferedReader(self._raw, _CHUNK)
        magic = self._buffered.peek(4)[:4]
        self._unpacked: GzipStream | ZstdStream | None = None
        self.compression = ""
        if magic.startswith(GZIP_MAGIC):
            self._unpacked, self.compression = GzipStream(self._buffered), "gzip"
        elif magic == ZSTD_MAGIC:
            self._unpacked, self.compression = ZstdStream(self._buffered), "zstd"
        self._head = b""
        self._head = self.read(_CHUNK) + self._head

    @property
    def head(self) -> bytes:
        """The first bytes (up to 1 MiB) that are not read yet."""
        return self._head

    def read(self, size: int) -> bytes:
        """The next bytes, `b""` at the end or where the stream is damaged."""
        if self._head:
            data, self._head = self._head[:size], self._head[size:]
            return data
        parts: list[bytes] = []
        missing = size
        while missing > 0 and (part := self._read_some(missing)):
            parts.append(part)
            missing -= len(part)
        data = b"".join(parts)
        self._head = data[size:]
        return data[:size]

    def _read_some(self, size: int) -> bytes:
        if self.damage is not None:
            return b""
        try:
            return self._unpacked.read_some() if self._unpacked else self._buffered.read(size)
        except EvidenceError as error:
            self.damage = error.message
        except OSError as error:
            self.damage = str(error.strerror)
        return b""

    def finish(self) -> str:
        """Read what is left and return the SHA-256 of the file as it is stored, in hexadecimal."""
        try:
            while self._buffered.read(_CHUNK):
                pass
        except OSError as error:
            self.damage = self.damage or str(error.strerror)
        return self._raw.sha256.hexdigest()

    def find_path(self) -> Path:
        """A path for libraries that need to seek; standard input and pipes are copied to a file."""
        if self.path != STDIN and Path(self.path).is_file():
            return Path(self.path)
        if self._spooled is None:
            with tempfile.NamedTemporaryFile(prefix="stanch-", delete=False) as copy:
                self._spooled = Path(copy.name)
                while data := self.read(_CHUNK):
                    copy.write(data)
        return self._spooled

    def close(self) -> None:
        """Close the file and remove its copy if one was made."""
        if self._closes is not None:
            self._closes.close()
        if self._spooled is not None:
            self._spooled.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _open(path: str) -> BinaryIO:
    """Open for reading what can be read to an end.

    Raises:
        EvidenceError: the file cannot be opened, or is a named pipe or a device.
    """
    if path == STDIN:
        return sys.stdin.buffer
    shown = show_path(path)
    try:
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or _is_anonymous_pipe(path, mode)):
            raise EvidenceError(
                "is no regular file", file=shown, hint="pipe it into standard input and name it -"
            )
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise EvidenceError(f"cannot be opened: {error.strerror}", file=shown) from error


def _is_anonymous_pipe(path: str, mode: int) -> bool:
    """Whether this is `<(command)`: a pipe with a writer, where a named one may wait for ever."""
    return stat.S_ISFIFO(mode) and os.path.realpath(path).rpartition("/")[2].startswith("pipe:")
