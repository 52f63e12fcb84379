"""Times as they stand in files -> microseconds since 1970-01-01 UTC.

Accepted: RFC 3339 with any offset (`T` or a blank, `Z`, fractions of up to nine digits, cut to
microseconds); the same without an offset or without seconds, with `/` for `-`, or a date alone,
read in a zone; Unix time in seconds, with or without a fraction. Whole numbers of the size that
only milli-, micro- or nanoseconds reach in the years 1990 to 2100 are read as such.

In a zone with summer time, an hour that happens twice is read as the first one, and an hour that
is left out is read with the offset before the change (PEP 495, fold=0).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from stanch.errors import UsageError

FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2099
_MIN_US: Final = 631_152_000_000_000  # 1990-01-01
_MAX_US: Final = 4_102_444_800_000_000  # 2100-01-01
_DAY_US: Final = 86_400_000_000
#: (smallest value, microseconds per unit as a fraction, name): units do not overlap in 1990-2100.
_UNITS: Final = (
    (631_152_000, 1_000_000, 1, "seconds"),
    (631_152_000_000, 1_000, 1, "milliseconds"),
    (631_152_000_000_000, 1, 1, "microseconds"),
    (631_152_000_000_000_000, 1, 1_000, "nanoseconds"),
)
_NUMBER: Final = r"^[0-9]{9,19}(?:\.[0-9]+)?$"
_FULL: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:[.,][0-9]{1,9})?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?$"
)
_LOOSE: Final = re.compile(
    r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})"
    r"(?:[Tt ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Times:
    """Parsed times, row for row."""

    #: Int64 microseconds; null where the cell is empty or no time.
    us: pl.Series
    n_without_offset: int = 0
    #: Whether the cell was a date without a time of day.
    is_date: pl.Series | None = None
    #: How many cells were read as numbers in units other than seconds, by name of the unit.
    units: Counter[str] = field(default_factory=Counter)


def check_zone(zone: str) -> str:
    """`zone` itself.

    Raises:
        UsageError: the time zone database has no such zone.
    """
    try:
        ZoneInfo(zone)
        localise(pl.Series([0], dtype=pl.Int64), zone)
    except (KeyError, ValueError, OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(
            f"there is no time zone {zone!r}", hint="such as UTC, Asia/Shanghai, Europe/London"
        ) from error
    return zone


def parse_times(cells: pl.Series, zone: str) -> Times:
    """Read a column of any type; what is no time in the years 1990 to 2099 becomes null."""
    kind = cells.dtype
    if kind == pl.String:
        return _parse_text(cells, zone)
    if isinstance(kind, pl.Datetime):
        us = cells.dt.cast_time_unit("us").to_physical()
        if kind.time_zone is not None:
            return Times(_plausible(us))
        return Times(_plausible(localise(us, zone)), len(us) - us.null_count())
    if kind == pl.Date:
        us = cells.cast(pl.Datetime("us")).to_physical()
        return Times(_plausible(localise(us, zone)), len(us) - us.null_count(), cells.is_not_null())
    if kind.is_numeric():
        us, units = _scale_numbers(cells)
        return Times(us, units=units)
    return Times(pl.repeat(None, len(cells), dtype=pl.Int64, eager=True))


def localise(us: pl.Series, zone: str) -> pl.Series:
    """Wall-clock microseconds in `zone` -> microseconds UTC."""
    if zone == "UTC":
        return us
    walls = us.cast(pl.Datetime("us"))
    instants = _to_utc(walls, zone)
    if instants.null_count() > walls.null_count():
        # In the gap of a change to summer time: take the offset of three hours before.
        shift = timedelta(hours=3)
        before = _to_utc(walls.dt.offset_by("-3h"), zone) + shift.total_seconds() * 1e6
        instants = instants.zip_with(instants.is_not_null(), before.cast(pl.Int64))
    return instants


def _to_utc(walls: pl.Series, zone: str) -> pl.Series:
    return walls.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").to_physical()


def _plausible(us: pl.Series) -> pl.Series:
    return us.set((us < _MIN_US) | (us >= _MAX_US), None)


def _scale_numbers(cells: pl.Series) -> tuple[pl.Series, Counter[str]]:
    """Numbers by their size: seconds, or finer units."""
    frame = pl.DataFrame({"x": cells})
    x = pl.col("x")
    units: Counter[str] = Counter()
    us: pl.Series | None = None
    for smallest, up, down, name in _UNITS:
        largest = smallest // _UNITS[0][0] * 4_102_444_800
        here = frame.select((x >= smallest) & (x < largest)).to_series().fill_null(value=False)
        if not here.any():
            continue
        if name != "seconds":
            units[name] += int(here.sum())
        if cells.dtype.is_integer():
            # Through Int64 only where it fits, so that a huge number cannot overflow.
            scaled = frame.select(pl.when(here).then(x).cast(pl.Int64, strict=False) * up // down).to_series()
        else:
            value = pl.when(here).then(x.cast(pl.Float64))
            scaled = frame.select((value * up / down).round(0).cast(pl.Int64)).to_series()
        us = scaled if us is None else us.zip_with(us.is_not_null(), scaled)
    if us is None:
        us = pl.repeat(None, len(cells), dtype=pl.Int64, eager=True)
    return us.alias("us"), units


def _parse_text(cells: pl.Series, zone: str) -> Times:
    text = cells.str.strip_chars()
    full = text.str.contains(_FULL).fill_null(value=False)
    if full.all():
        us, n_wall = _parse_full(text, zone)
        return _finish(text, us, n_wall, zone, Counter())
    us = pl.repeat(None, len(text), dtype=pl.Int64, eager=True)
    n_wall = 0
    if full.any():
        us, n_wall = _parse_full(text.set(~full, None), zone)
    units: Counter[str] = Counter()
    number = text.str.contains(_NUMBER).fill_null(value=False)
    if number.any():
        numbers, units = _parse_numbers(text.set(~number, None))
        us = us.zip_with(us.is_not_null(), numbers)
    return _finish(text, us, n_wall, zone, units)


def _parse_full(text: pl.Series, zone: str) -> tuple[pl.Series, int]:
    """Date and time of fixed width, then fraction and offset; nulls stay null."""
    head = text.str.slice(0, 19)
    head = head.str.replace("[ t]", "T") if not head.str.slice(10, 1).eq("T").all() else head
    walls = head.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us").to_physical()
    tail = text.str.slice(19)
    fraction = _parse_fraction(tail)
    if fraction is not None:
        walls = walls + fraction
        tail = tail.str.replace(r"^[.,][0-9]+", "")
    offsets = tail.unique().drop_nulls().to_list()
    if offsets == ["Z"]:
        return walls, 0
    shifts = {offset: _offset_us(offset) for offset in offsets if offset}
    shift = tail.replace_strict(shifts, default=None, return_dtype=pl.Int64) if shifts else None
    bare = tail.eq("").fill_null(value=False)
    n_bare = int(bare.sum())
    local = localise(walls, zone) if n_bare else walls
    if shift is None:
        return local, n_bare
    return local.zip_with(bare, walls - shift), n_bare


def _parse_fraction(tail: pl.Series) -> pl.Series | None:
    if not tail.str.contains(r"^[.,]").any():
        return None
    digits = tail.str.extract(r"^[.,]([0-9]+)").fill_null("")
    return digits.str.slice(0, 6).str.pad_end(6, "0").cast(pl.Int64)


@lru_cache(maxsize=4096)
def _offset_us(offset: str) -> int | None:
    if offset in "Zz" or offset in {"UTC", "GMT"}:
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        return None
    return (-1 if offset[0] == "-" else 1) * (hours * 60 + minutes) * 60_000_000


def _parse_numbers(text: pl.Series) -> tuple[pl.Series, Counter[str]]:
    """Whole numbers and decimals, exactly: seconds keep their digits apart from the fraction's."""
    whole = text.str.extract(r"^([0-9]+)").cast(pl.Int64, strict=False)
    us, units = _scale_numbers(whole)
    fraction = text.str.extract(r"\.([0-9]+)$")
    if fraction.null_count() < len(fraction):
        cut = fraction.str.slice(0, 6).str.pad_end(6, "0").cast(pl.Int64)
        in_seconds = (whole < _UNITS[0][0] * 10).fill_null(value=False)
        us = us.zip_with(cut.is_null() | ~in_seconds, us + cut)
    return us, units


