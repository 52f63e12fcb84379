"""The stretch of time that all panels of a page follow: `?from=&until=`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from stanch.console.pages import MistakeError, Visit
from stanch.engine import Value

_MAX_US = 2**62


class Windowed(Struct, frozen=True, kw_only=True):
    """What pages with a stretch of time are asked with; each moment as microseconds or `2026-03-01T10:00`."""

    from_: Annotated[str, Meta(description="Not before this moment.", max_length=40)] = field(
        name="from", default=""
    )
    until: Annotated[str, Meta(description="Before this moment.", max_length=40)] = ""


class Window(Struct, frozen=True):
    """A stretch of time, in microseconds since 1970-01-01 UTC; the end is outside."""

    from_us: int
    until_us: int
    #: Whether it is less than all there is.
    is_chosen: bool
    zone: str

    @property
    def params(self) -> dict[str, Value]:
        """For SQL: `time_us >= $from_us AND time_us < $until_us`."""
        return {"from_us": self.from_us, "until_us": self.until_us}

    def show(self, us: int) -> str:
        """A moment as the entries of a form take it."""
        moment = datetime.fromtimestamp(us / 1e6, UTC).astimezone(ZoneInfo(self.zone))
        return moment.strftime("%Y-%m-%dT%H:%M")


def choose_window(visit: Visit, query: Windowed, start_us: int, end_us: int) -> Window:
    """The stretch that was asked for, else all from the first to the last moment.

    Raises:
        MistakeError: a moment that is none, or an end before the start.
    """
    zone = visit.service.settings.zone
    from_us = read_moment(query.from_, zone, "from")
    until_us = read_moment(query.until, zone, "until")
    chosen = Window(
        start_us if from_us is None else from_us,
        end_us + 1 if until_us is None else until_us,
        from_us is not None or until_us is not None,
        zone,
    )
    if chosen.until_us <= chosen.from_us:
        raise MistakeError("until", "no_moment")
    return chosen


def read_moment(text: str, zone: str, name: str) -> int | None:
    """A moment in microseconds; None for the empty text.

    Raises:
        MistakeError: it is none.
    """
    if not text:
        return None
    try:
        if text.isascii() and text.lstrip("-").isdigit():
            moment_us = int(text)
        else:
            moment = datetime.fromisoformat(text)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
            moment_us = round(aware.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise MistakeError(name, "no_moment") from None
    if abs(moment_us) > _MAX_US:
        raise MistakeError(name, "no_moment")
    return moment_us
