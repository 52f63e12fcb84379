"""What the logs of accesses do not cover: late starts, gaps, clocks that disagree, missing kinds."""

from __future__ import annotations

from collections.abc import Container
from datetime import date, timedelta
from typing import Final

import polars as pl

from stanch.engine import Engine

_DAY_US: Final = 86_400_000_000
_WEEK: Final = timedelta(days=7)
_KINDS: Final = ("customer", "staff", "partner", "service", "anonymous")
_KIND_WORDS: Final = {
    "customer": "customers' own accounts",
    "staff": "staff accounts",
    "partner": "partners such as couriers and vendors",
    "service": "services and exports",
    "anonymous": "open endpoints",
}
#: A day counts as a gap where at least so many rows were usual on it.
_USUAL_ROWS: Final = 8
#: Most gaps told one by one.
_MAX_GAPS: Final = 5
#: A kind's clock is said to disagree where this share of its first looks at orders lie before the order,
#: and at least so many do.
_EARLY_SHARE: Final = 0.05
_EARLY_ROWS: Final = 5

#: Per quarter of an hour, the finest that offsets of zones have been since 1970 (IANA time zone database).
_QUARTERLY: Final = """
SELECT actor_kind, time_us // 900000000 AS quarter, count(*) AS n
FROM accesses WHERE time_us IS NOT NULL AND actor_kind IS NOT NULL GROUP BY 1, 2
"""
_STARTS: Final = """
SELECT actor_kind, min(time_us) AS first_us
FROM accesses WHERE time_us IS NOT NULL AND actor_kind IS NOT NULL GROUP BY actor_kind
"""
_EARLY: Final = """
SELECT s.actor_kind, count(*) AS n,
  sum(CASE WHEN s.first_us < o.time_us THEN 1 ELSE 0 END) AS early,
  median(CASE WHEN s.first_us < o.time_us THEN o.time_us - s.first_us ELSE NULL END) AS by_us
FROM (
  SELECT actor_kind, "order", min(time_us) AS first_us
  FROM accesses WHERE actor_kind IS NOT NULL GROUP BY actor_kind, "order"
) s
JOIN orders o ON o."order" = s."order"
GROUP BY s.actor_kind
"""


def describe_coverage(engine: Engine, zone: str) -> list[str]:
    """Late starts, gaps and clocks, one plain sentence each; days are those of `zone`."""
    if not engine.has("accesses"):
        return []
    days = _count_days(engine, zone)
    return [*_tell_late_starts(engine, days), *_tell_gaps(days), *_tell_clocks(engine)]


def _count_days(engine: Engine, zone: str) -> pl.DataFrame:
    """Grain: one row per kind of actor and day of `zone` with a row: `actor_kind`, `day`, `n`."""
    moment = pl.from_epoch(pl.col("quarter") * 900, time_unit="s").dt.replace_time_zone("UTC")
    days = engine.fetch(_QUARTERLY).with_columns(day=moment.dt.convert_time_zone(zone).dt.date())
    return days.group_by("actor_kind", "day").agg(pl.col("n").sum()).sort("actor_kind", "day")


def list_not_examined(engine: Engine) -> list[str]:
    """Kinds of actors of which no access was logged, one plain sentence each; none if no log tells."""
    if not engine.has("accesses"):
        return []
    kinds = "SELECT DISTINCT actor_kind FROM accesses"
    seen = set(engine.fetch(kinds)["actor_kind"].to_list())
    if seen == {None}:
        return []
    told = [
        f"{_KIND_WORDS[kind]}: no access of theirs in the logs given" for kind in _KINDS if kind not in seen
    ]
    fields = engine.fetch("SELECT 1 AS one FROM accesses WHERE fields IS NOT NULL LIMIT 1")
    if seen and not fields.height:
        told.append(
            "fields shown: not logged, so what callers knew could not be held against what a source saw"
        )
    return told


def _tell_late_starts(engine: Engine, days: pl.DataFrame) -> list[str]:
    """Kinds whose log begins after orders that were complained about."""
    if days.is_empty():
        return []
    matters = _first_that_matters(engine)
    told = []
    starts = dict(engine.fetch(_STARTS).iter_rows())
    for (kind,), part in days.group_by("actor_kind", maintain_order=True):
        late = (starts[kind] - matters) // _DAY_US if matters is not None else 0
        if late >= 1:
            first = part.get_column("day").to_list()[0]
            told.append(
                f"log of {_KIND_WORDS.get(str(kind), str(kind))} starts {first},"
                f" {late} {'day' if late == 1 else 'days'} after the first order that was complained about;"
                " what they saw before is not known: add older logs of theirs if there are any"
            )
    return told


def _first_that_matters(engine: Engine) -> int | None:
    """When the earliest order that somebody complained about was placed."""
    if engine.has("complaints"):
        cited = engine.fetch(
            'SELECT min(k.time_us) AS first_us FROM known_orders k JOIN complaints c ON c."order" = k."order"'
        )["first_us"][0]
        if cited is not None:
            return int(cited)
    return None


def _tell_gaps(days: pl.DataFrame) -> list[str]:
    """Days without a row where the days a week before and after have many, neighbours as one span."""
    told = []
    for (kind,), part in days.group_by("actor_kind", maintain_order=True):
        rows = dict(part.select("day", "n").iter_rows())
        first, last = min(rows), max(rows)
        usual = pl.Series(list(rows.values())).median()
        if not isinstance(usual, float) or usual < _USUAL_ROWS:
            continue
        between = [first + timedelta(days=i) for i in range(1, (last - first).days)]
        # A weekday on which nobody ever works is no gap.
        gaps = [
            day
            for day in between
            if day not in rows and rows.get(day - _WEEK, 0) + rows.get(day + _WEEK, 0) >= usual / 2
        ]
        log = f"log of {_KIND_WORDS.get(str(kind), str(kind))} has no row"
        spans = _join_days(gaps, rows)
        for start, end in spans[:_MAX_GAPS]:
            when = f"on {start}" if start == end else f"from {start} to {end}"
            told.append(f"{log} {when}, where {usual:.0f} are usual on a day")
        if n_more := sum((end - start).days + 1 for start, end in spans[_MAX_GAPS:]):
            told.append(f"{log} on {n_more} more such {'day' if n_more == 1 else 'days'}")
    return told


def _join_days(days: list[date], logged: Container[date]) -> list[tuple[date, date]]:
    """First and last of the `days`, in order, between which no day was logged."""
    spans: list[tuple[date, date]] = []
    for day in days:
        last = spans[-1][1] if spans else day
        if spans and not any(last + timedelta(days=i) in logged for i in range(1, (day - last).days)):
            spans[-1] = (spans[-1][0], day)
        else:
            spans.append((day, day))
    return spans


def _tell_clocks(engine: Engine) -> list[str]:
    if not engine.has("orders"):
        return []
    told = []
    for kind, n, early, by_us in (
        engine.fetch(_EARLY).sort("actor_kind").select("actor_kind", "n", "early", "by_us").iter_rows()
    ):
        if early and early >= _EARLY_ROWS and early >= _EARLY_SHARE * n:
            told.append(
                f"clocks disagree: {early:,} of {n:,} orders were seen by {_KIND_WORDS.get(kind, kind)}"
                f" before they were placed, by {by_us / 60_000_000:.0f} minutes in the middle"
            )
    return told
