"""How early it could have been known: the complaints replayed in the order in which they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from stanch.engine import Engine
from stanch.findings import Attribution, Early
from stanch.progress import Progress
from stanch.tracing.alarm import Usual, find_alarm
from stanch.tracing.groups import split_group
from stanch.tracing.settings import TracingSettings
from stanch.tracing.trace import name_sources_until

_RECEIVED: Final = "SELECT received_us FROM victims ORDER BY received_us"
#: With more rows the day of naming is not looked for: it takes some ten rounds of tracing.
_MOST_EXPOSURES: Final = 3_000_000


def tell_early(
    engine: Engine,
    found: Attribution,
    settings: TracingSettings,
    *,
    zone: str,
    seed: int,
    acted: date | None,
    progress: Progress,
) -> Early:
    """When the alarm would have rung, and when the sources in `found` would first have been named.

    Both at the end of a day of `zone`. Each complaint counts on the day on which it was received; of
    exposures those up to that day. Attacks and fallen accounts are taken as the whole log shows them.
    """
    received = engine.fetch(_RECEIVED)["received_us"].to_list() if engine.has("victims") else []
    days = [_find_day(time_us, zone) for time_us in received]
    rung = _find_alarm_day(days, settings) if days else None
    named = None
    if days and found.sources and engine.count("exposures") <= _MOST_EXPOSURES:
        with progress.task("Finding when it could have been known", unit="days"):
            named = _find_naming_day(engine, found.sources, days, settings, zone=zone, seed=seed)
    return Early(
        settings.false_alarms_per_year,
        settings.usual_complaints_per_month,
        *_tell_day(rung, days),
        *_tell_day(named, days),
        *_tell_day(acted, days),
    )


def _tell_day(day: date | None, days: Sequence[date]) -> tuple[str, int]:
    """`day`, and how many complaints had come by its end."""
    return (day.isoformat(), sum(received <= day for received in days)) if day else ("", 0)


def _find_alarm_day(days: Sequence[date], settings: TracingSettings) -> date | None:
    """Watching begins with the first complaint, which itself is no news: one always is the first."""
    per_day = Counter(days[1:])
    span = [days[0] + timedelta(days=i) for i in range((days[-1] - days[0]).days + 1)]
    usual = Usual(settings.usual_complaints_per_month, settings.false_alarms_per_year)
    at = find_alarm([per_day[day] for day in span], usual)
    return None if at is None else span[at]


def _find_naming_day(
    engine: Engine,
    sources: list[str],
    days: Sequence[date],
    settings: TracingSettings,
    *,
    zone: str,
    seed: int,
) -> date | None:
    """The first day on which one of `sources` is named: steps that double, then halves.

    The first days are looked at first, because the fewer complaints there are the faster tracing is.
    """
    members = {member for source in sources for member in split_group(source)}
    distinct = sorted(set(days))

    def is_named(at: int) -> bool:
        until_us = _end_day(distinct[at], zone)
        named = name_sources_until(engine, settings, seed, until_us)
        return bool(members & {member for source in named for member in split_group(source)})

    before, at, step = -1, 0, 1
    while not is_named(at):
        if at == len(distinct) - 1:
            return None
        before, at, step = at, min(at + step, len(distinct) - 1), 2 * step
    while at - before > 1:
        middle = (before + at) // 2
        before, at = (before, middle) if is_named(middle) else (middle, at)
    return distinct[at]


def _find_day(time_us: int, zone: str) -> date:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    return moment.astimezone(ZoneInfo(zone)).date()


def _end_day(day: date, zone: str) -> int:
    """The last microsecond of `day` in `zone`."""
    end = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
    return round(end.timestamp()) * 1_000_000 - 1
