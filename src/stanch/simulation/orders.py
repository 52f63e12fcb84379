"""Orders: who places how many, when, and where they go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from stanch.simulation.attempts import format_times, truncate_times
from stanch.simulation.draws import Generator, Ints, choose, draw_between, pick
from stanch.simulation.names import make_order_numbers
from stanch.simulation.rhythm import Calendar, draw_times, spread_over
from stanch.simulation.shop import Shop


@dataclass(frozen=True)
class Orders:
    """One row per order, in order of time."""

    time_us: Ints
    account: Ints
    #: Index into the shop's regions.
    region: Ints
    #: In hundredths of the shop's currency.
    cents: Ints
    numbers: pl.Series
    #: The span of the orders; it begins before that of the logins.
    calendar: Calendar

    def __len__(self) -> int:
        return len(self.time_us)


def make_orders(rng: Generator, shop: Shop) -> Orders:
    """Orders of the span and of the weeks before it, more of them from those who log in often."""
    plan, people = shop.plan, shop.customers
    calendar = shop.calendar.widen(plan.history_days)
    n = round(len(people) * draw_between(rng, plan.orders_per_user))
    weights = (people.rate + 0.02 * people.rate.mean()) ** draw_between(rng, (0.5, 1.0))
    account = choose(rng, n, weights)
    hourly = spread_over(calendar, shop.week, draw_between(rng, (0.9, 1.5)))
    time_us = truncate_times(draw_times(rng, n, hourly, calendar.start_us), shop.habits.time_style)
    ready = time_us >= people.registered_us[account]
    account, time_us = account[ready], time_us[ready]
    by_time = np.argsort(time_us, kind="stable")
    account, time_us = account[by_time], time_us[by_time]
    local = pl.Series(time_us).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(calendar.zone)
    dates = local.dt.strftime("%Y%m%d").cast(pl.Int64).to_numpy()
    cents = np.exp(rng.normal(np.log(draw_between(rng, (4_000, 30_000))), 0.9, len(account)))
    # Now and then a parcel goes to somebody else's region.
    elsewhere = rng.random(len(account)) < 0.05
    region = np.where(elsewhere, rng.integers(len(shop.regions), size=len(account)), people.region[account])
    style = pick(rng, ("dated", "counter", "random", "dated"))
    numbers = make_order_numbers(rng, dates, style)
    return Orders(time_us, account, region, cents.astype(np.int64), numbers, calendar)


def write_orders(shop: Shop, orders: Orders) -> pl.DataFrame:
    """The table of orders in the contract's columns."""
    return pl.DataFrame(
        {
            "order": orders.numbers,
            "account": shop.all_names().gather(orders.account),
            "time": format_times(orders.time_us, shop.habits.time_style, shop.calendar.zone),
            "amount": pl.Series(orders.cents / 100.0).round(2),
            "currency": pl.Series([shop.currency] * len(orders), dtype=pl.String),
            "region": pl.Series(shop.regions).gather(orders.region),
        }
    )
