"""What a level of a block of evidence says: codes of the SQL steps -> facts that can be put into words.

The codes are made by `stuffing_levels.sql`, `stuffing_context.sql`, `stuffing_slips.sql`,
`stuffing_clients.sql` and `stuffing_places.sql`; the tests run those steps over every range named here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final, TypeAlias

from stanch.stuffing.blocks import BLOCKS, N_AGAIN, N_HABITS, N_SHARED_LEVELS
from stanch.stuffing.settings import StuffingSettings

#: All addends of an attempt's log-odds: where it was looked for, the blocks, what other attempts made of it.
ADDENDS: Final = ("level", *BLOCKS, "sequel")

OUTCOMES: Final = ("success", "failure", "unknown_account", "refused", "untold")

_DEFINED_IN: Final = ("levels", "context", "slips", "clients", "places", "scored")


@dataclass(frozen=True, slots=True)
class Range:
    """A count from `least` to `most`; None: without limit."""

    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Share:
    """A share in percent, from `least` to under `most`; None: up to all."""

    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a level says: a key for the catalogues of texts, and its ranges."""

    key: str
    ranges: Mapping[str, Range | Share] = field(default_factory=dict)


Sizes: TypeAlias = tuple[Range, ...]

_NOW: Final = (Range(1, 2), Range(3, 9), Range(10, None))
_NOW_SHARES: Final = (Share(0, 15), Share(15, 40), Share(40, 80), Share(80, None))
_EVER: Final = (Range(1, 1), Range(2, 5), Range(6, 30), Range(31, None))
_SHARES: Final = (Share(0, 10), Share(10, 30), Share(30, 80), Share(80, None))
_BESIDE: Final = (Range(1, 3), Range(4, 20), Range(21, None))
_REGULAR: Final = (Range(1, 4), Range(5, 19), Range(20, None))
_ELSEWHERE: Final = (Range(1, 1), Range(2, 4), Range(5, 19), Range(20, None))
_TRIES: Final = (Range(4, 9), Range(10, 29), Range(30, None))
_RARITY: Final = (
    Range(1, 1), Range(2, 3), Range(4, 9), Range(10, 29), Range(30, 99), Range(100, 299), Range(300, 999),
    Range(1000, None),
)  # fmt: skip
#: Habits that say from where and with what the account is let in otherwise: 1 + 3 x place + device.
_N_PLACES: Final = 4
_N_DEVICES: Final = 3
_N_BESIDE: Final = 1 + len(_BESIDE) * len(_SHARES)


def describe_level(addend: str, code: int) -> list[Fact]:
    """What level `code` behind `addend` says; nothing where another addend says it.

    Raises:
        KeyError: there is no such addend.
        IndexError: it has no such level.
    """
    if code < 0:
        raise IndexError(f"{addend}: {code}")
    return _DECODERS[addend](code)


def count_levels(addend: str) -> int:
    """How many levels an addend has; of clients and places only the shared ones and one more."""
    return _N_LEVELS[addend]


def name_levels(settings: StuffingSettings) -> dict[str, str]:
    """What a reader of stored levels has to know: their edition, and the minutes that they speak of."""
    return {
        "stanch_levels": find_edition(),
        "bin_minutes": str(settings.bin_minutes),
        "near_minutes": str(settings.near_minutes),
    }


def find_edition() -> str:
    """A digest of the steps that define the levels: equal where codes mean the same."""
    texts = [
        files("stanch.stuffing.sql").joinpath(f"stuffing_{name}.sql").read_text() for name in _DEFINED_IN
    ]
    plain = " ".join(re.sub(r"--.*", "", text) for text in texts)
    return hashlib.sha256(" ".join(plain.split()).encode()).hexdigest()[:12]


def _one_of(key: str, n: int) -> Callable[[int], list[Fact]]:
    def decode(code: int) -> list[Fact]:
        return [Fact(f"{key}.{range(n)[code]}")]

    return decode


def _decode_behaviour(code: int) -> list[Fact]:
    outcome, rest = divmod(code, N_HABITS * N_AGAIN)
    habit, again = divmod(rest, N_AGAIN)
    return [Fact(f"outcome.{OUTCOMES[outcome]}"), *_decode_habit(habit), Fact(f"again.{again}")]


def _decode_habit(code: int) -> list[Fact]:
    if not code:
        return [Fact("habit.none")]
    place, device = divmod(code - 1, _N_DEVICES)
    if place < _N_PLACES:
        return [Fact(f"habit_place.{place}"), Fact(f"habit_device.{device}")]
    return [Fact("habit.slip_near") if device == 0 else Fact("habit.slip_away")]


def _decode_others(key: str, sizes: Sizes, shares: tuple[Share, ...], code: int) -> Fact:
    if not code:
        return Fact(f"{key}.none")
    size, share = divmod(code - 1, len(shares))
    return Fact(f"{key}.some", {"n": sizes[size], "share": shares[share]})


def _decode_address(code: int) -> list[Fact]:
    now, ever = divmod(code, 1 + len(_EVER) * len(_SHARES))
    return [
        _decode_others("now", _NOW, _NOW_SHARES, now),
        _decode_others("ever", _EVER, _SHARES, ever),
    ]


def _decode_network(code: int) -> list[Fact]:
    rarity, beside = divmod(code, _N_BESIDE)
    if rarity > N_SHARED_LEVELS:
        raise IndexError(f"network: {code}")
    return [_decode_rarity("whence", rarity), _decode_others("beside", _BESIDE, _SHARES, beside)]


def _decode_standing(code: int) -> list[Fact]:
    return [_decode_count("standing", _REGULAR, code - 1) if code else Fact("standing.alone")]


def _decode_count(key: str, sizes: Sizes, code: int) -> Fact:
    return Fact(f"{key}.some", {"n": sizes[code - 1]}) if code else Fact(f"{key}.none")


def _decode_target(code: int) -> list[Fact]:
    elsewhere, tries = divmod(code, 1 + len(_TRIES))
    return [_decode_count("elsewhere", _ELSEWHERE, elsewhere), _decode_count("tries", _TRIES, tries)]


def _decode_rarity(key: str, code: int) -> Fact:
    return Fact(f"{key}.rare", {"n": _RARITY[code]}) if code < N_SHARED_LEVELS else Fact(f"{key}.own")


def _decode_place(code: int) -> list[Fact]:
    """How rare a place is, the block `network` says."""
    return [Fact("place.own")] if code >= N_SHARED_LEVELS else []


_DECODERS: Final[Mapping[str, Callable[[int], list[Fact]]]] = {
    "level": _one_of("level", 6),
    "behaviour": _decode_behaviour,
    "address": _decode_address,
    "network": _decode_network,
    "standing": _decode_standing,
    "client": lambda code: [_decode_rarity("client", code)],
    "place": _decode_place,
    "target": _decode_target,
    "sequel": _one_of("sequel", 6),
}

_N_LEVELS: Final[Mapping[str, int]] = {
    "level": 6,
    "behaviour": len(OUTCOMES) * N_HABITS * N_AGAIN,
    "address": (1 + len(_NOW) * len(_NOW_SHARES)) * (1 + len(_EVER) * len(_SHARES)),
    "network": (N_SHARED_LEVELS + 1) * _N_BESIDE,
    "standing": 2 + len(_REGULAR),
    "client": N_SHARED_LEVELS + 1,
    "place": N_SHARED_LEVELS + 1,
    "target": (1 + len(_ELSEWHERE)) * (1 + len(_TRIES)),
    "sequel": 6,
}
