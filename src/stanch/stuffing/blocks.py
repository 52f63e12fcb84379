"""Blocks of evidence: their levels, and what is held of them before the data speak.

Evidence inside a block is one joint level, so that what depends on each other is counted once;
blocks are taken as independent given ordinary or attack. Each block has a Dirichlet prior for
both components: a shape and a strength in attempts. The shapes below say in rough figures what
DESIGN says in words - people succeed, come back to places they know, and try again soon after a
failure; lists do not - and matter where a log is short; a log of some thousand attempts speaks
for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

#: Levels of `habit` (stuffing_context.sql): none; place (4) x device (3); two of misspellings.
N_HABITS: Final = 15
N_AGAIN: Final = 4
#: Habits of whoever is where its account is at home: a network it gets in from, a known device in a
#: known place, a misspelling from such a network. All others are strangers.
AT_HOME: Final = np.isin(np.arange(N_HABITS), range(6, 14))
#: Habits of first logins of intruders who come back: their own network or device is known from later. Shares.
RETURNING: Final = {3: 0.2, 7: 0.15, 8: 0.15, 9: 0.5}
#: Clients and places below this level are many rare ones together.
N_SHARED_LEVELS: Final = 8
SUCCESS, FAILURE, UNKNOWN_ACCOUNT, REFUSED, NOT_TOLD = range(5)

#: Blocks in the order in which their addends are summed.
BLOCKS: Final = ("behaviour", "address", "network", "standing", "client", "place", "target")


#: People differ: at home, newcomers, away, or nearby, let in or refused; on a network known only from
#: later; alone on an address, with others, or sharing it. The ordinary component has a table for each
#: of these groups (`people` in stuffing_levels.sql), so that what sets people apart is not taken for
#: attack: who travels is on an empty address of an unknown network, all at once.
N_KINDS: Final = 8
N_GROUPS: Final = 3 * N_KINDS

#: Axes of a pattern, the combination of a group of people with a level per block, and their lengths:
#: stuffing_levels.sql flattens them, in this order, into one number below 2**63.
PATTERN_AXES: Final = {
    "people": N_GROUPS,
    "behaviour": 5 * N_HABITS * N_AGAIN,
    "address": 13 * 17,
    "network": 9 * 13,
    "standing": 5,
    "client": 8192,
    "place": 8192,
    "target": 20,
}


def unpack_patterns(patterns: Ints) -> dict[str, Ints]:
    """Group of people and level per block of each pattern number."""
    axes = np.unravel_index(patterns, tuple(PATTERN_AXES.values()))
    return dict(zip(PATTERN_AXES, axes, strict=True))


def _groups(*kinds: int) -> tuple[int, ...]:
    return tuple(kind + N_KINDS * company for company in range(3) for kind in kinds)


#: Those whose account gets in from there, or from the same place; and those alone on their address.
HOME_GROUPS: Final = _groups(0)
KNOWN_PLACE_GROUPS: Final = _groups(0, 5, 6)
ALONE_GROUPS: Final = tuple(range(N_KINDS))


@dataclass(frozen=True, slots=True)
class Block:
    """Prior of one block: shapes sum to 1, strengths are in attempts."""

    name: str
    ordinary: Floats
    attack: Floats
    ordinary_strength: float
    attack_strength: float
    #: Ordinary attempts of peace count as at most so many against those of suspect strata: an
    #: address shared with attackers looks worse while they use it, whoever logs in from it.
    peace_counts: float
    #: Groups of people that share a table of the ordinary component: the table of group g is that of
    #: `table_of[g]`.
    table_of: tuple[int, ...] = tuple(range(N_GROUPS))
    #: Groups of people of whom the block says nothing: who is where its account is at home is there
    #: because of the account, attacker or not, however rare the place.
    silent_in: tuple[int, ...] = ()
    #: First levels about which it says nothing: another block tells them from the rest.
    n_silent: int = 0
    #: Attempts that the ordinary table of all groups is worth in the table of one, ...
    pooled_strength: float = 30.0
    #: ... and the table of those in the same company: alone, with others, sharing.
    company_strength: float = 0.0


def _joint(outcome: list[float], habit: list[list[float]], again: list[list[float]]) -> Floats:
    """P(outcome) P(habit | outcome) P(again | outcome), flattened as the `behaviour` code is."""
    shape = np.zeros((5, N_HABITS, N_AGAIN))
    for code, share in enumerate(outcome):
        shape[code] = share * np.outer(habit[code], again[code])
    shape = shape.ravel() + 1e-6
    return np.asarray(shape / shape.sum())


def _habits(
    none: float, places: list[float], devices: list[float], misspelt: tuple[float, float]
) -> list[float]:
    """P(habit): no other success at all; place by device; misspellings."""
    known = 1 - none - sum(misspelt)
    return [none, *(known * np.outer(places, devices)).ravel().tolist(), *misspelt]


def _behaviour() -> Block:
    home, strange = [0.08, 0.10, 0.12, 0.70], [0.93, 0.05, 0.01, 0.01]
    same = _habits(0.2, [0.15, 0.15, 0.15, 0.55], [0.2, 0.1, 0.7], (0.02, 0.02))
    calm = [0.6, 0.2, 0.1, 0.1]
    typed = _habits(0.10, home, [0.12, 0.10, 0.78], (0.03, 0.02))
    misspelt = _habits(0.30, home, [0.12, 0.10, 0.78], (0.5, 0.2))
    ordinary = _joint(
        [0.90, 0.07, 0.012, 0.008, 0.01],
        [_habits(0.12, home, [0.10, 0.10, 0.80], (0.0, 0.0)), typed, misspelt, typed, same],
        [
            [0.90, 0.0, 0.08, 0.02],
            [0.2, 0.3, 0.45, 0.05],
            [0.6, 0.38, 0.0, 0.02],
            [0.2, 0.5, 0.25, 0.05],
            calm,
        ],
    )
    cold = _habits(0.50, strange, [0.7, 0.2, 0.1], (0.002, 0.03))
    listed = [0.80, 0.09, 0.01, 0.10]
    attack = _joint(
        [0.01, 0.55, 0.33, 0.10, 0.01],
        [
            _habits(0.40, strange, [0.7, 0.2, 0.1], (0.0, 0.0)),
            cold,
            _habits(0.96, strange, [0.7, 0.2, 0.1], (0.005, 0.035)),
            cold,
            same,
        ],
        [[0.85, 0.0, 0.05, 0.10], listed, listed, listed, calm],
    )
    return Block("behaviour", ordinary, attack, 200.0, 100.0, 20_000.0, (0,) * N_GROUPS)


def _shares(n_sizes: int, share_given_others: list[float], alone: float) -> Floats:
    """Prior of "how many others, and which share of them was refused": sizes alike."""
    shape = np.concatenate([[alone], np.tile(share_given_others, n_sizes) * (1 - alone) / n_sizes])
    return np.asarray(shape / shape.sum())


def _refused(name: str, ordinary: Floats, attack: Floats, **rest: Any) -> Block:
    return Block(name, ordinary, attack, 100.0, 30.0, 3_000.0, **rest)


def _open_ended(name: str, counts: Floats, **rest: Any) -> Block:
    """A block whose levels the log itself names: both priors are the log's own mix."""
    shape = (counts + 0.5) / (counts + 0.5).sum()
    return Block(name, shape, shape, 50.0, 20.0, 1_000.0, **rest)


