"""How often the source of a leak is named rightly, wrongly or not at all, over many seeds.

    .venv/bin/python bench/attribution.py --seeds 10 --scale 0.5

One line per case: counts of runs by what was named, and true sources that were said to be cleared. At the
end, over all cases: precision of naming, recall by number of complaints, calibration of the posteriors,
clearing, and how often a ranking by surprise alone puts a true source first ("common point": most complaints
above the expected number, in standard deviations, one source at a time).
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec import to_builtins

from loading import describe, load_tables
from stanch.complaints import count_complaints
from stanch.engine import Engine, EngineSettings, open_engine
from stanch.exposure import ExposureSettings, find_exposures
from stanch.progress import SilentProgress
from stanch.simulation import CASES, simulate
from stanch.simulation.scoring import (
    SourceScore,
    match_campaigns,
    score_calibration,
    score_sources,
    translate_source,
)
from stanch.stuffing import StuffingSettings, find_attacks
from stanch.tracing import TracingSettings, trace_sources

_SURPRISE = """
SELECT e.source, (count(v."order") - n.due * count(*)) / sqrt(n.due * count(*)) AS z
FROM exposures e
CROSS JOIN (
  SELECT CAST(count(DISTINCT "order") AS DOUBLE) / (SELECT count(*) FROM known_orders) AS due FROM victims
) n
LEFT JOIN (SELECT DISTINCT "order" FROM victims) v ON v."order" = e."order"
GROUP BY e.source, n.due ORDER BY z DESC, e.source LIMIT 1
"""
NAMINGS = ("right", "partly", "wrong", "abstained", "nobody")


@dataclass(frozen=True)
class Run:
    seed: int
    score: SourceScore
    said: dict[str, Any]
    true_sources: list[str]
    #: Posterior of each logged source, and whether it leaked.
    posteriors: list[tuple[float, bool]]
    #: The source that a ranking by surprise puts first is a true one.
    common_point: bool
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
        first = rank_by_surprise(engine)
    score = score_sources(incident.truth, said, matched)
    true_sources = incident.truth["leak"]["sources"]
    leaked = {
        source: translate_source(source, matched) in true_sources for source in [*said["posterior"], first]
    }
    logged = [s for s in said["posterior"] if s not in ("none", "unlogged") and not s.startswith("group:")]
    posteriors = [(said["posterior"][source], leaked[source]) for source in logged]
    return Run(seed, score, said, true_sources, posteriors, leaked[first], seconds)


def rank_by_surprise(engine: Engine) -> str:
    """Source with most complaints above its share of all orders, in standard deviations."""
    found = engine.fetch(_SURPRISE).drop_nulls()
    return str(found["source"][0]) if len(found) else ""


def summarise(runs: list[Run]) -> list[str]:
    """Rates over all runs, one line each."""
    told = [run for run in runs if run.score.naming in {"right", "partly", "wrong"} and run.said["sources"]]
    wrong = [run for run in runs if run.score.naming == "wrong"]
    lines = [f"named in {len(told)} of {len(runs)} incidents, wrongly in {len(wrong)}"]
    leaks = [run for run in runs if run.true_sources and "unlogged" not in run.true_sources]
    for low, high in ((1, 3), (4, 7), (8, 10**9)):
        some = [run for run in leaks if low <= run.score.n_complaints / len(run.true_sources) <= high]
        right = sum(run.score.naming == "right" for run in some)
        span = f"{low}-{high}" if high < 10**9 else f"{low} and more"
        lines.append(f"{span} complaints from each source: {right} of {len(some)} named in full")
    lines.append(f"common point first: {sum(run.common_point for run in leaks)} of {len(leaks)}")
    n_true = sum(len(run.true_sources) for run in leaks)
    lines.append(f"true sources cleared: {sum(len(r.score.cleared_wrongly) for r in leaks)} of {n_true}")
    pairs = [pair for run in runs for pair in run.posteriors if pair[0] > 1e-4]
    sure = [leaked for p, leaked in pairs if p >= 0.95]
    lines.append(f"posteriors of 0.95 and more: {sum(sure)} of {len(sure)} right")
    if pairs:
        p = np.clip([p for p, _ in pairs], 1e-6, 1 - 1e-6)
        fit = score_calibration(np.array([leaked for _, leaked in pairs]), np.log(p / (1 - p)))
        lines.append(f"calibration slope {fit.slope:.2f}")
    return lines


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
    every: list[Run] = []
    print(f"{'case':30}" + "".join(f"{head:>16}" for head in heads))
    for name in options.cases:
        seeds = range(options.first_seed, options.first_seed + options.seeds)
        runs = [run_case(name, seed, options) for seed in seeds]
        every += runs
        print(show_case(name, runs), flush=True)
        for run in runs:
            if options.verbose and (
                run.score.naming in {"partly", "wrong", "abstained"} or run.score.cleared_wrongly
            ):
                print(show_trouble(run), flush=True)
    print(*summarise(every), sep="\n")


if __name__ == "__main__":
    main()
