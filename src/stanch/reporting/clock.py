"""Times as the page tells them: by the wall clock of one zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Offsets of zones have changed on quarters of an hour at the finest since 1970 (IANA time zone database).
_QUARTER_US: Final = 900_000_000


class Clock:
    """The wall clock of `zone` (an IANA name)."""

    def __init__(self, zone: str = "UTC") -> None:
        self.zone = zone
        self._info = ZoneInfo(zone)

    def wall(self, time_us: int) -> int:
        """Microseconds UTC -> what the wall clock shows, counted as if it were UTC."""
        offset = (_EPOCH + timedelta(microseconds=time_us)).astimezone(self._info).utcoffset()
        return time_us + (offset or timedelta()) // timedelta(microseconds=1)

    def wall_column(self, times_us: pl.Series) -> pl.Series:
        """The same for a column without nulls."""
        if self.zone == "UTC" or times_us.is_empty():
            return times_us
        quarters = (times_us // _QUARTER_US * _QUARTER_US).alias("quarter")
        shifts = {quarter: self.wall(quarter) - quarter for quarter in quarters.unique().to_list()}
        return times_us + quarters.replace_strict(shifts, return_dtype=pl.Int64)

    def moment(self, text: str) -> str:
        """RFC 3339 in UTC -> `2015-04-11 03:20`; what is no time stays as it is, up to the minute."""
        try:
            moment = datetime.fromisoformat(text).astimezone(self._info)
        except (ValueError, OverflowError):
            return text[:16].replace("T", " ")
        return f"{moment:%Y-%m-%d %H:%M}"
