"""Which habits an attack meets: not learnt, but what chance gives a stranger.

An attacker's attempt finds the account known in its place, or with its client, only by coincidence.
How often follows from how many accounts of the shop hold each place, client and family of clients,
and from the attack's own mix of places and clients. Were the habits of attack attempts learnt from
the log, the slips of people at home, who are many, would pass for the attack's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from stanch.engine import Engine
from stanch.stuffing.blocks import (
    AT_HOME,
    FAILURE,
    N_AGAIN,
    N_HABITS,
    NOT_TOLD,
    RETURNING,
    SUCCESS,
    Flags,
    Floats,
)
from stanch.stuffing.intervals import amplify_error

#: Share of the attack's successes that are logins to accounts of the attackers' own.
_OWN_ACCOUNTS: Final = 0.02
#: ... that are followed by a return from the same network or device.
_RETURNS: Final = 0.15
#: Largest share of an attack that gets in. Published shares are 0.1-0.2 % on old lists and up to 2 % on
#: fresh ones; without a limit the attack takes over people who roam, for their logins from new places
#: differ from its successes in nothing but their number.
_MOST_SUCCESSES: Final = 0.05
#: The share of an attack that gets in, beforehand: median and standard deviation of its logarithm (published
#: shares as above; lists differ more than that).
_USUAL_SUCCESSES: Final = 0.004
_SPREAD_OF_SUCCESSES: Final = 1.2
#: Of accounts that a list opens: share that get in nowhere else, at least and at most.
_DORMANT: Final = (0.2, 0.6)
#: Share of attempts that find the account known from the very network, at least.
_SAME_NETWORK: Final = 0.002
_LEAST: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Chances:
    """Mean share of the shop's accounts that hold what an attempt comes with.

    Per level of the block `client`: the same device, another version of the same client; per level
    of `place`: the same place. Shares 0 to 1; levels beyond an array's end have none.
    """

    device: Floats
    family: Floats
    place: Floats

    def expect(self, tables: Mapping[str, Floats]) -> tuple[Floats, Floats]:
        """P(place part of habit), P(device part) of an attack with these tables of levels."""
        device = _mean(self.device, tables.get("client"))
        family = max(_mean(self.family, tables.get("client")) - device, _LEAST)
        place = _mean(self.place, tables.get("place"))
        places = np.array([1 - place - 2 * _SAME_NETWORK, place, _SAME_NETWORK, _SAME_NETWORK])
        return places, np.array([1 - device - family, family, device])


def fetch_chances(engine: Engine) -> Chances:
    """Read `stuffing_client_chances` and `stuffing_place_chances`."""
    clients = engine.fetch("SELECT * FROM stuffing_client_chances").sort("level")
    places = engine.fetch("SELECT * FROM stuffing_place_chances").sort("level")
    accounts = engine.fetch("SELECT count(*) AS n FROM stuffing_holders WHERE first_us IS NOT NULL").item()

    def spread(level: Floats, held: Floats, n: Floats) -> Floats:
        shares = np.zeros(int(level.max(initial=0)) + 1)
        shares[level.astype(np.int64)] = held / np.maximum(n * accounts, 1)
        return np.minimum(shares, 1.0)

    level, n = clients["level"].to_numpy(), clients["n"].to_numpy()
    return Chances(
        spread(level, clients["same_device"].to_numpy(), n),
        spread(level, clients["same_family"].to_numpy(), n),
        spread(places["level"].to_numpy(), places["same_place"].to_numpy(), places["n"].to_numpy()),
    )


def shape_behaviour(behaviour: Floats, tables: Mapping[str, Floats], chances: Chances) -> Floats:
    """The attack's table of `behaviour` with the habits that chance gives.

    Free are the shares of outcomes, of accounts that never get in otherwise, of misspellings, and
    how soon an account is tried again. Of successes only the share is free, told by strangers'
    alone: whether a pair works does not depend on where its owner lives. Two parts of them differ:
    attackers who come back make their own network or device known to the account, and logins to
    accounts of their own look like people's, so these are spread evenly.
    """
    joint = behaviour.reshape(-1, N_HABITS, N_AGAIN)
    places, devices = chances.expect(tables)
    known = np.outer(np.clip(places, _LEAST, 1), np.clip(devices, _LEAST, 1)).ravel()
    known /= known.sum()
    shaped = joint.copy()
    for outcome in range(FAILURE, NOT_TOLD):
        strange = joint[outcome] * ~AT_HOME[:, None]
        again = _normalise(strange[1:13].sum(axis=0))
        shaped[outcome, 1:13] = strange[1:13].sum() * np.outer(known, again)
    spread = _spread_success(shaped[FAILURE], known)
    share = float(joint[SUCCESS, ~AT_HOME].sum() / spread[~AT_HOME].sum())
    shaped[SUCCESS] = min(share, _MOST_SUCCESSES) * spread
    return np.asarray(_normalise(shaped.ravel()))


def find_success_shift(log_odds: Floats, n: Floats, let_in: Flags) -> float:
    """Nats by which the log-odds of the attack's successes are to be moved for what is known beforehand.

    Where strangers let in are hardly told from the attack's successes, their number is badly known,
    and most of it is ordinary people: the estimate is drawn to what lists usually achieve, by as
    much as it is uncertain.
    """
    p = expit(log_odds)
    odds, weight = log_odds[let_in], n[let_in]
    total = float((p[let_in] * weight).sum())
    attempts = float((p * n).sum())
    if total < 1e-6:
        return 0.0
    undecided = float((p[let_in] * (1 - p[let_in]) * weight).sum())
    error = np.hypot(amplify_error(total, undecided) / total, 1 / np.sqrt(total + 1))
    drawn = error**2 / (error**2 + _SPREAD_OF_SUCCESSES**2)
    wanted = total * float((_USUAL_SUCCESSES * attempts / total) ** drawn)

    def excess(shift: float) -> float:
        return float((expit(odds + shift) * weight).sum()) - wanted

    most = 10.0
    if excess(-most) > 0 or excess(most) < 0:
        return 0.0
    root, _ = brentq(excess, -most, most, xtol=1e-6, full_output=True)
    return float(root)


def _spread_success(failed: Floats, known: Floats) -> Floats:
    """P(habit, again) of the attack's successes, given its failures."""
    again = _normalise(failed.sum(axis=0))
    dormant = float(np.clip(failed[0].sum() / failed.sum(), *_DORMANT))
    listed = np.zeros((N_HABITS, N_AGAIN))
    listed[0] = dormant * again
    listed[1:13] = (1 - dormant) * np.outer(known, again)
    returns = np.zeros((N_HABITS, N_AGAIN))
    returns[list(RETURNING), 0] = list(RETURNING.values())
    mixed = (1 - _OWN_ACCOUNTS - _RETURNS) * listed + _OWN_ACCOUNTS / listed.size + _RETURNS * returns
    return np.asarray(mixed)


def _mean(shares: Floats, table: Floats | None) -> float:
    if table is None:
        return 0.0
    n = min(len(shares), len(table))
    return float(shares[:n] @ table[:n])


def _normalise(weights: Floats) -> Floats:
    return np.asarray(weights / weights.sum())
