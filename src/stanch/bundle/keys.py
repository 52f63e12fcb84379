"""The local key that signs bundles: Ed25519 (RFC 8032), kept as PKCS #8 PEM that only its owner may read.

The fingerprint is the SHA-256 of the public key as SubjectPublicKeyInfo DER (RFC 8410), so that OpenSSL gives
the same: `openssl pkey -pubin -in public_key.pem -outform DER | sha256sum`.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from stanch.errors import UsageError

ALGORITHM: Final = "Ed25519"
#: Names the key's file where `--signing-key` does not.
VARIABLE: Final = "STANCH_SIGNING_KEY"
_PREFIX: Final = "SHA256:"
_MAKE_ONE: Final = "make one with: openssl genpkey -algorithm ed25519 -out FILE"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, and whether it was made just now."""

    key: Ed25519PrivateKey
    path: Path | None = None
    is_new: bool = False

    @property
    def public_pem(self) -> bytes:
        """The public key as PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    @property
    def fingerprint(self) -> str:
        """`SHA256:` and 64 hexadecimal digits."""
        return write_fingerprint(self.key.public_key())

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of the signature; the same for the same data."""
        return self.key.sign(data)


def load_signer(given: Path | None, environment: Mapping[str, str]) -> Signer:
    """The key in the file `given`, else that of `STANCH_SIGNING_KEY`, else the user's own, made on first use.

    Raises:
        UsageError: it cannot be read or made, others may read it, or it is no Ed25519 key.
    """
    named = given or (Path(environment[VARIABLE]) if environment.get(VARIABLE) else None)
    path = named or _find_own(environment)
    try:
        is_new = named is None and not path.exists() and _make(path)
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise UsageError("others may read the signing key", file=str(path), hint=f"chmod 600 {path}")
        return Signer(_read(path), path, is_new)
    except OSError as error:
        why = "cannot be read" if named else "cannot be made"
        raise UsageError(
            f"the signing key {why}: {error.strerror}", file=str(path), hint=_MAKE_ONE
        ) from error


def make_passing_signer() -> Signer:
    """A key for this moment, kept nowhere."""
    return Signer(Ed25519PrivateKey.generate())


def read_public_key(pem: bytes) -> Ed25519PublicKey | None:
    """The Ed25519 key in `pem`, None where it holds none."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PublicKey) else None


def is_signed(key: Ed25519PublicKey, signature: bytes, data: bytes) -> bool:
    """Whether the holder of `key` signed `data`."""
    try:
        key.verify(signature, data)
    except InvalidSignature:
        return False
    return True


def write_fingerprint(key: Ed25519PublicKey) -> str:
    """`SHA256:` and the hash of the key in hexadecimal."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return _PREFIX + hashlib.sha256(der).hexdigest()


def read_fingerprint(text: str) -> str:
    """`text` as `write_fingerprint` writes it; case, blanks, colons and the prefix are free.

    Raises:
        UsageError: it has not 64 hexadecimal digits.
    """
    digits = text.strip().removeprefix(_PREFIX).replace(":", "").replace(" ", "").lower()
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):
        raise UsageError("--fingerprint has not 64 hexadecimal digits", hint="give it whole, as it was noted")
    return _PREFIX + digits


def _find_own(environment: Mapping[str, str]) -> Path:
    """Where the user's key lies (XDG Base Directory Specification)."""
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(environment.get("HOME") or "~", ".config")
    return Path(home).expanduser() / "stanch" / "signing.pem"


def _make(path: Path) -> bool:
    """Put a new key at `path`; False where another run was quicker."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        os.link(name, path)  # all at once, and never over a key that is there
    except FileExistsError:
        return False
    finally:
        os.unlink(name)
    return True


def _read(path: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError("holds no Ed25519 key without a password", file=str(path), hint=_MAKE_ONE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError("holds no Ed25519 key", file=str(path), hint=_MAKE_ONE)
    return key
