"""Settings of tracing."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct


class TracingSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How sources are held against complaints."""

    simulations: Annotated[
        int,
        Meta(
            ge=1000,
            le=100_000,
            description="Simulated histories without a logged leak, of each kind, before somebody is named.",
        ),
    ] = 1000
    false_alarms_per_year: Annotated[
        float,
        Meta(
            gt=0,
            le=50,
            description="False alarms a year that the replay of the complaints allows on average.",
        ),
    ] = 1.0
    usual_complaints_per_month: Annotated[
        float,
        Meta(
            gt=0,
            le=100_000,
            description="Complaints a month that come without any leak; counts as a month of watching.",
        ),
    ] = 1.0
    margin_minutes: Annotated[
        int,
        Meta(ge=0, description="An order seen this shortly before the scam contact cannot explain it."),
    ] = 30
    unknown_contact_hours: Annotated[
        int,
        Meta(
            ge=0,
            description="The same where only the time of the report is known.",
        ),
    ] = 12
