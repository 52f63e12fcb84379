"""How well attacks on accounts are found, family by family, over many seeds.

    .venv/bin/python bench/detection.py --seeds 10 --scale 0.5

Each line is one family: median [smallest–largest] over its seeds. `TPR@1e-4` is the share of
attack attempts ranked above all but 1 in 10,000 genuine ones; `fallen` the expected over the
planted number of fallen accounts; `inside` how often the 90 % interval holds the planted number.
"""

from __future__ import annotations

import argparse
import math
import time
from contextlib import closing
from dataclasses import dataclass

from msgspec import to_builtins

from loading import describe, load_tables, reduce_outcomes
from stanch.engine import EngineSettings, open_engine
from stanch.progress import SilentProgress
from stanch.simulation import CASES, simulate
from stanch.simulation.scoring import AttemptScore, FallenScore, score_attempts, score_fallen
from stanch.stuffing import StuffingSettings, find_attacks

FAMILIES = tuple(name for name, case in CASES.items() if case.attacks or case.events or name == "no-leak")


@dataclass(frozen=True)
class Run:
    attempts: AttemptScore
    fallen: FallenScore
    n_found: int
    seconds: float


def run_family(name: str, seed: int, options: argparse.Namespace) -> Run:
    incident = simulate(name, seed, scale=options.scale)
    tables = dict(incident.tables)
    if options.reduce_outcome:
        tables["logins"] = reduce_outcomes(tables["logins"])
    tables["logins"] = tables["logins"].drop(options.without, strict=False)
    with closing(open_engine("duckdb", EngineSettings(threads=options.threads))) as engine:
        columns = load_tables(engine, tables, ("logins",))
        begun = time.perf_counter()
        found = find_attacks(engine, columns, StuffingSettings(), seed, SilentProgress())
        seconds = time.perf_counter() - begun
        attempts = engine.fetch("SELECT line, p_attack, log_odds FROM attempts")
        accounts = engine.fetch("SELECT account, p_compromised FROM fallen_accounts")
    campaigns = to_builtins(found.campaigns)
    return Run(
        score_attempts(incident.truth, attempts, rank_by="log_odds"),
        score_fallen(incident.truth, accounts, campaigns),
        len(campaigns),
        seconds,
    )


def show_family(name: str, runs: list[Run]) -> str:
    ratios = [r.fallen.expected / r.fallen.planted if r.fallen.planted else math.nan for r in runs]
    inside = [r.fallen.is_covered for r in runs]
    cells = [
        describe([100 * r.attempts.n_attack / (r.attempts.n_attack + r.attempts.n_genuine) for r in runs], 1),
        describe([r.attempts.tpr_at_rate for r in runs]),
        describe([r.attempts.tpr for r in runs]),
        describe([1e4 * r.attempts.fpr for r in runs], 2),
        describe(ratios, 2),
        f"{sum(inside)}/{len(inside)}",
        describe([float(r.n_found) for r in runs], 0),
        describe([r.seconds for r in runs], 1),
    ]
    return f"{name:30}" + "".join(f"{cell:>22}" for cell in cells)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("families", nargs="*", default=FAMILIES, metavar="FAMILY", help="default: all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--reduce-outcome", action="store_true", help="success and failure only")
    parser.add_argument("--without", nargs="*", default=[], metavar="COLUMN", help="leave columns out")
    options = parser.parse_args()
    heads = (
        "attack %",
        "TPR@1e-4",
        "TPR@0.5",
        "FPR@0.5 (per 10,000)",
        "fallen",
        "inside",
        "campaigns",
        "seconds",
    )
    print(f"{'family':30}" + "".join(f"{head:>22}" for head in heads))
    for name in options.families:
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        print(show_family(name, [run_family(name, seed, options) for seed in seeds]), flush=True)


if __name__ == "__main__":
    main()
