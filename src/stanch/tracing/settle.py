"""What would settle the question, and how long that takes.

Complaints needed: every further complaint adds to the log Bayes factor of the source that leaked, on average

    g = h log(1 + l) - log(1 + l e),   h = e (1 + l) / (1 + l e),

where e is the mean exposure of comparable orders to it, l how many times likelier an exposed order is to be
complained about, and h the chance that the next complaint is about an order it saw. What is lacking to the
rules of naming divided by g is the expected number (Wald 1947: the sum at the first passage is the threshold,
but for what it overshoots). Rivals that saw the same orders gain with it: against them the difference counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stanch.findings import Settling
from stanch.tracing.case import Case, Floats, Ints
from stanch.tracing.evidence import LEAST_SEEN
from stanch.tracing.explain import P_LOGGED
from stanch.tracing.groups import LEAST_COMMON, MOST_DIFFERENT
from stanch.tracing.judge import LEAST_POSSIBLE, LEAST_POSTERIOR, MOST_FALSE
from stanch.tracing.race import fit_ratios
from stanch.tracing.reasons import say_settle

if TYPE_CHECKING:
    from stanch.tracing.trace import Traced

_DAY_US: Final = 86_400_000_000
_LOG_ODDS_NAMED: Final = float(np.log(LEAST_POSTERIOR / (1 - LEAST_POSTERIOR)))
#: By Markov's inequality evidence (Bayes factor times prior) of 100 comes up in at most 1 % of histories
#: without a leak, over all sources, as priors sum to 1: what is asked for where no histories were drawn.
_LOG_RARE: Final = float(-np.log(MOST_FALSE))
#: A complaint that adds less than this says nothing: no number of them would do.
_LEAST_GAIN: Final = 0.02
#: Where no source stands out, so many of the complaints are taken to come from the one that leaked.
_SHARE: Final = 0.5
#: A source as likely as this share of the likeliest one is tied with it.
_TIED: Final = 0.8
#: More hypotheses are not planned for.
_MOST_PLANNED: Final = 2
#: Chance that at least one planted order is called about, if the source leaks.
_SURE: Final = 0.95
_MOST_NEEDED: Final = 2_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast complaints come; None where that cannot be told."""

    per_day: float | None
    #: From order to contact, and from order to report: the slowest of ten, and the middle.
    contact_days: float
    report_days: float


def plan_settling(traced: Traced, received_us: Ints) -> list[Settling]:
    """What to do, what is quickest first; empty only where a single source is named and nothing is open.

    `received_us`: when the complaints of `traced` were received.
    """
    case, verdicts = traced.ground.case, traced.verdicts
    pace = measure_pace(case, received_us)
    plans: list[Settling] = []
    if verdicts.verdict == "undetermined":
        plans += _plan_complaints(traced, pace)
    for group in verdicts.groups:
        if traced.found.p_any(set(group)) >= LEAST_POSSIBLE:
            plans += [_plan_split(traced, group, pace), _plan_canaries(traced, group, pace)]
    n_unlinked = case.victims.n_all - len(case.victims)
    if verdicts.verdict != "named":
        if n_unlinked:
            plans.append(Settling("order_numbers", say_settle("numbers", n=n_unlinked), [], n_unlinked, 0.0))
        if not (case.exposures.fields != 0).any():
            plans.append(Settling("fields", say_settle("fields"), []))
    return sorted(plans, key=_rank)


def find_standing_out(traced: Traced) -> int | None:
    """The likeliest source, None where the evidence does not set it apart from the others."""
    found = traced.found
    if not found.race.tried:
        return None
    first, *rest = sorted(found.race.tried, key=lambda j: (-found.posterior[j], j))
    tied = any(found.posterior[j] > _TIED * found.posterior[first] for j in rest)
    return None if tied or found.posterior[first] < LEAST_POSSIBLE else first


def measure_pace(case: Case, received_us: Ints) -> Pace:
    """From the complaints so far."""
    victims = case.victims
    first = np.searchsorted(victims.of_victim, np.arange(len(victims)))
    placed = case.orders.time_us[victims.candidate[first]]
    lags = np.maximum(victims.contact_us - placed, 0) / _DAY_US
    span = (int(received_us.max()) - int(received_us.min())) / _DAY_US if len(received_us) else 0.0
    per_day = (len(received_us) - 1) / span if len(received_us) > 1 and span > 0 else None
    reported = float(np.median(received_us)) - float(np.median(victims.contact_us))
    delay = max(reported, 0.0) / _DAY_US
    return Pace(per_day, float(np.quantile(lags, 0.9)), float(np.median(lags)) + delay)


