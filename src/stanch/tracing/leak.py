"""Whether data leaked at all, whoever leaked: what callers knew, and which days' orders they knew."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import betaln, logsumexp

from stanch.evidence.tables import FIELDS
from stanch.tracing.baseline import Baseline
from stanch.tracing.case import UNKNOWN, Case, Floats, Ints
from stanch.tracing.evidence import ODDS, scale_ratios

#: What is known of a person without any order: everything else is specific to an order.
_GENERIC: Final = sum(1 << FIELDS.index(name) for name in ("name", "phone", "address"))
#: Share of calls that cite something specific: by coincidence few (a lucky guess, an earlier order), from a
#: leak most. Beta(1.5, 5) has mean 0.23, Beta(4, 2) mean 0.67; judgements, wide on purpose.
_BY_CHANCE: Final = (1.5, 5.0)
_FROM_LEAK: Final = (4.0, 2.0)
#: More cited orders than this are thinned out before spans of orders are cut at them.
_MOST_CUTS: Final = 48
#: A copy of the whole table is as likely as one of a span.
_P_WHOLE: Final = 0.5


def weigh_copy(case: Case, baseline: Baseline) -> float:
    """Log Bayes factor of a copied table against coincidence, from which orders are cited (nats).

    A copy holds the whole table or all orders of
    some span: its length log-uniform, its place uniform (both in orders). Spans between the same cited orders
    are worth the same, so a span is tried for each pair of them, with its edges half way to the next cited
    order.
    """
    victims, n_orders = case.victims, len(case.orders)
    cited = np.unique(victims.candidate)
    if len(cited) > _MOST_CUTS:
        cited = np.unique(np.quantile(cited, np.linspace(0, 1, _MOST_CUTS), method="nearest"))
    before = np.concatenate([[-1], cited[:-1]])
    after = np.concatenate([cited[1:], [n_orders]])
    k, m = np.triu_indices(len(cited))
    begin, end = (before[k] + cited[k] + 1) // 2, (cited[m] + after[m] + 1) // 2
    room = (cited - before)[k] * (after - cited)[m]
    log_prior = np.log(room / (n_orders * (end - begin) * np.log(n_orders + 1)))
    seen, usual = _measure_spans(case, baseline, begin, end)
    logs = np.zeros((len(k), len(ODDS)))
    ratios = scale_ratios(usual)
    for i in range(len(ODDS)):
        r = ratios[:, i, None]
        logs[:, i] = (np.log1p(r * seen) - np.log1p(r * usual)).sum(axis=1)
    spans = logsumexp(logs, axis=1) - np.log(len(ODDS)) + log_prior + np.log(1 - _P_WHOLE)
    return float(np.logaddexp(np.log(_P_WHOLE), logsumexp(spans)))


def _measure_spans(case: Case, baseline: Baseline, begin: Ints, end: Ints) -> tuple[Floats, Floats]:
    """Per span and victim: share of the candidates inside, and chance of that by coincidence."""
    victims = case.victims
    edges, at = np.unique(np.concatenate([begin, end]), return_inverse=True)
    total = baseline.chance_before(edges)
    usual = (total[:, at[len(begin) :]] - total[:, at[: len(begin)]]).T
    seen = np.zeros_like(usual)
    inside = (victims.candidate >= begin[:, None]) & (victims.candidate < end[:, None])
    np.add.at(seen.T, victims.of_victim, (inside * victims.share).T)
    return seen, usual


def weigh_knowledge(cited: Ints) -> float:
    """Log Bayes factor of a leak against coincidence, from the sets of fields cited (nats).

    The number of calls that cite something specific is beta-binomial under each. Half of the prior of a
    leak is that this tells nothing: most calls have another cause, or the source shows nothing specific.
    """
    known = cited[cited != UNKNOWN]
    specific = int((known & ~_GENERIC != 0).sum())
    other = len(known) - specific
    gain = _log_chance(specific, other, _FROM_LEAK) - _log_chance(specific, other, _BY_CHANCE)
    return float(np.logaddexp(gain, 0.0) - np.log(2))


def count_specific(cited: Ints) -> tuple[int, int]:
    """How many calls cited something specific to an order, and in how many it is known what they cited."""
    known = cited[cited != UNKNOWN]
    return int((known & ~_GENERIC != 0).sum()), len(known)


def _log_chance(hits: int, misses: int, prior: tuple[float, float]) -> float:
    a, b = prior
    return float(np.asarray(betaln(a + hits, b + misses) - betaln(a, b)))
