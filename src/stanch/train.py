"""A shop's own scorecard: the batch model teaches, the live features learn."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit

from stanch import __version__
from stanch.engine import Engine
from stanch.errors import RejectedTableError, UsageError
from stanch.evidence.rejects import RejectLog
from stanch.guard.drift import COMPARED
from stanch.guard.features import AT_HOME, BLOCKS
from stanch.guard.guard import Context, Guard
from stanch.guard.memory import MemoryCounters
from stanch.guard.rehearse import Rehearsal, rehearse
from stanch.guard.scorecard import VERSION, Scorecard, load_scorecard
from stanch.progress import Progress
from stanch.readers import ReadRequest, read_evidence
from stanch.settings import Settings
from stanch.stuffing import find_attacks

Floats = NDArray[np.float64]

#: Attempts as the guard takes them, in order of time, beside what the batch model says of them.
TEACHER: Final = (
    "SELECT l.time_us, l.ip, l.account, l.user_agent, l.ja4, l.device, l.country, l.asn, l.outcome,"
    " a.p_attack FROM logins AS l JOIN attempts AS a ON a.file_id = l.file_id AND a.line = l.line"
    " ORDER BY l.time_us, l.file_id, l.line"
)
#: Attempts, at least, that calm levels are learnt from; attempts of attacks, that addends are.
_LEAST_LOGINS: Final = 1_000
_LEAST_ATTACK: Final = 200.0
#: Parts of one log whose calm hours are compared with the whole's; attempts, at least, of a part.
_PARTS: Final = 6
_LEAST_PART: Final = 300.0
#: 1.5 % of customers' logins used credentials of a breach (Thomas et al., USENIX Security 2019, section 6);
#: of an attack's, half at least: ln(0.5 / 0.015).
_LEAKED: Final = 3.5
#: Ridge on every addend, and on the step between neighbouring levels of blocks whose levels have an order.
_RIDGE: Final = 1.0
_SMOOTH: Final = 3.0
_ORDERED: Final = ("wave", "client", "place")
#: Addends are kept within these, in nats.
_MOST: Final = 12.0
_N_HABITS: Final = 13
#: Attempts that the outcomes of all habits together are worth in those of one.
_POOLED: Final = 50.0


def _zeros() -> defaultdict[tuple[int, ...], float]:
    return defaultdict(float)


@dataclass
class Lesson:
    """Attempts by pattern of levels: how many, and how many of them the teacher holds an attack."""

    n: Counter[tuple[int, ...]] = field(default_factory=Counter)
    attack: defaultdict[tuple[int, ...], float] = field(default_factory=_zeros)
    #: By habit and outcome (0 success, 1 refused): attack, genuine.
    ends: Floats = field(default_factory=lambda: np.zeros((_N_HABITS, 2, 2)))
    #: Genuine attempts per block and level in hours without an alarm, for each shop or part of a log.
    calm: list[dict[str, Floats]] = field(default_factory=list)

    def begin_part(self) -> None:
        """What comes now is another shop, or another part of the log."""
        self.calm.append({name: np.zeros(n) for name, n in BLOCKS.items()})

    def merge(self, other: Lesson) -> None:
        """Add what another lesson taught."""
        self.n += other.n
        for pattern, attack in other.attack.items():
            self.attack[pattern] += attack
        self.ends += other.ends
        self.calm += other.calm

    def sum_calm(self) -> dict[str, Floats]:
        """Shares of levels over all parts."""
        whole = {name: np.sum([part[name] for part in self.calm], axis=0) for name in BLOCKS}
        return {name: counts / max(counts.sum(), 1.0) for name, counts in whole.items()}

    def measure_usual(self) -> dict[str, float]:
        """Per block the largest distance of a part from the whole, and a bit more."""
        whole = self.sum_calm()
        usual = {}
        for name in COMPARED:
            parts = [part[name] for part in self.calm if part[name].sum() >= _LEAST_PART]
            far = [0.5 * np.abs(part / part.sum() - whole[name]).sum() for part in parts]
            usual[name] = round(min(1.1 * float(max(far, default=0.5)) + 0.05, 1.0), 3)
        return usual

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
                    self.calm[-1][name][level] += 1 - p


def fit_scorecard(lesson: Lesson, made: str, prior: Scorecard | None = None) -> Scorecard:
    """The scorecard that predicts the teacher best: logistic regression on levels, with a ridge.

    Blocks are fitted together, so evidence that two of them share is counted once. With a `prior` addends
    are drawn to its addends; where the teacher saw hardly any attack, they stay as they are there, and only
    what calm hours look like is new.
    """
    calm = {name: tuple(shares.round(5).tolist()) for name, shares in lesson.sum_calm().items()}
    if prior is not None and sum(lesson.attack.values()) < _LEAST_ATTACK:
        return msgspec.structs.replace(
            prior, made=f"{made}; addends: {prior.made}", calm=calm, usual=lesson.measure_usual()
        )
    weights = _fit(lesson, _list_weights(prior))
    base, addends = float(weights[0]), np.clip(weights[1:], -_MOST, _MOST)
    # More excess never speaks for a customer, however few attempts the highest levels are learnt from.
    first = list(BLOCKS).index("wave")
    wave = slice(sum(list(BLOCKS.values())[:first]) + 1, sum(list(BLOCKS.values())[: first + 1]))
    addends[wave] = np.maximum.accumulate(addends[wave])
    addends = addends.round(3).tolist()
    success, refused = _weigh_ends(lesson.ends)
    edges = np.cumsum([0, *BLOCKS.values()]).tolist()
    return Scorecard(
        version=VERSION,
        made=made,
        base=round(base, 3),
        addends={
            name: tuple(addends[low:high]) for name, low, high in zip(BLOCKS, edges, edges[1:], strict=False)
        },
        leaked=_LEAKED,
        success=success,
        refused=refused,
        challenge=0.2,
        deny=0.9999,
        reset=0.9,
        calm=calm,
        usual=lesson.measure_usual(),
    )


def _list_weights(prior: Scorecard | None) -> Floats:
    """Base and addends in one row; zeros without a prior."""
    if prior is None:
        return np.zeros(1 + sum(BLOCKS.values()))
    return np.array([prior.base, *(w for name in BLOCKS for w in prior.addends[name])])


def _fit(lesson: Lesson, prior: Floats) -> Floats:
    """Base and addends of largest posterior probability; all blocks at once (L-BFGS)."""
    patterns = list(lesson.n)
    n = np.array([lesson.n[p] for p in patterns], dtype=np.float64)
    attack = np.array([lesson.attack[p] for p in patterns])
    first = 1 + np.cumsum([0, *BLOCKS.values()])
    columns = [[0, *(int(first[b]) + level for b, level in enumerate(p) if level >= 0)] for p in patterns]
    pointers = np.cumsum([0, *map(len, columns)])
    flat = np.concatenate([np.array(c, dtype=np.int64) for c in columns])
    design = csr_array((np.ones(len(flat)), flat, pointers), shape=(len(patterns), len(prior)))
    ordered = [slice(first[b], first[b + 1]) for b, name in enumerate(BLOCKS) if name in _ORDERED]
    ridge = np.full(len(prior), _RIDGE)
    # Without a prior the base is free.
    ridge[0] = _RIDGE if prior.any() else 0.0

    def loss(w: Floats) -> tuple[float, Floats]:
        eta = design @ w
        away = w - prior
        value = float((n * np.logaddexp(0.0, eta) - attack * eta).sum() + 0.5 * (ridge * away) @ away)
        gradient = design.T @ (n * expit(eta) - attack) + ridge * away
        for part in ordered:
            step = np.diff(away[part])
            value += 0.5 * _SMOOTH * float(step @ step)
            gradient[part] += _SMOOTH * (np.append(0.0, step) - np.append(step, 0.0))
        return value, gradient

    found = minimize(loss, prior, jac=True, method="L-BFGS-B", options={"maxiter": 1_000})
    return np.asarray(found.x, dtype=np.float64)


def _weigh_ends(ends: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Log of P(outcome | attack, habit) / P(outcome | genuine, habit).

    Each habit is drawn to all habits of strangers, or to all of those at home.
    """
    home = np.isin(np.arange(_N_HABITS), list(AT_HOME))
    told = np.zeros((_N_HABITS, 2))
    for group in (home, ~home):
        pooled = ends[group].sum(axis=0) + np.array([[0.02, 5.0], [2.0, 1.0]])
        pooled = pooled / pooled.sum(axis=0)
        for habit in np.flatnonzero(group):
            rates = ends[habit] + _POOLED * pooled
            rates = rates / rates.sum(axis=0)
            told[habit] = np.log(rates[:, 0] / rates[:, 1])
    return tuple(told[:, 0].round(3).tolist()), tuple(told[:, 1].round(3).tolist())


