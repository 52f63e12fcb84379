"""Complaints -> scam scripts: groups that tell the same story, without a list of known ones.

Two complaints are alike by what was read from them (kind, claimed identity, pretexts, what was asked) and
by their words, half each. Average-link clustering of at most `_SAMPLE` texts finds the scripts; everything
else joins the nearest, and what is near to none is clustered anew, until nothing more comes of it. So the
time grows linearly, and a script of a handful of complaints among a hundred thousand is still found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from stanch.complaints.reading import Reading
from stanch.complaints.vectors import hash_words, normalise, stack, weigh

#: A script is noticed with its third complaint.
MIN_SIZE: Final = 3
_SAMPLE: Final = 3_000
_CONCEPTS: Final = 1 << 12
#: Share of what was read, against the words, in the likeness of two texts.
_SHARE: Final = 0.5
#: Average likeness within a script.
_ALIKE: Final = 0.36

#: What is asked for in one breath: a tool to share the screen with, a page that wants a card.
_WAYS: Final = {
    "screen_sharing": "remote",
    "install_app": "remote",
    "refund_page": "page",
    "card_details": "page",
    "reorder": "page",
    "transfer": "money",
    "extra_fee": "money",
}

Vectors: TypeAlias = "sparse.csr_array"


@dataclass(frozen=True, slots=True)
class Told:
    """What the grouping needs of one complaint."""

    reading: Reading
    #: From `list_features`.
    features: NDArray[np.int64]


def find_scripts(told: Sequence[Told], seed: int = 0) -> NDArray[np.int64]:
    """Number of each complaint's script from 0, -1 where it has none; numbered by size, then by first
    complaint."""
    labels = np.full(len(told), -1, dtype=np.int64)
    n = 0
    for language in ("en", "zh"):
        rows = np.array(
            [
                i
                for i, t in enumerate(told)
                if t.reading.language == language and t.reading.kind != "not_fraud"
            ],
            int,
        )
        if len(rows) >= MIN_SIZE:
            found = _group(_vectorise([told[i] for i in rows]), np.random.default_rng(seed))
            labels[rows] = np.where(found >= 0, found + n, -1)
            n += int(found.max(initial=-1)) + 1
    return _renumber(labels)


def _vectorise(told: Sequence[Told]) -> Vectors:
    words = weigh(stack([t.features for t in told]))
    concepts = weigh(stack([hash_words(_list_concepts(t.reading), _CONCEPTS) for t in told], _CONCEPTS))
    return sparse.csr_array(
        sparse.hstack([concepts * np.sqrt(_SHARE), words * np.sqrt(1 - _SHARE)], format="csr")
    )


def _list_concepts(reading: Reading) -> list[str]:
    """What was read, as words; the kind counts double, and so does a pretext."""
    return [
        f"kind {reading.kind}",
        f"kind2 {reading.kind}",
        f"who {reading.claimed_identity}",
        *(f"{n} {p}" for p in reading.list_sure("pretexts") for n in ("pretext", "pretext2")),
        *(f"asked {a}" for a in reading.list_sure("asked")),
        *(f"way {_WAYS[a]}" for a in reading.list_sure("asked") if a in _WAYS),
    ]


def _group(vectors: Vectors, rng: np.random.Generator) -> NDArray[np.int64]:
    n = vectors.shape[0]
    labels = np.full(n, -1, dtype=np.int64)
    n_found = 0
    left = np.arange(n)
    while len(left) >= MIN_SIZE:
        sample = np.sort(rng.choice(left, min(_SAMPLE, len(left)), replace=False))
        groups = _link(vectors[sample])
        centres = [sample[groups == g] for g in np.unique(groups) if (groups == g).sum() >= MIN_SIZE]
        if not centres:
            break
        means = normalise(
            sparse.csr_array(sparse.vstack([_mean(vectors[rows]) for rows in centres], format="csr"))
        )
        spread = np.array([_measure(vectors[rows], means[[i]]) for i, rows in enumerate(centres)])
        likeness = np.asarray((vectors[left] @ means.T).todense())
        best = likeness.argmax(axis=1)
        near = likeness[np.arange(len(left)), best] >= 0.75 * spread[best]
        labels[left[near]] = best[near] + n_found
        for i, rows in enumerate(centres):
            labels[rows] = i + n_found
        n_found += len(centres)
        rest = left[labels[left] < 0]
        if len(rest) == len(left) or len(sample) == len(left):
            break
        left = rest
    return labels


def _link(vectors: Vectors) -> NDArray[np.int64]:
    """Average-link groups of a few thousand rows, numbered from 1."""
    likeness = np.asarray((vectors @ vectors.T).todense(), dtype=np.float32)
    distance = np.clip(1.0 - likeness, 0.0, None)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    groups: NDArray[np.int64] = fcluster(tree, 1.0 - _ALIKE, criterion="distance").astype(np.int64)
    return groups


def _mean(rows: Vectors) -> Vectors:
    return sparse.csr_array(np.asarray(rows.mean(axis=0)).reshape(1, -1))


def _measure(rows: Vectors, centre: Vectors) -> float:
    """Mean likeness of the members of a group to its centre."""
    return float((rows @ centre.T).todense().mean())


def _renumber(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    numbers, counts = np.unique(labels[labels >= 0], return_counts=True)
    firsts = {int(g): int(np.argmax(labels == g)) for g in numbers}
    order = sorted(range(len(numbers)), key=lambda i: (-counts[i], firsts[int(numbers[i])]))
    new = {int(numbers[i]): rank for rank, i in enumerate(order)}
    return np.array([new.get(int(label), -1) for label in labels], dtype=np.int64)
