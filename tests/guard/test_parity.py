"""One definition of a feature, two runtimes: the batch's steps on a log up to an attempt, and the guard.

By design the two differ in what `docs/method/guard.md` lists: the guard counts the hour and the one before
where the batch counts the hour, knows a habit 20 to 40 minutes after it began, counts accounts by 64 bits,
has no misspellings, and remembers what it held an attack's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
import polars as pl
import pytest

from stanch.engine import EngineSettings, open_engine
from stanch.evidence.checks import check_rows
from stanch.evidence.tables import LOGINS
from stanch.guard.features import BLOCKS
from stanch.guard.guard import Context, Guard
from stanch.guard.memory import MemoryCounters
from stanch.guard.rehearse import rehearse
from stanch.guard.scorecard import load_scorecard
from stanch.guard.settings import GuardSettings
from stanch.progress import SilentProgress
from stanch.simulation import CASES, simulate_logins, vary_case
from stanch.stuffing import StuffingSettings
from stanch.stuffing.blocks import unpack_patterns
from stanch.stuffing.features import compute_levels

N_SAMPLED = 24
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def pairs() -> list[tuple[dict[str, int], Context]]:
    """For some attempts of a day with an attack: levels by the batch's steps, and the guard's context."""
    case = vary_case(CASES["botnet"], n_accounts=2_000, days=8, rate=0.3)
    table = simulate_logins(case, 5).tables["logins"]
    numbered = table.with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    rows = check_rows(LOGINS, numbered, "UTC").frame
    # Within one UTC day nothing that the guard counts by days has ended yet.
    day = pl.col("time_us") // DAY_US
    busiest = rows.group_by(day.alias("day")).len().sort("len", "day")["day"][-1]
    rows = rows.filter(day == busiest)
    contexts: list[Context] = []
    counters = MemoryCounters(None, customers=5_000, recent=20_000)
    # Nobody is challenged: policy has no say in features.
    guard = Guard(counters, load_scorecard(None), GuardSettings(budget=0.0), b"parity of features")
    rehearse(rows, guard, observe=lambda context, outcome: contexts.append(context))
    sample = np.random.default_rng(1).choice(np.arange(len(rows) // 2, len(rows)), N_SAMPLED, replace=False)
    return [(_compute_batch(rows.head(int(i) + 1)), contexts[int(i)]) for i in sorted(sample)]


def _compute_batch(rows: pl.DataFrame) -> dict[str, int]:
    """Levels of the last attempt of `rows`."""
    missing = [
        pl.lit(None, pl.String).alias(c.stored_name)
        for c in LOGINS.columns
        if c.stored_name not in rows.columns
    ]
    stored = rows.with_columns(*missing, file_id=pl.lit(0, pl.Int32))
    with closing(open_engine("duckdb", EngineSettings(threads=1))) as engine:
        engine.create("logins", LOGINS.stored_schema)
        engine.append("logins", stored.select(list(LOGINS.stored_schema)))
        compute_levels(engine, StuffingSettings(), SilentProgress())
        found = engine.fetch(
            "SELECT habit, again, outcome, pattern FROM stuffing_levels WHERE line = $line",
            {"line": int(rows["line"][-1])},
        ).row(0, named=True)
    codes = unpack_patterns(np.array([found.pop("pattern")]))
    return found | {name: int(code[0]) for name, code in codes.items()}


def _agree(told: Iterator[tuple[object, object]]) -> float:
    same = [one == other for one, other in told]
    assert len(same) >= 5, "too few attempts to compare"
    return sum(same) / len(same)


def test_habit(pairs: list[tuple[dict[str, int], Context]]) -> None:
    told = ((batch["habit"], live.habit) for batch, live in pairs if batch["habit"] < 13)
    assert _agree(told) >= 0.9


def test_again(pairs: list[tuple[dict[str, int], Context]]) -> None:
    """The batch knows the outcome: a success makes of a try from here one that got in."""
    told = (
        (1 if batch["outcome"] == 0 and batch["again"] == 2 else batch["again"], live.again)
        for batch, live in pairs
        if live.again < 4
    )
    assert _agree(told) >= 0.9


def test_address_over_days(pairs: list[tuple[dict[str, int], Context]]) -> None:
    told = ((batch["address"] % 17, live.levels[1] % 17) for batch, live in pairs if live.levels[1] >= 0)
    assert _agree(told) >= 0.9


def test_network(pairs: list[tuple[dict[str, int], Context]]) -> None:
    told = ((batch["network"] % 13, live.levels[2] % 13) for batch, live in pairs if live.levels[2] >= 0)
    assert _agree(told) >= 0.85


def test_standing(pairs: list[tuple[dict[str, int], Context]]) -> None:
    told = ((batch["standing"], live.levels[3]) for batch, live in pairs if live.levels[3] >= 0)
    assert _agree(told) >= 0.85


def test_target(pairs: list[tuple[dict[str, int], Context]]) -> None:
    told = ((batch["target"], live.levels[4]) for batch, live in pairs)
    assert _agree(told) >= 0.9


def test_blocks_of_both_have_the_same_levels() -> None:
    from stanch.stuffing.levels import count_levels

    for name in ("address", "network", "standing", "target"):
        assert BLOCKS[name] == count_levels(name)