def learn(
    lesson: Lesson, logins: pl.DataFrame, p_attack: Floats, guard: Guard, *, parts: int = 1
) -> Rehearsal:
    """Replay `logins`, in order of time, and add to `lesson` what the guard saw of each beside the
    teacher's word.

    The log is taken for so many parts of equal length when calm hours are compared.
    """
    told = enumerate(p_attack.tolist())
    length = -(-len(logins) // parts)

    def observe(context: Context, outcome: str) -> None:
        row, p = next(told)
        if row % length == 0:
            lesson.begin_part()
        lesson.add(context, outcome, p, calm=not guard.alarm)

    return rehearse(logins, guard, observe=observe)


@dataclass(frozen=True, slots=True)
class Trained:
    """What a scorecard was made from."""

    n: int
    n_attack: float


def train(read: ReadRequest, out: Path, settings: Settings, engine: Engine, progress: Progress) -> Trained:
    """Make a scorecard from the logins of `read` and write it to `out`.

    Raises:
        UsageError: paths or options cannot be used, or the logs hold too little to learn from.
        EvidenceError: no file could be read.
        RejectedTableError: there were rows and every one was rejected.
    """
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder", hint="name a file")
    with TemporaryDirectory() as folder, RejectLog(Path(folder, "rejects.jsonl")) as rejects:
        evidence = read_evidence(read, engine, rejects, progress)
    if evidence.all_rejected:
        raise RejectedTableError(next(iter(evidence.all_rejected.values())))
    result = find_attacks(engine, evidence.columns["logins"], settings.stuffing, 0, progress)
    if result.logins.not_examined:
        raise UsageError(result.logins.not_examined)
    rows = engine.fetch(TEACHER)
    if len(rows) < _LEAST_LOGINS:
        raise UsageError(f"{len(rows):,} attempts: too few to learn from, {_LEAST_LOGINS:,} are needed")
    p_attack = rows["p_attack"].to_numpy()
    counters = MemoryCounters(None, customers=settings.guard.customers, recent=settings.guard.recent)
    guard = Guard(counters, load_scorecard(None), settings.guard, b"stanch train" * 3)
    lesson = Lesson()
    with progress.task("learning", len(rows)):
        learn(lesson, rows, p_attack, guard, parts=_PARTS)
    made = f"stanch train {__version__}: {len(rows):,} attempts, {p_attack.sum():,.0f} of them an attack's"
    try:
        write_scorecard(out, fit_scorecard(lesson, made, load_scorecard(None)))
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written: {error.strerror or error}") from error
    return Trained(len(rows), float(p_attack.sum()))


def write_scorecard(path: Path, scorecard: Scorecard) -> None:
    """Write a scorecard as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(scorecard), indent=1) + b"\n")
