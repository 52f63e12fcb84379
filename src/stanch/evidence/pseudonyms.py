"""Keyed hashes for people: the same person is the same string, and the string names nobody."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

from stanch.errors import UsageError

MIN_KEY_BYTES: Final = 16
#: 96 bits: the chance that two of a thousand million people collide is below 1e-11.
_DIGEST_CHARACTERS: Final = 24


class Pseudonymiser:
    """HMAC-SHA-256 (RFC 2104) under one key, cut to 96 bits."""

    def __init__(self, key: bytes) -> None:
        # Keyed once: a copy of the keyed state is cheaper than keying anew for every value.
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def hash(self, value: str) -> str:
        """The pseudonym of `value`: 24 hexadecimal digits."""
        state = self._keyed.copy()
        state.update(value.encode("utf-8", "surrogatepass"))
        return state.hexdigest()[:_DIGEST_CHARACTERS]


def read_key(path: Path) -> bytes:
    """The key in `path`, surrounding blanks removed.

    Raises:
        UsageError: the file cannot be read or holds fewer than 16 bytes.
    """
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise UsageError(f"the key cannot be read: {error.strerror}", file=str(path)) from error
    if len(key) < MIN_KEY_BYTES:
        raise UsageError(
            f"the key has {len(key)} bytes, at least {MIN_KEY_BYTES} are needed",
            file=str(path),
            hint="make one with: head -c 32 /dev/urandom | base64 > KEYFILE",
        )
    return key


def session_hasher() -> Pseudonymiser:
    """A hasher under a fresh random key, for sessions of runs without `--pseudonymise`.

    The hashes join tables within one run and mean nothing after it.
    """
    return Pseudonymiser(secrets.token_bytes(32))
