"""How often the source of a leak is named rightly, wrongly or not at all, over many seeds.

    .venv/bin/python bench/attribution.py --seeds 10 --scale 0.5

One line per case: counts of runs by what was named, and true sources that were said to be cleared.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from msgspec import to_builtins

from loading import describe, load_tables
from stanch.complaints import count_complaints
from stanch.engine import EngineSettings, open_engine
from stanch.exposure import ExposureSettings, find_exposures
from stanch.progress import SilentProgress
from stanch.simulation import CASES, simulate
from stanch.simulation.scoring import SourceScore, match_campaigns, score_sources
from stanch.stuffing import StuffingSettings, find_attacks
from stanch.tracing import TracingSettings, trace_sources

NAMINGS = ("right", "partly", "wrong", "abstained", "nobody")


@dataclass(frozen=True)
class Run:
    seed: int
    score: SourceScore
    said: dict[str, Any]
    true_sources: list[str]
    seconds: float


def run_case(name: str, seed: int, options: argparse.Namespace) -> Run:
    incident = simulate(name, seed, scale=options.scale)
    quiet = SilentProgress()
    with closing(open_engine("duckdb", EngineSettings(threads=options.threads))) as engine:
        columns = load_tables(engine, incident.tables, ("logins", "accesses", "orders", "complaints"))
        find_attacks(engine, columns, StuffingSettings(), seed, quiet)
        matched = match_campaigns(incident.truth, engine.fetch("SELECT line, campaign FROM attempts"))
        begun = time.perf_counter()
        find_exposures(engine, ExposureSettings(), quiet)
        count_complaints(engine)
        said = to_builtins(trace_sources(engine, TracingSettings(), seed, quiet))
        seconds = time.perf_counter() - begun
    score = score_sources(incident.truth, said, matched)
    return Run(seed, score, said, incident.truth["leak"]["sources"], seconds)


def show_case(name: str, runs: list[Run]) -> str:
    counts = Counter(run.score.naming for run in runs)
    cells = [str(counts[naming]) for naming in NAMINGS]
    cells.append(str(sum(bool(run.score.cleared_wrongly) for run in runs)))
    cells.append(describe([float(run.score.n_complaints) for run in runs], 0))
    cells.append(describe([run.seconds for run in runs], 1))
    return f"{name:30}" + "".join(f"{cell:>16}" for cell in cells)


def show_trouble(run: Run) -> str:
    said = run.said
    posteriors = {source: round(said["posterior"].get(source, 0), 3) for source in run.true_sources}
    return (
        f"    seed {run.seed}: {run.score.naming}, {said['verdict']} {said['sources']};"
        f" truly {posteriors} with {run.score.n_complaints} complaints;"
        f" cleared wrongly {run.score.cleared_wrongly}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=tuple(CASES), metavar="CASE", help="default: all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--verbose", action="store_true", help="every run that was not right")
    options = parser.parse_args()
    heads = (*NAMINGS, "cleared wrongly", "complaints", "seconds")
    print(f"{'case':30}" + "".join(f"{head:>16}" for head in heads))
    for name in options.cases:
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        runs = [run_case(name, seed, options) for seed in seeds]
        print(show_case(name, runs), flush=True)
        for run in runs:
            if options.verbose and (
                run.score.naming in {"partly", "wrong", "abstained"} or run.score.cleared_wrongly
            ):
                print(show_trouble(run), flush=True)


if __name__ == "__main__":
    main()
