"""The stage on one page: from `logins` to attempts, campaigns and fallen accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import polars as pl

from stanch.engine import Engine, Step, load_step
from stanch.findings import Campaign, Logins, format_percent, format_time
from stanch.progress import Progress
from stanch.stuffing.campaigns import link_tools
from stanch.stuffing.chance import fetch_chances
from stanch.stuffing.fallen import TELLS_UNKNOWN, Victims, find_fallen
from stanch.stuffing.features import PatternCounts, bin_width_us, compute_levels, fetch_owned, fetch_patterns
from stanch.stuffing.guessed import weigh_guessed
from stanch.stuffing.intervals import describe_share, describe_sum
from stanch.stuffing.measures import (
    Measures,
    give_reasons,
    keep_campaigns,
    measure_campaigns,
    name_kind,
)
from stanch.stuffing.reasons import Reason
from stanch.stuffing.returns import find_returns
from stanch.stuffing.scoring import (
    NO_SCORES,
    Model,
    choose_better,
    fit_model,
    put_addends,
    put_scores,
)
from stanch.stuffing.settings import StuffingSettings
from stanch.stuffing.targets import TargetList, describe_lists

_SQL: Final = "stanch.stuffing.sql"
#: Log-odds of attempts that resemble an attack but are part of none that is reported.
_HELD_BACK: Final = -3.0
#: ... and the most that attempts may have where no attack is reported at all: 1 in 1,000.
_QUIET: Final = -7.0

#: The model leaves something out that it does not know of, so what its evidence says is never quite sure:
#: share of an attack's attempts that look like any customer's, and of attempts taken for the attack's that
#: are not.
_MISSED: Final = 1e-4
_MISTAKEN: Final = 1e-5
#: Attempts, at least, that only a second attack explains; fewer are not worth one.
_LEAST_OTHER: Final = 150
#: A host that lets accounts in this long before it attacks has customers of its own.
_LEAD_US: Final = 3_600_000_000
#: Log-odds, at least, of logins to accounts that are the attackers' own.
_OWNED: Final = 4.0
#: With a larger share of attempts whose outcome the log does not tell, an attack would not show.
_MOST_UNTOLD: Final = 0.5
NO_OUTCOME: Final = (
    "login attempts: whether they succeeded is not known of {percent} % of them, so an attack could not be"
    " told from ordinary use; give a log with the outcome of each login (another column: --map"
    " logins.outcome=THEIRS) or, of a web log whose status codes differ, which of them mean success and"
    " failure (readers.web.login_success and login_failure in the file of --config)"
)
NO_FAILURE: Final = (
    "login attempts: all of them succeeded, and an attack shows in those that fail, so it could not be seen;"
    " give a log that holds failed logins as well, or, if these include some, the column with the outcome"
    " (--map logins.outcome=THEIRS)"
)


@dataclass(frozen=True, slots=True)
class StuffingResult:
    """What the logins tell; the tables behind it are in the engine."""

    logins: Logins
    campaigns: list[Campaign]
    #: What could not be done for want of columns, one plain sentence each.
    notes: list[str]
    #: Width of the bins of `attempt_bins` in microseconds.
    bin_us: int


def find_attacks(
    engine: Engine, columns: frozenset[str], settings: StuffingSettings, seed: int, progress: Progress
) -> StuffingResult:
    """Find attacks in `logins`.

    Makes `attempts` (one row per login), `pattern_addends`, `level_names`, `fallen_accounts`, `attempt_bins`,
    `address_risk` and `campaign_reasons`. `columns` are the columns of `logins` that were given. Nothing
    here is drawn at random, so `seed` has no effect.
    """
    bin_us = bin_width_us(settings)
    compute_levels(engine, settings, progress)
    with progress.task("Looking for attacks", 4, unit="steps") as task:
        measures = _link_campaigns(engine, settings)
        task.advance(1)
        _put_attempts(engine, measures)
        engine.drop(
            "stuffing_scored",
            "stuffing_links",
            "stuffing_kept",
            "stuffing_seeds",
            "stuffing_returns",
            "stuffing_held_places",
            "stuffing_holdings",
            "stuffing_tainted",
            "stuffing_pairs",
        )
        task.advance(1)
        engine.run(load_step(_SQL, "attempt_bins", bin_us=bin_us))
        engine.run(load_step(_SQL, "address_risk"))
        weigh_guessed(engine)
        engine.run(load_step(_SQL, "stuffing_successes", bin_us=bin_us))
        _find_lives(engine)
        fallen = find_fallen(engine, settings.least_p_compromised)
        task.advance(1)
        campaigns = _describe_campaigns(engine, measures, fallen, settings, named="account" in columns)
        why_not = _find_obstacle(engine)
        logins = _count_attempts(engine, "" if campaigns else why_not)
        task.advance(1)
    engine.drop(
        *(
            f"stuffing_{name}"
            for name in (
                "successes",
                "owned",
                "ips",
                "accounts",
                "clients",
                "levels",
                "patterns",
                "holders",
                "client_chances",
                "place_chances",
                "weighed",
                "customers",
                "lives",
                "tried",
            )
        )
    )
    return StuffingResult(logins, campaigns, _note_missing(columns, why_not), bin_us)


def _put_attempts(engine: Engine, measures: list[Measures]) -> None:
    """Make `attempts`."""
    most, held_back = (0.0, _HELD_BACK) if measures else (_QUIET, _QUIET)
    share = sum(m["attempts"] for m in measures) / max(engine.count("logins"), 1)
    step = load_step(
        _SQL,
        "attempts",
        most=most,
        held_back=held_back,
        owned=_OWNED,
        missed=_MISSED * share,
        mistaken=_MISTAKEN if measures else 0.0,
    )
    engine.run(step)


def _find_lives(engine: Engine) -> None:
    """Make `stuffing_lives`, accounts that are used beside the attack, and `stuffing_tried`."""
    if engine.has("orders"):
        engine.run(Step("stuffing_customers", "SELECT DISTINCT account FROM orders"))
    else:
        engine.create("stuffing_customers", {"account": "VARCHAR"})
    engine.run(load_step(_SQL, "stuffing_lives"))
    engine.run(load_step(_SQL, "stuffing_tried"))


def _link_campaigns(engine: Engine, settings: StuffingSettings) -> list[Measures]:
    """Score attempts and link the suspicious ones; return the campaigns kept, in order of start.

    If no group of them looks like an attack, everything is scored as peace. Makes `stuffing_scored` and
    `pattern_addends`.
    """
    counts = fetch_patterns(engine)
    models = _fit_attacks(engine, counts) if len(counts.n) else []
    if not models:
        put_scores(engine, counts, NO_SCORES)
    put_addends(engine, counts, models)
    engine.run(load_step(_SQL, "stuffing_tools"))
    links = link_tools(engine.fetch("SELECT * FROM stuffing_tools"))
    engine.put("stuffing_links", links)
    measures = measure_campaigns(engine) if len(links) else []
    kept = keep_campaigns(measures, settings)
    engine.put("stuffing_kept", kept)
    if models and models[0].found_any and not len(kept):
        put_scores(engine, counts, models[0].score(counts, at_peace=True))
    engine.run(load_step(_SQL, "stuffing_seeds"))
    find_returns(engine)
    engine.drop("stuffing_tools")
    by_number = {m.number: m for m in measures}
    return [by_number[number] for number in kept["campaign"].to_list()]


def _fit_attacks(engine: Engine, counts: PatternCounts) -> list[Model]:
    """Fit one attack, set the attackers' own accounts aside and fit again, then look for another attack.

    Attacks at the same time differ in network, client and list; one set of tables fits the larger only. So
    the mixture is fitted once more to what the first does not explain, and each attempt gets the better of
    its two scores. Makes `stuffing_owned` and `stuffing_scored`; returns the models in the order of
    their numbers.
    """
    chances = fetch_chances(engine)
    n = counts.n
    model = fit_model(counts, n, chances)
    put_scores(engine, counts, model.score(counts))
    engine.run(load_step(_SQL, "stuffing_tainted", lead_us=_LEAD_US))
    engine.run(load_step(_SQL, "stuffing_owned"))
    owned = engine.count("stuffing_owned") > 0
    if owned:
        n = n - fetch_owned(engine, counts)
        model = fit_model(counts, n, chances)
    first = model.score(counts)
    if model.found_any:
        other = fit_model(counts, np.where(first.log_odds >= 0, 0.0, n), chances)
        second = other.score(counts, number=1)
        new = counts.n[(second.log_odds >= 0) & (first.log_odds < 0)].sum()
        if other.found_any and new >= _LEAST_OTHER:
            put_scores(engine, counts, choose_better(first, second))
            return [model, other]
    if owned:
        put_scores(engine, counts, first)
    return [model]


def _describe_campaigns(
    engine: Engine,
    measures: list[Measures],
    fallen: dict[str, Victims],
    settings: StuffingSettings,
    *,
    named: bool,
) -> list[Campaign]:
    """Put the kept campaigns into words and figures; make `campaign_reasons`."""
    usual = engine.fetch(
        "SELECT count(*) AS n, sum(CASE WHEN outcome <> 'success' THEN 1 ELSE 0 END) AS failed"
        " FROM attempts WHERE campaign IS NULL AND outcome <> 'unknown'"
    ).row(0)
    usual_failing = 100 * (usual[1] or 0) / max(usual[0], 1)
    told = engine.fetch(TELLS_UNKNOWN).item() > 0
    lists = describe_lists(engine, fallen, told=told) if named and measures else {}
    campaigns, rows = [], []
    for i, m in enumerate(measures):
        name = f"c{i + 1}"
        reasons = give_reasons(m, settings, usual_failing, named=named)
        victims = fallen.get(name, Victims())
        targets = lists.get(name, TargetList())
        campaigns.append(
            Campaign(
                id=name,
                kind=name_kind(m, named=named),
                start=format_time(m["start_us"]),
                end=format_time(m["end_us"]),
                attempts=m["attempts"],
                addresses=m["addresses"],
                accounts=m["accounts"] if named else 0,
                compromised=victims.compromised,
                success_rate=round(min(m["successes"] / m["attempts"], 1.0), 6),
                why=[str(reason) for reason in reasons],
                tools=[msgspec.structs.replace(t, client=t.client[:200]) for t in m.tools if t.client],
                opened_share=describe_share(victims.compromised.mean, m["attempts"], victims.spread),
                existing_share=targets.existing,
                existing_unknown=targets.existing_unknown,
                list_size=targets.size,
                list_size_unknown=targets.size_unknown,
                overlap=targets.overlap,
            )
        )
        rows += [(name, position, reason) for position, reason in enumerate(reasons)]
    engine.put("campaign_reasons", _tabulate_reasons(rows))
    return campaigns


def _tabulate_reasons(rows: list[tuple[str, int, Reason]]) -> pl.DataFrame:
    """Grain: one row per campaign and reason, its parameters as JSON."""
    return pl.DataFrame(
        {
            "campaign": [name for name, _, _ in rows],
            "position": [position for _, position, _ in rows],
            "code": [reason.code for _, _, reason in rows],
            "params": [msgspec.json.encode(reason.params).decode() for _, _, reason in rows],
        },
        schema={"campaign": pl.String, "position": pl.Int64, "code": pl.String, "params": pl.String},
    )


def _count_attempts(engine: Engine, why_not: str) -> Logins:
    """Number of attempts, and how many of them an attack made; `why_not` where that was not examined."""
    n, attack, undecided = engine.fetch(
        "SELECT count(*) AS n, sum(CAST(round(p_attack * 1000000) AS BIGINT)) / 1000000.0 AS attack,"
        " sum(CAST(round(p_attack * (1 - p_attack) * 1000000) AS BIGINT)) / 1000000.0 AS undecided"
        " FROM attempts"
    ).row(0)
    return Logins(int(n), describe_sum(float(attack or 0), float(undecided or 0), float(n)), why_not)


def _find_obstacle(engine: Engine) -> str:
    """Why an attack would not show in these logins and what to give, one plain sentence; empty if none.

    An attack shows in attempts that fail. Where nobody got in they all did, and that is examined.
    """
    n, untold, successes = engine.fetch(
        "SELECT count(*) AS n, sum(CASE WHEN outcome = 'unknown' THEN 1 ELSE 0 END) AS untold,"
        " sum(CASE WHEN outcome = 'success' THEN 1 ELSE 0 END) AS successes FROM attempts"
    ).row(0)
    if n and untold > _MOST_UNTOLD * n:
        return NO_OUTCOME.format(percent=format_percent(untold / n))
    if n and successes == n:
        return NO_FAILURE
    return ""


def _note_missing(columns: frozenset[str], why_not: str) -> list[str]:
    """Say what could not be done for want of columns, one plain sentence each."""
    notes = []
    if "account" not in columns:
        notes.append(
            "login attempts: the log names no accounts, so which accounts fell cannot be said, and"
            " attempts were told apart by address and client only"
        )
    if why_not:
        notes.append(why_not)
    if not columns & {"user_agent", "ja4", "device"}:
        notes.append("login attempts: no client software given, so tools could not be told from browsers")
    return notes
