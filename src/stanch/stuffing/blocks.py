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
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

N_HABITS: Final = 8
N_AGAIN: Final = 4
#: Clients and places below this level are many rare ones together.
N_SHARED_LEVELS: Final = 8
DEVICE_KNOWN, NETWORK_KNOWN_LATER = 2, 3
SUCCESS, FAILURE, UNKNOWN_ACCOUNT, REFUSED, NOT_TOLD = range(5)

#: Blocks in the order in which their addends are summed.
BLOCKS: Final = ("behaviour", "address", "network", "standing", "client", "place", "target")


#: People differ: at home or where their account is a stranger, let in or refused, alone on an address
#: or sharing it. The ordinary component has a table for each of these groups (`people` in
#: stuffing_levels.sql), so that what sets people apart is not taken for attack.
N_GROUPS: Final = 6


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
    table_of: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    #: Tempers the addend.
    weight: float = 1.0


def _joint(outcome: list[float], habit: list[list[float]], again: list[list[float]]) -> Floats:
    """P(outcome) P(habit | outcome) P(again | outcome), flattened as the `behaviour` code is."""
    shape = np.zeros((5, N_HABITS, N_AGAIN))
    for code, share in enumerate(outcome):
        shape[code] = share * np.outer(habit[code], again[code])
    shape = shape.ravel() + 1e-6
    return np.asarray(shape / shape.sum())


def _behaviour() -> Block:
    same = [0.2, 0.1, 0.2, 0.1, 0.1, 0.26, 0.02, 0.02]
    calm = [0.6, 0.2, 0.1, 0.1]
    typed = [0.12, 0.08, 0.18, 0.12, 0.12, 0.33, 0.03, 0.02]
    misspelt = [0.30, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.2]
    ordinary = _joint(
        [0.90, 0.07, 0.012, 0.008, 0.01],
        [[0.15, 0.05, 0.15, 0.10, 0.10, 0.45, 0.0, 0.0], typed, misspelt, typed, same],
        [
            [0.90, 0.0, 0.08, 0.02],
            [0.2, 0.3, 0.45, 0.05],
            [0.6, 0.38, 0.0, 0.02],
            [0.2, 0.5, 0.25, 0.05],
            calm,
        ],
    )
    cold = [0.50, 0.40, 0.06, 0.004, 0.003, 0.001, 0.002, 0.03]
    listed = [0.80, 0.09, 0.01, 0.10]
    attack = _joint(
        [0.01, 0.55, 0.33, 0.10, 0.01],
        [[0.40, 0.50, 0.09, 0.004, 0.004, 0.002, 0.0, 0.0], cold,
         [0.96, 0.0, 0.0, 0.0, 0.0, 0.0, 0.005, 0.035], cold, same],
        [[0.85, 0.0, 0.05, 0.10], listed, listed, listed, calm],
    )  # fmt: skip
    return Block("behaviour", ordinary, attack, 200.0, 100.0, 20_000.0, (0,) * N_GROUPS)


def _shares(n_sizes: int, share_given_others: list[float], alone: float) -> Floats:
    """Prior of "how many others, and which share of them was refused": sizes alike."""
    shape = np.concatenate([[alone], np.tile(share_given_others, n_sizes) * (1 - alone) / n_sizes])
    return np.asarray(shape / shape.sum())


def _refused(name: str, ordinary: Floats, attack: Floats) -> Block:
    return Block(name, ordinary, attack, 100.0, 30.0, 3_000.0)


def _open_ended(name: str, counts: Floats, weight: float) -> Block:
    """A block whose levels the log itself names: both priors are the log's own mix."""
    shape = (counts + 0.5) / (counts + 0.5).sum()
    return Block(name, shape, shape, 50.0, 20.0, 20_000.0, weight=weight)


def describe_blocks(n_by_level: dict[str, Floats]) -> list[Block]:
    """All blocks, given how many attempts the log has at each client and place level."""
    fine, foul = [0.72, 0.13, 0.10, 0.05], [0.05, 0.10, 0.20, 0.65]
    now, ever = (3, 4)
    address_fine = np.outer(_shares(now, fine, 0.6), _shares(ever, fine, 0.5)).ravel()
    address_foul = np.outer(_shares(now, foul, 0.6), _shares(ever, foul, 0.5)).ravel()
    few = np.array([0.92, 0.05, 0.02, 0.008, 0.002])
    many = np.array([0.70, 0.15, 0.08, 0.05, 0.02])
    tries = np.array([0.975, 0.019, 0.005, 0.001])
    more_tries = np.array([0.85, 0.07, 0.05, 0.03])
    return [
        _behaviour(),
        _refused("address", address_fine, address_foul),
        _refused("network", _shares(3, fine, 0.6), _shares(3, foul, 0.6)),
        Block("standing", np.full(4, 0.25), np.full(4, 0.25), 50.0, 20.0, 20_000.0, (0, 1, 2, 0, 1, 2)),
        _open_ended("client", n_by_level["client"], 1.0),
        _open_ended("place", n_by_level["place"], 1.0),
        Block(
            "target",
            np.outer(few, tries).ravel(),
            np.outer(many, more_tries).ravel(),
            100.0,
            30.0,
            20_000.0,
        ),
    ]
