"""Could anybody have named the sources that Stanch did not name? An oracle is told what has to be found out.

    python3 dev.py bench attribution          # first: who was named
    python3 dev.py bench oracle --seeds 12    # then: of the others, whom the oracle names

It is told the other sources that leaked, the window or lag and the rate that suit each source best, that
all regions are equally talkative, and that nothing was copied which no log shows. It names a source whose
odds reach those of a posterior of 0.95 even so, against coincidence and against the likeliest innocent. What
it cannot name either, the orders that are complained about do not tell.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from cells import make_table
from loading import load_tables
from naming import LOGINS_EVERY, Truth, tell_truth
from results import Record, ResultFile
from stanch.complaints import count_complaints
from stanch.engine import Engine, EngineSettings, open_engine
from stanch.exposure import ExposureSettings, find_exposures
from stanch.progress import SilentProgress
from stanch.simulation import CASES, simulate
from stanch.stuffing import StuffingSettings, find_attacks
from stanch.tracing import TracingSettings
from stanch.tracing.baseline import compare_orders
from stanch.tracing.case import Case, Floats, load_case
from stanch.tracing.evidence import Ground, collect_hits, measure_scale, sum_windows
from stanch.tracing.explain import P_LOGGED
from stanch.tracing.habits import estimate_citing
from stanch.tracing.judge import LEAST_POSTERIOR
from stanch.tracing.prior import weigh_prior
from stanch.tracing.race import measure_cells

_QUIET: Final = SilentProgress()
_LEAST: Final = float(np.log(LEAST_POSTERIOR / (1 - LEAST_POSTERIOR)))
#: Coincidence has half of what is not a logged source's beforehand.
_AGAINST_NONE: Final = _LEAST + float(np.log((1 - P_LOGGED) / 2 / P_LOGGED))
#: So many sources are weighed at once.
_CHUNK: Final = 40
#: Complaints from a source: least and most of each class.
CLASSES: Final = ((4, 7), (8, 10**9))


def ask(record: Record) -> list[tuple[int, bool]]:
    """Complaints from each source that was not named, four or more, and whether the oracle names it."""
    missed = {s for s, n in record["true"].items() if s != "unlogged" and n >= CLASSES[0][0]}
    missed -= set(record["stanch"]["right"])
    if not missed:
        return []
    family, seed = record["family"], record["seed"]
    incident = simulate(family, seed, scale=record["scale"])
    with closing(open_engine("duckdb", EngineSettings(threads=1))) as engine:
        if CASES[family].attacks or seed % LOGINS_EVERY == 0:
            columns = load_tables(engine, incident.tables, ("logins",))
            find_attacks(engine, columns, StuffingSettings(), seed, _QUIET)
        load_tables(engine, incident.tables, ("accesses", "orders", "complaints"))
        case, truth = _read_case(engine), tell_truth(incident.truth, engine)
    return _weigh_missed(case, truth, missed)


def _read_case(engine: Engine) -> Case:
    find_exposures(engine, ExposureSettings(), _QUIET)
    count_complaints(engine)
    return load_case(engine, TracingSettings())


def _weigh_missed(case: Case, truth: Truth, missed: set[str]) -> list[tuple[int, bool]]:
    baseline = compare_orders(case)
    log_prior = np.log(weigh_prior(case.exposures))
    citing = estimate_citing(case.victims.fields)
    ground = Ground(case, baseline, citing, measure_scale(case, baseline), log_prior)
    names = [truth.translate(source) for source in case.exposures.sources]
    true = [names.index(s) for s in sorted(truth.logged) if s in names]
    innocent = [j for j, name in enumerate(names) if name not in truth.logged]
    one = np.ones((len(case.victims), 1))
    told = []
    for source in sorted(missed):
        if source not in names:
            told.append((truth.victims[source], False))
            continue
        own = names.index(source)
        beside = (one, one)
        for j in true:
            if j != own:
                beside = _believe(ground, j, beside)
        odds = _weigh_best(ground, [own, *innocent], beside) + log_prior[[own, *innocent]]
        is_named = odds[0] >= _AGAINST_NONE and odds[0] - odds[1:].max(initial=-np.inf) >= _LEAST
        told.append((truth.victims[source], bool(is_named)))
    return told


def _believe(ground: Ground, source: int, beside: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """What explains the complaints once this source is believed too, at its best window and rate."""
    seen, usual, rates = _measure(ground, [source])
    logs = _weigh(seen[0], usual[0], rates[0], beside)
    at = np.unravel_index(int(logs.argmax()), logs.shape)
    rate, w = rates[0][at], at[1]
    return beside[0] + rate * seen[0][:, [w]], beside[1] + rate * usual[0][:, [w]]


def _weigh_best(ground: Ground, sources: list[int], beside: tuple[Floats, Floats]) -> Floats:
    """Log likelihood ratio of each source at its best window and rate, beside what is believed."""
    best = []
    for first in range(0, len(sources), _CHUNK):
        measured = _measure(ground, sources[first : first + _CHUNK])
        best += [_weigh(*each, beside).max() for each in zip(*measured, strict=True)]
    return np.array(best)


def _measure(ground: Ground, sources: list[int]) -> tuple[Floats, Floats, Floats]:
    """Exposure of the cited orders and of orders like them, and rates, by window; one of each per source."""
    victims, windows = ground.case.victims, ground.scale.windows
    once = np.zeros(len(victims.candidate), dtype=np.int64)
    draws = (once, victims.of_victim, victims.candidate, victims.share)
    hits = collect_hits(ground, draws, victims.fields)
    seen, usual = measure_cells(ground, hits, sources)
    rates = ground.scale.ratios[sources][:, windows.kernel].transpose(0, 2, 1)
    by_window = [np.stack([sum_windows(x, windows) for x in cells]) for cells in (seen, usual)]
    # Ten times the greatest rate that Stanch tries: all complaints from this source.
    return by_window[0], by_window[1], np.concatenate([rates, 10 * rates[:, -1:]], axis=1)


def _weigh(seen: Floats, usual: Floats, rates: Floats, beside: tuple[Floats, Floats]) -> Floats:
    x, e = seen / beside[0], usual / beside[1]
    return np.stack([(np.log1p(r * x) - np.log1p(r * e)).sum(axis=0) for r in rates])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measured", type=Path, default=Path("out", "attribution.jsonl"))
    parser.add_argument("--seeds", type=int, default=12, help="how many, from the first")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    records = ResultFile(options.measured).read()
    first = min(record["seed"] for record in records)
    records = [record for record in records if record["seed"] < first + options.seeds]
    with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
        answers = list(pool.map(ask, records))
    rows = []
    for least, most in CLASSES:
        counts: Counter[str] = Counter()
        for record, told in zip(records, answers, strict=True):
            true = {s: n for s, n in record["true"].items() if s != "unlogged" and least <= n <= most}
            counts["all"] += len(true)
            counts["named"] += len(set(true) & set(record["stanch"]["right"]))
            counts["could"] += sum(able for n, able in told if least <= n <= most)
        all_, ceiling = counts["all"], counts["named"] + counts["could"]
        rows.append([
            f"{least} to {most}" if most < 10**9 else f"at least {least}",
            f"{counts['named']} of {all_}", f"{counts['could']}",
            f"{ceiling} of {all_}, {100 * ceiling / max(all_, 1):.0f} %",
        ])  # fmt: skip
    print(make_table(["complaints", "named by Stanch", "by the oracle alone", "by either"], rows))


if __name__ == "__main__":
    main()
