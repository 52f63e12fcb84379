"""The customers of a shop, one row each: how often they come, from where, with what, how they type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.simulation.clients import Clients
from stanch.simulation.draws import (
    Bounds,
    Flags,
    Floats,
    Generator,
    Ints,
    choose,
    draw_between,
    draw_zipf_weights,
)
from stanch.simulation.rhythm import Calendar

#: Kinds of customer, by how their password gets typed.
KINDS: Final = ("manager", "ordinary", "clumsy", "forgetful")


@dataclass(frozen=True)
class CustomerPlan:
    """What customers depend on."""

    n: int
    rate: Bounds
    growth: float
    calendar: Calendar
    clients: Clients
    homes: Ints
    carriers: Ints
    campuses: Ints
    n_regions: int


@dataclass(frozen=True)
class Customers:
    """One row per account that the shop has, as arrays of equal length."""

    #: Logins per day.
    rate: Floats
    #: Index into `KINDS`.
    kind: Ints
    region: Ints
    household: Ints
    #: Networks at home, on the phone, at school or work (-1 none).
    home: Ints
    carrier: Ints
    campus: Ints
    #: Shares of sessions at home, on the carrier, on campus; shape (3, n).
    places: Floats
    n_devices: Ints
    #: Family of client and update lag of three devices each; shape (3, n).
    family: Ints
    lag: Ints
    #: 0 for those who were there before the span.
    registered_us: Ints

    def __len__(self) -> int:
        return len(self.rate)


def draw_customers(rng: Generator, plan: CustomerPlan) -> Customers:
    """Draw all customers."""
    n = plan.n
    n_households = max(1, round(n / draw_between(rng, (1.1, 1.8))))
    household = rng.integers(n_households, size=n)
    home_of = plan.homes[choose(rng, n_households, draw_zipf_weights(rng, len(plan.homes), 0.8))]
    on_campus = rng.random(n) < draw_between(rng, (0.03, 0.15))
    campus = plan.campuses[choose(rng, n, draw_zipf_weights(rng, len(plan.campuses), 0.7))]
    managers, clumsy, forgetful = (draw_between(rng, b) for b in ((0.15, 0.5), (0.03, 0.12), (0.02, 0.08)))
    weights = [plan.clients.family_share[plan.clients.family_class == c].sum() for c in range(3)]
    classes = choose(rng, 3 * n, weights)
    late = rng.poisson(0.5, size=(3, n)) + 4 * (rng.random((3, n)) < 0.03)
    return Customers(
        rate=_draw_rates(rng, n, plan.rate),
        kind=choose(rng, n, [managers, 1 - managers - clumsy - forgetful, clumsy, forgetful]),
        region=choose(rng, n, np.arange(1, plan.n_regions + 1) ** -draw_between(rng, (0.3, 1.0))),
        household=household,
        home=home_of[household],
        carrier=plan.carriers[choose(rng, n, draw_zipf_weights(rng, len(plan.carriers), 0.6))],
        campus=np.where(on_campus, campus, -1),
        places=_draw_places(rng, on_campus, 1 - weights[0]),
        n_devices=1 + choose(rng, n, [0.55, 0.33, 0.12]),
        family=plan.clients.choose_families(rng, classes).reshape(3, n),
        lag=np.minimum(late, 5),
        registered_us=_draw_registrations(rng, plan),
    )


def _draw_rates(rng: Generator, n: int, bounds: Bounds) -> Floats:
    """Few come often, most seldom; dormant accounts nearly never, but there are many of them."""
    shape = draw_between(rng, (0.35, 0.9))
    rate = rng.gamma(shape, 1.0 / shape, n) * draw_between(rng, bounds)
    rate[rng.random(n) < draw_between(rng, (0.1, 0.4))] *= 0.03
    return rate


def _draw_places(rng: Generator, on_campus: Flags, mobile_share: float) -> Floats:
    """Some have a line and no mobile data, others a phone and no line, most both."""
    n = len(on_campus)
    share = float(np.clip(mobile_share, 0.05, 0.95))
    on_carrier = rng.beta(2 * share, 2 * (1 - share), n)
    places = np.stack([1 - on_carrier, on_carrier, np.where(on_campus, rng.uniform(0.3, 1.2, n), 0.0)])
    return np.asarray(places / places.sum(axis=0))


def _draw_registrations(rng: Generator, plan: CustomerPlan) -> Ints:
    """A growing shop's new customers register within the span."""
    calendar = plan.calendar
    joins = rng.random(plan.n) < max(0.0, 1 - 1 / plan.growth)
    moment = calendar.start_us + (rng.random(plan.n) * (calendar.end_us - calendar.start_us)).astype(np.int64)
    return np.where(joins, moment, 0)