def describe_blocks(n_by_level: dict[str, Floats]) -> list[Block]:
    """All blocks, given how many attempts the log has at each client and place level."""
    fine, foul = [0.72, 0.13, 0.10, 0.05], [0.05, 0.10, 0.20, 0.65]
    now, ever = (3, 4)
    address_fine = np.outer(_shares(now, fine, 0.6), _shares(ever, fine, 0.5)).ravel()
    address_foul = np.outer(_shares(now, foul, 0.6), _shares(ever, foul, 0.5)).ravel()
    few = np.array([0.92, 0.05, 0.02, 0.008, 0.002])
    # Rare places together, and each of the others.
    of_place = n_by_level["place"] + 0.5
    rarity = np.append(of_place[:N_SHARED_LEVELS], of_place[N_SHARED_LEVELS:].sum() + 0.5)
    rarity = np.pad(rarity, (0, N_SHARED_LEVELS + 1 - len(rarity)), constant_values=0.5)
    rarity /= rarity.sum()
    many = np.array([0.70, 0.15, 0.08, 0.05, 0.02])
    tries = np.array([0.975, 0.019, 0.005, 0.001])
    more_tries = np.array([0.85, 0.07, 0.05, 0.03])
    return [
        _behaviour(),
        _refused("address", address_fine, address_foul, silent_in=ALONE_GROUPS, company_strength=500.0),
        _refused(
            "network",
            np.outer(rarity, _shares(3, fine, 0.6)).ravel(),
            np.outer(rarity, _shares(3, foul, 0.6)).ravel(),
            silent_in=HOME_GROUPS,
        ),
        Block("standing", np.full(5, 0.2), np.full(5, 0.2), 50.0, 20.0, 20_000.0, 3 * tuple(range(N_KINDS))),
        _open_ended("client", n_by_level["client"], pooled_strength=2_000.0),
        _open_ended("place", n_by_level["place"], silent_in=KNOWN_PLACE_GROUPS, n_silent=N_SHARED_LEVELS),
        Block(
            "target",
            np.outer(few, tries).ravel(),
            np.outer(many, more_tries).ravel(),
            100.0,
            30.0,
            20_000.0,
        ),
    ]
