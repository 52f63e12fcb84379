"""A tiny writer of the MaxMind DB format, version 2.0 (https://maxmind.github.io/MaxMind-DB/)."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"
#: Types of whole numbers in the metadata: 5 has 16 bits, 6 has 32, 9 has 64.
_UINT16, _UINT32, _UINT64 = 5, 6, 9


def write_mmdb(path: Path, kind: str, networks: dict[str, Any], ip_version: int = 6) -> Path:
    """A database of 32-bit records: network -> record of maps, text and whole numbers."""
    nodes: list[list[int | None]] = [[None, None]]
    data = b""
    for network, record in networks.items():
        net = ipaddress.ip_network(network)
        width = 128 if ip_version == 6 else 32
        length = net.prefixlen + (96 if net.version == 4 and ip_version == 6 else 0)
        bits = f"{int(net.network_address):0{width}b}"[:length]
        node = 0
        for bit in map(int, bits[:-1]):
            if nodes[node][bit] is None:
                nodes.append([None, None])
                nodes[node][bit] = len(nodes) - 1
            node = nodes[node][bit]  # type: ignore[assignment]
        nodes[node][int(bits[-1])] = -len(data) - 1
        data += _encode(record)
    tree = b"".join(_place(child, len(nodes)).to_bytes(4, "big") for node in nodes for child in node)
    about = {
        "binary_format_major_version": (_UINT16, 2), "binary_format_minor_version": (_UINT16, 0),
        "build_epoch": (_UINT64, 1_700_000_000), "database_type": kind,
        "description": {"en": "made by a test"}, "ip_version": (_UINT16, ip_version), "languages": [],
        "node_count": (_UINT32, len(nodes)), "record_size": (_UINT16, 32),
    }  # fmt: skip
    path.write_bytes(tree + bytes(16) + data + _MARKER + _encode(about))
    return path


def _place(child: int | None, n_nodes: int) -> int:
    """A child is a node, nothing, or (negative, less 1) an offset into the data."""
    if child is None:
        return n_nodes
    return child if child >= 0 else n_nodes + 16 - child - 1


def _encode(value: Any) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        assert len(text) < 29, "longer text would have its size in further bytes"
        return bytes([2 << 5 | len(text)]) + text
    if isinstance(value, int | tuple):
        kind, number = value if isinstance(value, tuple) else (_UINT32, value)
        digits = number.to_bytes((number.bit_length() + 7) // 8, "big")
        # Types over 7 stand in a byte of their own, less 7.
        return (bytes([kind << 5 | len(digits)]) if kind < 8 else bytes([len(digits), kind - 7])) + digits
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_encode, value))
    inside = b"".join(_encode(key) + _encode(entry) for key, entry in value.items())
    return bytes([7 << 5 | len(value)]) + inside
