"""Whether the source of a leak is named rightly, wrongly or not at all, beside three published methods.

    python3 dev.py bench attribution --seeds 36   # 1,008 incidents; stop and continue at will
    python3 dev.py bench attribution --render     # docs/method/attribution.md

Each family and seed is one simulated incident, which Stanch and every rival are given. Measurements go to a
file of JSON lines; what is there already for the same code and scale is not measured again. `--render`
writes the page and its pictures from that file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from attribution_page import write_page
from naming import DECIDING, NamingSetup, measure
from results import Record, ResultFile, find_version
from stanch.simulation import CASES
from stanch.simulation.leak_cases import LEAKS

FAMILIES: Final = tuple(case.name for case in LEAKS)


def run(families: list[str], seeds: range, setup: NamingSetup, results: ResultFile, n_jobs: int) -> None:
    """Measure what is missing, seed by seed, so that an early stop leaves every family with some."""
    version = find_version(DECIDING)
    done = results.has(version, setup.describe())
    missing = [(family, seed) for seed in seeds for family in families if (family, seed) not in done]
    # A fresh interpreter each: an engine's threads do not survive a fork.
    pool = ProcessPoolExecutor(n_jobs, multiprocessing.get_context("spawn"))
    try:
        for future in as_completed([pool.submit(measure, family, seed, setup) for family, seed in missing]):
            record = future.result()
            results.append(version, setup.describe(), record)
            print(show(record), flush=True)
    finally:
        pool.shutdown(cancel_futures=True)


def show(record: Record) -> str:
    """One measurement as a line."""
    said = record["stanch"]
    true = ", ".join(f"{source} ({n})" for source, n in record["true"].items()) or "nobody"
    trouble = f" WRONG {said['wrong']}" if said["wrong"] else ""
    trouble += f" CLEARED {said['cleared']}" if said["cleared"] else ""
    named = ", ".join(said["right"]) or "-"
    return (
        f"{record['family']:31}{record['seed']:>5} {said['seconds']:>5.1f} s  {said['verdict']:13}"
        f" named {named}; truly {true}{trouble}"
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="*", default=FAMILIES, metavar="FAMILY", help="default: all")
    parser.add_argument("--seeds", type=int, default=36, help="how many")
    parser.add_argument("--first-seed", type=int, default=1001)
    parser.add_argument("--scale", type=float, default=0.45, help="size of the shops")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, default=Path("out", "attribution.jsonl"), help="measurements")
    parser.add_argument("--render", action="store_true", help="write the page from them, measure nothing")
    options = parser.parse_args()
    if unknown := set(options.families) - set(CASES):
        parser.error(f"no such family: {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    return options


def main() -> None:
    options = parse_options()
    results = ResultFile(options.out)
    if options.render:
        records = [each for each in results.read() if each["scale"] == options.scale]
        if not records:
            sys.exit(f"{options.out} holds nothing at scale {options.scale}")
        write_page(records)
        return
    setup = NamingSetup(options.scale)
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    run(list(options.families), seeds, setup, results, options.jobs)


if __name__ == "__main__":
    main()
