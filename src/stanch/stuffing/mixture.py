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
    DEVICE_KNOWN,
    FAILURE,
    N_AGAIN,
    N_GROUPS,
    N_HABITS,
    NETWORK_KNOWN_LATER,
    NOT_TOLD,
    SUCCESS,
    Block,
    Flags,
    Floats,
    Ints,
)

#: Attempts that the prior share of a stratum is worth.
_SHARE_STRENGTH = 20.0
#: Attempts that the ordinary table of all groups is worth in the table of one.
_POOLED_STRENGTH = 30.0
#: Share of the attack's successes that are logins to accounts of the attackers' own.
_OWN_ACCOUNTS = 0.02
#: Largest share of an attack that gets in. Published shares are 0.1-0.2 % on old lists and up to 2 % on
#: fresh ones; without a limit the attack takes over people who roam, for their logins from new places
#: differ from its successes in nothing but their number.
_MOST_SUCCESSES = 0.05
#: ... that are followed by a return from the same network or device.
_RETURNS = 0.15
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
    suspect = pl.DataFrame({**codes, "group": group, "stratum": stratum, "n": n}).filter(~at_peace)
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
    most_cold_refused: float = 1.0


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
    attack's would not let go of them.
    """
    grid = _lay_grid(problem)
    refused = problem.patterns.codes["behaviour"] >= N_HABITS * N_AGAIN
    of_peace = _fit_ordinary(problem, grid, grid.suspect)
    begin = _expect(problem, grid, of_peace, {b.name: b.attack for b in problem.blocks}, problem.prior_share)
    guided = _iterate(problem, grid, refused, begin, n_steps)
    return _iterate(problem, grid, np.ones_like(refused), guided, n_steps)


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
    addends = {b.name: b.weight * np.log(attack[b.name] / ordinary[b.name]) for b in problem.blocks}
    log_ratio, log_likelihood = np.zeros(len(patterns.n)), 0.0
    for block in problem.blocks:
        log_ratio += addends[block.name].ravel()[grid.cells[block.name]]
        log_likelihood += float((np.log(ordinary[block.name]) * grid.total[block.name]).sum())
    s = share[patterns.stratum]
    log_likelihood += float((np.log1p(s * np.expm1(np.minimum(log_ratio, 500.0))) * patterns.n).sum())
    log_odds = log_ratio + logit(np.maximum(share, PEACE_SHARE))[patterns.stratum]
    return Fit(ordinary, attack, addends, share, log_odds, log_likelihood)


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
        tables[block.name] = _normalise(counts + _POOLED_STRENGTH * pooled)[table_of]
    return tables


def _limit_cold_refusals(behaviour: Floats, most: float) -> Floats:
    """Scale refusals of strangers down to a share of `most`, the rest up."""
    joint = behaviour.reshape(-1, N_HABITS, N_AGAIN).copy()
    cold = np.zeros(joint.shape, dtype=bool)
    cold[FAILURE:NOT_TOLD, [0, 1, 2, 7]] = True
    cold[:, :, 2] = False
    share = joint[cold].sum()
    if share > most:
        joint[cold] *= most / share
        joint[~cold] *= (1 - most) / (1 - share)
    return joint.ravel()


def _fit_attack(problem: Problem, counts: dict[str, Floats]) -> dict[str, Floats]:
    """M-step of the attack component; `counts`: its attempts per block, groups x levels."""
    tables = {
        b.name: _normalise(counts[b.name].sum(axis=0) + b.attack_strength * b.attack) for b in problem.blocks
    }
    tables["behaviour"] = _link_success(tables["behaviour"])
    return tables


def _link_success(behaviour: Floats) -> Floats:
    """Give the attack's successes the habits of its failures.

    Whether a pair of a list works does not depend on where its account is at home, so successes are
    spread over habit and again as failures are; only their share is free. (Left free, the
    spread would drift to people who share an address with the attack.) Two parts differ: attackers
    who come back make their own network or device known to the account, and logins to accounts
    of their own look like people's, so these are spread evenly.
    """
    joint = behaviour.reshape(-1, N_HABITS, N_AGAIN).copy()
    spread = joint[FAILURE] / joint[FAILURE].sum()
    returns = np.zeros((N_HABITS, N_AGAIN))
    returns[DEVICE_KNOWN : NETWORK_KNOWN_LATER + 1, 0] = 0.5
    spread = (1 - _OWN_ACCOUNTS - _RETURNS) * spread + _OWN_ACCOUNTS / spread.size + _RETURNS * returns
    joint[SUCCESS] = min(float(joint[SUCCESS].sum()), _MOST_SUCCESSES) * spread
    return _normalise(joint.ravel())


def _fit_share(problem: Problem, in_attack: Floats) -> Floats:
    """M-step of the share of attack per stratum; held at 0 in peace."""
    prior, stratum = problem.prior_share, problem.patterns.stratum
    attack = np.bincount(stratum, in_attack, len(prior))
    total = np.bincount(stratum, problem.patterns.n, len(prior))
    share = (attack + _SHARE_STRENGTH * prior) / (total + _SHARE_STRENGTH)
    return np.where(prior > 0, np.clip(share, 1e-9, 1 - 1e-6), 0.0)


def _normalise(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
