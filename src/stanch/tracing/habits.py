"""What complaints look like whoever leaked: talkative regions, and the fields that callers cite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.evidence.tables import FIELDS
from stanch.tracing.case import UNKNOWN, Floats, Ints

#: How much regions differ in how readily people are called and report: factors are log-normal with this
#: deviation, so between 0.3 and 3.2 nine times in ten. A judgement, wide and heavy-tailed so that a courier
#: of a talkative region is safe.
FACTOR_DEVIATION: Final = 0.7
_STEPS: Final = 12
_MOST_STEP: Final = 1.5
#: Chance that a caller cites a field that the source did not show (known from elsewhere, or
#: misreported). Within the 2-5 % that the design asks for.
LEAK_THROUGH: Final = 0.03
#: Citing habits are shrunk towards independent fields cited this often, worth so many complaints.
_GENERAL_CITING: Final = 0.4
_GENERAL_WORTH: Final = 3.0
#: How often a caller who knows no order cites each field, in the order of `FIELDS`: what lists of names and
#: numbers hold, and lucky guesses. Judgements; a guess at something specific in one call in five.
_BY_CHANCE: Final = np.array([0.7, 0.5, 0.15, 0.07, 0.05, 0.05, 0.03, 0.03])
#: That a source does not show what callers never cite speaks for it at most this much per complaint.
_MOST_FIT: Final = 2.0
N_SETS: Final = 1 << len(FIELDS)


@dataclass(frozen=True, slots=True)
class Citing:
    """How often each set of fields is cited, and how well sets fit what a source shows."""

    #: Chance of each set among complaints that cite anything.
    p_set: Floats
    #: `fit[shown, cited]`: how much likelier the citation is if it came from that source.
    fit: Floats


def fit_factors(counts: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Log factor of each region, and what these factors add to the log likelihood, row by row.

    `counts` of complaints by region and shares `expected` that sum to 1. The factors are the mode of their
    posterior (multinomial counts, normal prior of log factors); what they add is net of the prior's price.
    Newton's method with the diagonal of the Hessian.
    """
    total = counts.sum(axis=-1, keepdims=True)
    precision = FACTOR_DEVIATION**-2
    theta = np.zeros(np.broadcast_shapes(counts.shape, expected.shape))
    for _ in range(_STEPS):
        p = expected * np.exp(theta)
        p /= p.sum(axis=-1, keepdims=True)
        slope = counts - total * p - precision * theta
        theta += np.clip(slope / (total * p * (1 - p) + precision), -_MOST_STEP, _MOST_STEP)
    scale = np.log((expected * np.exp(theta)).sum(axis=-1))
    gain = (counts * theta).sum(axis=-1) - total[..., 0] * scale - precision / 2 * (theta**2).sum(axis=-1)
    return theta, np.maximum(gain, 0.0)


def estimate_citing(cited: Ints) -> Citing:
    """Citing habits of these callers, from the sets cited in complaints (`UNKNOWN` ones left out)."""
    counts = np.bincount(cited[cited != UNKNOWN], minlength=N_SETS).astype(np.float64)
    sizes = np.array([bin(s).count("1") for s in range(N_SETS)])
    general = _GENERAL_CITING**sizes * (1 - _GENERAL_CITING) ** (len(FIELDS) - sizes)
    general[UNKNOWN] = 0.0
    p_set = counts + _GENERAL_WORTH * general / general.sum()
    p_set /= p_set.sum()
    sets = np.arange(N_SETS)
    inside = (sets[None, :] & ~sets[:, None]) == 0
    has = (sets[:, None] >> np.arange(len(FIELDS)) & 1).astype(np.bool_)
    by_chance = np.where(has, _BY_CHANCE, 1 - _BY_CHANCE).prod(axis=1)
    # A caller who cites little fits every source: that speaks only for those who show less than
    # coincidence knows.
    p_inside = np.maximum(inside @ p_set, inside @ by_chance)
    fit = np.where(inside, np.minimum(1 / np.maximum(p_inside, 1e-9), _MOST_FIT)[:, None], LEAK_THROUGH)
    fit[UNKNOWN, :] = 1.0
    fit[:, UNKNOWN] = 1.0
    return Citing(p_set, fit)
