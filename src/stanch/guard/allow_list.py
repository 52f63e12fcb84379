"""The allow-list: who is never challenged, denied or banned. It fails safe.

A text file, one entry a line: an address, a network in CIDR notation, or `account:NAME`; `#` starts a
comment. It is read again when it changes. While it cannot be read or holds a line that is none of these,
the entries read last stay allowed and nobody at all is banned: whom the broken line meant to protect is
not known.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

LOG: Final = logging.getLogger("stanch.guard")
_MAX_BYTES: Final = 16 << 20
_ACCOUNT: Final = "account:"
#: A name may hold the sign itself.
_COMMENT: Final = re.compile(r"(?:^|\s)#")


@dataclass(frozen=True, slots=True)
class _Entries:
    accounts: frozenset[str] = frozenset()
    #: (version, length of the prefix) -> the networks of that size, as numbers.
    networks: dict[tuple[int, int], set[int]] = field(default_factory=dict)


class AllowList:
    """The entries of one file, or none at all if `path` is None. Accounts compare by `normalise`."""

    def __init__(self, path: Path | None, normalise: Callable[[str], str] = str.casefold) -> None:
        self._path = path
        self._normalise = normalise
        self._entries = _Entries()
        self._seen: tuple[int, int, int] | None = None
        #: Why nobody may be banned just now; empty: the list is in order.
        self.problem = ""
        self.refresh()

    @property
    def may_ban(self) -> bool:
        """Whether bans may be made and given out."""
        return not self.problem

    def __len__(self) -> int:
        return len(self._entries.accounts) + sum(map(len, self._entries.networks.values()))

    def allows(self, ip: str, account: str = "") -> bool:
        """Whether the address or the account is on the list."""
        if account and self._normalise(account) in self._entries.accounts:
            return True
        if not self._entries.networks:
            return False
        try:
            address = ipaddress.ip_address(ip)
        except ValueError:
            return False
        number, bits = int(address), address.max_prefixlen
        return any(
            version == address.version and number >> (bits - length) in found
            for (version, length), found in self._entries.networks.items()
        )

    def touches(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
        """Whether any address of a network is on the list."""
        first, bits = int(network.network_address), network.max_prefixlen
        for (version, length), found in self._entries.networks.items():
            if version != network.version:
                continue
            if length <= network.prefixlen:
                if first >> (bits - length) in found:
                    return True
                continue
            begin, n_parts = first >> (bits - length), 1 << (length - network.prefixlen)
            if any(begin <= place < begin + n_parts for place in found):
                return True
        return False

    def follow(self, path: Path | None) -> None:
        """Read another file from now on, or none."""
        if path != self._path:
            self._path, self._seen, self.problem, self._entries = path, None, "", _Entries()
            self.refresh()

    def refresh(self) -> bool:
        """Read the file again if it changed; True if anything is different now. Cheap if not."""
        if self._path is None:
            return False
        try:
            seen = _look(self._path)
            if seen == self._seen and not self.problem:
                return False
            self._entries = _read(self._path, self._normalise)
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else None
            return self._fail(f"{self._path}: {told or error}")
        if self.problem:
            LOG.warning("the allow-list %s is in order again: bans are possible again", self._path)
        self.problem, self._seen = "", seen
        return True

    def _fail(self, problem: str) -> bool:
        if problem == self.problem:
            return False
        LOG.error("allow-list %s; NOBODY IS BANNED until it is in order", problem)
        self.problem = problem
        return True


def _look(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path, normalise: Callable[[str], str]) -> _Entries:
    """The entries of the file.

    Raises:
        OSError: it cannot be read.
        ValueError: a line is no entry, or the file is far too large for a list of exceptions.
    """
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ValueError(f"is larger than {_MAX_BYTES >> 20} MiB")
    accounts: set[str] = set()
    networks: dict[tuple[int, int], set[int]] = {}
    for number, line in enumerate(data.decode("utf-8-sig").splitlines(), start=1):
        entry = _COMMENT.split(line, maxsplit=1)[0].strip()
        if not entry:
            continue
        if entry.startswith(_ACCOUNT) and (name := entry.removeprefix(_ACCOUNT).strip()):
            accounts.add(normalise(name))
            continue
        try:
            network = ipaddress.ip_network(entry)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        number_of = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        networks.setdefault((network.version, network.prefixlen), set()).add(number_of)
    return _Entries(frozenset(accounts), networks)