def count_needed(traced: Traced, j: int) -> int | None:
    """Expected number of further complaints until `j` is named, if it leaked; None: no number would do."""
    found = traced.found
    seen, usual, ratio = _fit(traced, j)
    gain = _expect_gain(traced, j)
    # Of what it gains, a rival that saw the same orders takes its part.
    full = float(_gain(usual, ratio).mean())
    lost = [_gain_of_rival(traced, j, k, usual, ratio) / full for k in _list_rivals(traced, j)]
    apart = gain * (1 - max([0.0, *lost]))
    if apart < _LEAST_GAIN:
        return None
    p = float(np.clip(found.posterior[j], 1e-12, 1 - 1e-12))
    lacking = (_LOG_ODDS_NAMED - np.log(p / (1 - p))) / apart
    rare = (_find_rare(traced) - float(found.race.strength[j])) / gain
    hit = usual * (1 + ratio) / (1 + ratio * usual)
    few = (LEAST_SEEN - int((seen > 0).sum())) / max(float(hit.mean()), 1e-9)
    needed = int(np.ceil(max(lacking, rare, few, 1.0)))
    return needed if needed <= _MOST_NEEDED else None


def _plan_complaints(traced: Traced, pace: Pace) -> list[Settling]:
    found, sources = traced.found, traced.ground.case.exposures.sources
    top = find_standing_out(traced)
    if top is None:
        return [_plan_typical(traced, pace)]
    leading = [j for j in found.race.tried if found.posterior[j] >= LEAST_POSSIBLE or j == top]
    leading = sorted(leading, key=lambda j: (-found.posterior[j], j))[:_MOST_PLANNED]
    in_group = {j for group in traced.verdicts.groups for j in group}
    plans: list[Settling] = []
    for j in [j for j in leading if j not in in_group]:
        needed = count_needed(traced, j)
        if needed is None:
            told = say_settle("rarer", source=sources[j])
            plans.append(Settling("complaints", told, [sources[j]]))
        else:
            days = _wait(needed, pace)
            told = _say("more", days, n=needed, source=sources[j])
            plans.append(Settling("complaints", told, [sources[j]], needed, days))
    if top not in in_group:
        plans.append(_plan_canaries(traced, [top], pace))
    return plans or [_plan_typical(traced, pace)]


def _plan_typical(traced: Traced, pace: Pace) -> Settling:
    """Where nobody stands out: what it takes to name a middling source, were half of the calls its own."""
    scale, n = traced.ground.scale, len(traced.ground.case.victims)
    needed = []
    for j in np.flatnonzero(scale.able):
        usual = np.minimum(scale.mean[:, j], 1.0)
        if usual.mean() > 0:
            # The share of complaints that come from the leak is l e / (1 + l e).
            gain = float(_gain(usual, _SHARE / (1 - _SHARE) / usual.mean()).mean())
            named = _LOG_ODDS_NAMED + float(np.log((1 - P_LOGGED) / P_LOGGED))
            lacking = max(named, _find_rare(traced)) - float(traced.ground.log_prior[j])
            needed.append(lacking / gain if gain >= _LEAST_GAIN else np.inf)
    middle = float(np.median(needed)) if needed else np.inf
    if not np.isfinite(middle) or middle <= n or middle > _MOST_NEEDED:
        return Settling("complaints", say_settle("any", n=n), [])
    more = int(np.ceil(middle - n))
    days = _wait(more, pace)
    return Settling("complaints", _say("typical", days, n=more, traced=n), [], more, days)


def _plan_split(traced: Traced, group: list[int], pace: Pace) -> Settling:
    """Each member gets orders of its own; the one who leaks still sees its share of them."""
    sources = [traced.ground.case.exposures.sources[j] for j in group]
    members = " and ".join(sources)
    split = foresee_split(traced, group, pace)
    if split is None:
        return Settling("split", say_settle("split", members=members), sources)
    needed, days = split
    return Settling("split", _say("split_n", days, members=members, n=needed), sources, needed, days)


def foresee_split(traced: Traced, group: list[int], pace: Pace) -> tuple[int, float | None] | None:
    """Complaints about orders placed after the split, and days, until one member is named; None: never.

    A complaint about such an order was seen by one member at most. Enough of them make one likelier than the
    others; and the members must have become unlike: by their complaints, or by the orders that they saw.
    """
    exposures = traced.ground.case.exposures
    best = _pick(traced, group)
    seen, usual, ratio = _fit(traced, best)
    share = float((ratio * usual / (1 + ratio * usual)).mean())
    part = float(usual.mean()) / len(group)
    gain = part * ratio / (1 + ratio * part) * float(np.log1p(ratio))
    if gain < _LEAST_GAIN:
        return None
    needed = int(np.ceil(_LOG_ODDS_NAMED / gain))
    either = part * (ratio + len(group)) / (1 + ratio * part)
    n_seen = int((seen > 0).sum())
    different = (max(MOST_DIFFERENT / (1 - MOST_DIFFERENT) * n_seen, 1.0) + 1) / either
    times = exposures.first_us[exposures.source == best]
    span = float(times.max() - times.min()) / _DAY_US
    if pace.per_day is None:
        return max(needed, int(np.ceil(different))), None
    # The one who leaks sees fewer orders than before, so fewer complaints come of it.
    rate = pace.per_day * (share / len(group) + 1 - share)
    unlike = min(different / rate + pace.report_days, len(group) * span * (1 / LEAST_COMMON - 1))
    reported = max(unlike - pace.report_days, 0.0)
    return max(needed, int(np.ceil(rate * reported))), max(needed / rate + pace.report_days, unlike)


