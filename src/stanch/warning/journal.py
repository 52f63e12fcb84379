"""Who was warned of an incident, kept so that nobody is warned twice, whatever kills the run.

JSON Lines, one record a line, each on disk (fsync) before the next step: `started` before a message leaves,
then `delivered` or `failed`. A message that has started and not ended - the power went, the server did not
answer - may have arrived: it is *doubtful*, and is not sent again unless a person says so. The file holds
keyed hashes (HMAC-SHA-256 under a key of its own) of customers and addresses, never these themselves.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

import msgspec

from stanch.errors import UsageError
from stanch.evidence.pseudonyms import Pseudonymiser

State = Literal["started", "delivered", "failed"]
_HEAD: Final = "stanch warned"


class _Head(msgspec.Struct):
    journal: str
    key: str


class _Record(msgspec.Struct):
    state: State
    keys: list[str]
    at: str
    channel: str = ""
    error: str = ""


class Journal:
    """The journal in a file, as far as it is about one incident; held by one process at a time.

    Raises:
        UsageError: the file is no journal, cannot be written, or another run holds it.
    """

    def __init__(self, path: Path, incident: str) -> None:
        self.path = path
        self._incident = incident
        self.states: dict[str, State] = {}
        try:
            self._file = path.open("a+b")
        except OSError as error:
            raise UsageError(f"cannot be written: {error.strerror}", file=str(path)) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._hasher = Pseudonymiser(self._load())
        except BlockingIOError as error:
            self._file.close()
            raise UsageError(
                "another run is sending", file=str(path), hint="wait for it, or stop it first"
            ) from error
        except OSError as error:
            self._file.close()
            raise UsageError(f"cannot be written: {error.strerror}", file=str(path)) from error
        except (msgspec.MsgspecError, ValueError) as error:
            self._file.close()
            raise UsageError("is no journal of warnings", file=str(path), hint="name another") from error

    def find(self, names: Iterable[str]) -> State | None:
        """What happened to a message to any of `names` (customer, address)."""
        states = {self.states.get(self.identify(name)) for name in names}
        return next((s for s in ("delivered", "started", "failed") if s in states), None)

    def record(
        self, state: State, names: Iterable[str], at: datetime, channel: str, *, error: str = ""
    ) -> None:
        """Write one record and wait until it is on disk."""
        keys = [self.identify(name) for name in names]
        self._append(_Record(state, keys, at.isoformat(timespec="seconds"), channel, error))
        self.states.update(dict.fromkeys(keys, state))

    def identify(self, name: str) -> str:
        """A name for `name` that stays the same over runs and tells nobody who it is."""
        return self._hasher.hash(f"{self._incident}\0{name.casefold()}")

    def close(self) -> None:
        """Let others have it."""
        self._file.close()

    def _load(self) -> bytes:
        self._file.seek(0)
        whole, newline, torn = self._file.read().rpartition(b"\n")
        if torn:  # killed while writing: nothing had left yet, or its start is on disk already
            if not newline and not b'{"journal":"'.startswith(torn[:12]):
                raise ValueError(self.path)
            self._file.truncate(len(whole) + len(newline))
        lines = whole.split(b"\n") if whole else []
        if not lines:
            head = _Head(_HEAD, secrets.token_hex(32))
            self._append(head)
            os.chmod(self.path, 0o600)
            return bytes.fromhex(head.key)
        head = msgspec.json.decode(lines[0], type=_Head)
        if head.journal != _HEAD:
            raise ValueError(self.path)
        for line in lines[1:]:
            record = msgspec.json.decode(line, type=_Record)
            self.states.update(dict.fromkeys(record.keys, record.state))
        return bytes.fromhex(head.key)

    def _append(self, record: msgspec.Struct) -> None:
        self._file.write(msgspec.json.encode(record) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
