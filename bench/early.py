"""Early warning on simulated years: false alarms in peace, and days from the first call to the alarm.

A year of peace has weekdays, and by kind also over-dispersion, growth, holidays, weeks that hang
together, or a desk closed at week-ends. With --kinds three in a hundred of the peaceful complaints are of
the outbreak's kind, another twelve of other frauds, and the rest no fraud, as the reading tells them with
its errors. The outbreak has the tempo of 2015: over 700 complaints in the first twelve days, beginning
small; a call is reported after a day on average.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import chi2, nbinom, poisson

from cells import make_table
from stanch.complaints.early import EarlySettings, Replay, replay_complaints

Counts = npt.NDArray[np.int64]

FIRST: Final = date(2013, 1, 1)
WEEKDAYS: Final = np.array([1.15, 1.10, 1.05, 1.0, 1.0, 0.8, 0.9])
HOLIDAYS: Final = (20, 150, 305)
HOLIDAY_DAYS: Final = 7
#: Days by which orders come before their complaints, and the over-dispersion of orders from day to day.
ORDERED: Final = 5
ORDERS_ALPHA: Final = 0.05
#: The outbreak begins after so many days of peace.
ONSET: Final = 400
KIND: Final = "fake_customer_service"


#: Shares of kinds among ordinary complaints, and what the reading says of each: rows true, columns read.
MIX: Final = (0.03, 0.12, 0.85)
READ: Final = (KIND, "phishing", "not_fraud")
READING: Final = ((0.08, 0.82, 0.10), (0.02, 0.03, 0.95))
RECALL: Final = 0.85


@dataclass(frozen=True)
class Peace:
    """One kind of peaceful shop."""

    name: str
    mean: float
    #: Variance = mean + alpha mean².
    alpha: float = 0.0
    growth: float = 1.0
    holidays: float = 1.0
    #: Deviation of the logarithm of a level that drifts with a memory of five days.
    drift: float = 0.0
    closed_at_weekends: bool = False
    #: Orders for one complaint.
    orders: float = 60.0

    @property
    def is_plain(self) -> bool:
        """Whether every day is negative binomial on its own."""
        return self.growth == self.holidays == 1.0 and not self.drift and not self.closed_at_weekends


@dataclass(frozen=True)
class Given:
    """What is told of each complaint, and of the shop."""

    split: bool = False
    kinds: bool = False
    orders: bool = False
    #: Share of the outbreak's calls whose kind is read right.
    recall: float = RECALL


KINDS: Final = (
    Peace("hardly any: one in ten days", 0.1),
    Peace("one in two days", 0.5, 0.3),
    Peace("2 a day, no over-dispersion", 2.0),
    Peace("2 a day, over-dispersed (0.5)", 2.0, 0.5),
    Peace("2 a day, much over-dispersed (1.0)", 2.0, 1.0),
    Peace("2 a day, tripling every year", 2.0, 0.3, growth=3.0),
    Peace("2 a day, twice as many for a week, three times a year", 2.0, 0.3, holidays=2.0),
    Peace("2 a day, three times as many for a week, three times a year", 2.0, 0.3, holidays=3.0),
    Peace("2 a day, weeks that hang together", 2.0, 0.2, drift=0.4),
    Peace("2 a day, none at week-ends, Mondays double", 2.0, 0.3, closed_at_weekends=True),
    Peace("5 a day, over-dispersed (0.3)", 5.0, 0.3),
    Peace("20 a day, over-dispersed (0.1)", 20.0, 0.1),
)


def simulate_orders(kind: Peace, n_days: int, random: np.random.Generator) -> Counts:
    """Orders of each day: they grow with the complaints; sales begin five days before their complaints."""
    days = np.arange(n_days)
    level = kind.mean * kind.orders * kind.growth ** (days / 365)
    for start in HOLIDAYS:
        level[(days % 365 >= start - ORDERED) & (days % 365 < start - ORDERED + HOLIDAY_DAYS)] *= (
            kind.holidays
        )
    return random.poisson(level * random.gamma(1 / ORDERS_ALPHA, ORDERS_ALPHA, n_days)).astype(np.int64)


def simulate_peace(kind: Peace, n_days: int, random: np.random.Generator) -> Counts:
    """Complaints of each day."""
    days = np.arange(n_days)
    weekdays = np.array([(FIRST + timedelta(days=int(i))).weekday() for i in days])
    level = kind.mean * kind.growth ** (days / 365) * WEEKDAYS[weekdays]
    for start in HOLIDAYS:
        level[(days % 365 >= start) & (days % 365 < start + HOLIDAY_DAYS)] *= kind.holidays
    if kind.drift:
        state, memory = np.zeros(n_days), 0.8
        for i in range(1, n_days):
            state[i] = memory * state[i - 1] + random.normal(0, kind.drift * np.sqrt(1 - memory**2))
        level *= np.exp(state - kind.drift**2 / 2)
    if kind.alpha:
        level = level * random.gamma(1 / kind.alpha, kind.alpha, n_days)
    counts = random.poisson(level)
    if kind.closed_at_weekends:
        for i in np.flatnonzero(weekdays == 0):
            counts[i] += counts[max(i - 2, 0) : i].sum()
        counts[weekdays >= 5] = 0
    return counts.astype(np.int64)


def simulate_outbreak(random: np.random.Generator) -> tuple[int, Counts]:
    """Day of the first call, and complaints of each day: over 700 within twelve days of the first."""
    calls = np.linspace(1.0, 10.0, 12)
    made = random.poisson(calls / calls.sum() * 760)
    counts = np.zeros(40, dtype=np.int64)
    for day, n in enumerate(made):
        for delay in random.exponential(1.0, n):
            counts[min(day + int(delay + random.random()), 39)] += 1
    return int(np.flatnonzero(made)[0]), counts


def make_victims(counts: Counts, random: np.random.Generator, given: Given, outbreak: Counts) -> pl.DataFrame:
    """A row per complaint, `outbreak` of each day its own; in regions, products and couriers by chance."""
    days = [FIRST + timedelta(days=int(i)) for i in np.repeat(np.arange(len(counts)), counts)]
    columns: dict[str, Any] = {"day": pl.Series(days, dtype=pl.Date)}
    if given.split:
        for name, shares in (("region", (9, 5, 3, 2, 1, 1)), ("product", (4, 3, 2, 1)), ("courier", (2, 1))):
            p = np.array(shares) / sum(shares)
            columns[name] = random.choice([f"{name}{i}" for i in range(len(shares))], len(days), p=p)
    if given.kinds:
        parts = [
            np.where(np.arange(n) < outbreak[day], 0, random.choice(3, n, p=MIX))
            for day, n in enumerate(counts)
        ]
        true = np.concatenate(parts)
        lost = (1 - given.recall) / 2
        reading = np.vstack([[given.recall, lost, lost], READING])
        drawn = (random.random(len(true))[:, None] > reading[true].cumsum(axis=1)).sum(axis=1)
        columns["kind"] = [READ[i] for i in drawn]
    return pl.DataFrame(columns)


def watch(
    kind: Peace,
    given: Given,
    settings: EarlySettings,
    counts: Counts,
    random: np.random.Generator,
    planted: Counts,
) -> Replay:
    """What would have rung over `counts`, `planted` of which are the outbreak's."""
    days = [FIRST + timedelta(days=i) for i in range(len(counts))]
    orders = None
    if given.orders:
        drawn = simulate_orders(kind, len(counts), random)
        orders = Counter(dict(zip(days, drawn.tolist(), strict=True)))
    victims = make_victims(counts, random, given, planted)
    replay = replay_complaints(victims, settings, FIRST, days[-1], orders)
    assert replay is not None
    return replay


