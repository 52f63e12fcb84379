"""A log that is being written: its new lines, through rotation and restarts, each once.

Rotated by rename (the old file is read to its end, as long as it is still written to) or by copying and
truncating (told by the file's size and its first bytes; what is written between copy and truncation nobody
can read). A line is given once its end is written. Files that were compressed meanwhile are not read.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from stanch.readers.lines import MAX_LINE_BYTES

#: Bytes read at a time.
_BLOCK: Final = 1 << 20
#: First bytes that tell a file from another with the same number.
_HEAD_BYTES: Final = 256
#: After a rotation by rename the server goes on in the old file until it is told; read so long, it is done.
GRACE_S: Final = 2.0
#: What logrotate puts behind a name: `.1`, `-20260301`, `.2026-03-01_10` (logrotate(8), dateformat).
_ROTATED: Final = re.compile(r"(?:[-._]?\d[\d_.:T-]*)?")


class Position(Struct, frozen=True):
    """How far a log was read: the file by its number and first bytes, and the next byte."""

    inode: int
    offset: int
    n_head: int
    head: str


class Follower:
    """Follows the log at `path` from `start`, or from the beginning. `clock` counts seconds."""

    def __init__(
        self, path: Path, start: Position | None, clock: Callable[[], float], grace_s: float = GRACE_S
    ) -> None:
        self._path = path
        self._clock = clock
        self._grace_s = grace_s
        self._file: BinaryIO | None = None
        self._offset = 0
        self._carry = b""
        self._skipping = False
        #: Length and hash of the first bytes as they were read.
        self._seen_head = (0, "")
        self._rotated_at: float | None = None
        self._has_read = False
        #: Files to be read to their end before the log itself.
        self._older: deque[Path] = deque()
        #: What could not be read, in words.
        self.lost = ""
        if start is not None:
            self._resume(start)

    @property
    def position(self) -> Position:
        """Behind the last line that was given."""
        if self._file is None:
            return Position(0, 0, 0, "")
        inode = os.fstat(self._file.fileno()).st_ino
        # As the first bytes were when they were read: the file may have been truncated since.
        return Position(inode, self._offset - len(self._carry), *self._seen_head)

    def read(self) -> bytes:
        """The next whole lines; empty if there are none just now."""
        if self._file is None and not self._open_next():
            return b""
        assert self._file is not None
        size = os.fstat(self._file.fileno()).st_size
        if size < self._offset:
            self._rewind()
        elif size == self._offset:
            return self._leave() if self._is_done() else b""
        elif self._head_changed():
            self._rewind()
        data = os.pread(self._file.fileno(), _BLOCK, self._offset)
        self._offset += len(data)
        if self._seen_head[0] < _HEAD_BYTES:
            n_head = min(self._offset, _HEAD_BYTES)
            self._seen_head = (n_head, _hash_head(self._file, n_head))
        self._rotated_at = None if data else self._rotated_at
        return self._cut(data)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _cut(self, data: bytes) -> bytes:
        """Whole lines of what was read; the rest waits for its end, unless it is far too long for a line."""
        if self._skipping:
            end = data.find(b"\n") + 1
            if not end:
                return b""
            data, self._skipping = data[end:], False
        end = data.rfind(b"\n") + 1
        if end:
            lines, self._carry = self._carry + data[:end], data[end:]
        else:
            lines, self._carry = b"", self._carry + data
        if len(self._carry) > MAX_LINE_BYTES:
            self._carry, self._skipping = b"", True
        return lines

    def _head_changed(self) -> bool:
        """Whether the first bytes are others: it was truncated, and has grown past where we were."""
        assert self._file is not None
        n_head, head = self._seen_head
        return n_head > 0 and _hash_head(self._file, n_head) != head

    def _is_done(self) -> bool:
        """Whether this file was read to its end and another has taken its place."""
        if self._older:
            return True
        assert self._file is not None
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        here = os.fstat(self._file.fileno())
        if (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev):
            self._rotated_at = None
            return False
        if self._rotated_at is None:
            self._rotated_at = self._clock()
        return self._clock() - self._rotated_at >= self._grace_s

    def _leave(self) -> bytes:
        """Go on to the next file; a last line without an end counts as one."""
        last = self._carry
        self.close()
        self._rotated_at = None
        if not self._open_next():
            self._carry = b""
        return last + b"\n" if last else self.read()

    def _open_next(self) -> bool:
        path = self._older.popleft() if self._older else self._path
        try:
            self._file = path.open("rb", buffering=0)
        except FileNotFoundError:
            return False
        except PermissionError:
            # Just after a rotation the new file may not have its owner yet.
            if self._has_read:
                return False
            raise
        self._has_read = True
        self._rewind()
        return True

    def _rewind(self) -> None:
        self._offset, self._carry, self._skipping = 0, b"", False
        self._seen_head = (0, "")

    def _resume(self, start: Position) -> None:
        """Open the file that `start` speaks of, wherever it is now, and put what came after it in line."""
        files = sorted(self._list_files(), key=lambda path: path.stat().st_mtime_ns)
        found = [n for n, path in enumerate(files) if _is_at(path, start)]
        same = [n for n in found if files[n].stat().st_ino == start.inode]
        if not found:
            if start.offset:
                self.lost = "the file that was read last is gone; lines in it after that are lost"
            return
        number = (same or found)[0]
        later = [path for path in files[number + 1 :] if path != self._path]
        self._older.extend([files[number], *later] if files[number] != self._path else [])
        if self._open_next():
            self._offset = start.offset
            self._seen_head = (start.n_head, start.head)

    def _list_files(self) -> list[Path]:
        """The log and its rotated forms: its name with a number or a date behind it."""
        name = self._path.name
        if not self._path.parent.is_dir():
            return []
        near = [path for path in self._path.parent.iterdir() if path.name.startswith(name)]
        return [path for path in near if _ROTATED.fullmatch(path.name[len(name) :]) and path.is_file()]


def _is_at(path: Path, position: Position) -> bool:
    """Whether a file is the one of `position`, and reaches so far."""
    try:
        with path.open("rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            if not position.n_head:
                return found.st_ino == position.inode
            is_long = found.st_size >= position.offset
            return is_long and _hash_head(file, position.n_head) == position.head
    except OSError:
        return False


def _hash_head(file: BinaryIO, n_bytes: int) -> str:
    return hashlib.sha256(os.pread(file.fileno(), n_bytes, 0)).hexdigest()[:32]
