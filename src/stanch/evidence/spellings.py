"""Which accounts are spelled nearly alike.

Two names are within one edit (a letter more, less, other, or two neighbours swapped) only if one
of them, or one of them without one letter, equals the other or the other without one letter
(deletion neighbourhoods: Mor & Fraenkel 1982, "A hash code method for detecting and correcting
spelling errors", CACM 25(12)). So each name is filed under the hash of itself and of each of its
one-letter deletions, and two names that share a hash are one typing error apart (or two deletions).

The hash is the polynomial h = sum of mix(letter) * base^(letters behind it) modulo 2^64, because
that of a deletion follows from those of the part before and the part behind (Karp & Rabin 1987,
"Efficient randomized pattern-matching algorithms", IBM J. Res. Dev. 31(2)).
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

#: Longer names are left out: they are no names that people type.
MAX_LETTERS: Final = 64
_CHUNK_NAMES: Final = 100_000
_KEEP_APART: Final = 2_000_000
_N_PARTS_BITS: Final = 4

Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.uint32]


class SpellingIndex:
    """Gathers accounts batch by batch, then files them."""

    def __init__(self, key: bytes | None) -> None:
        digest = hashlib.sha256(b"spellings:" + (key or b"")).digest()
        self._base = np.uint64(int.from_bytes(digest[:8], "big") | 1)
        self._salt = np.uint64(int.from_bytes(digest[8:16], "big"))
        self._gathered: list[pl.Series] = []
        self._n_apart = 0

    def add(self, accounts: pl.Series) -> None:
        """Take note of the accounts of a batch; nulls are skipped."""
        distinct = accounts.unique().drop_nulls()
        self._gathered.append(distinct)
        self._n_apart += len(distinct)
        if self._n_apart > _KEEP_APART + len(self._gathered[0]):
            self._gathered = [self.accounts()]
            self._n_apart = 0

    def accounts(self) -> pl.Series:
        """Every account once."""
        if not self._gathered:
            return pl.Series("account", [], dtype=pl.String)
        return pl.concat(self._gathered).unique().alias("account")

    def find_variants(self) -> pl.DataFrame:
        """`account`, `variant` (Int64): only the hashes that at least two accounts share."""
        accounts = self.accounts()
        hashes: list[Hashes] = [np.empty(0, np.uint64)]
        rows: list[Rows] = [np.empty(0, np.uint32)]
        for start in range(0, len(accounts), _CHUNK_NAMES):
            part_hashes, part_rows = self._hash_variants(accounts.slice(start, _CHUNK_NAMES))
            hashes.append(part_hashes)
            rows.append(part_rows + np.uint32(start))
        variant, row = _keep_shared(np.concatenate(hashes), np.concatenate(rows))
        names = accounts.gather(row).alias("account")
        return pl.DataFrame([names, pl.Series("variant", variant.view(np.int64))])

    def _hash_variants(self, names: pl.Series) -> tuple[Hashes, Rows]:
        """Hashes of the names and their one-letter deletions, with the position of the name."""
        short = (names.str.len_chars() <= MAX_LETTERS).to_numpy()
        row = np.flatnonzero(short).astype(np.uint32)
        letters = _list_letters(names.gather(row).str.to_lowercase())
        width, n = letters.shape
        length = np.count_nonzero(letters, axis=0)
        mixed = self._mix(letters)
        power = np.concatenate((np.ones(1, np.uint64), np.cumprod(np.full(width, self._base))))
        behind = np.zeros((width + 1, n), np.uint64)
        for i in reversed(range(width)):
            # Behind a name's end there are zero letters, which weigh nothing.
            behind[i] = mixed[i] * power[np.maximum(length - 1 - i, 0)] + behind[i + 1]
        hashes, rows = [behind[0]], [row]
        before = np.zeros(n, np.uint64)
        for i in range(width):
            # Of a run of one letter, any one that goes leaves the same name behind.
            new = np.flatnonzero((length > 1) if i == 0 else (length > i) & (letters[i] != letters[i - 1]))
            hashes.append(before[new] * power[length[new] - 1 - i] + behind[i + 1][new])
            rows.append(row[new])
            before = before * self._base + mixed[i]
        return np.concatenate(hashes), np.concatenate(rows)

    def _mix(self, letters: npt.NDArray[np.uint32]) -> Hashes:
        """A random-looking 64-bit number per letter (SplitMix64: Steele et al. 2014, OOPSLA)."""
        z = letters.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + self._salt
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.where(letters == 0, np.uint64(0), z ^ (z >> np.uint64(31)))


def _list_letters(names: pl.Series) -> npt.NDArray[np.uint32]:
    """Code points, one column per name, zero behind its end."""
    letters = np.array(names.to_list(), dtype=f"<U{MAX_LETTERS}").view("<u4").reshape(len(names), MAX_LETTERS)
    width = max(1, np.count_nonzero(letters.any(axis=0)))
    return np.ascontiguousarray(letters[:, :width].T)


def _keep_shared(hashes: Hashes, rows: Rows) -> tuple[Hashes, Rows]:
    """The entries whose hash occurs more than once; most names have no neighbour at all."""
    kept: list[npt.NDArray[np.int64]] = []
    part_of = (hashes >> np.uint64(64 - _N_PARTS_BITS)).astype(np.uint8)
    for part in range(1 << _N_PARTS_BITS):
        here = np.flatnonzero(part_of == part)
        order = here[np.argsort(hashes[here])]
        ordered = hashes[order]
        shared = np.zeros(len(ordered), np.bool_)
        shared[1:] = ordered[1:] == ordered[:-1]
        shared[:-1] |= shared[1:]
        kept.append(order[shared])
    at = np.concatenate(kept)
    return hashes[at], rows[at]
