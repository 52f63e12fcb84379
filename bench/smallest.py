"""The smallest attack that is found: one try per address in a month of a million ordinary logins.

    python3 dev.py bench smallest --seeds 5        # an hour; one line per log as it goes

Shops differ by seed; the attack is of a stated size, its hours, list and clients drawn anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from cells import make_table, show_number, show_percent
from loading import load_tables
from stanch.engine import EngineSettings, open_engine
from stanch.progress import SilentProgress
from stanch.simulation import CASES, simulate_logins, vary_case
from stanch.simulation.scoring import mark_attacks
from stanch.stuffing import StuffingSettings, find_attacks

_ORDINARY: Final = 1_000_000
_DAYS: Final = 30
#: Logins per customer and day; with it a shop has so many customers as a million logins need.
_RATE: Final = 0.1


@dataclass(frozen=True)
class Found:
    """One log: how many attempts were planted, the share flagged, and hours between first and last."""

    n_planted: int
    n_ordinary: int
    hours: float
    n_campaigns: int
    caught: float
    n_hit: int


def measure(size: int, seed: int, threads: int) -> Found:
    """Plant about `size` attempts in a month of a million and look for them."""
    case = vary_case(
        CASES["one-try"],
        n_accounts=round(_ORDINARY / _DAYS / _RATE),
        days=_DAYS,
        rate=_RATE,
        attack_share=size / (_ORDINARY + size),
    )
    incident = simulate_logins(case, seed)
    with closing(open_engine("duckdb", EngineSettings(threads=threads))) as engine:
        columns = load_tables(engine, incident.tables, ("logins",))
        found = find_attacks(engine, columns, StuffingSettings(), seed, SilentProgress())
        attempts = engine.fetch("SELECT line, time_us, p_attack FROM attempts ORDER BY line")
    is_attack = mark_attacks(incident.truth, attempts["line"]).to_numpy()
    flagged = attempts["p_attack"].to_numpy() >= 0.5
    times = attempts["time_us"].to_numpy()[is_attack]
    return Found(
        int(is_attack.sum()),
        int((~is_attack).sum()),
        float(times.max() - times.min()) / 3_600_000_000,
        len(found.campaigns),
        float(flagged[is_attack].mean()),
        int(flagged[~is_attack].sum()),
    )


def print_summary(sizes: Sequence[int], found: dict[int, list[Found]]) -> None:
    heads = ("attempts planted", "found in", "of its attempts flagged, %", "genuine flagged")
    rows = []
    for size in sizes:
        logs = found[size]
        hit, ordinary = sum(log.n_hit for log in logs), sum(log.n_ordinary for log in logs)
        rows.append(
            (
                show_number((log.n_planted for log in logs), 0),
                f"{sum(log.n_campaigns > 0 for log in logs)} of {len(logs)}",
                show_percent(log.caught for log in logs),
                f"{hit:,} of {ordinary:,}",
            )
        )
    print(make_table(heads, rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[60, 125, 250, 500, 1000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    found: dict[int, list[Found]] = {size: [] for size in options.sizes}
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for size in options.sizes:
            each = measure(size, seed, options.threads)
            found[size].append(each)
            print(
                f"seed {seed}, {each.n_planted:,} in {each.hours:.0f} h among {each.n_ordinary:,}:"
                f" {each.n_campaigns} found, {each.caught:.2f} caught, {each.n_hit} hit",
                flush=True,
            )
    print_summary(options.sizes, found)


if __name__ == "__main__":
    main()
