"""Settings of the search for attacks."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class StuffingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How login attempts are looked at."""

    bin_minutes: Annotated[
        int, Meta(ge=5, le=1440, description="Width of the bins in which the level of attack may change.")
    ] = 60
    near_minutes: Annotated[
        int, Meta(ge=1, le=120, description="How soon after a failure a person tries again, at the latest.")
    ] = 20
    own_levels: Annotated[
        int,
        Meta(
            ge=10,
            le=5000,
            description="How many clients and places are judged each for itself; the rest by rarity.",
        ),
    ] = 400
    least_campaign: Annotated[
        int, Meta(ge=5, description="Fewest attempts that are reported as a campaign.")
    ] = 20
    least_p_compromised: Annotated[
        float, Meta(gt=0, lt=1, description="Accounts with a smaller chance of takeover are not listed.")
    ] = 0.01
