"""Binary fuse filters: a set of 64-bit keys in 18 bits each, false positives 1 in 65,536.

Graf & Lemire 2022, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", ACM Journal of Experimental
Algorithmics 27, algorithms 1 and 2, with three segments and fingerprints of 16 bits. Each key has three
cells whose fingerprints, XORed, give its own. To build, keys that are alone in a cell are peeled off until
none is left, here whole waves of them at once: cells keep the number and the sum (modulo 2^64, in place of
the XOR) of the hashes of their keys, so that the sum of a cell with one key is that key's hash.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
Cells = npt.NDArray[np.int64]
Fingerprints = npt.NDArray[np.uint16]

FALSE_POSITIVE_RATE: Final = 2.0**-16
_MAX_SEGMENT: Final = 1 << 18
#: More attempts than this never happen: each succeeds with a chance near 1.
_MAX_SEEDS: Final = 100
#: Finaliser of MurmurHash3 (A. Appleby, public domain).
_MULTIPLIERS: Final = (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53)
_MASK: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Layout:
    """How a filter is cut up, and its seed."""

    seed: int
    segment_length: int
    n_segments: int

    @property
    def n_cells(self) -> int:
        """Cells in all: keys start in one of the segments and reach two further."""
        return (self.n_segments + 2) * self.segment_length


def lay_out(n_keys: int, seed: int) -> Layout:
    """Sizes for `n_keys`, after the paper's section 4."""
    n = max(n_keys, 2)
    length = min(1 << math.floor(math.log(n) / math.log(3.33) + 2.25), _MAX_SEGMENT)
    factor = max(1.125, 0.875 + 0.25 * math.log(1e6) / math.log(n))
    n_segments = max(math.ceil(n * factor / length) - 2, 1)
    return Layout(seed, length, n_segments)


def hash_key(key: int, seed: int) -> int:
    """64 bits of a key under a seed."""
    h = (key + seed) & _MASK
    for multiplier in _MULTIPLIERS:
        h = ((h ^ (h >> 33)) * multiplier) & _MASK
    return h ^ (h >> 33)


def find_cells(h: int, layout: Layout) -> tuple[int, int, int]:
    """The three cells of a hash."""
    mask = layout.segment_length - 1
    first = ((h >> 32) * (layout.n_segments * layout.segment_length)) >> 32
    second, third = first + layout.segment_length, first + 2 * layout.segment_length
    return first, second ^ ((h >> 18) & mask), third ^ (h & mask)


def take_fingerprint(h: int) -> int:
    """What the three cells of a hash give if its key is in the set."""
    return (h ^ (h >> 32)) & 0xFFFF


def build(keys: Keys, seed: int) -> tuple[Layout, Fingerprints]:
    """The filter of distinct `keys`; the seed it was built with may be a later one than `seed`.

    Raises:
        ValueError: no seed worked, as with keys that are not distinct.
    """
    for number in range(seed, seed + _MAX_SEEDS):
        layout = lay_out(len(keys), number)
        waves = _peel(_hash_keys(keys, number), layout)
        if waves is not None:
            return layout, _assign(waves, layout)
    raise ValueError("the keys are not distinct")


def _hash_keys(keys: Keys, seed: int) -> Keys:
    h = keys + np.uint64(seed)
    for multiplier in _MULTIPLIERS:
        h ^= h >> np.uint64(33)
        h *= np.uint64(multiplier)
    h ^= h >> np.uint64(33)
    return h


def _find_cells(h: Keys, layout: Layout) -> tuple[Cells, Cells, Cells]:
    mask = np.uint64(layout.segment_length - 1)
    span = np.uint64(layout.n_segments * layout.segment_length)
    first = ((h >> np.uint64(32)) * span) >> np.uint64(32)
    second, third = first + np.uint64(layout.segment_length), first + np.uint64(2 * layout.segment_length)
    second ^= (h >> np.uint64(18)) & mask
    third ^= h & mask
    return first.astype(np.int64), second.astype(np.int64), third.astype(np.int64)


def _peel(hashes: Keys, layout: Layout) -> list[tuple[Keys, Cells]] | None:
    """Waves of hashes, each with the cell in which it was alone; None if some never are."""
    counts = np.zeros(layout.n_cells, np.uint8)
    sums = np.zeros(layout.n_cells, np.uint64)
    for cells in _find_cells(hashes, layout):
        counts += np.bincount(cells, minlength=layout.n_cells).astype(np.uint8)
        np.add.at(sums, cells, hashes)
    waves: list[tuple[Keys, Cells]] = []
    n_left = len(hashes)
    alone = np.flatnonzero(counts == 1)
    while len(alone):
        wave, where = np.unique(sums[alone], return_index=True)
        waves.append((wave, alone[where]))
        n_left -= len(wave)
        touched = np.concatenate(_find_cells(wave, layout))
        _subtract(counts, touched, np.uint8(1))
        _subtract(sums, touched, np.tile(wave, 3))
        touched = touched[counts[touched] == 1]
        alone = np.unique(touched)
    return waves if n_left == 0 else None


def _subtract(cells: npt.NDArray[Any], at: Cells, what: Any) -> None:
    np.subtract.at(cells, at, what)


def _assign(waves: list[tuple[Keys, Cells]], layout: Layout) -> Fingerprints:
    """Fingerprints such that the cells of each key give its own, the last wave first."""
    filled = np.zeros(layout.n_cells, np.uint16)
    for wave, own in reversed(waves):
        value = (wave ^ (wave >> np.uint64(32))).astype(np.uint16)
        for cells in _find_cells(wave, layout):
            # A key's own cell is still 0.
            value ^= filled[cells]
        filled[own] = value
    return filled
