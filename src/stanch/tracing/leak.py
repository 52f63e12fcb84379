"""Whether the callers knew what only the shop and its partners know."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import betaln

from stanch.evidence.tables import FIELDS
from stanch.tracing.case import UNKNOWN, Ints

#: What is known of a person without any order: everything else is specific to an order.
_GENERIC: Final = sum(1 << FIELDS.index(name) for name in ("name", "phone", "address"))
#: Share of calls that cite something specific: by coincidence few (a lucky guess, an earlier order), from a
#: leak most. Beta(1.5, 5) has mean 0.23, Beta(4, 2) mean 0.67; judgements, wide on purpose.
_BY_CHANCE: Final = (1.5, 5.0)
_FROM_LEAK: Final = (4.0, 2.0)


def weigh_knowledge(cited: Ints) -> float:
    """Log Bayes factor of a leak against coincidence, from the sets of fields cited (nats).

    The number of calls that cite something specific is beta-binomial under each.
    """
    known = cited[cited != UNKNOWN]
    specific = int((known & ~_GENERIC != 0).sum())
    other = len(known) - specific
    return _log_chance(specific, other, _FROM_LEAK) - _log_chance(specific, other, _BY_CHANCE)


def count_specific(cited: Ints) -> tuple[int, int]:
    """How many calls cited something specific to an order, and in how many it is known what they cited."""
    known = cited[cited != UNKNOWN]
    return int((known & ~_GENERIC != 0).sum()), len(known)


def _log_chance(hits: int, misses: int, prior: tuple[float, float]) -> float:
    a, b = prior
    return float(np.asarray(betaln(a + hits, b + misses) - betaln(a, b)))
