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

#: Share of genuine attempts that may be flagged when shares of found attacks are compared.
FALSE_POSITIVE_RATE: Final = 1e-4
#: ... and of genuine successes when found successes of attackers are.
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
    """How well logins of attackers were told from genuine ones, at 1 false in 1,000 genuine ones."""

    n_first: int
    n_returns: int
    n_genuine: int
    #: Shares found of first logins to accounts that fell, and of later ones (NaN: there are none).
    first: float
    returns: float


@dataclass(frozen=True, slots=True)
class CalibrationScore:
    """Whether log-odds mean what they say."""

    #: Logistic regression of truth on log-odds: 1 and 0 if they are right. Infinite and NaN where every
    #: attack attempt ranks above every genuine one, NaN where one of the two is missing.
    slope: float
    intercept: float
    #: Nats per attempt.
    log_loss: float


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
    planted = sorted(row for rows in truth["attack_rows"].values() for row in rows)
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


def mark_successes(truth: Mapping[str, Any], logins: pl.DataFrame) -> pl.Series:
    """What each row of `logins` is as a success: `first`, `return`, `own` or `genuine`; null for others.

    `logins` needs `line`, `account` and `outcome`, and lines in order of time. `first` is a campaign's
    first login to an account that fell, `return` a later one, `own` one to an account of the attackers.
    """
    owned = [(each["id"], name) for each in truth["campaigns"] for name in each.get("own_accounts", ())]
    own = pl.DataFrame(owned, schema={"planted": pl.String, "account": pl.String}, orient="row").unique()
    rows = logins.select(pl.col("line").cast(pl.Int64), "account", success=pl.col("outcome") == "success")
    of_attack = rows.filter("success").join(_tabulate_planted(truth), on="line")
    of_attack = of_attack.join(own.with_columns(owned=True), on=["planted", "account"], how="left")
    is_first = pl.col("line") == pl.col("line").min().over("planted", "account")
    kind = pl.when(pl.col("owned")).then(pl.lit("own")).when(is_first).then(pl.lit("first"))
    told = of_attack.select("line", kind=kind.otherwise(pl.lit("return")))
    marked = rows.join(told, on="line", how="left", maintain_order="left")
    genuine = pl.when("success").then(pl.coalesce("kind", pl.lit("genuine")))
    return marked.select(genuine.alias("kind")).to_series()


def score_successes(
    kinds: pl.Series, score: npt.NDArray[np.float64], rate: float = FALSE_SUCCESS_RATE
) -> SuccessScore:
    """Shares of attackers' logins above all but `rate` of the genuine ones.

    `kinds` as `mark_successes` gives them, `score` row by row. Logins to attackers' own accounts count
    for neither side.
    """
    parts = {kind: score[(kinds == kind).fill_null(False).to_numpy()] for kind in _SUCCESS_KINDS}
    return SuccessScore(
        n_first=len(parts["first"]),
        n_returns=len(parts["return"]),
        n_genuine=len(parts["genuine"]),
        first=find_tpr_at_rate(parts["first"], parts["genuine"], rate),
        returns=find_tpr_at_rate(parts["return"], parts["genuine"], rate),
    )


_SUCCESS_KINDS: Final = ("first", "return", "genuine")


def score_calibration(
    is_attack: npt.NDArray[np.bool_], log_odds: npt.NDArray[np.float64]
) -> CalibrationScore:
    """Logistic regression of truth on log-odds (nats), and their log-loss."""
    losses = np.logaddexp(0.0, np.where(is_attack, -log_odds, log_odds))
    loss = float(losses.mean()) if len(losses) else math.nan
    attack, genuine = log_odds[is_attack], log_odds[~is_attack]
    if not len(attack) or not len(genuine):
        return CalibrationScore(math.nan, math.nan, loss)
    if attack.min() > genuine.max():
        return CalibrationScore(math.inf, math.nan, loss)
    # Log-odds that differ by less than 0.001 are one, so that a large log is a short regression.
    levels, where = np.unique(np.round(log_odds, 3), return_inverse=True)
    n = np.bincount(where).astype(np.float64)
    k = np.bincount(where, weights=is_attack).astype(np.float64)
    slope, intercept = fit_logistic(levels, n, k)
    return CalibrationScore(slope, intercept, loss)


