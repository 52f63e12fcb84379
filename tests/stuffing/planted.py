"""Small planted logs for the tests: people at home who sometimes mistype, and attacks on top."""

from __future__ import annotations

import numpy as np
import polars as pl

from stanch.engine import Engine, EngineSettings, open_engine
from stanch.evidence.spellings import SpellingIndex
from stanch.evidence.tables import LOGINS
from stanch.progress import SilentProgress
from stanch.stuffing import StuffingResult, StuffingSettings, find_attacks

#: Every attempt with its addends and levels.
WEIGHED = """
SELECT a.* EXCLUDE (prior, origin, attack, pattern, habit), a.prior AS ev_level, a.origin AS lv_level,
  w.* EXCLUDE (attack, pattern)
FROM attempts AS a JOIN pattern_addends AS w ON w.attack = a.attack AND w.pattern = a.pattern
"""
DAY_S = 86_400
START_S = 1_429_000_000 // DAY_S * DAY_S
ALL_COLUMNS = frozenset({"time", "ip", "account", "outcome", "user_agent"})


def people(seed: int, users: int = 1200, days: int = 10, failing: float = 0.06) -> pl.DataFrame:
    """Ordinary logins: each account at home or at one of a few shared addresses."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), rng.poisson(6, users))
    n = len(user)
    time = rng.integers(0, days, n) * DAY_S + np.clip(rng.normal(15, 4, n), 0, 23.9) * 3600
    shared = rng.random(n) < 0.2
    ip = [
        f"100.64.{u % 7}.9" if s else f"20.{u % 200}.{u // 200}.7" for u, s in zip(user, shared, strict=True)
    ]
    frame = pl.DataFrame(
        {
            "time": time,
            "ip": ip,
            "account": [f"user{u:05d}" for u in user],
            "outcome": ["success"] * n,
            "user_agent": [f"Browser/{u % 23}" for u in user],
        }
    )
    slips = frame.filter(pl.Series(rng.random(n) < failing)).with_columns(
        time=pl.col("time") - 20, outcome=pl.lit("failure")
    )
    return pl.concat([frame, slips])


def attack(
    seed: int, kind: str, n: int = 600, day: float = 6.4, hours: float = 4, users: int = 1200
) -> pl.DataFrame:
    """Attempts of one kind: `burst`, `single` (one address per try), `enumeration` or `guessing`."""
    rng = np.random.default_rng(seed + 1000)
    known = rng.choice(users, n, replace=n > users)
    real = rng.random(n) < 0.4
    account = [
        f"user{k:05d}" if r else f"stranger{i}x" for i, (k, r) in enumerate(zip(known, real, strict=True))
    ]
    outcome = np.where(real, "failure", "unknown_account").astype(object)
    outcome[np.flatnonzero(real)[:8]] = "success"
    if kind == "enumeration":
        account, outcome = [f"probe{i}" for i in range(n)], np.full(n, "unknown_account", dtype=object)
    if kind == "guessing":
        account, outcome = [f"user{i % 3:05d}" for i in range(n)], np.full(n, "failure", dtype=object)
    if kind == "single":
        ip = [f"{60 + i % 90}.{i // 90}.{rng.integers(256)}.1" for i in range(n)]
    else:
        ip = [f"203.0.{i % 5}.77" for i in range(n)]
    return pl.DataFrame(
        {
            "time": np.sort(day * DAY_S + rng.uniform(0, hours * 3600, n)),
            "ip": ip,
            "account": account,
            "outcome": outcome.tolist(),
            "user_agent": [f"tool/{i % 2}" for i in range(n)],
        }
    )


def number(frame: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """Shuffle the rows and number them as lines of one file."""
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    return shuffled.select(
        pl.lit(0, pl.Int32).alias("file_id"),
        pl.int_range(1, shuffled.height + 1).alias("line"),
        ((pl.col("time") + START_S) * 1_000_000).cast(pl.Int64).alias("time_us"),
        pl.all().exclude("time"),
    )


def investigate(
    frame: pl.DataFrame,
    columns: frozenset[str] = ALL_COLUMNS,
    threads: int = 1,
    orders: pl.DataFrame | None = None,
    *,
    spellings: bool = False,
) -> tuple[Engine, StuffingResult]:
    """Run the stage on numbered rows; the caller closes the engine."""
    engine = open_engine("duckdb", EngineSettings(threads=threads, memory_limit_mb=512))
    engine.create("logins", LOGINS.stored_schema)
    engine.append("logins", frame)
    if orders is not None:
        engine.put("orders", orders)
    if spellings:
        index = SpellingIndex(None)
        index.add(frame["account"])
        engine.put("account_spellings", index.find_variants())
    return engine, find_attacks(engine, columns, StuffingSettings(), 0, SilentProgress())
