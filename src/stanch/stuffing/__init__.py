"""Login attempts -> chance of attack per attempt, campaigns, fallen accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stanch.stuffing.settings import StuffingSettings

if TYPE_CHECKING:
    from stanch.stuffing.attacks import StuffingResult, find_attacks

__all__ = ["StuffingResult", "StuffingSettings", "find_attacks"]


def __getattr__(name: str) -> Any:
    """The stage itself, when it is asked for: every command reads its settings, few need SciPy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stanch.stuffing import attacks

    return getattr(attacks, name)
