"""How likely each source is beforehand, given that one of them leaked."""

from __future__ import annotations

from typing import Final

import numpy as np

from stanch.tracing.case import Exposures, Floats

#: Half of the prior is spread evenly over the kinds of source (partners are few, accounts of staff many),
#: half over the sources. An attack is known to have happened; of very many customers hardly one is a thief:
#: their kind counts little, and among them by the others' orders that each saw. Units (teams, devices) count
#: little too: most leaks are one account's, which must win where it explains the complaints.
_KIND_WEIGHT: Final = {"campaign": 2.0, "customer": 0.3, "unit": 0.3}


def weigh_prior(exposures: Exposures) -> Floats:
    """Prior odds of each source among the logged ones; they sum to 1."""
    kinds = np.array([s.partition(":")[0] for s in exposures.sources])
    size = np.bincount(exposures.source, minlength=len(kinds))
    within = np.where(kinds == "customer", size, 1.0)
    by_kind, each = np.zeros(len(kinds)), np.where(np.isin(kinds, ("customer", "unit")), 0.0, 1.0)
    for kind in sorted(set(kinds.tolist())):
        of_kind = np.where(kinds == kind, within, 0.0)
        by_kind += _KIND_WEIGHT.get(kind, 1.0) * of_kind / of_kind.sum()
    by_kind /= max(by_kind.sum(), 1e-9)
    return np.asarray((by_kind + each / each.sum()) / 2 if each.any() else by_kind, dtype=np.float64)
