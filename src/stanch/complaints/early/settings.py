"""How complaints are watched."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class EarlySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How complaints are watched."""

    false_alarms_per_year: Annotated[
        float, Meta(gt=0, le=365, description="False alarms a year, over all series together, at most.")
    ] = 1.0
    tolerated_rise: Annotated[
        float,
        Meta(
            ge=1, le=10, description="A level up to so many times the usual one is held for season, not news."
        ),
    ] = 1.3
    half_life_days: Annotated[
        float, Meta(ge=7, le=3650, description="Age at which a day counts half for the usual level.")
    ] = 45.0
    victims_a_week: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="Victims of a fake customer service in seven days above which the rule of thumb"
            " rings. Taiwan's police write to a shop above 5.",
        ),
    ] = 5
    new_script_complaints: Annotated[
        int, Meta(ge=1, le=1000, description="Complaints with which a script that is new is told.")
    ] = 3