def fit_logistic(
    x: npt.NDArray[np.float64], n: npt.NDArray[np.float64], k: npt.NDArray[np.float64]
) -> tuple[float, float]:
    """Slope and intercept of the logit of `k` in `n` on `x` by damped Newton steps; NaN if they diverge."""
    # From 0, where curvature is greatest: at 1, log-odds far out leave hardly any.
    design = np.stack([x, np.ones_like(x)])
    beta = np.zeros(2)

    def find_loss(at: npt.NDArray[np.float64]) -> float:
        eta = at @ design
        return float((k * np.logaddexp(0, -eta) + (n - k) * np.logaddexp(0, eta)).sum())

    loss = find_loss(beta)
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(beta @ design, -700, 700)))
        curvature = (design * (n * p * (1 - p))) @ design.T + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, design @ (k - n * p))
        while (new := find_loss(beta + step)) > loss and np.abs(step).max() > 1e-9:
            step /= 2
        beta = beta + step
        if loss - new <= 1e-9 * max(loss, 1.0):
            break
        loss = new
    return (float(beta[0]), float(beta[1])) if np.abs(beta).max() < 1e3 else (math.nan, math.nan)


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
    planted = _tabulate_planted(truth)
    if planted.is_empty():
        return {}
    found = attempts.select(pl.col("line").cast(pl.Int64), "campaign").drop_nulls()
    counts = found.join(planted, on="line").group_by("campaign", "planted").len()
    best = counts.sort("len", "planted", descending=[True, False]).unique(
        "campaign", keep="first", maintain_order=True
    )
    return dict(zip(best["campaign"].to_list(), best["planted"].to_list(), strict=True))


def score_campaigns(truth: Mapping[str, Any], attempts: pl.DataFrame) -> float:
    """Adjusted Rand index of found and planted campaigns over all attempts (Hubert & Arabie 1985, eq. 5).

    Attempts of no campaign are one group on either side. 1 is full agreement, 0 that of chance.
    `attempts` needs `line` and `campaign`.
    """
    found = attempts.select(pl.col("line").cast(pl.Int64), "campaign")
    both = found.join(_tabulate_planted(truth), on="line", how="left")
    cells = both.group_by("campaign", "planted").len()
    pairs = _count_pairs(cells["len"])
    rows = _count_pairs(cells.group_by("campaign").agg(pl.col("len").sum())["len"])
    columns = _count_pairs(cells.group_by("planted").agg(pl.col("len").sum())["len"])
    total = len(attempts) * (len(attempts) - 1) / 2
    by_chance = rows * columns / total if total else 0.0
    most = (rows + columns) / 2
    return 1.0 if most == by_chance else (pairs - by_chance) / (most - by_chance)


def _count_pairs(sizes: pl.Series) -> float:
    return math.fsum(size * (size - 1) / 2 for size in sizes.to_list())


def _tabulate_planted(truth: Mapping[str, Any]) -> pl.DataFrame:
    """Grain: one row per planted attempt, `line` and `planted` campaign."""
    rows = [(line, name) for name, lines in truth["attack_rows"].items() for line in lines]
    return pl.DataFrame(rows, schema={"line": pl.Int64, "planted": pl.String}, orient="row")


def score_sources(
    truth: Mapping[str, Any], attribution: Mapping[str, Any], campaigns: Mapping[str, str] | None = None
) -> SourceScore:
    """Whether the named sources are the planted ones; `campaigns` as `match_campaigns` gives it.

    A leak that no log shows cannot be named; to say `unlogged` is right then.
    """
    logged = {source for source in truth["leak"]["sources"] if source != "unlogged"}
    named = {find_member(translate_source(source, campaigns), logged) for source in attribution["sources"]}
    cleared = {translate_source(source, campaigns) for source in attribution["cleared"]}
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


def find_member(source: str, logged: set[str]) -> str:
    """The true source that a group holds, else the source as it is."""
    members = source.removeprefix("group:").split("+") if source.startswith("group:") else []
    return next((member for member in members if member in logged), source)


def translate_source(source: str, campaigns: Mapping[str, str] | None) -> str:
    """A source under its planted campaign's name."""
    kind, _, name = source.partition(":")
    if campaigns is None or kind != "campaign":
        return source
    return f"campaign:{campaigns.get(name, 'none of the planted')}"


def _share(flags: npt.NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else math.nan
