"""The service's own key: signs what pages hand out, hashes sessions and bodies. It never leaves its file."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from stanch.errors import StoreError

T = TypeVar("T")

FILE_NAME: Final = "service.key"
#: The key that was in use before, for what must outlive a change of keys: devices that are known.
OLD_FILE_NAME: Final = "service.key.old"
_KEY_BYTES: Final = 32


class Secrets:
    """What follows from the key, a key of its own for each purpose (HKDF-Expand, RFC 5869, one block)."""

    def __init__(self, key: bytes, old: tuple[bytes, ...] = ()) -> None:
        self._key = key
        self._old = old

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose alone."""
        return hmac.digest(self._key, purpose.encode() + b"\x01", "sha256")

    def derive_all(self, purpose: str) -> tuple[bytes, ...]:
        """The same, and what followed from keys that were in use before, the present one first."""
        return tuple(Secrets(key).derive(purpose) for key in (self._key, *self._old))

    def fingerprint(self, body: bytes) -> bytes:
        """A keyed hash of a body: a plain one would let what stands in it be guessed."""
        return hmac.digest(self.derive("fingerprint"), hashlib.sha256(body).digest(), "sha256")

    def sign(self, purpose: str, value: object) -> str:
        """`value` as text that only this service can make."""
        payload = msgspec.msgpack.encode(value)
        tag = hmac.digest(self.derive(purpose), payload, "sha256")[:16]
        return base64.urlsafe_b64encode(tag + payload).decode().rstrip("=")

    def open(self, purpose: str, text: str, kind: type[T]) -> T | None:
        """The value that was signed for the same purpose; None if `text` is anything else."""
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        tag, payload = data[:16], data[16:]
        if not hmac.compare_digest(tag, hmac.digest(self.derive(purpose), payload, "sha256")[:16]):
            return None
        try:
            return msgspec.msgpack.decode(payload, type=kind)
        except msgspec.DecodeError:
            return None


def load_secrets(data_dir: Path) -> Secrets:
    """The key in `data_dir`, made on the first start, readable by its owner alone.

    Raises:
        StoreError: it cannot be read or made.
    """
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
        old_path = data_dir / OLD_FILE_NAME
        old = (old_path.read_bytes(),) if old_path.exists() else ()
    except OSError as error:
        raise StoreError(
            f"cannot be used: {error.strerror}", file=str(error.filename or path), hint="set service.data_dir"
        ) from error
    if len(key) != _KEY_BYTES:
        raise StoreError("is no key of this service", file=str(path), hint="put the right one in its place")
    return Secrets(key, old)


def _make_key(path: Path) -> None:
    """Write a new key whole or not at all; another start that was faster wins."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
