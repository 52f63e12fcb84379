"""What the counters are kept by: an attempt -> keyed hashes of 64 bits.

Accounts and devices are hashed under a secret key (BLAKE2b, RFC 7693, keyed) before they get into any
counter. Addresses and networks are numbers already and are mixed with a secret only so that nobody can aim
at one place of a table.
"""

from __future__ import annotations

import hashlib
import re
import socket
from typing import Final

from msgspec import Struct

from stanch.errors import StanchError
from stanch.guard.attempts import Attempt

_MASK: Final = 2**64 - 1
_DIGITS: Final = re.compile(r"\d+")
#: Clients and places are few; their hashes are kept, so many at most.
_MOST_KEPT: Final = 50_000
_HOUR_US: Final = 3_600_000_000
_MOST_TURNS: Final = 10


class AddressError(StanchError):
    """An attempt whose address is none."""


class Keys(Struct, array_like=True, frozen=True, gc=False):
    """Hashes of one attempt, 64 bits each; 0 where nothing is known."""

    account: int
    #: The device that the shop knows, else the client.
    device: int
    #: The client without its version.
    family: int
    client: int
    #: The address, or the /64 that one IPv6 line is given (RFC 6177).
    host: int
    #: Its /24 or /48.
    net: int
    #: Operator and country where given, else /16 or /32.
    place: int


class KeyMaker:
    """Makes keys under one secret of at least 16 bytes."""

    def __init__(self, secret: bytes) -> None:
        self._secret = hashlib.blake2b(secret, digest_size=32, person=b"stanch-guard").digest()
        self._salt = int.from_bytes(self._secret[:8])
        self._factor = int.from_bytes(self._secret[8:16]) | 1
        self._clients: dict[tuple[str | None, str | None], tuple[int, int]] = {}
        self._places: dict[tuple[str | None, str | None], int] = {}
        #: Attempts without an account in this hour, by what stands for it.
        self._turns: dict[int, int] = {}
        self._hour = 0

    def make(self, attempt: Attempt) -> Keys:
        """The keys of one attempt.

        Raises:
            AddressError: its address is none.
        """
        ip = attempt.ip
        try:
            if ":" in ip:
                number = int.from_bytes(socket.inet_pton(socket.AF_INET6, ip)[:8])
                host, net, region = number | 1 << 64, number >> 16 | 2 << 64, number >> 32 | 3 << 64
            else:
                number = int.from_bytes(socket.inet_pton(socket.AF_INET, ip))
                host, net, region = number | 4 << 64, number >> 8 | 5 << 64, number >> 16 | 6 << 64
        except (OSError, ValueError) as error:
            raise AddressError(f"{ip[:60]!r} is no address") from error
        client, family = self._name_client(attempt.ja4, attempt.user_agent)
        if attempt.asn is None and attempt.country is None:
            place = self._mix(region)
        else:
            place = self._name_place(attempt.asn, attempt.country)
        host = self._mix(host)
        # However it is spelt, it is one account: phones write the first letter large, attackers any.
        name = attempt.account.casefold()
        account = self.hash("account", name) if name else self._stand_in(host ^ client, attempt.time_us)
        device = self.hash("device", attempt.device) if attempt.device else client
        return Keys(account, device, family, client, host, self._mix(net), place)

    def hash(self, kind: str, name: str) -> int:
        """The hash of a name of a kind: 1 to 2^64 - 1."""
        digest = hashlib.blake2b(
            f"{kind} {name}".encode("utf-8", "surrogatepass"), key=self._secret, digest_size=8
        ).digest()
        return int.from_bytes(digest) or 1

    def _mix(self, number: int) -> int:
        """Spread a number over 64 bits (multiply and fold, Knuth, TAOCP 3, 6.4)."""
        number = (number ^ self._salt) * self._factor
        return ((number ^ number >> 47) * self._factor >> 13 & _MASK) or 1

    def _stand_in(self, key: int, time_us: int) -> int:
        """What stands for an account that is not named: address and client, ten times an hour.

        Nobody comes more often, so each attempt beyond that counts as on an account of its own, as in the
        batch model (`stuffing_turns.sql`).
        """
        hour = time_us // _HOUR_US
        if hour > self._hour or len(self._turns) >= _MOST_KEPT:
            self._turns.clear()
            self._hour = max(hour, self._hour)
        turn = self._turns[key] = self._turns.get(key, 0) + 1
        return self._mix(key if turn <= _MOST_TURNS else key + (hour << 32 | turn))

    def _name_client(self, ja4: str | None, agent: str | None) -> tuple[int, int]:
        known = self._clients.get((ja4, agent))
        if known is None:
            if len(self._clients) >= _MOST_KEPT:
                self._clients.clear()
            text = f"{ja4 or ''} {agent or ''}".strip()
            known = (0, 0)
            if text:
                known = self.hash("client", text), self.hash("family", _DIGITS.sub("", text))
            self._clients[ja4, agent] = known
        return known

    def _name_place(self, asn: str | None, country: str | None) -> int:
        known = self._places.get((asn, country))
        if known is None:
            if len(self._places) >= _MOST_KEPT:
                self._places.clear()
            known = self._places[asn, country] = self.hash("place", f"{asn or ''} {country or ''}")
        return known
