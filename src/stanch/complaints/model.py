"""A model of kinds, trained on texts that the user supplies: multinomial logistic regression.

A text is what it is made of (pairs of Chinese signs, English words and their pairs), weighed by rarity, and
what the rules read in it (pretexts, what is asked, claimed identity). The latter say the same in a dialogue
as in a report, which carries the model over to texts of another style than it was trained on. So do two
things that are known beforehand: of a dialogue only the side that begins it is looked at, since what a victim
answers is much the same whoever called; and who asks for nothing of worth is hardly a fraud.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse
from scipy.special import log_softmax

from stanch.complaints.reading.identity import find_identity
from stanch.complaints.reading.kinds import KINDS
from stanch.complaints.reading.lexicon import load_lexicon
from stanch.complaints.reading.story import find_asked, find_pretexts, wants_data
from stanch.complaints.reading.text import Text
from stanch.complaints.vectors import N_FEATURES, hash_words, list_features, normalise, stack
from stanch.errors import UsageError

_CONCEPTS: Final = 1 << 10
#: Length of the part that the rules read, against 1 for the words.
_CONCEPT_SHARE: Final = 0.7
#: Inverse variance of the weights' normal prior, per text.
_RIDGE: Final = 2e-5
_SCHEMA: Final = 1
#: Who speaks, at the start of a dialogue's lines.
_SPEAKER: Final = re.compile(r"(?m)^\s*([A-Za-z]|[\u4e00-\u9fff]{1,6}|[A-Za-z]+\s?\d?)\s?[:：]\s*")
#: Fewer lines with a speaker are no dialogue.
_LINES: Final = 4
#: What is added to the log-odds of no fraud where nothing is asked for.
_ASKS_NOTHING: Final = 2.5


@dataclass(frozen=True, slots=True)
class KindModel:
    """Weights of the kinds that it was trained on."""

    kinds: tuple[str, ...]
    rarity: NDArray[np.float32]
    #: One column a kind; the last row is the intercept.
    weights: NDArray[np.float32]

    def weigh(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probability of each of `kinds` (columns) for each text (rows)."""
        rows = [_prepare(text) for text in texts]
        scores = _vectorise(rows, self.rarity) @ self.weights[:-1] + self.weights[-1]
        scores = np.asarray(scores, dtype=np.float64)
        if "not_fraud" in self.kinds:
            idle = np.array([not row.asks for row in rows], dtype=bool)
            scores[idle, self.kinds.index("not_fraud")] += _ASKS_NOTHING
        return np.exp(log_softmax(scores, axis=1))

    def tell(self, text: str) -> dict[str, float]:
        """Probability of every kind of the contract; those never seen in training have 0."""
        known = dict(zip(self.kinds, self.weigh([text])[0].tolist(), strict=True))
        return {kind: known.get(kind, 0.0) for kind in KINDS}


def train(texts: Sequence[str], kinds: Sequence[str]) -> KindModel:
    """Fit a model; kinds weigh alike however many texts each has.

    Raises:
        UsageError: fewer than two kinds.
    """
    names = tuple(kind for kind in KINDS if kind in set(kinds))
    if len(names) < 2:
        raise UsageError("training needs texts of at least two kinds", hint=f"kinds: {' '.join(KINDS)}")
    rows = [_prepare(text) for text in texts]
    words = stack([row.words for row in rows])
    counts = np.bincount(words.indices, minlength=N_FEATURES)
    rarity = np.where(counts > 1, np.log((1 + len(texts)) / (1 + counts)), 0.0).astype(np.float32)
    matrix = _vectorise(rows, rarity)
    target = np.array([names.index(kind) for kind in kinds])
    share = 1.0 / (np.bincount(target)[target] * len(names))
    weights = _fit(matrix, target, share, len(names))
    return KindModel(names, rarity, weights)


def save_model(model: KindModel, path: Path) -> None:
    """Write `model` as a NumPy archive: numbers and names, nothing that could be executed."""
    with path.open("wb") as file:
        np.savez_compressed(
            file, schema=_SCHEMA, kinds=np.array(model.kinds), rarity=model.rarity, weights=model.weights
        )


def load_model(path: Path) -> KindModel:
    """Read what `save_model` wrote.

    Raises:
        UsageError: the file is no such model.
    """
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            kinds, rarity, weights = tuple(file["kinds"].tolist()), file["rarity"], file["weights"]
            fits = int(file["schema"]) == _SCHEMA and weights.shape == (
                N_FEATURES + _CONCEPTS + 1,
                len(kinds),
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UsageError(f"the model cannot be read: {error}", file=str(path)) from error
    if not fits or rarity.shape != (N_FEATURES,) or not set(kinds) <= set(KINDS):
        raise UsageError("is no model of this version", file=str(path), hint="train it anew")
    return KindModel(kinds, rarity, weights)


@dataclass(frozen=True, slots=True)
class _Row:
    words: NDArray[np.int64]
    concepts: NDArray[np.int64]
    asks: bool


def _prepare(raw: str) -> _Row:
    text = Text.of(_keep_caller(raw))
    words = load_lexicon(text.language)
    identity = find_identity(text, words)
    asked = find_asked(text, words)
    told = [*find_pretexts(text, words), *asked]
    concepts = [*(f.word for f in told), f"who {identity.name if identity else None}"]
    asks = bool(asked) or wants_data(text, words)
    return _Row(list_features(text), hash_words(concepts, _CONCEPTS), asks)


def _keep_caller(raw: str) -> str:
    """What the side says that begins a dialogue; any other text as it is, without marks of speakers."""
    lines = [(match[1], line[match.end() :]) for line in raw.splitlines() if (match := _SPEAKER.match(line))]
    if len(lines) < _LINES or len({who for who, _ in lines}) != 2:
        return _SPEAKER.sub("", raw)
    return "\n".join(said for who, said in lines if who == lines[0][0])


def _vectorise(rows: Sequence[_Row], rarity: NDArray[np.float32]) -> sparse.csr_array:
    words = normalise(sparse.csr_array(stack([row.words for row in rows]).multiply(rarity[None, :])))
    concepts = normalise(stack([row.concepts for row in rows], _CONCEPTS))
    return sparse.csr_array(sparse.hstack([words, concepts * _CONCEPT_SHARE], format="csr"))


def _fit(
    matrix: sparse.csr_array, target: NDArray[np.int64], share: NDArray[np.float64], n_kinds: int
) -> NDArray[np.float32]:
    """Weights of least cross-entropy with a ridge, by L-BFGS; the intercept goes free."""
    n_features = matrix.shape[1]
    used = np.flatnonzero(np.bincount(matrix.indices, minlength=n_features))
    rows = matrix[:, used].astype(np.float64)
    wanted = np.zeros((len(target), n_kinds))
    wanted[np.arange(len(target)), target] = 1.0

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(len(used) + 1, n_kinds)
        logs = log_softmax(rows @ weights[:-1] + weights[-1], axis=1)
        error = (np.exp(logs) - wanted) * share[:, None]
        ridge = _RIDGE * weights
        ridge[-1] = 0.0
        gradient = np.vstack([rows.T @ error, error.sum(axis=0)]) + ridge
        value = -(wanted * logs * share[:, None]).sum() + 0.5 * (ridge * weights).sum()
        return float(value), gradient.ravel()

    start = np.zeros((len(used) + 1) * n_kinds)
    found = optimize.minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 150})
    fitted = found.x.reshape(len(used) + 1, n_kinds)
    weights = np.zeros((n_features + 1, n_kinds), dtype=np.float32)
    weights[used] = fitted[:-1]
    weights[-1] = fitted[-1]
    return weights
