"""Verdicts by the rules of the contract, and the rows of `sources`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from stanch.findings import AttributionVerdict, SourceVerdict
from stanch.tracing.case import Case, Floats
from stanch.tracing.clearing import LEAST_VICTIMS, bound_complaints, is_cleared
from stanch.tracing.evidence import LEAST_SEEN, Hits
from stanch.tracing.explain import Explanation, share_complaints
from stanch.tracing.groups import MOST_MEMBERS, find_groups, name_group
from stanch.tracing.null import Histories

#: Contract, section 3.
LEAST_POSTERIOR: Final = 0.95
MOST_FALSE: Final = 0.01
LEAST_POSSIBLE: Final = 0.1
#: One of two that are alike is named by itself only if it is so many times likelier: a chance look at one
#: complainant's order more, or one that is logged wrongly, must not decide between them.
LEAST_APART: Final = 10_000.0
#: A source that saw so much of all comparable orders is never cleared: it cannot be told from `unlogged`.
EVERYTHING: Final = 0.9
#: `unlogged` is said where coincidence is this unlikely and no source comes near.
_MOST_NONE: Final = 0.05
_LEAST_UNLOGGED: Final = 0.4
_LEAST_VICTIMS: Final = 8


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Who is named, who is cleared, and the numbers behind it, by number of the source."""

    verdict: AttributionVerdict
    #: Named sources and groups: members of each.
    named: list[list[int]]
    groups: list[list[int]]
    of_source: list[SourceVerdict]
    #: Upper 95 % bound on the complaints each source explains.
    bound: Floats
    #: Chance per victim that each named source caused the complaint: one row per named member.
    shares: Floats
    rate: dict[int, float] = field(default_factory=dict)


def judge_sources(
    case: Case, hits: Hits, lenient: tuple[Hits, Floats], found: Explanation, histories: Histories | None
) -> Verdicts:
    """Name, clear, or neither. In `lenient` (hits, mean exposures) every look before the contact counts."""
    groups = [_keep_close(group, found) for group in find_groups(case, hits, found)]
    groups = [group for group in groups if len(group) > 1]
    rate = {
        j: 1.0 if histories is None else histories.rate(float(found.race.strength[j]))
        for j in found.race.tried
    }
    seen = np.bincount(hits.source[hits.value > 0.1], minlength=len(case.exposures.sources))
    in_group = {j for group in groups for j in group}
    named = [
        [j]
        for j in found.race.tried
        if j not in in_group and _is_named(found.posterior[j], rate[j], int(seen[j]))
    ]
    for group in groups:
        # A member that was not tried was one too many.
        if len(group) <= MOST_MEMBERS and set(group) <= set(found.race.tried):
            best = min(rate[j] for j in group)
            if _is_named(found.p_any(set(group)), best, int(max(seen[j] for j in group))):
                named.append(group)
    single = {g[0] for g in named if len(g) == 1}
    members = [j for g in named for j in g[:1]]
    shares, likelihood = share_complaints(found, members)
    bound = bound_complaints(case, *lenient, likelihood)
    verdict: AttributionVerdict = "undetermined"
    if named:
        verdict = "named"
    elif _is_unlogged(case, found):
        verdict = "unlogged"
    is_clear = [
        len(case.victims) >= LEAST_VICTIMS and share < EVERYTHING and is_cleared(float(b), case.victims.n_all)
        for b, share in zip(bound, lenient[1].mean(axis=0), strict=True)
    ]
    accused = {j for group in named for j in group}
    of_source = [
        _judge(j in single, j in accused or found.posterior[j] >= LEAST_POSSIBLE, clear)
        for j, clear in enumerate(is_clear)
    ]
    return Verdicts(verdict, named, groups, of_source, bound, shares, rate)


def list_named(case: Case, verdicts: Verdicts) -> list[str]:
    """Names of the named sources and groups."""
    sources = case.exposures.sources
    return [sources[g[0]] if len(g) == 1 else name_group(sources, g) for g in verdicts.named]


def _keep_close(group: list[int], found: Explanation) -> list[int]:
    """The members that are nearly as likely as the likeliest."""
    top = max(found.posterior[j] for j in group)
    return [j for j in group if found.posterior[j] * LEAST_APART >= top]


def _is_named(posterior: float, rate: float, n_seen: int) -> bool:
    return posterior >= LEAST_POSTERIOR and rate <= MOST_FALSE and n_seen >= LEAST_SEEN


def _is_unlogged(case: Case, found: Explanation) -> bool:
    rival = float(found.posterior.max(initial=0.0))
    return (
        len(case.victims) >= _LEAST_VICTIMS
        and found.p_none <= _MOST_NONE
        and found.p_unlogged >= max(_LEAST_UNLOGGED, 3 * rival)
    )


def _judge(is_named: bool, is_possible: bool, is_clear: bool) -> SourceVerdict:
    if is_named:
        return "named"
    if is_possible:
        return "possible"
    return "cleared" if is_clear else "undetermined"
