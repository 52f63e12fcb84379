"""Makes the scorecard that is built in, from simulated shops: `src/stanch/guard/scorecard.json`.

    python3 dev.py bench scorecard --seeds 2 --scale 0.3

Each family and seed is one shop; the batch model teaches, as in `stanch train`. The seeds start at 1001, so
that no measurement with others uses a shop that the scorecard was made from.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

from loading import load_tables
from stanch.engine import EngineSettings, open_engine
from stanch.guard.guard import Guard
from stanch.guard.memory import MemoryCounters
from stanch.guard.scorecard import load_scorecard
from stanch.guard.settings import GuardSettings
from stanch.progress import SilentProgress
from stanch.simulation import CASES, PEACEFUL, simulate_logins
from stanch.stuffing import StuffingSettings, find_attacks
from stanch.train import TEACHER, Lesson, fit_scorecard, learn, write_scorecard

FAMILIES = tuple(name for name, case in CASES.items() if case.attacks or (name in PEACEFUL and case.events))
OUT = Path(__file__).resolve().parents[1] / "src/stanch/guard/scorecard.json"


def teach(family: str, seed: int, scale: float) -> Lesson:
    """What one simulated shop teaches."""
    lesson = Lesson()
    tables = simulate_logins(family, seed, scale=scale).tables
    with closing(open_engine("duckdb", EngineSettings(threads=1))) as engine:
        load_tables(engine, tables, ("logins",))
        find_attacks(engine, frozenset(tables["logins"].columns), StuffingSettings(), 0, SilentProgress())
        rows = engine.fetch(TEACHER)
    counters = MemoryCounters(None, customers=60_000, recent=200_000)
    guard = Guard(counters, load_scorecard(None), GuardSettings(), b"scorecard" * 4)
    learn(lesson, rows, rows["p_attack"].to_numpy(), guard)
    return lesson


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="*", default=FAMILIES)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=1001)
    parser.add_argument("--scale", type=float, default=0.3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    lesson, started = Lesson(), time.monotonic()
    todo = [(f, s) for s in range(args.first_seed, args.first_seed + args.seeds) for f in args.families]
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        lessons = pool.map(teach, *zip(*todo, strict=True), repeat(args.scale))
        for (family, seed), one in zip(todo, lessons, strict=True):
            lesson.merge(one)
            print(f"{family} {seed}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    made = f"dev.py bench scorecard --seeds {args.seeds} --first-seed {args.first_seed} --scale {args.scale}"
    write_scorecard(args.out, fit_scorecard(lesson, made))


if __name__ == "__main__":
    main()
