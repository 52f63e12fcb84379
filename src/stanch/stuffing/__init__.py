"""Login attempts -> chance of attack per attempt, campaigns, fallen accounts."""

from __future__ import annotations

from stanch.stuffing.attacks import StuffingResult, find_attacks
from stanch.stuffing.settings import StuffingSettings

__all__ = ["StuffingResult", "StuffingSettings", "find_attacks"]
