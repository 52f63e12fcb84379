"""The time line of an incident in numbers: what the chart draws, and as a table what it shows."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from stanch.console.evidence import open_evidence
from stanch.console.pages import EVERYBODY, IncidentNumber, Page, Visit
from stanch.console.window import Windowed, choose_window
from stanch.reporting.timeline import choose_bin, parse_time


class TimelineQuery(Windowed, frozen=True, kw_only=True):
    """Which incident and stretch of time, in how many bins at most."""

    number: IncidentNumber
    bins: Annotated[int, Meta(description="Bins at most.", ge=1, le=2_000)] = 60


class CampaignSpan(Struct, frozen=True):
    """When a campaign was at work."""

    id: str
    start_us: int
    end_us: int


class Timeline(Struct, frozen=True):
    """Columns of equal length, one entry a bin; bins without anything are there as zeros."""

    number: int
    from_us: int
    until_us: int
    bin_us: int
    time_us: tuple[int, ...]
    ordinary: tuple[float, ...]
    attack: tuple[float, ...]
    accesses: tuple[int, ...]
    orders: tuple[int, ...]
    complaints: tuple[int, ...]
    campaigns: tuple[CampaignSpan, ...]


_BINS: Final = """
SELECT bin_us // $width_us AS place, sum(attempts) AS attempts, sum(attack) AS attack,
  sum(accesses) AS accesses, sum(orders) AS orders, sum(complaints) AS complaints
FROM bins WHERE bin_us + $bin_us > $from_us AND bin_us < $until_us GROUP BY 1 ORDER BY 1
"""


def load_timeline(visit: Visit, query: TimelineQuery) -> Timeline:
    """Bins of the kept table, put together to as many as were asked for."""
    with open_evidence(visit.service, query.number) as evidence:
        summary = evidence.summary
        window = choose_window(visit, query, summary.start_us, summary.end_us)
        # A stretch far beyond what there is has no more bins than what there is.
        first = max(window.from_us, summary.start_us)
        last = max(first + 1, min(window.until_us, summary.end_us + 1))
        width = choose_bin(last - first + summary.bin_us, query.bins, summary.bin_us)
        params = {"width_us": width, "bin_us": summary.bin_us, "from_us": first, "until_us": last}
        found = {row["place"]: row for row in evidence.fetch(_BINS, **params).to_dicts()}
        spans = [
            CampaignSpan(c.id, parse_time(c.start) or 0, parse_time(c.end) or 0)
            for c in evidence.findings.campaigns
        ]
    places = range(first // width, (last - 1) // width + 1)
    rows = [found.get(place, {}) for place in places]
    return Timeline(
        number=query.number,
        from_us=window.from_us,
        until_us=window.until_us,
        bin_us=width,
        time_us=tuple(place * width for place in places),
        ordinary=tuple(round(max(r.get("attempts", 0) - r.get("attack", 0), 0.0), 1) for r in rows),
        attack=tuple(round(r.get("attack", 0.0), 1) for r in rows),
        accesses=tuple(int(r.get("accesses", 0)) for r in rows),
        orders=tuple(int(r.get("orders", 0)) for r in rows),
        complaints=tuple(int(r.get("complaints", 0)) for r in rows),
        campaigns=tuple(spans),
    )


TIMELINE: Final = Page(
    "/incidents/{number}/timeline", "timeline", EVERYBODY, TimelineQuery, Timeline, load_timeline, "incidents"
)
PAGES: Final = (TIMELINE,)
