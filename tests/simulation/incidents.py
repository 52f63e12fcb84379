"""Small incidents, made once per test process, with times as microseconds."""

from __future__ import annotations

from functools import cache
from typing import Any

import polars as pl

from stanch.evidence.checks import check_rows
from stanch.evidence.tables import TABLES
from stanch.simulation import Case, Incident, simulate, simulate_logins


@cache
def make(case: str, seed: int = 1, scale: float = 0.05) -> Incident:
    return simulate(case, seed, scale=scale)


@cache
def stored(case: str, table: str, seed: int = 1, scale: float = 0.05) -> pl.DataFrame:
    """A table as the readers would store it; columns that were not given are missing."""
    frame = make(case, seed, scale).tables[table]
    numbered = frame.with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    checked = check_rows(TABLES[table], numbered, "UTC")
    assert checked.rejects == []
    assert not checked.notes.total()
    return checked.frame


def attack_lines(incident: Incident) -> list[int]:
    return sorted(line for lines in incident.truth["attack_rows"].values() for line in lines)


def split_logins(case: str, seed: int = 1, scale: float = 0.05) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(attack, genuine) rows of the login log."""
    logins = stored(case, "logins", seed, scale)
    planted = pl.Series(attack_lines(make(case, seed, scale)), dtype=pl.Int64)
    is_attack = logins["line"].is_in(planted.implode())
    return logins.filter(is_attack), logins.filter(~is_attack)


@cache
def log(case: str | Case, seed: int = 1, scale: float = 0.2) -> tuple[pl.DataFrame, dict[str, Any]]:
    """The login log as stored, with `campaign` (null for genuine rows), and its truth."""
    incident = simulate_logins(case, seed, scale=scale)
    numbered = incident.tables["logins"].with_row_index("line", offset=1)
    checked = check_rows(TABLES["logins"], numbered.with_columns(pl.col("line").cast(pl.Int64)), "UTC")
    planted = [
        pl.DataFrame({"line": lines}, schema={"line": pl.Int64}).with_columns(campaign=pl.lit(name))
        for name, lines in incident.truth["attack_rows"].items()
    ]
    none = pl.DataFrame(schema={"line": pl.Int64, "campaign": pl.String})
    joined = checked.frame.join(
        pl.concat([none, *planted]), on="line", how="left", maintain_order="left", validate="1:1"
    )
    return joined, incident.truth


def attack_of(case: str | Case, seed: int = 1, scale: float = 0.2) -> pl.DataFrame:
    return log(case, seed, scale)[0].filter(pl.col("campaign").is_not_null())


def genuine_of(case: str | Case, seed: int = 1, scale: float = 0.2) -> pl.DataFrame:
    return log(case, seed, scale)[0].filter(pl.col("campaign").is_null())
