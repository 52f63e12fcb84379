"""How much better could anybody do? A classifier that is told the truth of other logs of the same family.

    python3 dev.py bench ceiling --families quiet-returns faint --train 20 --test 20 --scale 0.5

Gradient-boosted trees (scikit-learn) learn from every attempt of the training logs: Stanch's addends, the
levels behind them, and counts around the attempt that Stanch does not use as such, beside the truth of each.
On logs with other seeds they stand for the best classifier that knows the simulator's densities. What they do
not find either is hardly to be found; what only they find, the model leaves lying.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier

from cells import make_table, show_percent
from loading import load_tables
from stanch.engine import EngineSettings, open_engine
from stanch.progress import SilentProgress
from stanch.simulation import CASES, simulate_logins
from stanch.simulation.scoring import find_tpr_at_rate, mark_attacks, mark_successes, score_successes
from stanch.stuffing import StuffingSettings, find_attacks
from stanch.stuffing.blocks import unpack_patterns

Floats = npt.NDArray[np.float64]
#: Genuine attempts of each training log that are learnt from; all attack attempts are.
_MOST_GENUINE: Final = 30_000
_HOUR_US: Final = 3_600_000_000

_ATTEMPTS: Final = """
SELECT a.line, a.time_us, a.ip, a.account, a.outcome, a.log_odds, a.pattern, a.prior, a.origin, a.habit,
  w.* EXCLUDE (attack, pattern)
FROM attempts AS a JOIN pattern_addends AS w ON w.attack = a.attack AND w.pattern = a.pattern
ORDER BY a.time_us, a.line
"""


@dataclass(frozen=True)
class Log:
    """One log, attempt by attempt."""

    features: Floats
    is_attack: npt.NDArray[np.bool_]
    #: As `mark_successes` says.
    kinds: pl.Series
    log_odds: Floats


def read_log(family: str, seed: int, scale: float) -> Log:
    """Simulate one log and describe each of its attempts."""
    incident = simulate_logins(family, seed, scale=scale)
    with closing(open_engine("duckdb", EngineSettings(threads=1))) as engine:
        columns = load_tables(engine, incident.tables, ("logins",))
        find_attacks(engine, columns, StuffingSettings(), seed, SilentProgress())
        attempts = engine.fetch(_ATTEMPTS)
    whole = incident.tables["logins"].with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    whole = attempts.select("line", "time_us").join(whole, on="line", maintain_order="left")
    return Log(
        describe(attempts),
        mark_attacks(incident.truth, attempts["line"].cast(pl.Int64)).to_numpy(),
        mark_successes(incident.truth, whole),
        attempts["log_odds"].cast(pl.Float64).to_numpy(),
    )


def describe(attempts: pl.DataFrame) -> Floats:
    """One row of features per attempt: what Stanch thinks of it, and what happened around it."""
    hour = pl.col("time_us") // _HOUR_US
    failed = pl.col("outcome") != "success"
    around = attempts.select(
        *(pl.col(name).cast(pl.Float64) for name in attempts.columns if name.startswith(("ev_", "lv_"))),
        pl.col("prior", "origin", "habit", "log_odds").cast(pl.Float64),
        (pl.col("outcome") == "success").cast(pl.Float64).alias("success"),
        (pl.col("outcome") == "unknown_account").cast(pl.Float64).alias("unknown"),
        hour.mod(24).cast(pl.Float64).alias("hour"),
        pl.len().over("ip").cast(pl.Float64).alias("at_address"),
        pl.col("account").n_unique().over("ip").cast(pl.Float64).alias("accounts_at_address"),
        failed.mean().over("ip").alias("failing_at_address"),
        pl.len().over(hour).cast(pl.Float64).alias("in_hour"),
        failed.mean().over(hour).alias("failing_in_hour"),
        pl.len().over("account").cast(pl.Float64).alias("on_account"),
        failed.mean().over("account").alias("failing_on_account"),
        pl.col("ip").n_unique().over("account").cast(pl.Float64).alias("addresses_of_account"),
        pl.col("log_odds").max().over("account").cast(pl.Float64).alias("worst_of_account"),
        (pl.col("time_us") - pl.col("time_us").shift(1).over("account")).cast(pl.Float64).alias("since_last"),
        (pl.col("time_us").shift(-1).over("account") - pl.col("time_us"))
        .cast(pl.Float64)
        .alias("until_next"),
    )
    codes = unpack_patterns(attempts["pattern"].to_numpy())
    levels = np.column_stack([codes[name] for name in ("people", "address", "network", "standing", "target")])
    return np.hstack([around.to_numpy(), levels.astype(np.float64)])


def learn(logs: Sequence[Log], seed: int) -> HistGradientBoostingClassifier:
    """Fit to all attack attempts and a sample of the genuine ones."""
    rng = np.random.default_rng(seed)
    features, truth, weights = [], [], []
    for log in logs:
        genuine = np.flatnonzero(~log.is_attack)
        kept = rng.permutation(genuine)[:_MOST_GENUINE]
        rows = np.concatenate([np.flatnonzero(log.is_attack), kept])
        features.append(log.features[rows])
        truth.append(log.is_attack[rows])
        weights.append(np.where(log.is_attack[rows], 1.0, len(genuine) / max(len(kept), 1)))
    trees = HistGradientBoostingClassifier(
        max_iter=400, learning_rate=0.06, max_leaf_nodes=31, l2_regularization=1.0, random_state=seed
    )
    return trees.fit(np.concatenate(features), np.concatenate(truth), np.concatenate(weights))


def score(log: Log, score: Floats) -> tuple[float, float, float]:
    """Attempts found at 1 in 10,000, first successes and returns found at 1 in 1,000."""
    attempts = find_tpr_at_rate(score[log.is_attack], score[~log.is_attack])
    successes = score_successes(log.kinds, score)
    return attempts, successes.first, successes.returns


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="+", default=["quiet-returns", "faint"], choices=list(CASES))
    parser.add_argument("--train", type=int, default=20, help="logs learnt from")
    parser.add_argument("--test", type=int, default=20, help="logs measured")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=0.5)
    options = parser.parse_args()
    rows = []
    for family in options.families:
        seeds = range(options.first_seed, options.first_seed + options.train + options.test)
        logs = [read_log(family, seed, options.scale) for seed in seeds]
        trees = learn(logs[: options.train], options.first_seed)
        tested = logs[options.train :]
        ours = [score(log, log.log_odds) for log in tested]
        theirs = [score(log, trees.decision_function(log.features)) for log in tested]
        cells = [
            show_percent(None if math.isnan(each[i]) else each[i] for each in scores)
            for i in range(3)
            for scores in (ours, theirs)
        ]
        rows.append([family, str(len(tested)), *cells])
        print(rows[-1], flush=True)
    heads = ["attempts", "… told the truth", "first successes", "… told", "returns", "… told"]
    print(make_table(["family", "logs", *heads], rows))


if __name__ == "__main__":
    main()
