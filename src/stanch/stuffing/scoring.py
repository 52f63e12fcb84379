"""Fitted mixture -> log-odds of every attempt, with its addends, in the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from scipy.special import logit

from stanch.engine import Engine, load_step
from stanch.stuffing.blocks import BLOCKS, N_GROUPS, Floats, Ints, describe_blocks
from stanch.stuffing.chance import fetch_chances
from stanch.stuffing.features import fetch_patterns
from stanch.stuffing.mixture import PEACE_SHARE, Fit, Problem, fit_mixture, split_patterns
from stanch.stuffing.strata import Strata, find_strata

#: Share of attack held possible in a log where the test found no place to look for any.
_WHOLLY_PEACEFUL_SHARE = 1e-9

#: Blocks whose levels the log itself names.
_OPEN_ENDED: Final = ("client", "place")
_COUNT_LEVELS: Final = "SELECT max(client) + 1 AS client, max(place) + 1 AS place FROM stuffing_levels"
#: Blocks with a table of addends each; the small ones share `stuffing_addends_around`.
_OWN_TABLE: Final = ("behaviour", "address", "client", "place")


@dataclass(frozen=True, slots=True)
class Model:
    """All that is needed to score attempts and to say how the score came about."""

    strata: Strata
    fit: Fit
    bin_numbers: Ints

    @property
    def found_any(self) -> bool:
        """Whether there is any place where an attack was looked for."""
        return len(self.strata.prior_share) > 1


def fit_model(engine: Engine) -> Model | None:
    """Fit the mixture to `stuffing_patterns`; None where there are no attempts."""
    table, bin_numbers = fetch_patterns(engine)
    if not len(table["n"]):
        return None
    codes = {name: table[name] for name in BLOCKS}
    n = table["n"].astype(np.float64)
    strata, stratum = find_strata(table["bin"] - bin_numbers[0], len(bin_numbers), codes, n)
    # Every level of any attempt, also of those that are left out of the patterns.
    n_levels = dict(zip(_OPEN_ENDED, engine.fetch(_COUNT_LEVELS).row(0), strict=True))
    blocks = describe_blocks(
        {name: np.bincount(codes[name], n, n_levels[name]).astype(np.float64) for name in _OPEN_ENDED}
    )
    patterns = split_patterns(codes, table["people"], stratum, n)
    fit = fit_mixture(
        Problem(patterns, blocks, strata.prior_share, strata.most_cold_refused, fetch_chances(engine))
    )
    return Model(strata, fit, bin_numbers)


def score_attempts(engine: Engine, model: Model, *, at_peace: bool) -> None:
    """Make `stuffing_scored`, one row per attempt.

    `at_peace`: score as if no place had been found where to look for an attack.
    """
    shares = model.fit.share
    priors = np.where(np.arange(len(shares)) > 0, logit(np.clip(shares, 1e-9, 1 - 1e-9)), np.nan)
    if at_peace:
        priors[:] = np.nan
    of_bin = priors[model.strata.of_bin]
    engine.put(
        "stuffing_bin_priors",
        pl.DataFrame({"bin": model.bin_numbers, "prior": pl.Series(of_bin, nan_to_null=True)}),
    )
    for name in _OWN_TABLE:
        engine.put(f"stuffing_addends_{name}", _list_addends(model, name, priors))
    engine.put("stuffing_addends_around", _list_small_addends(model, priors))
    peace = float(logit(_WHOLLY_PEACEFUL_SHARE if at_peace else PEACE_SHARE))
    engine.run(load_step("stanch.stuffing.sql", "stuffing_scored", peace=peace))
    engine.drop("stuffing_bin_priors", *(f"stuffing_addends_{name}" for name in (*_OWN_TABLE, "around")))


def _find_priors(model: Model, name: str, priors: Floats) -> Floats:
    """Prior log-odds of each level's stratum, NaN where the level has none."""
    size = model.fit.addends[name].shape[1]
    found = np.full(size, np.nan)
    if name in model.strata.of_level:
        of_level = model.strata.of_level[name][:size]
        found[: len(of_level)] = priors[of_level]
    return found


def _list_addends(model: Model, name: str, priors: Floats) -> pl.DataFrame:
    """Grain: one row per level of the block `name` and group of people."""
    addends = model.fit.addends[name]
    prior = np.repeat(_find_priors(model, name, priors), N_GROUPS)
    return pl.DataFrame(
        {
            "cell": np.arange(addends.size),
            "addend": addends.T.ravel(),
            "prior": pl.Series(prior, nan_to_null=True),
        }
    )


def _list_small_addends(model: Model, priors: Floats) -> pl.DataFrame:
    """Grain: one row per combination of levels of network, standing and target, and group of people."""
    sizes = [model.fit.addends[name].shape[1] for name in ("network", "standing", "target")]
    network, standing, target, people = (
        axis.ravel() for axis in np.meshgrid(*(np.arange(n) for n in (*sizes, N_GROUPS)), indexing="ij")
    )
    of_network = _find_priors(model, "network", priors)[network]
    prior = np.where(np.isnan(of_network), _find_priors(model, "target", priors)[target], of_network)
    return pl.DataFrame(
        {
            "cell": np.arange(len(people)),
            "network": model.fit.addends["network"][people, network],
            "standing": model.fit.addends["standing"][people, standing],
            "target": model.fit.addends["target"][people, target],
            "prior": pl.Series(prior, nan_to_null=True),
        }
    )
