"""Complaints -> scam scripts: groups that tell the same story, without a list of known ones.

Two complaints are alike by what was read from them (kind, claimed identity, pretexts, what was asked, each
as surely as it was read) and by their words, half each. Average-link clustering of at most `_SAMPLE` texts
finds the scripts; everything else joins the nearest, and what is near to none is clustered anew, until
nothing more comes of it. So the time grows linearly, and a script of a handful of complaints among a hundred
thousand is still found.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from stanch.complaints.reading import Reading
from stanch.complaints.vectors import N_FEATURES, normalise, stack, weigh

#: A script is noticed with its third complaint.
MIN_SIZE: Final = 3
_SAMPLE: Final = 3_000
#: Share of what was read, against the words, in the likeness of two texts.
_SHARE: Final = 0.5
#: Average likeness within a script.
_ALIKE: Final = 0.36
#: Likeness to its centre, as part of its members' mean, with which a complaint joins a script.
_NEAR: Final = 0.75
#: Days that a complaint without a script waits for others like it, how many wait and come at a time (one day
#: can bring a year's backlog), and how many of its latest members stand for a script.
_WAITS: Final = 30
_POOL: Final = 1_000
_LATEST: Final = 30

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
#: Hashes and values.
_Concepts: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float32]]


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
            concepts = [_list_concepts(told[i].reading) for i in rows]
            vectors = _vectorise([told[i].features for i in rows], concepts)
            found = _group(vectors, np.random.default_rng(seed))
            labels[rows] = np.where(found >= 0, found + n, -1)
            n += int(found.max(initial=-1)) + 1
    return _renumber(labels)


@dataclass(frozen=True, slots=True)
class Followed:
    """Scripts as they were known day by day."""

    #: Number of each complaint's script from 0 in the order in which they were noticed, -1 where it has none.
    labels: NDArray[np.int64]
    #: The complaints by which each script was noticed.
    founders: list[list[int]]


def follow_scripts(told: Sequence[Told], days: Sequence[date]) -> Followed:
    """Scripts without hindsight: each day's complaints join a script that is known, or make a new one.

    A new one is noticed on the day on which `MIN_SIZE` complaints of the last `_WAITS` days that belong to no
    script are alike; later complaints never change what an earlier one was found to be, but for founders.
    """
    labels = np.full(len(told), -1, dtype=np.int64)
    founders: list[list[int]] = []
    of_fraud = [i for i, one in enumerate(told) if one.reading.kind != "not_fraud"]
    concepts = {i: _list_concepts(told[i].reading) for i in of_fraud}
    news: dict[tuple[date, str], list[int]] = {}
    for i in sorted(of_fraud, key=lambda i: days[i]):
        news.setdefault((days[i], told[i].reading.language), []).append(i)
    waiting: dict[str, list[int]] = {"en": [], "zh": []}
    members: dict[str, dict[int, list[int]]] = {"en": {}, "zh": {}}
    batches = [(*key, new[n : n + _POOL]) for key, new in news.items() for n in range(0, len(new), _POOL)]
    for day, language, new in batches:
        known, pool = members[language], waiting[language]
        pool[:] = [i for i in pool if (day - days[i]).days <= _WAITS][-_POOL:]
        rows = [*(i for group in known.values() for i in group), *pool, *new]
        vectors = _vectorise([told[i].features for i in rows], [concepts[i] for i in rows])
        at = {i: row for row, i in enumerate(rows)}
        for i, label in zip(new, _join(vectors, at, known, new), strict=True):
            labels[i] = label
            if label >= 0:
                known[label] = [*known[label], i][-_LATEST:]
            else:
                pool.append(i)
        for group in _find_new(vectors, at, pool):
            labels[group] = len(founders)
            known[len(founders)] = group
            founders.append(group)
        pool[:] = [i for i in pool if labels[i] < 0]
    return Followed(labels, founders)


def _join(vectors: Vectors, at: dict[int, int], known: dict[int, list[int]], new: list[int]) -> list[int]:
    """The script that each of `new` is near to, -1 for none."""
    if not known:
        return [-1] * len(new)
    names = list(known)
    groups = [vectors[[at[i] for i in known[name]]] for name in names]
    means, spread = _find_centres(groups)
    likeness = np.asarray((vectors[[at[i] for i in new]] @ means.T).todense())
    best = likeness.argmax(axis=1)
    near = likeness[np.arange(len(new)), best] >= _NEAR * spread[best]
    return [names[b] if is_near else -1 for b, is_near in zip(best.tolist(), near.tolist(), strict=True)]


def _find_new(vectors: Vectors, at: dict[int, int], pool: list[int]) -> list[list[int]]:
    if len(pool) < MIN_SIZE:
        return []
    groups = _link(vectors[[at[i] for i in pool]])
    found = [[pool[j] for j in np.flatnonzero(groups == g)] for g in np.unique(groups)]
    return [group for group in found if len(group) >= MIN_SIZE]


def _vectorise(features: Sequence[NDArray[np.int64]], concepts: Sequence[_Concepts]) -> Vectors:
    told = weigh(stack([ids for ids, _ in concepts], values=[values for _, values in concepts]))
    words = weigh(stack(features))
    return sparse.csr_array(
        sparse.hstack([told * np.sqrt(_SHARE), words * np.sqrt(1 - _SHARE)], format="csr")
    )


def _list_concepts(reading: Reading) -> _Concepts:
    """Hashes of what was read, and the probability of each: so two texts that leave the same doubt, as
    between two kinds, are alike. The kind counts double, and so does a pretext."""
    sure = {(mark.field, mark.value): mark.confidence for mark in reading.marks}
    who = reading.claimed_identity or ""
    p = {f"{n} {kind}": share for kind, share in reading.p_kind.items() for n in ("kind", "kind2")}
    p[f"who {who}"] = sure.get(("claimed_identity", who), 1.0)
    for pretext in reading.pretexts:
        p[f"pretext {pretext}"] = p[f"pretext2 {pretext}"] = sure.get(("pretexts", pretext), 1.0)
    for asked in reading.asked:
        p[f"asked {asked}"] = sure.get(("asked", asked), 1.0)
        if asked in _WAYS:
            way = f"way {_WAYS[asked]}"
            p[way] = max(p.get(way, 0.0), p[f"asked {asked}"])
    ids = np.array([zlib.crc32(word.encode()) % N_FEATURES for word in p], dtype=np.int64)
    return ids, np.array(list(p.values()), dtype=np.float32)


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
        means, spread = _find_centres([vectors[rows] for rows in centres])
        likeness = np.asarray((vectors[left] @ means.T).todense())
        best = likeness.argmax(axis=1)
        near = likeness[np.arange(len(left)), best] >= _NEAR * spread[best]
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
    # The service, which groups complaints in a process of its own, need not load this at its start.
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    likeness = np.asarray((vectors @ vectors.T).todense(), dtype=np.float32)
    distance = np.clip(1.0 - likeness, 0.0, None)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    groups: NDArray[np.int64] = fcluster(tree, 1.0 - _ALIKE, criterion="distance").astype(np.int64)
    return groups


def _find_centres(groups: Sequence[Vectors]) -> tuple[Vectors, NDArray[np.float64]]:
    """Centres of groups, and the mean likeness of each group's members to its own."""
    means = normalise(sparse.csr_array(sparse.vstack([_mean(rows) for rows in groups], format="csr")))
    return means, np.array([_measure(rows, means[[i]]) for i, rows in enumerate(groups)])


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