def _finish(text: pl.Series, us: pl.Series, n_wall: int, zone: str, units: Counter[str]) -> Times:
    """Read what is left one distinct value at a time, and drop implausible years."""
    us = _plausible(us.alias("us"))
    left = text.set(us.is_not_null(), None)
    is_date: pl.Series | None = None
    if left.null_count() < len(left):
        found = {value: _parse_loosely(value, zone) for value in left.unique().drop_nulls().to_list()}
        rest = left.replace_strict({v: f[0] for v, f in found.items()}, default=None, return_dtype=pl.Int64)
        bare = left.replace_strict({v: f[1] for v, f in found.items()}, default=None, return_dtype=pl.Boolean)
        dates = left.replace_strict(
            {v: f[2] for v, f in found.items()}, default=None, return_dtype=pl.Boolean
        )
        us = us.zip_with(us.is_not_null(), _plausible(rest))
        n_wall += int(bare.sum() or 0)
        is_date = dates.fill_null(value=False)
    return Times(us, n_wall, is_date, units)


def _parse_loosely(value: str, zone: str) -> tuple[int | None, bool, bool]:
    """(microseconds or None, whether read in the zone, whether a date alone)."""
    match = _LOOSE.fullmatch(value)
    if match is None:
        return None, False, False
    year, _, month, day, hour, minute, second, fraction, offset = match.groups()
    shift = _offset_us(offset) if offset else None
    if offset and shift is None:
        return None, False, False
    zoned = ZoneInfo(zone) if shift is None else timezone(timedelta(microseconds=shift))
    leap = second == "60"  # RFC 3339, 5.7: a leap second is the start of the next minute
    try:
        seconds = 59 if leap else int(second or 0)
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), seconds, tzinfo=zoned
        )
        us = (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        return None, False, False
    us += 1_000_000 if leap else int((fraction or "").ljust(6, "0")[:6])
    return us, not offset, hour is None
