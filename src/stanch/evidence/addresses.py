"""IP addresses as they stand in files -> canonical text.

IPv4 as four decimal numbers without leading zeros (RFC 6943, 3.1.1: other forms are read
differently by different programs); IPv6 as RFC 5952 writes it; IPv4-mapped IPv6 (RFC 4291,
2.5.5.2) as the IPv4 address; port, brackets (RFC 3986, 3.2.2) and zone (RFC 4007, 11) left out.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

import polars as pl

_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = rf"^(?:{_OCTET}\.){{3}}{_OCTET}$"
_IPV4_PORT: Final = re.compile(rf"((?:{_OCTET}\.){{3}}{_OCTET})(?::[0-9]{{1,5}})?", re.ASCII)
_BRACKETS: Final = re.compile(r"\[([0-9A-Fa-f:.]{2,45})(?:%[\w.-]{1,32})?\](?::[0-9]{1,5})?", re.ASCII)
_BARE: Final = re.compile(r"([0-9A-Fa-f:.]{2,45})(?:%[\w.-]{1,32})?", re.ASCII)
_MAPPED: Final = bytes(10) + b"\xff\xff"


def parse_addresses(cells: pl.Series) -> pl.Series:
    """Canonical text row for row; null where the cell is empty or no address."""
    text = cells.cast(pl.String).str.strip_chars()
    plain = text.str.contains(_IPV4).fill_null(value=False)
    if plain.all():
        return text
    other = text.set(plain, None)
    found = {value: canonical_address(value) for value in other.unique().drop_nulls().to_list()}
    if not found:
        return text
    rest = other.replace_strict(found, default=None, return_dtype=pl.String)
    return text.zip_with(plain, rest)


def canonical_address(text: str) -> str | None:
    """The canonical form of one address, None if it is none."""
    if match := _IPV4_PORT.fullmatch(text):
        return match[1]
    match = _BRACKETS.fullmatch(text) or _BARE.fullmatch(text)
    if match is None:
        return None
    try:
        packed = socket.inet_pton(socket.AF_INET6, match[1])
    except OSError:
        return None
    if packed.startswith(_MAPPED):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    if packed.startswith(bytes(12)):
        # The C library writes these with a dotted end, RFC 5952 (5) does not ask for it.
        return ipaddress.IPv6Address(packed).compressed
    return socket.inet_ntop(socket.AF_INET6, packed)
