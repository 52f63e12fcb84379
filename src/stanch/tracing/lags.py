"""How soon after a look its order is called about: kernels of the lag from look to contact.

A kernel says how likely a call is so long after the look, beside one right after it: Lomax with shape 1,
tau^2 / (tau + lag)^2 (Lomax, JASA 49, 1954), whose tail is so heavy that a look of a month ago still
counts. Within a class of lags it is constant, at its mean over the class.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from stanch.tracing.case import Floats, Ints

_DAY_US: Final = 86_400_000_000
_DAYS: Final = np.array([0.0, 1.0, 3.0, 9.0, 27.0, 81.0])
#: Classes of lag begin here; the last has no end.
LAGS_US: Final = (_DAYS[:-1] * _DAY_US).astype(np.int64)
#: Half of all calls come within so many days. Judgements: those of gangs who ring at once, and of those who
#: work through lists.
_MEDIANS: Final = np.array([1.0, 4.0])
N_KERNELS: Final = len(_MEDIANS)
#: One row per kernel, one column per class of lag.
KERNELS: Final[Floats] = 1 / np.prod(
    [1 + days / _MEDIANS[:, None] for days in (_DAYS[:-1], _DAYS[1:])], axis=0
)


def classify_lags(lag_us: Ints) -> Ints:
    """Class of each lag; those that are not positive count as the shortest."""
    return np.maximum(np.searchsorted(LAGS_US, lag_us, side="left") - 1, 0).astype(np.int8)
