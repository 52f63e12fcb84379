"""The cases: short declarations of shop, attacks, events, leaks and calls."""

from __future__ import annotations

from typing import Final

from stanch.simulation.attack_cases import ATTACKS, WAVE_OF_2015
from stanch.simulation.case import Case, vary_case
from stanch.simulation.leak_cases import LEAKS
from stanch.simulation.peace_cases import PEACE

__all__ = ["CASES", "PEACEFUL", "Case", "vary_case"]

#: Every case by its name.
CASES: Final[dict[str, Case]] = {case.name: case for case in (WAVE_OF_2015, *ATTACKS, *LEAKS, *PEACE)}
#: Names of cases in which nothing leaks and nobody attacks, though some look like it.
PEACEFUL: Final = frozenset(case.name for case in (*LEAKS, *PEACE) if not (case.attacks or case.leaks))
