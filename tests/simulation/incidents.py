"""Small incidents, made once per test process, with times as microseconds."""

from __future__ import annotations

from functools import cache

import polars as pl

from stanch.evidence.checks import check_rows
from stanch.evidence.tables import TABLES
from stanch.simulation import Incident, simulate


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
