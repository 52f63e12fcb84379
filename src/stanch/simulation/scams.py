"""From leaked orders to scam calls: who is called and when, what is cited, who reports it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from stanch.evidence.tables import FIELDS
from stanch.simulation.draws import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    Bounds,
    Flags,
    Floats,
    Generator,
    Ints,
    draw_between,
    draw_count,
)
from stanch.simulation.handling import open_hours
from stanch.simulation.leaks import Leaked
from stanch.simulation.orders import Orders
from stanch.simulation.rhythm import move_into_week
from stanch.simulation.shop import Shop
from stanch.simulation.team import ALL_FIELDS

#: How often callers cite each field that they know, in the order of `FIELDS`.
_USUAL_CITING: Final = (0.85, 0.6, 0.4, 0.85, 0.55, 0.35, 0.4, 0.25)
#: What callers of no leak cite: a number and perhaps a name from elsewhere, the rest by guessing.
_GUESSED_CITING: Final = (0.75, 0.6, 0.12, 0.08, 0.05, 0.05, 0.04, 0.02)
#: Chance per field that a caller cites what the leak did not show, known from elsewhere.
_P_FROM_ELSEWHERE: Final = 0.004


@dataclass(frozen=True)
class ScamPlan:
    """How a gang works and victims report; ranges are drawn from by the seed."""

    #: Complaints that reach the shop because of each leak, and ones that have another cause.
    wanted: Bounds = (15, 90)
    background: Bounds = (0, 8)
    #: Median days from exposure to call.
    lag_days: Bounds = (0.5, 4)
    #: When calls begin: days after the first exposure; or a share of the span.
    begins_days: Bounds = (0, 3)
    calls_from: Bounds | None = None
    #: Complaints with other causes come within one short wave, and their number is not scaled.
    in_a_wave: bool = False
    #: Share of calls that is reported, instead of a number of complaints.
    reporting: Bounds | None = None
    #: One region reports so many times as readily as it would.
    loud: Bounds | None = None
    #: The desk writes down hardly anything: seldom the order, the time of the call, what was known.
    bare: bool = False
    #: Losses are those that the council of 2015 published.
    council: bool = False


@dataclass(frozen=True)
class Calls:
    """Scam calls that were reported, row by row."""

    order: Ints
    contacted_us: Ints
    received_us: Ints
    #: Set of fields that the caller cited.
    cited: Ints
    #: Index of the leak, -1 for another cause.
    leak: Ints

    def __len__(self) -> int:
        return len(self.order)

    def take(self, rows: Ints | Flags) -> Calls:
        """These rows, in this order."""
        return Calls(*(getattr(self, f.name)[rows] for f in fields(self)))


@dataclass(frozen=True)
class Public:
    """The people who are called, and the shop that they bought from."""

    shop: Shop
    orders: Orders
    #: How readily each region reports, and how soon people do.
    loudness: Floats
    patience_hours: float


def make_calls(
    rng: Generator, shop: Shop, orders: Orders, leaks: list[Leaked], plan: ScamPlan, *, scale: float
) -> Calls:
    """Reported calls from all leaks and from elsewhere, in order of reporting."""
    loudness = np.exp(rng.normal(0, draw_between(rng, (0.1, 0.6)), len(shop.regions)))
    if plan.loud is not None:
        loudness[orders.region[int(rng.integers(len(orders)))]] *= draw_between(rng, plan.loud)
    public = Public(shop, orders, loudness, draw_between(rng, (3, 20)))
    shrink = min(1.0, scale) ** 0.5
    parts = [_call_at_random(rng, public, plan, 1.0 if plan.in_a_wave else shrink)]
    for number, leaked in enumerate(leaks):
        wanted = max(min(4, round(plan.wanted[0])), round(draw_count(rng, plan.wanted) * shrink))
        made = _call_leaked(rng, public, plan, leaked)
        if plan.reporting is not None:
            wanted = int(rng.binomial(len(made), draw_between(rng, plan.reporting)))
        made = made.take(_choose_reporters(rng, public, made, wanted))
        parts.append(replace(made, leak=np.full(len(made), number, dtype=np.int64)))
    calls = Calls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Calls)))
    return calls.take(np.argsort(calls.received_us, kind="stable"))


def _call_leaked(rng: Generator, public: Public, plan: ScamPlan, leaked: Leaked) -> Calls:
    """A call about every leaked order, as far as it could still be reported within the span."""
    n, calendar = len(leaked.order), public.shop.calendar
    lag = np.exp(rng.normal(np.log(draw_between(rng, plan.lag_days)), 0.6, n)) * DAY_US
    begins_us = leaked.span_us[0] + int(draw_between(rng, plan.begins_days) * DAY_US)
    if plan.calls_from is not None:
        begins_us = calendar.at(draw_between(rng, plan.calls_from))
    ready_us = leaked.time_us + lag.astype(np.int64)
    held_us = begins_us + (rng.exponential(2.5, n) * DAY_US).astype(np.int64)
    ready_us = np.where(ready_us < begins_us, held_us, ready_us)
    contacted_us = move_into_week(rng, ready_us, public.orders.calendar, open_hours(9, 21, sunday=True))
    received_us = _report(rng, public, contacted_us)
    habits = np.clip(np.array(_USUAL_CITING) * rng.uniform(0.4, 1.15, len(FIELDS)), 0.03, 0.98)
    none = np.full(n, -1, dtype=np.int64)
    made = Calls(leaked.order, contacted_us, received_us, _cite(rng, leaked.fields, habits), none)
    return made.take((received_us < calendar.end_us) & (contacted_us > leaked.time_us + MINUTE_US))


def _choose_reporters(rng: Generator, public: Public, calls: Calls, wanted: int) -> Ints:
    """Calls that get reported: louder regions and fresher orders more, nearly always one per customer."""
    orders = public.orders
    age_days = (calls.contacted_us - orders.time_us[calls.order]) / DAY_US
    weights = public.loudness[orders.region[calls.order]] * np.exp(-age_days / draw_between(rng, (8, 60)))
    # Sampling without replacement by weight: smallest exponential clocks (Efraimidis, Spirakis 2006).
    ranked = np.argsort(rng.exponential(1.0, len(calls)) / np.maximum(weights, 1e-12))
    _, first = np.unique(orders.account[calls.order][ranked], return_index=True)
    kept = rng.random(len(ranked)) < 0.02
    kept[first] = True
    return ranked[kept][:wanted]


def _call_at_random(rng: Generator, public: Public, plan: ScamPlan, shrink: float) -> Calls:
    """Calls with another cause: numbers from elsewhere that happen to belong to customers."""
    calendar, orders = public.shop.calendar, public.orders
    n = round(draw_count(rng, plan.background) * shrink)
    width = draw_between(rng, (0.1, 0.4)) if plan.in_a_wave else 0.9
    first = draw_between(rng, (0.02, 0.95 - width))
    share = first + width * rng.random(n)
    moment = calendar.start_us + (share * (calendar.end_us - calendar.start_us)).astype(np.int64)
    contacted_us = move_into_week(rng, moment, orders.calendar, open_hours(9, 21, sunday=True))
    # The victim thinks of a recent order, since that is what is on the mind.
    back = np.exp(rng.normal(np.log(max(len(orders) / 15, 2)), 1.0, n)).astype(np.int64)
    order = np.maximum(np.searchsorted(orders.time_us, contacted_us) - 1 - back, 0)
    if plan.loud is not None:
        order = _prefer_loud(rng, public, order)
    habits = np.minimum(np.array(_GUESSED_CITING) * draw_between(rng, (0.7, 1.2)), 1.0)
    cited = _cite(rng, np.full(n, ALL_FIELDS), habits)
    received_us = np.minimum(_report(rng, public, contacted_us), calendar.end_us - 1)
    made = Calls(order, contacted_us, received_us, cited, np.full(n, -1, dtype=np.int64))
    return made.take(contacted_us < received_us)


def _prefer_loud(rng: Generator, public: Public, order: Ints) -> Ints:
    """For each order one of those placed about the same time, louder regions' more likely."""
    near = order[:, None] + rng.integers(-40, 1, size=(len(order), 40))
    near = np.maximum(near, 0)
    weights = public.loudness[public.orders.region[near]]
    chosen = (rng.exponential(1.0, near.shape) / weights).argmin(axis=1)
    return np.asarray(near[np.arange(len(order)), chosen], dtype=np.int64)


def _cite(rng: Generator, visible: Ints, habits: Floats) -> Ints:
    """Fields cited in each call: out of the visible ones, and now and then one known from elsewhere."""
    cited = np.zeros(len(visible), dtype=np.int64)
    for bit, habit in enumerate(habits.tolist()):
        p = np.where((visible >> bit) & 1 == 1, habit, _P_FROM_ELSEWHERE)
        cited |= (rng.random(len(visible)) < p).astype(np.int64) << bit
    return cited


def _report(rng: Generator, public: Public, contacted_us: Ints) -> Ints:
    """When a call is reported: mostly within the day, some after a week, in the hotline's hours."""
    wait = np.exp(rng.normal(np.log(public.patience_hours * HOUR_US), 1.2, len(contacted_us)))
    ready_us = contacted_us + wait.astype(np.int64)
    received_us = move_into_week(rng, ready_us, public.orders.calendar, open_hours(8, 22, sunday=True))
    return np.maximum(received_us, contacted_us + MINUTE_US)
