"""The stage on one page: from exposures and victims to a ranked, judged list of sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import numpy as np
import polars as pl

from stanch.engine import Engine
from stanch.findings import Attribution, AttributionVerdict
from stanch.progress import Progress, SilentProgress
from stanch.tracing.baseline import compare_orders, count_cited
from stanch.tracing.case import Case, load_case
from stanch.tracing.evidence import Ground, Hits, collect_hits, measure_scale
from stanch.tracing.explain import Explanation, explain_complaints
from stanch.tracing.habits import estimate_citing
from stanch.tracing.judge import LEAST_POSTERIOR, Verdicts, judge_sources, list_named
from stanch.tracing.leak import weigh_copy, weigh_knowledge
from stanch.tracing.null import Histories, simulate_histories
from stanch.tracing.prior import weigh_prior
from stanch.tracing.reasons import Reason, say_settle
from stanch.tracing.settings import TracingSettings
from stanch.tracing.settle import plan_settling
from stanch.tracing.tell import REASONS, SOURCES, attribute, put_tables
from stanch.tracing.usual import measure_mean

_RECEIVED: Final = "SELECT received_us FROM victims ORDER BY received_us"
#: Somebody who gets near to being named is held against simulated histories.
_WORTH_SIMULATING: Final = 0.2


@dataclass(frozen=True, slots=True)
class Traced:
    """The case and everything concluded from it."""

    ground: Ground
    hits: Hits
    found: Explanation
    verdicts: Verdicts
    histories: Histories | None
    log_odds_leak: float


def trace_sources(engine: Engine, settings: TracingSettings, seed: int, progress: Progress) -> Attribution:
    """Hold `exposures` against `victims`.

    Makes `sources` (one row per possible source, `none` and `unlogged` among them) and
    `source_reasons` (one row per reason: `source`, or '' for the whole answer; `position`, `code`,
    `params` as JSON, `direction` 'for' or 'against').
    """
    if not engine.has("victims") or engine.count("victims") == 0:
        return _answer_empty(engine, "no_leak", Reason("no_complaints", {}))
    if not engine.has("exposures") or engine.count("exposures") == 0:
        return _answer_empty(engine, "not_examined", Reason("no_exposures", {}), [say_settle("accesses")])
    case = load_case(engine, settings)
    if len(case.victims) == 0:
        settle = say_settle("link", n=engine.count("victims"))
        return _answer_empty(engine, "undetermined", Reason("unlinked_all", {}), [settle])
    traced = _trace(case, settings, seed, progress)
    put_tables(engine, traced)
    received = engine.fetch(_RECEIVED)["received_us"].to_numpy().astype(np.int64)
    plans = plan_settling(traced, received)
    return msgspec.structs.replace(
        attribute(traced), settle=plans, would_settle=[plan.what for plan in plans]
    )


def name_sources_until(engine: Engine, settings: TracingSettings, seed: int, until_us: int) -> list[str]:
    """Who would have been named at the time `until_us`."""
    case = load_case(engine, settings, until_us)
    if len(case.victims) == 0 or not case.exposures.sources:
        return []
    return list_named(case, _trace(case, settings, seed, SilentProgress()).verdicts)


def _trace(case: Case, settings: TracingSettings, seed: int, progress: Progress) -> Traced:
    with progress.task("Comparing sources", 3, unit="steps") as task:
        baseline = compare_orders(case)
        citing, log_prior = estimate_citing(case.victims.fields), np.log(weigh_prior(case.exposures))
        ground = Ground(case, baseline, citing, measure_scale(case, baseline), log_prior)
        hits = _observe(ground)
        task.advance(1)
        knowledge = weigh_knowledge(case.victims.fields)
        by_region = count_cited(case)
        found = explain_complaints(ground, hits, by_region, knowledge, weigh_copy(case, baseline))
        task.advance(1)
        at_contact = replace(case, victims=replace(case.victims, before_us=case.victims.contact_us))
        lenient = _observe(replace(ground, case=at_contact)), measure_mean(at_contact, baseline)
        task.advance(1)
    histories = _simulate(ground, found, settings, seed, progress)
    verdicts = judge_sources(case, hits, lenient, found, histories)
    return Traced(ground, hits, found, verdicts, histories, knowledge)


def _observe(ground: Ground) -> Hits:
    victims = ground.case.victims
    one = np.zeros(len(victims.candidate), dtype=np.int64)
    return collect_hits(ground, (one, victims.of_victim, victims.candidate, victims.share), victims.fields)


def _simulate(
    ground: Ground, found: Explanation, settings: TracingSettings, seed: int, progress: Progress
) -> Histories | None:
    """Histories, where anybody comes near to being named; a group's members count together."""
    if not found.race.tried or found.p_any(set(found.race.tried)) < _WORTH_SIMULATING:
        return None
    top = max(found.race.tried, key=lambda j: (found.race.strength[j], -j))
    likely = [j for j in found.race.tried if found.posterior[j] >= LEAST_POSTERIOR]
    weakest = min(float(found.race.strength[j]) for j in [*likely, top])
    return simulate_histories(ground, settings.simulations, weakest, seed, progress)


def _answer_empty(
    engine: Engine, verdict: AttributionVerdict, reason: Reason, would_settle: Sequence[str] = ()
) -> Attribution:
    engine.put("sources", pl.DataFrame(schema=SOURCES))
    engine.put("source_reasons", pl.DataFrame(schema=REASONS))
    return Attribution(verdict=verdict, why=[str(reason)], would_settle=list(would_settle))
