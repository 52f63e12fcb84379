"""The figures that a consumer council would publish."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

import polars as pl

from stanch.complaints.victims import VICTIMS, fold_duplicates
from stanch.engine import Engine
from stanch.findings import ComplaintCounts, format_time

#: ISO 4217's own code for "no currency": losses that came without one.
NO_CURRENCY: Final = "XXX"

_REPORTS: Final = """
SELECT complaint, "order", account, phone, received_us, contacted_us, known_fields, loss, currency, region
FROM complaints
"""
_CITED: Final = """
SELECT o."order", min(o.account) AS account, min(o.region) AS region
FROM orders o JOIN complaints c ON c."order" = o."order" GROUP BY o."order"
"""


def count_complaints(engine: Engine, zone: str = "UTC") -> ComplaintCounts:
    """Count victims, days, regions and losses of `complaints`.

    Makes `victims` (one row per distinct victim, see `fold_duplicates`); a region that the report
    does not give is that of the order. Days are those of `zone`; regions that differ in case alone are one.
    """
    reports = engine.fetch(_REPORTS)
    cited = pl.DataFrame(schema={"order": pl.String, "account": pl.String, "region": pl.String})
    if engine.has("orders"):
        cited = engine.fetch(_CITED)
    owners = dict(cited.drop_nulls("account").select("order", "account").iter_rows())
    places = dict(cited.drop_nulls("region").select("order", "region").iter_rows())
    victims, losses = fold_duplicates(reports, owners)
    regions = [
        region or places.get(order or "") for region, order in victims.select("region", "order").iter_rows()
    ]
    victims = victims.with_columns(pl.Series("region", regions, pl.String))
    engine.put("victims", victims.select(*VICTIMS))
    return count_victims(victims, losses, reports, zone)


def count_victims(
    victims: pl.DataFrame, lost: pl.DataFrame, reports: pl.DataFrame, zone: str
) -> ComplaintCounts:
    """Count what `fold_duplicates` made of `reports`."""
    if victims.is_empty():
        return ComplaintCounts()
    days = [_find_day(t, ZoneInfo(zone)) for t in victims["received_us"]]
    losses = _list_losses(lost)
    return ComplaintCounts(
        count=victims.height,
        first=format_time(victims["received_us"][0]),
        last=format_time(max(reports["received_us"])),
        loss_total={c: float(sum(cents) / 100) for c, cents in losses.items()},
        loss_max={c: float(max(cents) / 100) for c, cents in losses.items()},
        by_region=_tally(_fold_case([r for r in victims["region"] if r]), by_count=True),
        by_day=_tally(days, by_count=False),
        duplicates=reports.height - victims.height,
        known_fields=_tally(
            [name for known in victims["known_fields"] if known for name in known.split("|")], by_count=True
        ),
    )


def _find_day(time_us: int, zone: ZoneInfo) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    return moment.astimezone(zone).date().isoformat()


def _fold_case(names: list[str]) -> list[str]:
    """`names` with one spelling each: the most frequent, among equals the first of the alphabet."""
    counts = _tally(names, by_count=True)
    spelling: dict[str, str] = {}
    for name in counts:
        spelling.setdefault(name.casefold(), name)
    return [spelling[name.casefold()] for name in names]


def _list_losses(lost: pl.DataFrame) -> dict[str, list[Decimal]]:
    """Losses of each currency in its hundredth part, exact: sums of binary fractions drift."""
    losses: dict[str, list[Decimal]] = {}
    for loss, currency in lost.select("loss", "currency").iter_rows():
        cents = (Decimal(repr(loss)) * 100).to_integral_value()
        losses.setdefault(currency or NO_CURRENCY, []).append(cents)
    return dict(sorted(losses.items()))


def _tally(values: list[str], *, by_count: bool) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return dict(sorted(counts.items(), key=lambda kv: (-kv[1] if by_count else 0, kv[0])))