def count_false_alarms(kind: Peace, runs: int, years: int, settings: EarlySettings, given: Given) -> int:
    """Episodes of alarm in `runs` histories of peaceful years; alarms less than a week apart are one."""
    n = 0
    for seed in range(runs):
        random = np.random.default_rng([seed, 1])
        counts = simulate_peace(kind, 365 * years, random)
        replay = watch(kind, given, settings, counts, random, np.zeros_like(counts))
        days = sorted(alarm.day for alarm in replay.alarms)
        n += sum(i == 0 or (day - days[i - 1]).days >= 7 for i, day in enumerate(days))
    return n


def plant_outbreak(kind: Peace, seed: int) -> tuple[int, Counts, Counts, np.random.Generator]:
    """Day of the first call, complaints of each day, and those of them that are the outbreak's."""
    random = np.random.default_rng([seed, 2])
    counts = simulate_peace(kind, ONSET + 40, random)
    first_call, outbreak = simulate_outbreak(random)
    onset = ONSET + seed % 7
    planted = np.zeros_like(counts)
    planted[onset:] = outbreak[: len(counts) - onset]
    return onset + first_call, counts + planted, planted, random


def measure_delays(kind: Peace, runs: int, settings: EarlySettings, given: Given) -> list[int | None]:
    """Days from the first call to the alarm, None if none came in forty days."""
    delays: list[int | None] = []
    for seed in range(runs):
        called, counts, planted, random = plant_outbreak(kind, seed)
        replay = watch(kind, given, settings, counts, random, planted)
        after = [(alarm.day - FIRST).days - called for alarm in replay.alarms]
        delays.append(min((delay for delay in after if delay >= 0), default=None))
    return delays


