"""Lines of lists of leaked credentials -> keys. Nothing of a line outlives its turn in the loop.

Hashes, with or without how often each was seen, as Have I Been Pwned gives them out
(https://haveibeenpwned.com/API/v3#PwnedPasswords), SHA-1 or NTLM:

    21BD12DC183F740EE76F27B78EB39C8AD972A757:83129
    8846F7EAEE8FB117AD06BDD830B7586C

Pairs, with the hash of the password or the password itself:

    ann@example.org:21BD12DC183F740EE76F27B78EB39C8AD972A757
    ann@example.org:correct horse

Keys are what a shop computes for what its customer typed:

    HMAC-SHA-256(key, 00 || hash)             for hashes
    HMAC-SHA-256(key, 01 || hash || account)  for pairs

cut to 8 bytes; the hash is that of the list, SHA-1 (of UTF-8) where the list has passwords; the account in
UTF-8, blanks around it removed, in lower case.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from typing import BinaryIO, Final, Literal

Kind = Literal["hashes", "pairs of hashes", "pairs of passwords"]

_HASH: Final = re.compile(rb"([0-9A-Fa-f]{40}|[0-9A-Fa-f]{32})(?::(\d+))?")
_PAIR: Final = re.compile(rb"([^:;\t]+)[:;\t](.+)", re.DOTALL)
_BARE_HASH: Final = re.compile(rb"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{32}")
#: A longer line is none of a list.
_MAX_LINE: Final = 4096
_N_SAMPLE: Final = 1_000


def tell_kind(lines: Iterable[bytes]) -> Kind:
    """What the first lines of a list are, most of them."""
    sample = [line.strip() for line in lines if line.strip()][:_N_SAMPLE]
    if 2 * sum(_HASH.fullmatch(line) is not None for line in sample) > len(sample):
        return "hashes"
    pairs = [match[2] for line in sample if (match := _PAIR.fullmatch(line))]
    hashed = sum(_BARE_HASH.fullmatch(secret) is not None for secret in pairs)
    return "pairs of hashes" if pairs and 2 * hashed > len(pairs) else "pairs of passwords"


def read_keys(file: BinaryIO, kind: Kind, key: bytes, add: Callable[[int], None]) -> tuple[int, int]:
    """Give `add` the key of each line; how many lines were read, and how many were none of the kind."""
    n_read = n_refused = 0
    make = {"hashes": _make_hash, "pairs of hashes": _make_pair, "pairs of passwords": _make_plain}[kind]
    while line := file.readline(_MAX_LINE):
        if not line.endswith(b"\n") and len(line) == _MAX_LINE:
            _skip_line(file)
            n_refused += 1
            continue
        line = line.rstrip(b"\r\n")
        if not line:
            continue
        message = make(line)
        if message is None:
            n_refused += 1
        elif message:
            n_read += 1
            add(int.from_bytes(hmac.digest(key, message, "sha256")[:8]))
    return n_read, n_refused


def _make_hash(line: bytes) -> bytes | None:
    """What is hashed for one line; empty for padding, which was seen 0 times; None for no such line."""
    match = _HASH.fullmatch(line)
    if match is None:
        return None
    return b"" if match[2] is not None and int(match[2]) == 0 else b"\0" + bytes.fromhex(match[1].decode())


def _make_pair(line: bytes) -> bytes | None:
    match = _PAIR.fullmatch(line)
    if match is None or not _BARE_HASH.fullmatch(match[2]):
        return None
    return b"\1" + bytes.fromhex(match[2].decode()) + _fold(match[1])


def _make_plain(line: bytes) -> bytes | None:
    match = _PAIR.fullmatch(line)
    if match is None:
        return None
    return b"\1" + hashlib.sha1(match[2], usedforsecurity=False).digest() + _fold(match[1])


def _fold(account: bytes) -> bytes:
    return account.decode("utf-8", "replace").strip().lower().encode()


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(_MAX_LINE)) and not rest.endswith(b"\n"):
        pass
