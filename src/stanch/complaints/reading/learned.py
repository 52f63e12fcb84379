"""The learned part of the reading: which words of the contract a text tells, and which amounts were lost.

Logistic regressions, one a word, on what stands in the text's windows (n-grams, senses and pairs of senses)
and on what the rules found. They were trained by `bench/train_reading.py` on the project's own texts alone;
their weights lie in `weights/`, one file a language.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from stanch.complaints.reading.identity import IDENTITIES, Identity
from stanch.complaints.reading.kinds import KINDS
from stanch.complaints.reading.lexicon import Lexicon, load_lexicon
from stanch.complaints.reading.senses import load_senses
from stanch.complaints.reading.story import ASKED, PRETEXTS, Found
from stanch.complaints.reading.text import Language, Text
from stanch.complaints.reading.windows import N_GRAMS, Windows, count_rules, cut_windows
from stanch.evidence.tables import FIELDS

LABELS: Final = (
    *(f"pretexts.{word}" for word in PRETEXTS),
    *(f"asked.{word}" for word in ASKED),
    *(f"known_fields.{word}" for word in FIELDS),
    *(f"claimed_identity.{word}" for word in IDENTITIES),
    *(f"kind.{word}" for word in KINDS),
)
#: Lengths of the parts of a text's vector, against 1 for its n-grams; a rule's hit counts by itself.
_RULE: Final = 0.5
_SENSES: Final = 1.5
#: What a rule finds in plain words is told, however much the rest of the text speaks against it: at first
#: contact about as often right as wrong where the weights alone would not tell it.
PLAIN: Final = 0.5

Ids = NDArray[np.int64]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Described:
    """A text as a sparse vector (`ids`, `values`), the windows that it was made of, and what rules found."""

    windows: Windows
    ids: Ids
    values: Values
    #: Of `LABELS`, those that rules found in plain words.
    found: Ids

    @cached_property
    def by_window(self) -> list[Ids]:
        """Feature indices of each window."""
        w, first = self.windows, N_GRAMS + count_rules(self.windows.language)
        parts = zip(w.grams, w.rules, w.senses, strict=True)
        return [np.concatenate([grams, rules + N_GRAMS, senses + first]) for grams, rules, senses in parts]


@dataclass(frozen=True, slots=True)
class Learned:
    """Weights of one language.

    `labels` has a row a feature and a column for each of `LABELS`, `amounts` a weight a feature; the last row
    is the intercept. From the probability in `edges` on a label is told.
    """

    labels: NDArray[np.float32]
    edges: NDArray[np.float32]
    amounts: NDArray[np.float32]

    def weigh(self, described: Described) -> NDArray[np.float64]:
        """Probability of each of `LABELS`."""
        scores = described.values @ self.labels[described.ids] + self.labels[-1]
        p: NDArray[np.float64] = expit(np.asarray(scores, dtype=np.float64))
        p[described.found] = np.maximum(p[described.found], PLAIN)
        return p

    def weigh_amount(self, ids: Ids, values: Values) -> float:
        """Probability that an amount (`amounts.describe_amount`) left the victim."""
        return float(expit(values @ self.amounts[ids] + self.amounts[-1]))

    def list_told(self, described: Described, p: NDArray[np.float64], column: str) -> list[Found]:
        """Words of `column` that the text tells, each at the window that speaks most for it."""
        told = []
        for i, label in enumerate(LABELS):
            if label.startswith(f"{column}.") and p[i] >= self.edges[i]:
                told.append(
                    Found(label.partition(".")[2], *self.locate(described, label), round(float(p[i]), 3))
                )
        return told

    def locate(self, described: Described, label: str) -> tuple[int, int]:
        """The window that speaks most for `label`."""
        windows = described.windows
        column = self.labels[:, LABELS.index(label)]
        scores = [column[ids].sum() / math.sqrt(1 + len(ids)) for ids in described.by_window]
        return windows.spans[int(np.argmax(scores))]


def count_features(language: Language) -> int:
    """Length of a text's vector."""
    return N_GRAMS + count_rules(language) + load_senses(language).n_features + len(LABELS)


def describe(
    text: Text, identity: Identity | None, found: Collection[str], *, forget: NDArray[np.bool_] | None = None
) -> Described:
    """`text` as a vector, with what the rules made of it (`found`: labels).

    `forget`, for training, has a flag for each rule whose hits are hidden.
    """
    words = load_lexicon(text.language)
    windows = cut_windows(_hide_denied(text, words), words)
    n_rules = count_rules(text.language)
    grams, senses = _merge(windows.grams), _merge(windows.senses)
    rules = _merge(windows.rules)
    plain = np.array(sorted(LABELS.index(label) for label in found), dtype=np.int64)
    told = set(plain.tolist())
    if identity is not None:
        told.add(LABELS.index(f"claimed_identity.{identity.name}"))
    who = sorted(told)
    if forget is not None:
        rules = rules[~forget[rules]]
        who = [i for i in who if not forget[n_rules + i]]
    first = N_GRAMS + n_rules + load_senses(text.language).n_features
    ids = np.concatenate(
        [grams, rules + N_GRAMS, senses + N_GRAMS + n_rules, np.array(who, dtype=np.int64) + first]
    )
    values = np.concatenate(
        [
            np.full(len(grams), 1 / np.sqrt(max(1, len(grams)))),
            np.full(len(rules), _RULE),
            np.full(len(senses), _SENSES / np.sqrt(max(1, len(senses)))),
            np.full(len(who), _RULE),
        ]
    ).astype(np.float32)
    return Described(windows, ids, values, plain)


def _hide_denied(text: Text, words: Lexicon) -> Text:
    """`text` with blanks for what was not asked or known, and for what is advised against."""
    plain = text.plain
    ends = (("denied", text.clause_at), ("advice", text.sentence_at))
    for name, part_at in ends:
        for match in words.negated[name].finditer(text.plain):
            end = max(match.end(), part_at(match.end() - 1)[1])
            plain = plain[: match.start()] + " " * (end - match.start()) + plain[end:]
    return Text(text.raw, plain, text.language)


def _merge(parts: Sequence[Ids]) -> Ids:
    return np.unique(np.concatenate(parts))


@cache
def load_learned(language: Language) -> Learned:
    """The weights that are part of Stanch: sparse, eight bits each with a scale a column."""
    return read_learned(resources.files("stanch.complaints.reading").joinpath("weights"), language)


def read_learned(folder: Traversable, language: Language) -> Learned:
    """The weights of `language` in `folder`, as `bench/train_reading.py` wrote them."""
    with folder.joinpath(f"{language}.npz").open("rb") as raw, np.load(raw, allow_pickle=False) as stored:
        return Learned(_widen(stored, "labels"), stored["edges"], _widen(stored, "amounts")[:, 0])


def _widen(stored: np.lib.npyio.NpzFile, name: str) -> NDArray[np.float32]:
    rows, small, scale = stored[f"{name}_rows"], stored[f"{name}_weights"], stored[f"{name}_scale"]
    wide = np.zeros((int(stored[f"{name}_n"]), small.shape[1]), dtype=np.float32)
    wide[rows] = small * scale
    return wide