def measure_ceiling(kind: Peace, runs: int) -> list[int | None]:
    """Delays of the alarm that nothing can beat: it knows each day's level and the outbreak's course exactly.

    A Shiryaev-Roberts statistic of the true likelihood ratios at one false alarm a year; peace is negative
    binomial, the outbreak Poisson on top.
    """
    many = [simulate_outbreak(np.random.default_rng([seed, 3]))[1] for seed in range(2000)]
    course = np.mean(many, axis=0)[:12]
    numbers = np.arange(400)
    added = poisson.pmf(numbers, course[:, None])

    def weigh(level: float) -> Counts:
        """Likelihood ratio of each count (columns) on each day of the outbreak (rows)."""
        size = 1 / kind.alpha if kind.alpha else 1e9
        usual = nbinom.pmf(numbers, size, size / (size + level))
        risen = [np.convolve(usual, more)[: len(numbers)] for more in added]
        return np.asarray(risen) / np.maximum(usual, 1e-300)

    ratios = [weigh(kind.mean * factor) for factor in WEEKDAYS]
    delays: list[int | None] = []
    for seed in range(runs):
        called, counts, _, _ = plant_outbreak(kind, seed)
        begun = np.zeros(len(course))  # statistic of outbreaks that are in their n-th day
        rung = None
        for at, count in enumerate(counts):
            weekday = (FIRST + timedelta(days=at)).weekday()
            begun = np.concatenate([[1.0], begun[:-1]]) * ratios[weekday][:, count]
            if begun.sum() >= 365 and at < called:
                begun[:] = 0
            elif begun.sum() >= 365:
                rung = at - called
                break
        delays.append(rung)
    return delays


def show_rate(n: int, years: float) -> str:
    """Events a year with their 95 % interval (Garwood 1936)."""
    low = chi2.ppf(0.025, 2 * n) / 2 / years if n else 0.0
    return f"{n / years:.2f} [{low:.2f}–{chi2.ppf(0.975, 2 * n + 2) / 2 / years:.2f}]"


def tell_delays(delays: list[int | None]) -> tuple[str, str, str]:
    """How many in time, the median, the most."""
    found = sorted(40 if delay is None else delay for delay in delays)
    in_time = sum(delay <= 2 for delay in found)
    return f"{in_time} of {len(found)}", str(found[len(found) // 2]), str(found[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="peaceful histories, and outbreaks, per kind")
    parser.add_argument("--years", type=int, default=2, help="length of a peaceful history")
    parser.add_argument("--rise", type=float, help="the setting tolerated_rise")
    parser.add_argument("--split", action="store_true", help="by region, product and courier as well")
    parser.add_argument("--kinds", action="store_true", help="with kinds, as the reading tells them")
    parser.add_argument("--orders", action="store_true", help="with the number of orders of each day")
    parser.add_argument(
        "--recall", type=float, default=RECALL, help="share of its calls whose kind is read right"
    )
    parser.add_argument("--ceiling", action="store_true", help="the best alarm that there can be, instead")
    parser.add_argument("--only", default="", help="kinds of shops whose name holds this")
    args = parser.parse_args()
    settings = EarlySettings() if args.rise is None else EarlySettings(tolerated_rise=args.rise)
    given = Given(args.split, args.kinds, args.orders, args.recall)
    begun = time.perf_counter()
    rows = []
    for kind in KINDS:
        if args.only not in kind.name or (args.ceiling and not kind.is_plain):
            continue
        if args.ceiling:
            row = (kind.name, "at most 1", *tell_delays(measure_ceiling(kind, args.runs)))
        else:
            n = count_false_alarms(kind, args.runs, args.years, settings, given)
            delays = measure_delays(kind, args.runs, settings, given)
            row = (kind.name, show_rate(n, float(args.years * args.runs)), *tell_delays(delays))
        rows.append(row)
        print(row, flush=True)
    print(make_table(("peace", "false alarms a year", "within 2 days", "median days", "most"), rows))
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
