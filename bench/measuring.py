"""One incident -> one record: how Stanch and the rules did on the very same log."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from msgspec import to_builtins
from scipy.special import logit

from loading import load_tables, reduce_outcomes
from results import Record
from rules import DAY_US, RULES, Flags, Marks, make_log
from stanch.engine import Engine, EngineSettings, open_engine
from stanch.progress import SilentProgress
from stanch.reporting.addresses import list_addresses
from stanch.simulation import CASES, Incident, simulate_logins, vary_case
from stanch.simulation.scoring import (
    find_tpr_at_rate,
    mark_attacks,
    mark_successes,
    score_attempts,
    score_calibration,
    score_campaigns,
    score_fallen,
    score_successes,
)
from stanch.stuffing import StuffingSettings, find_attacks

#: False-positive rates at which the ROC curve is kept.
ROC_RATES: Final = tuple(round(10 ** (-5 + i / 4), 9) for i in range(21))
#: Log-odds are cut into these bins, in nats, for a calibration over several logs.
_BINS: Final = np.arange(-20.0, 20.5, 1.0)

#: Code that decides a measurement. Anything else may change without making old ones stale.
DECIDING: Final = (
    "src/stanch/engine/**/*",
    "src/stanch/evidence/**/*",
    "src/stanch/simulation/**/*",
    "src/stanch/stuffing/**/*",
    "src/stanch/reporting/addresses.py",
    "bench/loading.py",
    "bench/measuring.py",
    "bench/rules.py",
)


@dataclass(frozen=True)
class Setup:
    """What is measured: the size of the shops, and what their logs lack.

    `accounts` customers, logins per customer and day, and each attack's share of all traffic are the
    seed's own unless given.
    """

    scale: float = 1.0
    without: tuple[str, ...] = ()
    reduce_outcome: bool = False
    threads: int = 1
    accounts: int | None = None
    rate: float | None = None
    attack_share: float | None = None

    def describe(self) -> Record:
        """The part that changes what is measured."""
        return {
            "scale": self.scale,
            "without": sorted(self.without),
            "reduce_outcome": self.reduce_outcome,
            "accounts": self.accounts,
            "rate": self.rate,
            "attack_share": self.attack_share,
        }


@dataclass(frozen=True)
class Truth:
    """What each row of a log really is."""

    is_attack: Flags
    #: `first`, `return`, `own`, `genuine` or null, as `mark_successes` says.
    kinds: pl.Series
    #: Accounts by row, and those that a genuine success shows to be customers.
    account: pl.Series
    is_customers: Flags
    n_days: float

    def is_kind(self, kind: str) -> Flags:
        return (self.kinds == kind).fill_null(False).to_numpy()


def measure(family: str, seed: int, setup: Setup) -> Record:
    """Simulate one incident, find attacks in it with everything there is, and score that."""
    case = vary_case(
        CASES[family], n_accounts=setup.accounts, rate=setup.rate, attack_share=setup.attack_share
    )
    incident = simulate_logins(case, seed, scale=setup.scale)
    logins = incident.tables["logins"]
    if setup.reduce_outcome:
        logins = reduce_outcomes(logins)
    tables = {"logins": logins.drop(setup.without, strict=False)}
    with closing(open_engine("duckdb", EngineSettings(threads=setup.threads))) as engine:
        columns = load_tables(engine, tables, ("logins",))
        log = engine.fetch("SELECT line, time_us, ip, account, outcome FROM logins ORDER BY time_us, line")
        begun = time.perf_counter()
        found = find_attacks(engine, columns, StuffingSettings(), seed, SilentProgress())
        seconds = time.perf_counter() - begun
        # Row by row beside `log`.
        attempts = engine.fetch(
            "SELECT line, p_attack, log_odds, campaign FROM attempts ORDER BY time_us, line"
        )
        truth = _tell(incident, log)
        campaigns = to_builtins(found.campaigns)
        stanch = _score_stanch(incident, truth, attempts, log, engine, campaigns)
    return {
        "family": family,
        "seed": seed,
        **_describe_log(incident, truth),
        "methods": _measure_methods(truth, log, attempts, len(campaigns)),
        "stanch": stanch | {"seconds": round(seconds, 2)},
    }


def _tell(incident: Incident, log: pl.DataFrame) -> Truth:
    whole = incident.tables["logins"].with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    whole = log.select("line", "time_us").join(whole, on="line", maintain_order="left")
    kinds = mark_successes(incident.truth, whole)
    customers = whole["account"].filter((kinds == "genuine").fill_null(False)).drop_nulls().unique()
    times = log["time_us"].to_numpy()
    return Truth(
        is_attack=mark_attacks(incident.truth, whole["line"]).to_numpy(),
        kinds=kinds,
        account=whole["account"],
        is_customers=whole["account"].is_in(customers.implode()).fill_null(False).to_numpy(),
        n_days=float(times[-1] - times[0]) / DAY_US if len(times) else 0.0,
    )


def _describe_log(incident: Incident, truth: Truth) -> Record:
    return {
        "n_attack": int(truth.is_attack.sum()),
        "n_genuine": int((~truth.is_attack).sum()),
        "n_first": int(truth.is_kind("first").sum()),
        "n_returns": int(truth.is_kind("return").sum()),
        "n_customers": truth.account.filter(pl.Series(truth.is_customers)).n_unique(),
        "n_planted": len(incident.truth["campaigns"]),
        "days": round(truth.n_days, 3),
    }


def _measure_methods(truth: Truth, log: pl.DataFrame, attempts: pl.DataFrame, n_campaigns: int) -> Record:
    """Every method at its own threshold."""
    flagged = attempts["p_attack"].to_numpy() >= 0.5
    scores = {"Stanch": _score_marks(truth, Marks(flagged, flagged, n_campaigns))}
    rule_log = make_log(log["time_us"].to_numpy(), log["ip"], log["account"], log["outcome"])
    return scores | {name: _score_marks(truth, rule(rule_log)) for name, rule in RULES.items()}


def _score_marks(truth: Truth, marks: Marks) -> Record:
    customers = truth.account.filter(pl.Series(truth.is_customers)).n_unique()
    harmed = truth.account.filter(pl.Series(truth.is_customers & ~truth.is_attack & marks.hit)).n_unique()
    return {
        "caught": share(marks.hit[truth.is_attack]),
        "first": share(marks.hit[truth.is_kind("first")]),
        "genuine": share(marks.hit[~truth.is_attack]),
        "customers": harmed / customers if customers else None,
        "caught_seen": share(marks.seen[truth.is_attack]),
        "first_seen": share(marks.seen[truth.is_kind("first")]),
        "genuine_seen": share(marks.seen[~truth.is_attack]),
        "alarms": marks.n_alarms,
    }


def _score_stanch(
    incident: Incident,
    truth: Truth,
    attempts: pl.DataFrame,
    log: pl.DataFrame,
    engine: Engine,
    campaigns: list[dict[str, Any]],
) -> Record:
    """What only Stanch gives, or gives as a score rather than a verdict."""
    log_odds = attempts["log_odds"].cast(pl.Float64).to_numpy()
    rates = score_attempts(incident.truth, attempts, rank_by="log_odds")
    successes = score_successes(truth.kinds, log_odds)
    # What users are given: `p_attack` says less than log-odds where these are extreme.
    told = logit(attempts["p_attack"].to_numpy())
    calibration = score_calibration(truth.is_attack, told)
    accounts = engine.fetch("SELECT account, p_compromised FROM fallen_accounts")
    fallen = score_fallen(incident.truth, accounts, campaigns)
    attack, genuine = log_odds[truth.is_attack], log_odds[~truth.is_attack]
    return {
        "tpr_at_rate": plain(rates.tpr_at_rate),
        "tpr": plain(rates.tpr),
        "fpr": plain(rates.fpr),
        "first_at_rate": plain(successes.first),
        "returns_at_rate": plain(successes.returns),
        "slope": plain(calibration.slope),
        "separated": math.isinf(calibration.slope),
        "log_loss": plain(calibration.log_loss),
        "planted": fallen.planted,
        "expected": round(fallen.expected, 3),
        "low": round(fallen.low, 3),
        "high": round(fallen.high, 3),
        "covered": fallen.is_covered,
        "campaigns": len(campaigns),
        "kinds": [campaign["kind"] for campaign in campaigns],
        "ari": plain(score_campaigns(incident.truth, attempts)),
        "roc": [plain(find_tpr_at_rate(attack, genuine, rate)) for rate in ROC_RATES],
        "odds": _count_odds(truth.is_attack, told),
    } | _score_blocklist(truth, log, list_addresses(engine).block)


def _count_odds(is_attack: Flags, log_odds: npt.NDArray[np.float64]) -> list[list[float]]:
    """Per occupied bin of log-odds: their mean, genuine and attack attempts."""
    bins = np.digitize(log_odds, _BINS)
    n = np.bincount(bins, minlength=len(_BINS) + 1)
    total = np.bincount(bins, weights=log_odds, minlength=len(_BINS) + 1)
    n_attack = np.bincount(bins, weights=is_attack, minlength=len(_BINS) + 1)
    used = np.flatnonzero(n)
    return [[round(total[i] / n[i], 3), int(n[i] - n_attack[i]), int(n_attack[i])] for i in used]


def _score_blocklist(truth: Truth, log: pl.DataFrame, block: list[str]) -> Record:
    """Whom `blocklist.txt` would have hit over the whole log."""
    networks = [ip_network(entry) for entry in block]
    whole = {net for net in networks if net.prefixlen < net.max_prefixlen}
    lengths = {(net.version, net.prefixlen) for net in whole}
    single = {str(net.network_address) for net in networks if net.prefixlen == net.max_prefixlen}

    def is_blocked(ip: str) -> bool:
        version = ip_address(ip).version
        return ip in single or any(
            ip_network(f"{ip}/{length}", strict=False) in whole for v, length in lengths if v == version
        )

    each = log["ip"].unique()
    hit = log["ip"].is_in(each.filter(pl.Series([is_blocked(ip) for ip in each], dtype=pl.Boolean)).implode())
    blocked = hit.to_numpy()
    return {
        "blocked": len(block),
        "blocked_attack": share(blocked[truth.is_attack]),
        "blocked_genuine": share(blocked[~truth.is_attack]),
        "blocked_logins": share(blocked[truth.is_kind("genuine")]),
    }


def share(flags: Flags) -> float | None:
    """Share of flags that are set; None of none."""
    return float(flags.mean()) if len(flags) else None


def plain(number: float) -> float | None:
    """A number as JSON has it: None for what is none."""
    return number if math.isfinite(number) else None
