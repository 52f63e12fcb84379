"""Features of an attempt, out of the past alone: what was seen of it -> one level per block.

Levels mean what those of `stuffing/sql/stuffing_levels.sql` mean and are cut at the same numbers; what live
levels lack is the future. `docs/method/guard.md` lists where the two differ by design, and a test replays
events through both.
"""

from __future__ import annotations

from typing import Final

from stanch.guard.counters import KNOWN_DEVICE, Seen

#: Blocks in the order of an attempt's levels, and how many levels each has.
BLOCKS: Final = {
    "behaviour": 13 * 6,
    "address": 13 * 17,
    "network": 9 * 13,
    "standing": 5,
    "target": 20,
    "wave": 40,
    "client": 12,
    "place": 12,
}
#: Level of a block that is not asked: its addend is 0.
SILENT: Final = -1

#: Habits of whoever is where the account is at home: known place and device, or known network.
AT_HOME: Final = frozenset((6, 10, 11, 12))
_MOST: Final = 301


def _classes(*bounds: int) -> list[int]:
    """Class of each count up to 300: how many of `bounds` it exceeds."""
    return [sum(n > bound for bound in bounds) for n in range(_MOST)]


_NOW: Final = _classes(2, 9)
_EVER: Final = _classes(1, 5, 30)
_BESIDE: Final = _classes(3, 20)
_REGULAR: Final = [1 + c for c in _classes(0, 4, 19)]
_ELSEWHERE: Final = _classes(0, 1, 4, 19)
_TRIES: Final = _classes(3, 9, 29)
#: Rarity of a place: as the classes of `stuffing_places.sql`; from 20 attempts on it has a level of its own.
_RARITY: Final = _classes(1, 3, 9)


def level_others(n: int, bad: int, sizes: list[int], first: int, second: int) -> int:
    """How many others, and which share of them was never let in: 0 none, else 1 + 4 x size + share."""
    if not n:
        return 0
    share = 100 * bad
    return 1 + 4 * sizes[n] + (share >= first * n) + (share >= second * n) + (share >= 80 * n)


def list_levels(seen: Seen, wave: tuple[int, int, int]) -> tuple[int, ...]:
    """Level per block of `BLOCKS`; `wave`: those of the last three, as `wave.py` tells them."""
    habit = seen.habit
    behaviour = 6 * habit + seen.again
    # The try itself counts: it will have been one more.
    n_tries = min(seen.n_tries + 1, 300)
    target = 4 * _ELSEWHERE[seen.n_bad_elsewhere] + (_TRIES[n_tries] if seen.n_tries else 0)
    n_ever = seen.n_ever
    standing = 0 if not n_ever else _REGULAR[seen.n_regular]
    if habit in KNOWN_DEVICE:
        return (behaviour, SILENT, SILENT, SILENT, target, SILENT, SILENT, SILENT)
    address = 17 * level_others(seen.n_now, seen.bad_now, _NOW, 15, 40) + level_others(
        n_ever, seen.bad_ever, _EVER, 10, 30
    )
    if habit in AT_HOME:
        return (behaviour, address, SILENT, standing, target, SILENT, SILENT, SILENT)
    n = seen.place.n
    rarity = 8 if n >= 20 else _RARITY[int(n)]
    network = 13 * rarity + level_others(seen.n_beside, seen.bad_beside, _BESIDE, 10, 30)
    return (behaviour, address, network, standing, target, *wave)
