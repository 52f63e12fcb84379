"""Attempts -> their log-odds as a sum of addends, heaviest first, with the levels behind each.

One attempt has its own addends. Several have the average of each addend, so that the sum is still the
average log-odds; behind an addend stand the levels that most of the attempts have. An addend of exactly 0
comes from evidence that says nothing of such an attempt: its level is not told.
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl
from msgspec import Struct

from stanch.explain.folder import Folder
from stanch.explain.select import Selection, SelectionKind
from stanch.findings import Campaign, format_time
from stanch.stuffing.levels import ADDENDS

#: So many attempts are listed.
N_LISTED: Final = 10
#: So many levels behind an averaged addend are told, each with at least this share of the attempts.
_N_LEVELS: Final = 3
_LEAST_SHARE: Final = 0.1


class Attempt(Struct, frozen=True):
    """One login row."""

    file: str
    line: int
    time: str
    ip: str
    account: str | None
    outcome: str
    campaign: str | None
    p_attack: float


class Level(Struct, frozen=True):
    """A level behind an addend: its code, the share of attempts that have it, what its name stands for."""

    code: int
    share: float
    name: str | None = None


class Addend(Struct, frozen=True):
    """One piece of evidence, in nats; above 0 it speaks for an attack. Without levels it says nothing."""

    name: str
    addend: float
    levels: list[Level]


class Explanation(Struct, frozen=True):
    """Why attempts are, or are not, held for an attack. Times are RFC 3339, probabilities 0 to 1."""

    kind: SelectionKind
    name: str
    n_attempts: int
    first: str
    last: str
    n_addresses: int
    n_accounts: int
    outcomes: dict[str, int]
    campaigns: list[str]
    #: Expected number of attempts that are part of an attack.
    attack_attempts: float
    #: Of an account: the chance that an attacker got in, None where it is too small to be listed.
    p_compromised: float | None
    #: The attempt whose addends these are; None: the average over all.
    telling: Attempt | None
    log_odds: float
    addends: list[Addend]
    #: Most suspicious first.
    attempts: list[Attempt]
    campaign: Campaign | None = None


def explain(folder: Folder, chosen: Selection) -> Explanation:
    """Weigh the attempts of `chosen`.

    An account is explained by the attempt that tells most: its most suspicious success, or its most
    suspicious attempt where it was never let in.
    """
    totals = chosen.attempts.select(**_count_totals()).collect().row(0, named=True)
    campaigns = chosen.attempts.select("campaign").drop_nulls().unique().sort("campaign").collect()
    telling, weighed = None, chosen.attempts
    if chosen.kind in ("account", "line"):
        row = _find_telling(chosen.attempts)
        telling, weighed = _list_attempts(row)[0], row.lazy()
    addends = [_weigh(weighed, name) for name in ADDENDS]
    return Explanation(
        kind=chosen.kind,
        name=chosen.name,
        n_attempts=totals["n"],
        first=format_time(totals["first_us"]),
        last=format_time(totals["last_us"]),
        n_addresses=totals["n_addresses"],
        n_accounts=totals["n_accounts"],
        outcomes=_count_outcomes(chosen.attempts),
        campaigns=campaigns["campaign"].to_list(),
        attack_attempts=totals["attack"],
        p_compromised=_find_chance(folder, chosen),
        telling=telling,
        log_odds=sum(addend.addend for addend in addends),
        addends=sorted(addends, key=lambda addend: -abs(addend.addend)),
        attempts=_list_attempts(_sort(chosen.attempts).head(N_LISTED).collect()),
        campaign=_find_campaign(folder, chosen),
    )


def _find_campaign(folder: Folder, chosen: Selection) -> Campaign | None:
    if chosen.kind != "campaign":
        return None
    return next(campaign for campaign in folder.findings.campaigns if campaign.id == chosen.name)


def _count_totals() -> dict[str, pl.Expr]:
    known = pl.col("account").filter(pl.col("stranger").is_null()).drop_nulls().n_unique()
    return {
        "n": pl.len(),
        "first_us": pl.col("time_us").min(),
        "last_us": pl.col("time_us").max(),
        "n_addresses": pl.col("ip").n_unique(),
        "n_accounts": known + pl.col("stranger").drop_nulls().n_unique(),
        "attack": pl.col("p_attack").cast(pl.Float64).sum(),
    }


def _count_outcomes(attempts: pl.LazyFrame) -> dict[str, int]:
    counted = attempts.group_by("outcome").agg(pl.len().alias("n")).collect()
    return dict(counted.sort(["n", "outcome"], descending=[True, False]).iter_rows())


def _sort(attempts: pl.LazyFrame) -> pl.LazyFrame:
    return attempts.sort(["log_odds", "time_us", "file", "line"], descending=[True, False, False, False])


def _find_telling(attempts: pl.LazyFrame) -> pl.DataFrame:
    ranked = attempts.with_columns(let_in=pl.col("outcome") == "success").sort(
        ["let_in", "log_odds", "time_us", "file", "line"], descending=[True, True, False, False, False]
    )
    return ranked.head(1).collect()


def _list_attempts(rows: pl.DataFrame) -> list[Attempt]:
    return [
        Attempt(
            file=row["file"],
            line=row["line"],
            time=format_time(row["time_us"]),
            ip=row["ip"],
            account=row["account"],
            outcome=row["outcome"],
            campaign=row["campaign"],
            p_attack=row["p_attack"],
        )
        for row in rows.iter_rows(named=True)
    ]


def _weigh(attempts: pl.LazyFrame, name: str) -> Addend:
    """The addend `name`, averaged, and the levels behind it, most frequent first."""
    named = pl.col(name).first() if name in ("client", "place") else pl.lit(None, pl.String)
    weight = pl.col(f"ev_{name}").cast(pl.Float64)
    levels = (
        attempts.group_by(pl.col(f"lv_{name}").alias("code"), (weight != 0).alias("speaks"))
        .agg(pl.len().alias("n"), weight.sum().alias("sum"), named.alias("what"))
        .sort(["n", "code"], descending=[True, False])
        .collect()
    )
    n, total = levels.select(pl.col("n").sum(), pl.col("sum").sum()).row(0)
    told: list[dict[str, Any]] = levels.filter("speaks").head(_N_LEVELS).rows(named=True)
    return Addend(
        name,
        float(total / n),
        [
            Level(row["code"], row["n"] / n, row["what"])
            for i, row in enumerate(told)
            if i == 0 or row["n"] >= _LEAST_SHARE * n
        ],
    )


def _find_chance(folder: Folder, chosen: Selection) -> float | None:
    """The account's `p_compromised` in accounts.csv, where names may bear a spreadsheet guard."""
    if chosen.kind != "account":
        return None
    rows = folder.accounts.filter(pl.col("account").is_in([chosen.name, f"'{chosen.name}"]))
    return float(rows["p_compromised"][0]) if rows.height else None
