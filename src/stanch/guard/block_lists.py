"""Block lists as firewalls, proxies and clouds read them.

An entry that lies inside another is left out: nftables and AWS refuse such lists, and it would add nothing.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple

Format = Literal["plain", "nftables", "nginx", "haproxy", "cloudflare", "aws-waf"]
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_BY_STANCH: Final = "# made by: stanch decisions export"
#: Cloudflare's lists take IPv6 networks down to /64 and no single addresses
#: (https://developers.cloudflare.com/waf/tools/lists/custom-lists/). A customer has at least a /64 (RFC
#: 6177).
_CLOUDFLARE_LONGEST: Final = 64


class Listed(NamedTuple):
    """One entry, and for how many seconds still; None: no end."""

    network: _Network
    left_s: int | None = None

    @classmethod
    def read(cls, value: str, left_s: int | None = None) -> Listed:
        """The entry for an address or network.

        Raises:
            ValueError: it is neither.
        """
        return cls(ipaddress.ip_network(value), left_s)

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.network.version

    @property
    def is_single(self) -> bool:
        """Whether it is one address."""
        return self.network.prefixlen == self.network.max_prefixlen

    def __str__(self) -> str:
        return str(self.network.network_address) if self.is_single else str(self.network)


def write_block_list(listed: Iterable[Listed], format: Format) -> str:
    """The text of the file."""
    entries = _drop_covered(listed)
    match format:
        case "plain":
            return "".join(f"{entry}\n" for entry in entries)
        case "nftables":
            return _write_nftables(entries)
        case "nginx":
            lines = "".join(f"    {entry} 1;\n" for entry in entries)
            return (
                f"{_BY_STANCH}\n# in http {{}}; then, in a location: if ($stanch_blocked) {{ return 403; }}\n"
                f"geo $stanch_blocked {{\n    default 0;\n{lines}}}\n"
            )
        case "haproxy":
            return "".join(f"{entry} ban\n" for entry in entries)
        case "cloudflare":
            return _write_cloudflare(entries)
        case "aws-waf":
            return _write_aws(entries)


def _drop_covered(listed: Iterable[Listed]) -> list[Listed]:
    """Entries in order of address, each once, without those inside a larger one."""
    kept: list[Listed] = []
    for entry in sorted(set(listed), key=_place):
        last = kept[-1].network if kept else None
        if last is not None and last.version == entry.version and _holds(last, entry.network):
            continue
        kept.append(entry)
    return kept


def _place(entry: Listed) -> tuple[int, int, int, float]:
    network = entry.network
    left_s = float("inf") if entry.left_s is None else entry.left_s
    return network.version, int(network.network_address), network.prefixlen, -left_s


def _holds(outer: _Network, inner: _Network) -> bool:
    shift = outer.max_prefixlen - outer.prefixlen
    return int(outer.network_address) >> shift == int(inner.network_address) >> shift


def _write_nftables(entries: Sequence[Listed]) -> str:
    """A table of its own for `nft -f`, made anew as a whole; elements run out by themselves."""
    lines = [_BY_STANCH, "# nft -f FILE; packets from these addresses are dropped"]
    lines += ["table inet stanch", "delete table inet stanch", "table inet stanch {"]
    for version in (4, 6):
        lines += [
            f"    set banned{version} {{",
            f"        type ipv{version}_addr",
            "        flags interval, timeout",
        ]
        elements = [_write_element(entry) for entry in entries if entry.version == version]
        if elements:
            lines += [
                "        elements = {",
                *(f"            {element}," for element in elements),
                "        }",
            ]
        lines += ["    }"]
    lines += [
        "    chain input {",
        "        type filter hook input priority filter - 10; policy accept;",
        "        ip saddr @banned4 drop",
        "        ip6 saddr @banned6 drop",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _write_element(entry: Listed) -> str:
    return str(entry) if entry.left_s is None else f"{entry} timeout {entry.left_s}s"


def _write_cloudflare(entries: Sequence[Listed]) -> str:
    """Items for `POST /accounts/ACCOUNT/rules/lists/LIST/items`."""
    values = []
    for entry in entries:
        if entry.version == 6 and entry.network.prefixlen > _CLOUDFLARE_LONGEST:
            values.append(str(entry.network.supernet(new_prefix=_CLOUDFLARE_LONGEST)))
        else:
            values.append(str(entry))
    items = [{"ip": value, "comment": "stanch"} for value in dict.fromkeys(values)]
    return json.dumps(items, indent=1) + "\n"


def _write_aws(entries: Sequence[Listed]) -> str:
    """For `aws wafv2 create-ip-set --cli-input-json`; all of one family, with the prefix always."""
    version = entries[0].version if entries else 4
    told = {
        "Name": f"stanch-banned-ipv{version}",
        "Scope": "REGIONAL",
        "IPAddressVersion": f"IPV{version}",
        "Addresses": [str(entry.network) for entry in entries],
    }
    return json.dumps(told, indent=1) + "\n"
