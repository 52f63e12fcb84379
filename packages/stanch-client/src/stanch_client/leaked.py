"""Asking for leaked credentials without showing them to anybody.

The list that the operator made (`stanch leaked build`) and the shop share a key. What goes over the wire is

    HMAC-SHA-256(key, 00 || hash of the password)                 for a list of passwords
    HMAC-SHA-256(key, 01 || hash of the password || account)      for a list of pairs

cut to 8 bytes, in hexadecimal; the account in UTF-8, blanks around it removed, in lower case. Without the
key nothing can be tried against it.
"""

from __future__ import annotations

import hmac
import re
from pathlib import Path
from typing import Final

#: SHA-1 or NTLM in hexadecimal, as lists have them.
_HASH: Final = re.compile(r"(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})")
_MIN_KEY_BYTES: Final = 16


class LeakedKey:
    """The key of one list."""

    def __init__(self, key: bytes) -> None:
        if len(key) < _MIN_KEY_BYTES:
            raise ValueError(f"a key has {_MIN_KEY_BYTES} bytes or more")
        self._key = key

    @classmethod
    def read(cls, path: str | Path) -> LeakedKey:
        """The key in a file as `stanch leaked build` makes it: hexadecimal."""
        return cls(bytes.fromhex(Path(path).read_text(encoding="ascii").strip()))

    def hash_password(self, password_hash: str) -> str:
        """What to send about a password, known by its SHA-1 (or NTLM) hash in hexadecimal.

        Raises:
            ValueError: this is no such hash; what it is does not stand in the message.
        """
        return self._hash(b"\0" + _decode(password_hash))

    def hash_pair(self, password_hash: str, account: str) -> str:
        """What to send about a password with its account.

        Raises:
            ValueError: this is no such hash.
        """
        name = account.strip().lower().encode("utf-8", "replace")
        return self._hash(b"\1" + _decode(password_hash) + name)

    def _hash(self, message: bytes) -> str:
        return hmac.digest(self._key, message, "sha256")[:8].hex()


def _decode(password_hash: str) -> bytes:
    if not _HASH.fullmatch(password_hash):
        raise ValueError("no SHA-1 or NTLM hash in hexadecimal")
    return bytes.fromhex(password_hash)
