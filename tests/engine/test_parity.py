"""The steps of a stage give the same rows on every engine."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from stanch.engine import Engine
from stanch.evidence.tables import LOGINS
from stanch.progress import SilentProgress
from stanch.reporting.addresses import list_addresses
from stanch.reporting.evidence import label_accounts
from stanch.stuffing import StuffingSettings, find_attacks

START_US = 1_700_000_000_000_000
HOUR_US = 3_600_000_000


def make_logins(seed: int = 1) -> pl.DataFrame:
    """Three days of a small shop, a list tried from 40 addresses in one hour, and oddities."""
    rng = np.random.default_rng(seed)
    n_people, n_attack = 1_500, 500
    people = rng.integers(0, 250, n_people)
    outcome = np.where(rng.random(n_people) < 0.85, "success", "failure")
    rows = pl.DataFrame(
        {
            "time_us": START_US + np.sort(rng.integers(0, 72 * HOUR_US, n_people)),
            "ip": [f"203.0.{p % 90}.{p % 7}" if p % 5 else f"2001:db8:{p:x}::1" for p in people],
            "account": [None if p % 50 == 0 else f"客{p}@example.org" for p in people],
            "outcome": outcome,
            "user_agent": [f"Browser/{p % 9}" if p % 11 else None for p in people],
            "device": [f"d{p}" if p % 4 == 0 else None for p in people],
        }
    )
    attack = pl.DataFrame(
        {
            # Whole seconds: many attempts share one, so order hangs on file and line.
            "time_us": START_US + 30 * HOUR_US + rng.integers(0, 3_600, n_attack) * 1_000_000,
            "ip": [f"198.51.100.{i % 40}" for i in range(n_attack)],
            "account": [f"客{i}@example.org" for i in range(n_attack)],
            "outcome": np.where(rng.random(n_attack) < 0.03, "success", "unknown_account"),
            "user_agent": ["python-requests/2.31" if i % 3 else "it's \\ odd" for i in range(n_attack)],
            "device": [None] * n_attack,
        },
        schema_overrides={"device": pl.String},
    )
    both = pl.concat([rows, attack])
    return both.with_columns(
        pl.lit(0, pl.Int32).alias("file_id"), pl.int_range(1, both.height + 1).alias("line")
    )


def fill(engine: Engine) -> None:
    engine.create("logins", LOGINS.stored_schema)
    engine.append("logins", make_logins())
    # Accounts 250-299, tried and seldom let in, are taken for misspellings of 0-49.
    alike = [(f"客{n + shift}@example.org", n) for n in range(50) for shift in (0, 250)]
    engine.put("account_spellings", pl.DataFrame(alike, schema=["account", "variant"], orient="row"))


def compare_tables(one: Engine, other: Engine, tables: list[str]) -> None:
    for table in tables:
        answers = [engine.fetch(f'SELECT * FROM "{table}"') for engine in (one, other)]
        columns = answers[0].columns
        left, right = (answer.select(columns).sort(columns) for answer in answers)
        assert_frame_equal(left, right, check_dtypes=False, abs_tol=1e-9, rel_tol=1e-12)


@pytest.fixture
def kept(duckdb: Engine, spark: Engine, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Both engines keep what steps drop on the way; gives the tables that were made."""
    made: list[str] = []
    for engine in (duckdb, spark):
        monkeypatch.setattr(engine, "drop", lambda *tables: None)
    run = duckdb.run
    monkeypatch.setattr(duckdb, "run", lambda step: (made.append(step.output), run(step)))
    return lambda: sorted(set(made))


def test_attacks_found_are_equal_row_by_row(
    duckdb: Engine, spark: Engine, kept: Callable[[], list[str]]
) -> None:
    columns = frozenset({"time", "ip", "account", "outcome", "user_agent", "device"})
    found = []
    for engine in (duckdb, spark):
        fill(engine)
        found.append(find_attacks(engine, columns, StuffingSettings(), 0, SilentProgress()))
    tables = kept()
    # The windows of an address: accounts it touched in a bin, and those that never let it in.
    for table in ("stuffing_host_bins", "attempts", "attempt_bins", "address_risk"):
        assert table in tables
        assert duckdb.count(table) > 0
    compare_tables(duckdb, spark, tables)
    compare_tables(duckdb, spark, ["fallen_accounts"])
    assert found[0] == found[1]
    assert len(found[0].campaigns) == 1
    lists = [list_addresses(engine) for engine in (duckdb, spark)]
    assert lists[0].block
    assert (lists[0].block, lists[0].challenge) == (lists[1].block, lists[1].challenge)
    assert_frame_equal(lists[0].costs, lists[1].costs)
    for engine in (duckdb, spark):
        label_accounts(engine)
    compare_tables(duckdb, spark, ["level_names", "account_labels"])
