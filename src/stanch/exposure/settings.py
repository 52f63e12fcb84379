"""Settings of exposures."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class ExposureSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Which orders count as seen through a fallen account."""

    after_fall_days: Annotated[
        int,
        Meta(
            ge=0,
            description="Orders placed so long after an account fell still count as open to the attacker.",
        ),
    ] = 3
    before_fall_days: Annotated[
        int, Meta(ge=1, description="Older orders of a fallen account no longer interest a caller.")
    ] = 180
    unseen_weight: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Chance that an attacker read an order of a fallen account where the log of customers"
            "' accesses does not show it.",
        ),
    ] = 0.15
    other_place_weight: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Chance that a look from a fallen account was the attacker's, if it came from an"
            " address outside the attack.",
        ),
    ] = 0.25
    history_weight: Annotated[
        float,
        Meta(
            ge=0,
            le=1,
            description="Chance that staff who opened an order also read an earlier one of the same"
            " customer; 0 where their screens show no other orders.",
        ),
    ] = 0.05
    history_days: Annotated[
        int, Meta(ge=1, description="Earlier orders of a customer older than this are not looked up.")
    ] = 30
