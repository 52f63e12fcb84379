"""Texts as sparse vectors: hashed pairs of signs (Chinese) or words (English), weighed by how rare
they are."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from stanch.complaints.reading.text import Text

N_FEATURES: Final = 1 << 16
#: Weight of what every text has: where all texts are one story, that is all there is to see.
_COMMON: Final = 0.1
_WORD: Final = re.compile(r"[a-z']{2,20}")
_HAN_ONLY: Final = re.compile("[^\u3400-\u9fff]+")


def list_features(text: Text) -> NDArray[np.int64]:
    """Hashes of what a text is made of, each once, in [0, N_FEATURES); numbers and signs are left out."""
    if text.language == "zh":
        points = np.frombuffer(
            _HAN_ONLY.sub("\u0001", text.plain).encode("utf-32-le"), dtype=np.uint32
        ).astype(np.int64)
        pairs = points[:-1] * 40_503 + points[1:]
        whole = (points[:-1] != 1) & (points[1:] != 1)
        return np.unique(pairs[whole] % N_FEATURES)
    words = _WORD.findall(text.plain)
    pairs_of_words = (f"{a} {b}" for a, b in pairwise(words))
    hashes = {zlib.crc32(w.encode()) % N_FEATURES for w in (*words, *pairs_of_words)}
    return np.array(sorted(hashes), dtype=np.int64)


def stack(
    rows: Sequence[NDArray[np.int64]],
    n_features: int = N_FEATURES,
    values: Sequence[NDArray[np.float32]] | None = None,
) -> sparse.csr_array:
    """Rows of feature indices as a matrix of `values`, None: of ones."""
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    indices = np.concatenate(rows) if rows else np.zeros(0, np.int64)
    data = np.concatenate(values) if values else np.ones(len(indices), np.float32)
    return sparse.csr_array((data, indices, indptr), shape=(len(rows), n_features))


def weigh(matrix: sparse.csr_array) -> sparse.csr_array:
    """`matrix` with each feature weighed by log(n/df), where df adds up its values, what is worth one row
    alone left out, rows of length 1."""
    counts = np.bincount(matrix.indices, matrix.data, minlength=matrix.shape[1])
    weights = np.where(counts > 1, _COMMON + np.log((1 + matrix.shape[0]) / (1 + counts)), 0.0).astype(
        np.float32
    )
    return normalise(matrix.multiply(weights[None, :]).tocsr())


def normalise(matrix: sparse.csr_array) -> sparse.csr_array:
    """Rows scaled to length 1; empty ones stay empty."""
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1))
    scale = 1.0 / np.where(lengths > 0, lengths, 1.0)
    return sparse.csr_array(sparse.diags_array(scale.astype(np.float32)) @ matrix)


def hash_words(words: Iterable[str], n_features: int) -> NDArray[np.int64]:
    """Indices of `words` in a space of `n_features`, each once."""
    return np.array(sorted({zlib.crc32(word.encode()) % n_features for word in words}), dtype=np.int64)
