"""Networks and addresses: who has which block, and which address somebody gets when.

Every network owns one IPv4 /16 (large ones more of them) and one IPv6 /32, so that `ip`, `asn` and
`country` always agree.
Addresses are two 64-bit words; IPv4 has the first word 0. Numbers of networks are private ones
(RFC 6996), addresses look public but are drawn at random: nothing is ever contacted.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

import numpy as np
import polars as pl

from stanch.simulation.draws import Generator, Ints, Words

#: First octets that are public unicast as a whole.
_OCTETS = [o for o in range(1, 224) if o not in {10, 100, 127, 169, 172, 192, 198, 203}]
_FIRST_ASN = 4_200_000_000


@dataclass(frozen=True)
class Addresses:
    """Addresses row by row, with the index of the network each belongs to."""

    high: Words
    low: Words
    network: Ints

    def take(self, rows: Ints) -> Addresses:
        """These rows, in this order."""
        return Addresses(self.high[rows], self.low[rows], self.network[rows])


class Networks:
    """All networks of one incident; more are added as attackers need them."""

    def __init__(self, rng: Generator) -> None:
        blocks = rng.permutation(len(_OCTETS) * 256)
        self._v4 = np.asarray(_OCTETS)[blocks // 256] << 24 | (blocks % 256) << 16
        self._v6 = 0x2400_0000 + rng.permutation(len(blocks))
        self._asn = _FIRST_ASN + rng.permutation(len(blocks))
        self._countries: list[str] = []
        #: Further /16 of a network, by network and number; taken from the end of the list.
        self._further: dict[tuple[int, int], int] = {}

    @property
    def count(self) -> int:
        """Networks added so far."""
        return len(self._countries)

    def add(self, countries: list[str]) -> Ints:
        """One network per entry, in that country; returns their indices."""
        first = len(self._countries)
        self._countries.extend(countries)
        return np.arange(first, len(self._countries), dtype=np.int64)

    def make_v4(self, network: Ints, slot: Ints) -> Addresses:
        """The `slot`-th address of each network; neighbouring slots lie apart."""
        # An odd factor maps 0…65535 onto itself, so different slots stay different.
        low = self._v4[self._find_blocks(network, slot // 65_536)] + (slot * 40_503 + 12_345) % 65_536
        return Addresses(np.zeros(len(network), dtype=np.uint64), low.astype(np.uint64), network)

    def make_v6(self, network: Ints, site: Ints, host: Words) -> Addresses:
        """The address `host` in the `site`-th /64 of each network's /32."""
        high = self._v6[network].astype(np.uint64) << np.uint64(32) | (site & 0xFFFF_FFFF).astype(np.uint64)
        return Addresses(high, host, network)

    def _find_blocks(self, network: Ints, part: Ints) -> Ints:
        """Index of the `part`-th /16 of each network; new ones are handed out as they are asked for."""
        further = np.flatnonzero(part > 0)
        if not len(further):
            return network
        block = network.copy()
        wanted, place = np.unique(np.stack([network[further], part[further]]), axis=1, return_inverse=True)
        for key in zip(*wanted.tolist(), strict=True):
            self._further.setdefault(key, len(self._v4) - 1 - len(self._further))
        found = [self._further[key] for key in zip(*wanted.tolist(), strict=True)]
        block[further] = np.array(found, dtype=np.int64)[place.reshape(-1)]
        return block

    def list_countries(self) -> pl.Series:
        """Country of each network."""
        return pl.Series(self._countries, dtype=pl.String)

    def list_asns(self) -> pl.Series:
        """Number of each network, as text."""
        return pl.Series(self._asn[: len(self._countries)]).cast(pl.String)


def merge_addresses(choices: Ints, options: list[Addresses]) -> Addresses:
    """Row by row the address out of `options[choices]`."""
    return Addresses(
        np.choose(choices, [o.high for o in options]).astype(np.uint64),
        np.choose(choices, [o.low for o in options]).astype(np.uint64),
        np.choose(choices, [o.network for o in options]).astype(np.int64),
    )


def format_addresses(high: pl.Series, low: pl.Series) -> pl.Series:
    """Canonical text (RFC 5952 for IPv6) row by row."""
    frame = pl.DataFrame({"high": high, "low": low})
    octets = [(pl.col("low") // 2**shift % 256).cast(pl.String) for shift in (24, 16, 8, 0)]
    v4 = frame.filter(pl.col("high") == 0).unique()
    v4 = v4.with_columns(ip=pl.concat_str(octets, separator="."))
    v6 = frame.filter(pl.col("high") > 0).unique()
    both = np.stack([v6["high"].to_numpy(), v6["low"].to_numpy()], axis=1).astype(">u8").tobytes()
    texts = [socket.inet_ntop(socket.AF_INET6, both[i : i + 16]) for i in range(0, len(both), 16)]
    v6 = v6.with_columns(ip=pl.Series(texts, dtype=pl.String))
    known = pl.concat([v4, v6])
    return frame.join(known, on=["high", "low"], how="left", maintain_order="left")["ip"]
