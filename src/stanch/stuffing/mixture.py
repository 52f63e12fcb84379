"""The two-component mixture over patterns of attempts, fitted by EM.

Every attempt is ordinary or part of an attack. A pattern is a combination of one level per block
and a stratum, with the number of attempts that show it. Given the component, blocks are
independent multinomials (the latent class model: Goodman 1974, Biometrika 61:215; as in record
linkage: Fellegi & Sunter 1969, eq. 8-10); the share of attack varies by stratum, and the stratum of
peace holds none. The M-step is the posterior mode under Dirichlet priors (Dempster, Laird &
Rubin 1977, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import expit, logit

from stanch.stuffing.blocks import (
    AT_HOME,
    FAILURE,
    N_AGAIN,
    N_GROUPS,
    N_HABITS,
    N_KINDS,
    NOT_TOLD,
    Block,
    Flags,
    Floats,
    Ints,
)
from stanch.stuffing.chance import Chances, find_success_shift, shape_behaviour

#: Attempts that the prior share of a stratum is worth.
_SHARE_STRENGTH = 20.0
#: Share of attack held possible in peace, where the test found none.
PEACE_SHARE = 1e-6
#: EM stops when a step gains less log-likelihood per attempt of the suspect strata, in nats.
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Patterns:
    """Attempts of suspect strata, and what peace looks like.

    Grain of the arrays: one entry per pattern of a suspect stratum, in a fixed order. Attempts of
    peace are held ordinary, so their counts per block are all that is needed of them.
    """

    codes: dict[str, Ints]  #: level per block
    group: Ints  #: which table of the ordinary component applies
    stratum: Ints  #: number of the stratum, from 1
    n: Floats  #: attempts showing the pattern
    peace: dict[str, Floats]  #: per block: attempts of peace, groups x levels


def split_patterns(codes: dict[str, Ints], group: Ints, stratum: Ints, n: Floats) -> Patterns:
    """Separate suspect patterns from those of peace (stratum 0); merge those that differ in time only."""
    at_peace = stratum == 0
    peace = {}
    for name, levels in codes.items():
        size = int(levels.max(initial=0)) + 1
        cells = group[at_peace] * size + levels[at_peace]
        counts = np.bincount(cells, n[at_peace], N_GROUPS * size).astype(np.float64)
        peace[name] = counts.reshape(N_GROUPS, size)
    keys = [*codes, "group", "stratum"]
    suspect = pl.DataFrame({**codes, "group": group, "stratum": stratum, "n": n}).filter(~at_peace & (n > 0))
    merged = suspect.group_by(keys).agg(pl.col("n").sum()).sort(keys)
    of = {name: merged[name].to_numpy() for name in (*keys, "n")}
    return Patterns({name: of[name] for name in codes}, of["group"], of["stratum"], of["n"], peace)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted mixture; log-odds of attack in nats."""

    ordinary: dict[str, Floats]  #: per block: P(level | ordinary, group), groups x levels
    attack: dict[str, Floats]  #: per block: P(level | attack)
    addends: dict[str, Floats]  #: per block: groups x levels
    share: Floats  #: of attack per stratum
    log_odds: Floats  #: per pattern
    log_likelihood: float


@dataclass(frozen=True, slots=True)
class Problem:
    """What is to be fitted, and what is held about it beforehand."""

    patterns: Patterns
    blocks: Sequence[Block]
    #: Per stratum the prior share of attack; where it is 0 all attempts are held ordinary.
    prior_share: Floats
    #: Share of ordinary attempts that may be refusals of strangers. Without a limit the ordinary
    #: component could take over a part of an attack as if it were a kind of people.
    most_cold_refused: float
    chances: Chances


