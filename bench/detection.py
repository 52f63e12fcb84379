"""How well attacks on accounts are found, family by family, beside the rules that people use.

    python3 dev.py bench detection --seeds 20                 # hours; stop and continue at will
    python3 dev.py bench detection --seeds 20 --reduce-outcome
    python3 dev.py bench detection --seeds 20 --without user_agent ja4
    python3 dev.py bench detection --families botnet --accounts 2000000 --rate 0.03 --share 0.0005 --scale 1
    python3 dev.py bench detection --render                   # docs/method/detection.md

Each family and seed is one simulated log, on which Stanch and every rule are measured. Measurements go to
a file of JSON lines; what is there already for the same code and options is not measured again.
`--render` writes the page and its picture from that file.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from detection_page import write_page
from measuring import DECIDING, Setup, measure
from results import Record, ResultFile, find_version
from stanch.simulation import CASES, PEACEFUL

FAMILIES: Final = tuple(name for name, case in CASES.items() if case.attacks or name in PEACEFUL)


def run(families: list[str], seeds: range, setup: Setup, results: ResultFile) -> None:
    """Measure what is missing, seed by seed, so that an early stop leaves every family with some."""
    version = find_version(DECIDING)
    done = results.has(version, setup.describe())
    print(HEAD, flush=True)
    for seed in seeds:
        for family in families:
            if (family, seed) not in done:
                record = measure(family, seed, setup)
                results.append(version, setup.describe(), record)
                print(show(record), flush=True)


HEAD: Final = (
    f"{'family':30}{'seed':>5}{'attempts':>10}{'attack %':>9}{'TPR@1e-4':>9}{'TPR@.5':>8}{'FPR@.5':>9}"
    f"{'first':>7}{'fallen':>16}{'found':>6}{'ARI':>7}{'slope':>7}{'s':>6}"
)


def show(record: Record) -> str:
    """One measurement as a line under `HEAD`."""
    stanch, n = record["stanch"], record["n_attack"] + record["n_genuine"]

    def cell(name: str, width: int) -> str:
        return f"{stanch[name]:>{width}.3f}" if stanch[name] is not None else f"{'-':>{width}}"

    fallen = f"{stanch['expected']:.1f}/{stanch['planted']}"
    return (
        f"{record['family']:30}{record['seed']:>5}{n:>10}{100 * record['n_attack'] / max(n, 1):>9.1f}"
        f"{cell('tpr_at_rate', 9)}{cell('tpr', 8)}{stanch['fpr'] or 0:>9.5f}{cell('first_at_rate', 7)}"
        f"{fallen:>15}{' ' if stanch['covered'] else '!'}{stanch['campaigns']:>6}{cell('ari', 7)}"
        f"{cell('slope', 7)}{stanch['seconds']:>6.1f}"
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="*", default=FAMILIES, metavar="FAMILY", help="default: all")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the shops")
    parser.add_argument("--without", nargs="*", default=(), metavar="COLUMN", help="leave columns out")
    parser.add_argument("--reduce-outcome", action="store_true", help="success and failure only")
    parser.add_argument("--accounts", type=int, help="customers of each shop, before --scale")
    parser.add_argument("--rate", type=float, help="logins per customer and day")
    parser.add_argument("--share", type=float, help="of each attack, of all traffic: 0.0005 to 0.8")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out", "detection.jsonl"), help="measurements")
    parser.add_argument("--render", action="store_true", help="write the page from them, measure nothing")
    options = parser.parse_args()
    if unknown := set(options.families) - set(CASES):
        parser.error(f"no such family: {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    return options


def main() -> None:
    options = parse_options()
    results = ResultFile(options.out)
    if options.render:
        records = [each for each in results.read() if each["scale"] == options.scale or each.get("accounts")]
        if not records:
            sys.exit(f"{options.out} holds nothing at scale {options.scale}")
        write_page(records)
        return
    setup = Setup(
        options.scale,
        tuple(options.without),
        options.reduce_outcome,
        options.threads,
        options.accounts,
        options.rate,
        options.share,
    )
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    run(list(options.families), seeds, setup, results)


if __name__ == "__main__":
    main()
