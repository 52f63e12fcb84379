"""How well an investigation did, given what was planted. Pure functions on frames and plain data.

`truth` is the content of `truth.json`; `findings` that of `findings.json`; `attempts` has one row
per login with `line` (1-based data row) and `p_attack`; `accounts` is `accounts.csv`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

#: Genuine attempts that may be held against the genuine ones when rates are compared.
FALSE_POSITIVE_RATE: Final = 1e-4
#: The same for genuine successes, when an attack's own are looked for.
FALSE_SUCCESS_RATE: Final = 1e-3
Naming = Literal["right", "partly", "wrong", "abstained", "nobody"]


@dataclass(frozen=True, slots=True)
class AttemptScore:
    """How well attack attempts were told from genuine ones; NaN where there are none to tell."""

    n_attack: int
    n_genuine: int
    #: Share of attack attempts ranked above all but 1 in 10,000 genuine ones.
    tpr_at_rate: float
    #: Shares of attack and of genuine attempts with `p_attack` of at least 0.5.
    tpr: float
    fpr: float


@dataclass(frozen=True, slots=True)
class SuccessScore:
    """How well an attack's successes were told from genuine ones; NaN where there are none to tell.

    Each share is of successes ranked above all but 1 in 1,000 genuine ones. Logins to the attacker's own
    accounts count on neither side.
    """

    #: First successes of the attack on the accounts that fell, and later ones on the same accounts.
    n_first: int
    n_returns: int
    n_genuine: int
    found_first: float
    found_returns: float


@dataclass(frozen=True, slots=True)
class FallenScore:
    """Fallen accounts: planted number against the expected one and its 90 % interval."""

    planted: int
    expected: float
    low: float
    high: float
    #: Of the accounts listed with `p_compromised` of at least 0.5: share that did fall (NaN: none listed).
    precision: float
    #: Of the accounts that fell: share listed with `p_compromised` of at least 0.5 (NaN: none fell).
    recall: float

    @property
    def is_covered(self) -> bool:
        """Whether the planted number lies inside the interval."""
        return self.low <= self.planted <= self.high


@dataclass(frozen=True, slots=True)
class SourceScore:
    """Whether the source was named rightly."""

    #: `right` every true source and no other; `partly` some of them and no other; `wrong` somebody
    #: else; `abstained` nobody although something leaked; `nobody` nobody, and rightly so.
    naming: Naming
    #: True sources that were said to be cleared.
    cleared_wrongly: tuple[str, ...]
    #: Complaints that stem from a leak.
    n_complaints: int


def mark_attacks(truth: Mapping[str, Any], lines: pl.Series) -> pl.Series:
    """For each line whether it is a planted attempt."""
    return _mark_rows(truth["attack_rows"], lines)


def _mark_rows(rows_by_campaign: Mapping[str, Sequence[int]], lines: pl.Series) -> pl.Series:
    planted = sorted(row for rows in rows_by_campaign.values() for row in rows)
    return lines.is_in(pl.Series(planted, dtype=pl.Int64).implode())


def score_attempts(
    truth: Mapping[str, Any],
    attempts: pl.DataFrame,
    *,
    rank_by: str = "p_attack",
    rate: float = FALSE_POSITIVE_RATE,
) -> AttemptScore:
    """Rates over attempts; `rank_by` may name a finer score than `p_attack`, such as log-odds."""
    is_attack = mark_attacks(truth, attempts["line"].cast(pl.Int64)).to_numpy()
    score = attempts[rank_by].cast(pl.Float64).to_numpy()
    flagged = attempts["p_attack"].to_numpy() >= 0.5
    return AttemptScore(
        n_attack=int(is_attack.sum()),
        n_genuine=int((~is_attack).sum()),
        tpr_at_rate=find_tpr_at_rate(score[is_attack], score[~is_attack], rate),
        tpr=_share(flagged[is_attack]),
        fpr=_share(flagged[~is_attack]),
    )


def score_successes(
    truth: Mapping[str, Any],
    successes: pl.DataFrame,
    *,
    rank_by: str = "p_attack",
    rate: float = FALSE_SUCCESS_RATE,
) -> SuccessScore:
    """Rates over `successes`: rows of the attempts whose outcome is `success`, with `line` and `rank_by`."""
    line = successes["line"].cast(pl.Int64)
    score = successes[rank_by].cast(pl.Float64).to_numpy()
    is_first, is_return = (
        _mark_rows(truth[key], line).to_numpy() for key in ("first_success_rows", "return_rows")
    )
    genuine = score[~mark_attacks(truth, line).to_numpy()]
    return SuccessScore(
        n_first=int(is_first.sum()),
        n_returns=int(is_return.sum()),
        n_genuine=len(genuine),
        found_first=find_tpr_at_rate(score[is_first], genuine, rate),
        found_returns=find_tpr_at_rate(score[is_return], genuine, rate),
    )


def find_tpr_at_rate(
    attack: npt.NDArray[np.float64], genuine: npt.NDArray[np.float64], rate: float = FALSE_POSITIVE_RATE
) -> float:
    """Share of attack scores above the threshold that at most `rate` of the genuine ones exceed.

    Ties count against: an attack score equal to the threshold is not above it.
    """
    if not len(attack):
        return math.nan
    n_allowed = math.floor(rate * len(genuine))
    if n_allowed >= len(genuine):
        return 1.0
    threshold = np.partition(genuine, len(genuine) - 1 - n_allowed)[len(genuine) - 1 - n_allowed]
    return _share(attack > threshold)


def score_fallen(
    truth: Mapping[str, Any], accounts: pl.DataFrame, campaigns: Sequence[Mapping[str, Any]]
) -> FallenScore:
    """Planted and expected number of fallen accounts, summed over campaigns.

    The interval's ends are sums too, which makes it too wide rather than too narrow where there are
    several campaigns.
    """
    planted = {account for campaign in truth["campaigns"] for account in campaign["compromised"]}
    likely = accounts.filter(pl.col("p_compromised").cast(pl.Float64) >= 0.5)["account"].cast(pl.String)
    listed = set(likely.to_list())
    found = [campaign["compromised"] for campaign in campaigns]
    right = len(listed & planted)
    return FallenScore(
        planted=len(planted),
        expected=math.fsum(each["mean"] for each in found),
        low=math.fsum(each["low"] for each in found),
        high=math.fsum(each["high"] for each in found),
        precision=right / len(listed) if listed else math.nan,
        recall=right / len(planted) if planted else math.nan,
    )


def match_campaigns(truth: Mapping[str, Any], attempts: pl.DataFrame) -> dict[str, str]:
    """Found campaign -> planted campaign with most of its attempts; found ones with none are left out.

    `attempts` needs `line` and `campaign`.
    """
    parts = [
        pl.DataFrame(
            {"line": rows, "planted": [name] * len(rows)}, schema={"line": pl.Int64, "planted": pl.String}
        )
        for name, rows in truth["attack_rows"].items()
    ]
    if not parts:
        return {}
    found = attempts.select(pl.col("line").cast(pl.Int64), "campaign").drop_nulls()
    counts = found.join(pl.concat(parts), on="line").group_by("campaign", "planted").len()
    best = counts.sort("len", "planted", descending=[True, False]).unique(
        "campaign", keep="first", maintain_order=True
    )
    return dict(zip(best["campaign"].to_list(), best["planted"].to_list(), strict=True))


def score_sources(
    truth: Mapping[str, Any], attribution: Mapping[str, Any], campaigns: Mapping[str, str] | None = None
) -> SourceScore:
    """Whether the named sources are the planted ones; `campaigns` as `match_campaigns` gives it.

    A leak that no log shows cannot be named; to say `unlogged` is right then.
    """
    logged = {source for source in truth["leak"]["sources"] if source != "unlogged"}
    named = {_translate(source, campaigns) for source in attribution["sources"]}
    cleared = {_translate(source, campaigns) for source in attribution["cleared"]}
    is_unlogged = "unlogged" in truth["leak"]["sources"]
    return SourceScore(
        naming=_judge(
            logged, named, said_unlogged=attribution["verdict"] == "unlogged", is_unlogged=is_unlogged
        ),
        cleared_wrongly=tuple(sorted(logged & cleared)),
        n_complaints=len(truth["complaints_from_leak"]),
    )


def _judge(logged: set[str], named: set[str], *, said_unlogged: bool, is_unlogged: bool) -> Naming:
    if named - logged or (said_unlogged and not is_unlogged):
        return "wrong"
    if logged:
        return "right" if named == logged else "partly" if named else "abstained"
    if is_unlogged:
        return "right" if said_unlogged else "abstained"
    return "nobody"


def _translate(source: str, campaigns: Mapping[str, str] | None) -> str:
    """A source under its planted campaign's name."""
    kind, _, name = source.partition(":")
    if campaigns is None or kind != "campaign":
        return source
    return f"campaign:{campaigns.get(name, 'none of the planted')}"


def _share(flags: npt.NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else math.nan
