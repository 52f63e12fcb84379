"""A shop's own scorecard: the batch model teaches, the live features learn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

from stanch.guard.features import AT_HOME, BLOCKS
from stanch.guard.guard import Context, Guard
from stanch.guard.rehearse import Rehearsal, rehearse
from stanch.guard.scorecard import VERSION, Scorecard

Floats = NDArray[np.float64]

#: Ridge on every addend, and on the step between neighbouring levels of blocks whose levels have an order.
_RIDGE: Final = 1.0
_SMOOTH: Final = 3.0
_ORDERED: Final = ("wave", "client", "place")
#: Addends are kept within these, in nats.
_MOST: Final = 12.0
_N_HABITS: Final = 13
#: Attempts that the outcomes of all habits together are worth in those of one.
_POOLED: Final = 50.0


@dataclass
class Lesson:
    """Attempts by pattern of levels: how many, and how many of them the teacher holds an attack."""

    n: Counter[tuple[int, ...]] = field(default_factory=Counter)
    attack: Counter[tuple[int, ...]] = field(default_factory=Counter)
    #: By habit and outcome (0 success, 1 refused): attack, genuine.
    ends: Floats = field(default_factory=lambda: np.zeros((_N_HABITS, 2, 2)))
    #: Genuine attempts per block and level in hours without an alarm.
    calm: dict[str, Floats] = field(default_factory=lambda: {name: np.zeros(n) for name, n in BLOCKS.items()})

    def add(self, context: Context, outcome: str, p: float, *, calm: bool) -> None:
        """One attempt, its outcome, and the teacher's probability of attack."""
        if outcome == "unknown":
            return
        self.n[context.levels] += 1
        self.attack[context.levels] += p
        end = 0 if outcome == "success" else 1
        self.ends[context.habit, end] += p, 1 - p
        if calm:
            for name, level in zip(BLOCKS, context.levels, strict=True):
                if level >= 0:
                    self.calm[name][level] += 1 - p


def fit_scorecard(lesson: Lesson, made: str) -> Scorecard:
    """The scorecard that predicts the teacher best: logistic regression on levels, with a ridge.

    Blocks are fitted together, so evidence that two of them share is counted once.
    """
    patterns = list(lesson.n)
    n = np.array([lesson.n[p] for p in patterns], dtype=np.float64)
    attack = np.array([lesson.attack[p] for p in patterns])
    first = np.cumsum([0, *BLOCKS.values()])
    columns = [[int(first[b]) + level for b, level in enumerate(p) if level >= 0] for p in patterns]
    pointers = np.cumsum([0, *map(len, columns)])
    flat = np.concatenate([np.array(c, dtype=np.int64) for c in columns])
    design = csr_array((np.ones(len(flat)), flat, pointers), shape=(len(patterns), int(first[-1])))
    weights = _fit(design, n, attack, first)
    addends = {
        name: tuple(
            round(float(w), 3) for w in np.clip(weights[1 + first[b] : 1 + first[b + 1]], -_MOST, _MOST)
        )
        for b, name in enumerate(BLOCKS)
    }
    success, refused = _weigh_ends(lesson.ends)
    return Scorecard(
        version=VERSION,
        made=made,
        base=round(float(weights[0]), 3),
        addends=addends,
        success=success,
        refused=refused,
        challenge=0.5,
        deny=0.9999,
        reset=0.9,
        calm={name: tuple((c / max(c.sum(), 1.0)).round(5).tolist()) for name, c in lesson.calm.items()},
    )


def _fit(design: csr_array, n: Floats, attack: Floats, first: NDArray[np.int64]) -> Floats:
    steps: Sequence[tuple[int, int]] = [
        (int(first[b]), int(first[b + 1])) for b, name in enumerate(BLOCKS) if name in _ORDERED
    ]

    def loss(w: Floats) -> tuple[float, Floats]:
        eta = w[0] + design @ w[1:]
        value = float((n * np.logaddexp(0.0, eta) - attack * eta).sum())
        slope = n / (1 + np.exp(-eta)) - attack
        gradient = np.concatenate([[slope.sum()], design.T @ slope + _RIDGE * w[1:]])
        value += 0.5 * _RIDGE * float(w[1:] @ w[1:])
        for low, high in steps:
            step = np.diff(w[1 + low : 1 + high])
            value += 0.5 * _SMOOTH * float(step @ step)
            gradient[1 + low : high] -= _SMOOTH * step
            gradient[2 + low : 1 + high] += _SMOOTH * step
        return value, gradient

    found = minimize(
        loss, np.zeros(1 + design.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 800}
    )
    return np.asarray(found.x, dtype=np.float64)


def _weigh_ends(ends: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Log of P(outcome | attack, habit) / P(outcome | genuine, habit), drawn to all strangers' or all at home's."""
    home = np.isin(np.arange(_N_HABITS), list(AT_HOME))
    told = np.zeros((_N_HABITS, 2))
    for group in (home, ~home):
        pooled = ends[group].sum(axis=0) + [[0.02, 5.0], [2.0, 1.0]]
        pooled = pooled / pooled.sum(axis=0)
        for habit in np.flatnonzero(group):
            rates = ends[habit] + _POOLED * pooled
            rates = rates / rates.sum(axis=0)
            told[habit] = np.log(rates[:, 0] / rates[:, 1])
    return tuple(told[:, 0].round(3).tolist()), tuple(told[:, 1].round(3).tolist())


def learn(lesson: Lesson, logins: pl.DataFrame, p_attack: Floats, guard: Guard) -> Rehearsal:
    """Replay `logins`, in order of time, and add to `lesson` what the guard saw of each beside the teacher's word."""
    told = iter(p_attack.tolist())

    def observe(context: Context, outcome: str) -> None:
        lesson.add(context, outcome, next(told), calm=not guard.alarm)

    return rehearse(logins, guard, observe=observe)
