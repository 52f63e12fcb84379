"""A value read from a text, and where it stands there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """One value read, with its place in the text (code points) and a confidence in 0-1."""

    field: str
    value: str
    start: int
    end: int
    confidence: float
