"""Passwords: hashed by Argon2id, and none that is short, known to leak, or follows from a name.

Memory, passes and lanes are those of the OWASP Password Storage Cheat Sheet; a hash carries its own, so they
can be raised at any time. What a password has to be follows NIST SP 800-63B-4, 3.1.1.2: long, compared with
lists of common and leaked ones, no rules of composition.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from stanch.console.pages import MistakeError
from stanch.guard.leaked import LeakedFilter
from stanch.service.state import Service

SHORTEST: Final = 12
LONGEST: Final = 200
_MEMORY_KIB: Final = 19 << 10
_PASSES: Final = 2
#: Fewer different characters than this are a pattern.
_FEWEST_DIFFERENT: Final = 5


def hash_password(password: str) -> str:
    """A hash in the PHC format; takes some 30 ms."""
    argon = Argon2id(
        salt=secrets.token_bytes(16), length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB
    )
    return argon.derive_phc_encoded(_normalise(password))


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether it is the one that was hashed; without a hash it takes as long and is not."""
    try:
        Argon2id.verify_phc_encoded(_normalise(password), password_hash or _decoy())
    except InvalidKey:
        return False
    return password_hash is not None


def check_password(password: str, name: str, leaked: LeakedList | None) -> None:
    """See that a new password is a good one.

    Raises:
        MistakeError: what is wrong with it.
    """
    if len(password) < SHORTEST:
        raise MistakeError("password", "password_short", n=SHORTEST)
    if len(password) > LONGEST:
        raise MistakeError("password", "password_long", n=LONGEST)
    plain = password.casefold()
    if name.casefold() in plain or "stanch" in plain:
        raise MistakeError("password", "password_name")
    if len(set(plain)) < _FEWEST_DIFFERENT or plain in _list_common():
        raise MistakeError("password", "password_common")
    if leaked is not None and leaked.holds(password):
        raise MistakeError("password", "password_leaked")


class LeakedList:
    """The operator's list of leaked passwords with the key beside it."""

    def __init__(self, leaked: LeakedFilter, key: bytes) -> None:
        self._leaked = leaked
        self._key = key

    def holds(self, password: str) -> bool:
        """Whether a password is on it."""
        sha1 = hashlib.sha1(password.encode("utf-8", "replace"), usedforsecurity=False).digest()
        keyed = hmac.digest(self._key, b"\0" + sha1, "sha256")
        return self._leaked.holds([int.from_bytes(keyed[:8])])


def find_leaked(service: Service) -> LeakedList | None:
    """The list, where its key lies beside it as `stanch leaked build` makes both; else None."""
    if service.leaked is None:
        return None
    path = Path(service.settings.leaked).expanduser().with_suffix(".key")
    try:
        return LeakedList(service.leaked, bytes.fromhex(path.read_text("ascii").strip()))
    except (OSError, ValueError):
        return None


def _normalise(password: str) -> bytes:
    """The same bytes for what looks the same (RFC 8265, 4.2.2)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace")


@cache
def _decoy() -> str:
    return hash_password(secrets.token_hex(16))


@cache
def _list_common() -> frozenset[str]:
    text = files("stanch.console").joinpath("common_passwords.txt").read_text("utf-8")
    return frozenset(text.split())
