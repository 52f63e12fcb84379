"""A history of complaints, day by day as it came in: when would it have rung?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from stanch.complaints.early.level import Alarm, Watch
from stanch.complaints.early.rules import NewScripts, WeeklyVictims
from stanch.complaints.early.settings import EarlySettings
from stanch.complaints.early.usual import Usual, Volume

#: Columns by which complaints are watched apart, where they are given.
DIMENSIONS: Final = ("kind", "script", "region", "product", "courier")
#: Part of the false alarms that belongs to all complaints together, if there is anything beside them.
_SHARE_OF_ALL: Final = 0.5
#: Values of one column that are watched; later ones are one series.
_MOST_VALUES: Final = 200
_OTHERS: Final = "…"


@dataclass(frozen=True, slots=True)
class Replay:
    """What would have rung."""

    first: date
    last: date
    n_victims: int
    #: Columns that complaints were watched by.
    by: tuple[str, ...]
    #: By the counts, in order of day: those whose false alarms are bounded.
    alarms: tuple[Alarm, ...]
    #: By rules of thumb, in order of day.
    rules: tuple[Alarm, ...]
    #: Complaints of each day, and how many were usual.
    days: tuple[tuple[date, int, float], ...]


def replay_complaints(
    victims: pl.DataFrame,
    settings: EarlySettings,
    first: date | None = None,
    last: date | None = None,
    orders: Counter[date] | None = None,
) -> Replay | None:
    """Watch `victims` day by day; None where there are none.

    `victims` has a row per victim: `day`, and any of `DIMENSIONS`. What is `not_fraud` is not
    watched; the weekly rule counts `fake_customer_service` where kinds are given, else all. The record runs
    from `first` to `last`, or from the first to the last complaint. How busy the shop is tell its `orders` of
    each day, or else the complaints that are no fraud.
    """
    victims = victims.filter(pl.col("day").is_between(first or date.min, last or date.max))
    seen: list[date] = sorted(victims["day"].to_list())
    ordinary = victims.clear()
    if "kind" in victims.columns:
        is_ordinary = pl.col("kind").fill_null("") == "not_fraud"
        ordinary, victims = victims.filter(is_ordinary), victims.filter(~is_ordinary)
    if victims.is_empty():
        return None
    by = tuple(name for name in DIMENSIONS if name in victims.columns and victims[name].count())
    days = _list_days(first or seen[0], last or seen[-1])
    counts = {name: _count_by_day(victims, name) for name in by}
    whole = Counter(victims["day"].to_list())
    volume = orders or Counter(ordinary["day"].to_list())
    desk = _Desk(settings, by)
    told = [desk.take(day, whole[day], {name: counts[name][day] for name in by}, volume[day]) for day in days]
    rules = _ring_rules(victims, days, counts.get("script"), settings)
    alarms = [alarm for _, found in told for alarm in found]
    shown = tuple((day, whole[day], round(usual, 2)) for day, (usual, _) in zip(days, told, strict=True))
    return Replay(days[0], days[-1], victims.height, by, tuple(alarms), tuple(rules), shown)


class _Desk:
    """All series side by side."""

    def __init__(self, settings: EarlySettings, by: Sequence[str]) -> None:
        self.settings = settings
        self.whole = self._open("all", "")
        self.volume = Volume(self._learn())
        self.parts: dict[str, dict[str, Watch]] = {name: {} for name in by}

    def take(
        self, day: date, count: int, parts: dict[str, Counter[str]], volume: int
    ) -> tuple[float, list[Alarm]]:
        """One day: what was usual in all, and the alarms that begin."""
        busy = self.volume.add(day, volume)
        usual = self.whole.usual.expect(day, busy)
        n_days = self.whole.n_days
        found = [self.whole.add(day, count, _SHARE_OF_ALL if self.parts else 1.0, busy)]
        for name, counts in parts.items():
            series = self.parts[name]
            kept = self._fold(series, counts)
            for value in sorted(kept.keys() - series.keys()):
                series[value] = self._open(name, value)
                series[value].skip(n_days)
            # A share that shrinks as values come keeps the sum of all series a supermartingale.
            share = (1.0 - _SHARE_OF_ALL) / len(self.parts) / max(len(series), 1)
            found += [watch.add(day, kept.get(value, 0), share, busy) for value, watch in series.items()]
        return usual, [alarm for alarm in found if alarm]

    def _open(self, by: str, value: str) -> Watch:
        return Watch(by, value, self.settings, self._learn())

    def _learn(self) -> Usual:
        return Usual(self.settings.half_life_days, self.settings.tolerated_rise)

    @staticmethod
    def _fold(series: dict[str, Watch], counts: Counter[str]) -> Counter[str]:
        """`counts` with values beyond the first `_MOST_VALUES` as one."""
        room = _MOST_VALUES - len(series)
        new = sorted(counts.keys() - series.keys())
        late = set(new[max(room, 0) :])
        kept: Counter[str] = Counter()
        for value, n in counts.items():
            kept[_OTHERS if value in late else value] += n
        return kept


def _ring_rules(
    victims: pl.DataFrame,
    days: Sequence[date],
    scripts: dict[date, Counter[str]] | None,
    settings: EarlySettings,
) -> list[Alarm]:
    counted = victims
    if "kind" in victims.columns and victims["kind"].count():
        counted = victims.filter(pl.col("kind") == "fake_customer_service")
    by_day = Counter(counted["day"].to_list())
    weekly, new = WeeklyVictims(settings.victims_a_week), NewScripts(settings.new_script_complaints)
    alarms = [alarm for day in days if (alarm := weekly.add(day, by_day[day]))]
    if scripts is not None:
        alarms += [alarm for day in days for alarm in new.add(day, dict(scripts[day]))]
    return sorted(alarms, key=lambda alarm: alarm.day)


def _count_by_day(victims: pl.DataFrame, name: str) -> dict[date, Counter[str]]:
    counts: dict[date, Counter[str]] = defaultdict(Counter)
    for day, value in victims.select("day", pl.col(name).cast(pl.String)).drop_nulls().iter_rows():
        counts[day][value] += 1
    return counts


def _list_days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]
