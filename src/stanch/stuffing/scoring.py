"""Pattern counts -> fitted mixtures -> log-odds of every attempt.

All attempts of one bin and pattern have the same log-odds, so all fitting and scoring is done on these;
the engine puts the scores beside the attempts in one join.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from scipy.special import logit

from stanch.engine import Engine, load_step
from stanch.stuffing.blocks import BLOCKS, Floats, Ints, describe_blocks, unpack_patterns
from stanch.stuffing.chance import Chances
from stanch.stuffing.features import PatternCounts
from stanch.stuffing.mixture import PEACE_SHARE, Fit, Problem, fit_mixture, split_patterns
from stanch.stuffing.strata import ORIGINS, find_strata

#: Share of attack held possible in a log where the test found no place to look for any.
_WHOLLY_PEACEFUL_SHARE: Final = 1e-9
#: Blocks whose levels the log itself names.
_OPEN_ENDED: Final = ("client", "place")


@dataclass(frozen=True, slots=True)
class Scores:
    """What one fitted mixture, or the better of several, says of each entry of `PatternCounts`.

    `log_odds` in nats; `prior` is the part of it that the stratum adds, `origin` what that stratum is;
    `attack` the number of the mixture whose word counts.
    """

    log_odds: Floats
    prior: Floats
    origin: Ints
    attack: Ints


#: Of a log without attempts.
NO_SCORES: Final = Scores(np.zeros(0), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted mixture and the stratum of each entry of `PatternCounts`."""

    fit: Fit
    stratum: Ints
    origin: Ints

    @property
    def found_any(self) -> bool:
        """Whether there is any place where an attack was looked for."""
        return len(self.origin) > 1

    def score(self, counts: PatternCounts, *, number: int = 0, at_peace: bool = False) -> Scores:
        """Scores of all entries; `at_peace` as if there were no place where to look for an attack."""
        at_peace = at_peace or not self.found_any
        peace = float(logit(_WHOLLY_PEACEFUL_SHARE if at_peace else PEACE_SHARE))
        prior = np.full(len(counts.n), peace)
        origin = np.full(len(counts.n), ORIGINS["peace"])
        if not at_peace:
            suspect = self.stratum > 0
            shares = np.clip(self.fit.share, 1e-9, 1 - 1e-9)
            prior[suspect] = logit(shares[self.stratum[suspect]])
            origin = self.origin[self.stratum]
        log_odds = prior.copy()
        for addend in self.weigh(counts.people, counts.codes).values():
            log_odds += addend
        return Scores(log_odds, prior, origin, np.full(len(counts.n), number))

    def weigh(self, people: Ints, codes: dict[str, Ints]) -> dict[str, Floats]:
        """Addend of each block for these levels, in nats."""
        return {name: self.fit.addends[name][people, codes[name]] for name in BLOCKS}


def fit_model(counts: PatternCounts, n: Floats, chances: Chances) -> Model:
    """Fit the mixture to `n` attempts per entry of `counts`, which need not be all there are."""
    first, last = int(counts.bin.min()), int(counts.bin.max())
    strata, stratum = find_strata(counts.bin - first, last - first + 1, counts.codes, n)
    blocks = describe_blocks(
        {name: np.bincount(counts.codes[name], n).astype(np.float64) for name in _OPEN_ENDED}
    )
    patterns = split_patterns(counts.codes, counts.people, stratum, n)
    fit = fit_mixture(Problem(patterns, blocks, strata.prior_share, strata.most_cold_refused, chances))
    return Model(fit, stratum, strata.origin)


def choose_better(one: Scores, other: Scores) -> Scores:
    """For each entry the scores with the larger log-odds: of the attack that it resembles most."""
    better = other.log_odds > one.log_odds
    return Scores(
        np.where(better, other.log_odds, one.log_odds),
        np.where(better, other.prior, one.prior),
        np.where(better, other.origin, one.origin),
        np.where(better, other.attack, one.attack),
    )


def put_scores(engine: Engine, counts: PatternCounts, scores: Scores) -> None:
    """Make `stuffing_scored`, one row per attempt."""
    frame = pl.DataFrame(
        {
            "bin": counts.bin.astype(np.int32),
            "pattern": counts.pattern,
            "log_odds": scores.log_odds,
            "prior": scores.prior,
            "origin": scores.origin.astype(np.int8),
            "attack": scores.attack.astype(np.int8),
        }
    )
    engine.put("stuffing_scores", frame)
    engine.run(load_step("stanch.stuffing.sql", "stuffing_scored"))
    engine.drop("stuffing_scores")


def put_addends(engine: Engine, counts: PatternCounts, models: Sequence[Model]) -> None:
    """Make `pattern_addends`: per attack and pattern the addend (`ev_`) and level (`lv_`) of each block."""
    pattern = np.unique(counts.pattern)
    codes = unpack_patterns(pattern)
    people = codes.pop("people")
    tables = [
        pl.DataFrame(
            {"attack": np.full(len(pattern), number, dtype=np.int8), "pattern": pattern}
            | {f"ev_{name}": addend for name, addend in model.weigh(people, codes).items()}
            | {f"lv_{name}": codes[name].astype(np.int16) for name in BLOCKS}
        )
        for number, model in enumerate(models)
    ]
    empty = pl.DataFrame(
        schema={"attack": pl.Int8, "pattern": pl.Int64}
        | {f"ev_{name}": pl.Float64 for name in BLOCKS}
        | {f"lv_{name}": pl.Int16 for name in BLOCKS}
    )
    engine.put("pattern_addends", pl.concat([empty, *tables]))