def _plan_canaries(traced: Traced, members: list[int], pace: Pace) -> Settling:
    """Planted orders that only one source sees, with phones of their own: a call to one of them names it."""
    case, scale = traced.ground.case, traced.ground.scale
    best = _pick(traced, members)
    seen, _, ratio = _fit(traced, best)
    window = int(traced.found.race.window[best])
    n_exposed = int(scale.windows.holds(window, scale.part[case.exposures.rows_of(best)]).sum())
    explained = float((ratio * seen / (1 + ratio * seen)).sum())
    orders = int(np.ceil(-np.log(1 - _SURE) * n_exposed / max(explained, 1.0)))
    sources = [case.exposures.sources[j] for j in members]
    days = float(np.ceil(pace.contact_days))
    code = "canary" if len(members) == 1 else "canary_each"
    told = say_settle(code, n=orders, members=" and ".join(sources), days=_write_days(days))
    return Settling("canary", told, sources, 1, days, orders)


def _rank(plan: Settling) -> tuple[bool, float, str, list[str]]:
    return plan.days is None, plan.days or 0.0, plan.action, plan.sources


def _wait(n: int, pace: Pace) -> float | None:
    return None if pace.per_day is None else n / pace.per_day


def _say(code: str, days: float | None, **params: int | str) -> str:
    """The sentence, with the time that it takes where that is known."""
    if days is None:
        return say_settle(code, **params)
    return say_settle(f"{code}_days", **params, days=_write_days(days))


def _write_days(days: float) -> int:
    return max(int(np.ceil(days)), 1)


def _pick(traced: Traced, members: list[int]) -> int:
    tried = [j for j in members if j in traced.found.race.tried]
    return max(tried or members, key=lambda j: (traced.found.posterior[j], -j))


def _fit(traced: Traced, j: int) -> tuple[Floats, Floats, float]:
    """Exposure of each victim's order to `j`, of orders like it, and the likeliest ratio."""
    race = traced.found.race
    at = race.tried.index(j)
    ratio = fit_ratios(race.seen[[at]], race.usual[[at]], race.ratios[[at]])
    return race.seen[at], np.minimum(race.usual[at], 1.0), float(ratio[0])


def _expect_gain(traced: Traced, j: int) -> float:
    """What one complaint adds to the log Bayes factor of `j` if it leaked, averaged over the ratios.

    The likeliest ratio alone would promise too much: it is the one at which chance helped most.
    """
    race = traced.found.race
    at = race.tried.index(j)
    seen, usual, ratios = race.seen[at], np.minimum(race.usual[at], 1.0), race.ratios[at]
    logs = np.array([(np.log1p(r * seen) - np.log1p(r * usual)).sum() for r in ratios])
    weight = np.exp(logs - logs.max())
    gains = np.array([_gain(usual, float(r)).mean() for r in ratios])
    return float(gains @ weight / weight.sum())


def _gain(usual: Floats, ratio: float) -> Floats:
    """What one complaint adds to the log Bayes factor of a source that leaked, on average."""
    hit = usual * (1 + ratio) / (1 + ratio * usual)
    return np.asarray(hit * np.log1p(ratio) - np.log1p(ratio * usual), dtype=np.float64)


def _gain_of_rival(traced: Traced, j: int, k: int, usual: Floats, ratio: float) -> float:
    """What one complaint adds to rival `k` if `j` leaked: the more of the orders of `j` it saw, the more."""
    exposures = traced.ground.case.exposures
    own, theirs = (exposures.order[exposures.source == i] for i in (j, k))
    common = len(np.intersect1d(own, theirs, assume_unique=True)) / max(len(own), 1)
    _, usual_k, ratio_k = _fit(traced, k)
    e, e_k = float(usual.mean()), float(usual_k.mean())
    hit = e * (1 + ratio) / (1 + ratio * e)
    beyond = max(e_k - common * e, 0.0) / max(1 - e, 1e-9)
    hit_k = hit * common + (1 - hit) * beyond
    return float(hit_k * np.log1p(ratio_k) - np.log1p(ratio_k * usual_k).mean())


def _list_rivals(traced: Traced, j: int) -> list[int]:
    """Others that could be the source instead."""
    alike = {k for group in traced.verdicts.groups if j in group for k in group}
    found = traced.found
    return [k for k in found.race.tried if k != j and k not in alike and found.posterior[k] >= 0.01]


def _find_rare(traced: Traced) -> float:
    """Evidence (log Bayes factor and prior) that hardly any histories without a leak will reach."""
    if traced.histories is None:
        return _LOG_RARE
    kinds = (traced.histories.none, traced.histories.unlogged)
    # Histories of few complaints do not reach what histories of more will.
    return max(_LOG_RARE, *(float(np.quantile(kind, 1 - MOST_FALSE)) for kind in kinds))
