"""Accounts that the attackers registered themselves, used once or twice so that fewer attempts fail.

One by one they cannot be told from customers' accounts that nobody else used in the log: all that is seen of
either is an attacker let in. Together they can. Accounts that fall are drawn from those that the list
names, most of which have a life of their own - logins outside the attack, orders - in the same share as
the accounts of the list that were tried in vain. Lifeless accounts beyond what that share allows are
the attackers', and so are those that they use far more often than accounts with a life.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import betaln, expit, gammaln, logit
from scipy.stats import beta

from stanch.stuffing.blocks import Floats

#: Chance, beforehand, that an attack uses accounts of its own.
_USES_OWN: Final = 0.1
#: ... and that one lifeless account is the attackers', where nothing is known but how often it was used.
_OWN_AMONG_LIFELESS: Final = 0.002
#: Accounts that fell may differ from those tried in vain: these tell the share of the living as well as so
#: many of the fallen themselves would.
_MOST_WORTH: Final = 100.0
#: Share of the living where the log does not tell failures on real accounts from those on made-up ones: in
#: this range, and no less than is seen.
_UNTOLD: Final = (0.3, 0.8)
_N_SHARES: Final = 60


@dataclass(frozen=True, slots=True)
class Tried:
    """Accounts that a campaign failed on, those of them with a life, and whether all are known to exist."""

    n: int = 0
    alive: int = 0
    exist: bool = False


def weigh_uses(lifeless: Floats, living: Floats) -> Floats:
    """Chance that each lifeless account is a customer's, by how often attackers were let in.

    `lifeless` and `living` are these numbers, each at least 1. Customers' accounts follow the predictive
    distribution of a geometric one learnt from the living (beta-geometric); own accounts may be used once
    or any number of times, 1 / (n (n + 1)).
    """
    a, b = 2.0 + len(living), 1.0 + float((living - 1).sum())
    as_victim = betaln(a + 1, b + lifeless - 1) - betaln(a, b)
    as_own = -np.log(lifeless * (lifeless + 1))
    return np.asarray(expit(as_victim - as_own - logit(_OWN_AMONG_LIFELESS)))


def count_lifeless_victims(living: float, lifeless: float, tried: Tried) -> tuple[float, float]:
    """Customers' accounts among `lifeless` ones that were opened: expected number and its variance.

    `living` is the number of opened accounts with a life. Given the share a of customers with a life, the
    lifeless victims beside them follow a negative binomial distribution (Pascal), and the attackers' own
    accounts, if they have any, are as likely to be few as many. Averaged over a.
    """
    seen = round(lifeless)
    if seen == 0:
        return lifeless, 0.0
    shares, weights = _spread_share(tried)
    k = np.arange(seen + 1)
    # log P(k | living, a), grain: shares x k.
    log_p = (
        (gammaln(k + living + 1) - gammaln(k + 1) - gammaln(living + 1))[None, :]
        + ((living + 1) * np.log(shares))[:, None]
        + np.outer(np.log1p(-shares), k)
    )
    p = np.asarray(weights @ np.exp(log_p))
    own = _USES_OWN * p / (living + seen + 1)
    own[-1] += (1 - _USES_OWN) * p[-1]
    own /= own.sum()
    mean = float(own @ k)
    return min(mean, lifeless), float(own @ (k - mean) ** 2)


def _spread_share(tried: Tried) -> tuple[Floats, Floats]:
    """Values that the share of accounts with a life may have, and their weights."""
    middle = (np.arange(_N_SHARES) + 0.5) / _N_SHARES
    if not tried.exist or not tried.n:
        least = max(_UNTOLD[0], tried.alive / max(tried.n, 1))
        most = max(_UNTOLD[1], (1 + least) / 2)
        return least + (most - least) * middle, np.full(_N_SHARES, 1 / _N_SHARES)
    worth = min(1.0, _MOST_WORTH / tried.n)
    weights = beta.pdf(middle, 1 + worth * tried.alive, 1 + worth * (tried.n - tried.alive))
    return middle, np.asarray(weights / weights.sum())
