"""Texts that are nearly the same: MinHash and banding, in time linear in the number of texts.

A. Broder, "On the resemblance and containment of documents" (1997); J. Leskovec, A. Rajaraman, J. Ullman,
"Mining of Massive Datasets", ch. 3. Digits and Latin names are left out, so that a text sent twice
with another
amount or order number is the same text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: 48 hashes in 12 bands of 4: a pair alike to 0.8 shares a band with probability 0.998, one alike to
#: 0.3 with 0.09,
#: and what shares a band is compared.
_N_HASHES: Final = 48
_ROWS: Final = 4
_SHINGLE: Final = 4
#: Estimated resemblance from which two texts count as one.
SAME: Final = 0.75
_DROPPED: Final = re.compile(r"[\W\d_]+")


def group_near_duplicates(texts: Sequence[str]) -> NDArray[np.int64]:
    """For each text the index of the first that is nearly the same; its own where there is none before."""
    signatures = np.vstack([_sign(text) for text in texts]) if texts else np.zeros((0, _N_HASHES), np.uint64)
    parent = np.arange(len(texts))

    def find(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = int(parent[at])
        return at

    for band in range(0, _N_HASHES, _ROWS):
        first: dict[bytes, int] = {}
        rows = np.ascontiguousarray(signatures[:, band : band + _ROWS])
        for at in range(len(texts)):
            earlier = first.setdefault(rows[at].tobytes(), at)
            if earlier != at:
                one, other = find(earlier), find(at)
                if one != other and (signatures[earlier] == signatures[at]).mean() >= SAME:
                    parent[max(one, other)] = min(one, other)
    return np.array([find(at) for at in range(len(texts))], dtype=np.int64)


_RNG: Final = np.random.default_rng(61)
_FACTORS: Final = _RNG.integers(1, 1 << 31, _N_HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_OFFSETS: Final = _RNG.integers(0, 1 << 61, _N_HASHES, dtype=np.uint64)


def _sign(text: str) -> NDArray[np.uint64]:
    """The signature of a text: for each hash the least over its shingles of four signs."""
    bare = _DROPPED.sub("", text.lower())[:4_000] or text[:40] or " "
    points = np.frombuffer(bare.ljust(_SHINGLE).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    shingles = points[: len(points) - _SHINGLE + 1].copy()
    for offset in range(1, _SHINGLE):
        shingles = (
            shingles * np.uint64(0x9E3779B97F4A7C15) + points[offset : len(points) - _SHINGLE + 1 + offset]
        )
    shingles ^= shingles >> np.uint64(29)
    shingles = np.unique(shingles)
    mixed = shingles[:, None] * _FACTORS[None, :] + _OFFSETS[None, :]
    mixed ^= mixed >> np.uint64(31)
    least: NDArray[np.uint64] = mixed.min(axis=0)
    return least