@dataclass(frozen=True, slots=True)
class _Grid:
    """Where the patterns lie in the blocks' tables, and the counts that no step of EM changes.

    Per block: `cells`, one flat position (group x levels + level) per pattern; `suspect` and
    `total`, attempts of suspect strata and of all, groups x levels.
    """

    cells: dict[str, Ints]
    suspect: dict[str, Floats]
    total: dict[str, Floats]

    def count(self, name: str, n: Floats) -> Floats:
        """Attempts per group and level of a block, `n` being attempts per pattern."""
        table = self.suspect[name]
        return np.bincount(self.cells[name], n, table.size).astype(np.float64).reshape(table.shape)


def _lay_grid(problem: Problem) -> _Grid:
    patterns = problem.patterns
    grid = _Grid({}, {}, {})
    for block in problem.blocks:
        size = len(block.ordinary)
        grid.cells[block.name] = patterns.group * size + patterns.codes[block.name]
        grid.suspect[block.name] = np.zeros((N_GROUPS, size))
        grid.suspect[block.name] = grid.count(block.name, patterns.n)
        total = grid.suspect[block.name].copy()
        peace = patterns.peace[block.name]
        total[:, : peace.shape[1]] += peace
        grid.total[block.name] = total
    return grid


def fit_mixture(problem: Problem, *, n_steps: int = 100) -> Fit:
    """Fit ordinary and attack to the patterns.

    Successes are held ordinary until refusals alone have converged: the refusals tell what the
    attack looks like, and a fit that starts with people's logins from shared addresses among the
    attack's would not let go of them. Attempts from where their account is at home teach the attack
    nothing: it meets such an account by chance only, and people's own slips are far more.
    """
    grid = _lay_grid(problem)
    behaviour = problem.patterns.codes["behaviour"]
    strange = ~AT_HOME[behaviour // N_AGAIN % N_HABITS]
    refused = strange & (behaviour >= N_HABITS * N_AGAIN)
    of_peace = _fit_ordinary(problem, grid, grid.suspect)
    begin = _expect(problem, grid, of_peace, {b.name: b.attack for b in problem.blocks}, problem.prior_share)
    guided = _iterate(problem, grid, refused, begin, n_steps)
    fit = _iterate(problem, grid, strange, guided, n_steps)
    let_in = strange & ~refused
    if not let_in.any():
        return fit
    shift = find_success_shift(fit.log_odds, problem.patterns.n, let_in)
    shifted = fit.attack["behaviour"].copy()
    shifted[: N_HABITS * N_AGAIN] *= np.exp(shift)
    attack = {**fit.attack, "behaviour": _normalise(shifted)}
    return _expect(problem, grid, fit.ordinary, attack, fit.share)


def _iterate(problem: Problem, grid: _Grid, free: Flags, fit: Fit, n_steps: int) -> Fit:
    """EM from `fit`, patterns outside `free` held ordinary, until the likelihood stands still."""
    tolerance = _TOLERANCE * max(float(problem.patterns.n.sum()), 1e4)
    for _ in range(n_steps):
        in_attack = np.where(free, expit(fit.log_odds), 0.0) * problem.patterns.n
        attack = {b.name: grid.count(b.name, in_attack) for b in problem.blocks}
        before = fit.log_likelihood
        fit = _expect(
            problem,
            grid,
            _fit_ordinary(problem, grid, attack),
            _fit_attack(problem, attack),
            _fit_share(problem, in_attack),
        )
        if abs(fit.log_likelihood - before) < tolerance:
            break
    return fit


def _expect(
    problem: Problem, grid: _Grid, ordinary: dict[str, Floats], attack: dict[str, Floats], share: Floats
) -> Fit:
    """E-step: log-odds of every pattern, and the log-likelihood of all attempts."""
    patterns = problem.patterns
    addends = {b.name: _weigh(b, attack[b.name], ordinary[b.name]) for b in problem.blocks}
    log_ratio, log_likelihood = np.zeros(len(patterns.n)), 0.0
    for block in problem.blocks:
        log_ratio += addends[block.name].ravel()[grid.cells[block.name]]
        log_likelihood += float((np.log(ordinary[block.name]) * grid.total[block.name]).sum())
    s = share[patterns.stratum]
    log_likelihood += float((np.log1p(s * np.expm1(np.minimum(log_ratio, 500.0))) * patterns.n).sum())
    log_odds = log_ratio + logit(np.maximum(share, PEACE_SHARE))[patterns.stratum]
    return Fit(ordinary, attack, addends, share, log_odds, log_likelihood)


def _weigh(block: Block, attack: Floats, ordinary: Floats) -> Floats:
    """Addends of a block: groups x levels."""
    told, usual = attack[block.n_silent :], ordinary[:, block.n_silent :]
    addends = np.zeros_like(ordinary)
    addends[:, block.n_silent :] = np.log((told / told.sum()) / (usual / usual.sum(axis=1, keepdims=True)))
    addends[list(block.silent_in)] = 0.0
    return np.asarray(addends)


def _fit_ordinary(problem: Problem, grid: _Grid, attack: dict[str, Floats]) -> dict[str, Floats]:
    """M-step: one table per group of people, drawn to the table of all groups.

    `attack`: attempts of suspect strata in the attack, per block; the others of these strata and
    those of peace are ordinary.
    """
    patterns, tables = problem.patterns, {}
    for block in problem.blocks:
        counts = np.maximum(grid.suspect[block.name] - attack[block.name], 0.0)
        peace = patterns.peace[block.name]
        counts[:, : peace.shape[1]] += peace * min(1.0, block.peace_counts / max(float(peace.sum()), 1.0))
        table_of = np.array(block.table_of)
        counts = np.stack([counts[table_of == table].sum(axis=0) for table in range(N_GROUPS)])
        pooled = _normalise(counts.sum(axis=0) + block.ordinary_strength * block.ordinary)
        if block.name == "behaviour":
            pooled = _limit_cold_refusals(pooled, problem.most_cold_refused)
            counts = 0 * counts
        company = _normalise(counts.reshape(3, N_KINDS, -1).sum(axis=1) + pooled)
        counts = (
            counts
            + block.pooled_strength * pooled
            + block.company_strength * np.repeat(company, N_KINDS, axis=0)
        )
        tables[block.name] = _normalise(counts)[table_of]
    return tables


def _limit_cold_refusals(behaviour: Floats, most: float) -> Floats:
    """Scale refusals of strangers down to a share of `most`, the rest up."""
    joint = behaviour.reshape(-1, N_HABITS, N_AGAIN).copy()
    cold = np.zeros(joint.shape, dtype=bool)
    cold[FAILURE:NOT_TOLD, ~AT_HOME] = True
    cold[:, :, 2] = False
    share = joint[cold].sum()
    if share > most:
        joint[cold] *= most / share
        joint[~cold] *= (1 - most) / (1 - share)
    return joint.ravel()


def _fit_attack(problem: Problem, counts: dict[str, Floats]) -> dict[str, Floats]:
    """M-step of the attack component; `counts`: its attempts per block, groups x levels."""
    tables = {}
    for block in problem.blocks:
        heard = np.delete(counts[block.name], block.silent_in, axis=0)
        tables[block.name] = _normalise(heard.sum(axis=0) + block.attack_strength * block.attack)
    tables["behaviour"] = shape_behaviour(tables["behaviour"], tables, problem.chances)
    return tables


def _fit_share(problem: Problem, in_attack: Floats) -> Floats:
    """M-step of the share of attack per stratum; held at 0 in peace."""
    prior, stratum = problem.prior_share, problem.patterns.stratum
    attack = np.bincount(stratum, in_attack, len(prior))
    total = np.bincount(stratum, problem.patterns.n, len(prior))
    share = (attack + _SHARE_STRENGTH * prior) / (total + _SHARE_STRENGTH)
    return np.where(prior > 0, np.clip(share, 1e-9, 1 - 1e-6), 0.0)


def _normalise(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
