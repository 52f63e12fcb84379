"""How orders are handled: everybody's ordinary looks, from payment to parcel."""

from __future__ import annotations

import numpy as np

from stanch.simulation.attempts import SUCCESS, Attempts
from stanch.simulation.draws import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    Generator,
    Ints,
    choose,
    draw_between,
    draw_count,
    draw_zipf_weights,
    pick,
)
from stanch.simulation.orders import Orders
from stanch.simulation.rhythm import move_into_week
from stanch.simulation.shop import Shop
from stanch.simulation.team import WHOLE_ORDER, Team
from stanch.simulation.views import Views, make_customer_views, make_views


def make_ordinary_views(
    rng: Generator, shop: Shop, orders: Orders, team: Team, logins: Attempts
) -> list[Views]:
    """Everybody's ordinary looks at orders."""
    customers, services = _view_as_customers(rng, orders, logins), _view_as_services(rng, orders, team)
    packers, couriers = _view_as_packers(rng, orders, team), _view_as_couriers(rng, orders, team)
    agents = _view_as_agents(rng, orders, team)
    others = [_view_as_leads(rng, orders, team), _view_at_door(rng, shop, orders, team)]
    if "warehouse" in team.roles:
        others.append(_view_in_warehouses(rng, orders, team))
    return [
        customers,
        *services,
        packers,
        couriers,
        agents,
        *others,
        *_share_queues(rng, orders, team, agents),
    ]


def _view_as_customers(rng: Generator, orders: Orders, logins: Attempts) -> Views:
    """Buyers look at their own orders, in the session of their next login where there is one soon."""
    mine = logins.take((logins.outcome == SUCCESS) & (logins.campaign < 0))
    mine = mine.take(np.lexsort((mine.time_us, mine.account)))
    rows = np.repeat(np.arange(len(orders)), rng.poisson(draw_between(rng, (0.4, 1.1)), size=len(orders)))
    wanted = orders.time_us[rows] + (rng.exponential(2.5, len(rows)) * DAY_US).astype(np.int64)
    # One sorted key of account and time (in about milliseconds, 2^43 of them) finds the next login.
    key = (mine.account << 43) + (mine.time_us >> 10)
    at = np.searchsorted(key, (orders.account[rows] << 43) + (wanted >> 10))
    at = np.minimum(at, len(mine) - 1)
    wait = mine.time_us[at] - wanted
    fits = (mine.account[at] == orders.account[rows]) & (wait >= 0) & (wait < 20 * DAY_US)
    rows, at = rows[fits], at[fits]
    time_us = mine.time_us[at] + (rng.exponential(90, len(rows)) * SECOND_US).astype(np.int64) + SECOND_US
    return make_customer_views(rows, time_us, WHOLE_ORDER, mine.take(at))


def _view_as_services(rng: Generator, orders: Orders, team: Team) -> list[Views]:
    """Payment and messages at once, a vendor's sync at fixed minutes."""
    every = np.arange(len(orders))
    paid_us = orders.time_us + (rng.exponential(40, len(orders)) * SECOND_US).astype(np.int64) + SECOND_US
    told = every[rng.random(len(orders)) < 0.7]
    synced = every[rng.random(len(orders)) < draw_between(rng, (0.3, 1.0))]
    period = pick(rng, (5, 15, 60)) * MINUTE_US
    vendor = team.roles["vendor"][orders.account[synced] % len(team.roles["vendor"])]
    return [
        make_views(team, paid_us, np.full(len(every), team.roles["payment"][0]), every),
        make_views(
            team, orders.time_us[told] + 3 * MINUTE_US, np.full(len(told), team.roles["sms"][0]), told
        ),
        make_views(team, (orders.time_us[synced] // period + 1) * period, vendor, synced),
    ]


def _view_as_packers(rng: Generator, orders: Orders, team: Team) -> Views:
    wait = np.exp(rng.normal(np.log(9 * HOUR_US), 0.6, len(orders))).astype(np.int64)
    time_us = move_into_week(rng, orders.time_us + wait, orders.calendar, open_hours(6, 20, sunday=False))
    packer = rng.choice(team.roles["packer"], size=len(orders))
    return make_views(team, time_us, packer, np.arange(len(orders)))


def _view_as_couriers(rng: Generator, orders: Orders, team: Team) -> Views:
    """Each region has its courier, half of them two; labels are fetched when the parcel is packed."""
    couriers = team.roles["courier"]
    n_regions = int(orders.region.max(initial=0)) + 1
    weights = draw_zipf_weights(rng, len(couriers), 0.5)
    first, second = choose(rng, n_regions, weights), choose(rng, n_regions, weights)
    share = np.where(rng.random(n_regions) < 0.5, 0.0, rng.uniform(0.1, 0.5, n_regions))
    on_second = rng.random(len(orders)) < share[orders.region]
    courier = couriers[np.where(on_second, second[orders.region], first[orders.region])]
    if team.plan.sole_couriers:
        courier = couriers[orders.region]
    wait = np.exp(rng.normal(np.log(20 * HOUR_US), 0.5, len(orders))).astype(np.int64)
    time_us = move_into_week(rng, orders.time_us + wait, orders.calendar, open_hours(5, 22, sunday=True))
    return make_views(team, time_us, courier, np.arange(len(orders)))


def _view_in_warehouses(rng: Generator, orders: Orders, team: Team) -> Views:
    """Parcels are packed where the buyer's region is served from, some where there is stock."""
    houses = team.roles["warehouse"]
    n_regions = int(orders.region.max(initial=0)) + 1
    weights = draw_zipf_weights(rng, len(houses), draw_between(rng, (0.1, 0.8)))
    nearest = choose(rng, n_regions, weights)[orders.region]
    elsewhere = rng.random(len(orders)) < draw_between(rng, (0.1, 0.8))
    house = houses[np.where(elsewhere, choose(rng, len(orders), weights), nearest)]
    wait = np.exp(rng.normal(np.log(5 * HOUR_US), 0.7, len(orders))).astype(np.int64)
    time_us = move_into_week(rng, orders.time_us + wait, orders.calendar, open_hours(5, 22, sunday=True))
    return make_views(team, time_us, house, np.arange(len(orders)))


def _view_as_agents(rng: Generator, orders: Orders, team: Team) -> Views:
    """Agents open what their queue brings; in some shops queues go by region."""
    agents = team.roles["agent"]
    asked = np.flatnonzero(rng.random(len(orders)) < draw_between(rng, (0.15, 0.45)))
    asked = np.repeat(asked, 1 + rng.poisson(0.3, size=len(asked)))
    in_queue = rng.random(len(asked)) < (0.8 if rng.random() < 0.4 else 0.0)
    anybody = choose(rng, len(asked), draw_zipf_weights(rng, len(agents), 0.35))
    queue = (orders.region[asked] * 7 + rng.integers(3, size=len(asked))) % len(agents)
    agent = agents[np.where(in_queue, queue, anybody)]
    wait = (rng.exponential(2.0, len(asked)) * DAY_US).astype(np.int64)
    time_us = move_into_week(
        rng, orders.time_us[asked] + wait, orders.calendar, open_hours(8, 22, sunday=True)
    )
    return make_views(team, time_us, agent, asked)


def _share_queues(rng: Generator, orders: Orders, team: Team, views: Views) -> list[Views]:
    """In a branch, colleagues open what one of them opened, within a day or two."""
    if team.plan.branch is None:
        return []
    agents = team.roles["agent"]
    size, p_shared = draw_count(rng, team.plan.branch), draw_between(rng, team.plan.p_shared)
    branch, place = np.divmod(views.actor - agents[0], size)
    parts = []
    for step in range(1, size):
        colleague = branch * size + (place + step) % size
        rows = np.flatnonzero((rng.random(len(views)) < p_shared) & (colleague < len(agents)))
        wait = (rng.exponential(8.0, len(rows)) * HOUR_US).astype(np.int64) + MINUTE_US
        time_us = move_into_week(
            rng, views.time_us[rows] + wait, orders.calendar, open_hours(8, 22, sunday=True)
        )
        parts.append(make_views(team, time_us, agents[colleague[rows]], views.order[rows]))
    return parts


def _view_as_leads(rng: Generator, orders: Orders, team: Team) -> Views:
    """Leads search through everything, some much more than others."""
    leads = team.roles["lead"]
    seen = np.flatnonzero(rng.random(len(orders)) < draw_between(rng, (0.03, 0.15)))
    wait = (rng.exponential(3.0, len(seen)) * DAY_US).astype(np.int64)
    time_us = move_into_week(
        rng, orders.time_us[seen] + wait, orders.calendar, open_hours(9, 18, sunday=False)
    )
    return make_views(team, time_us, leads[choose(rng, len(seen), np.arange(1, len(leads) + 1.0))], seen)


def _view_at_door(rng: Generator, shop: Shop, orders: Orders, team: Team) -> Views:
    """Parcels followed without signing in, by those who have the number."""
    rows = np.flatnonzero(rng.random(len(orders)) < draw_between(rng, (0.05, 0.2)))
    time_us = orders.time_us[rows] + (rng.exponential(2.0, len(rows)) * DAY_US).astype(np.int64) + MINUTE_US
    network = shop.carriers[rng.integers(len(shop.carriers), size=len(rows))]
    places = shop.networks.make_v4(network, rng.integers(0, 40, size=len(rows)))
    return make_views(team, time_us, np.full(len(rows), team.roles["door"][0]), rows).move(places)


def look_up_complaints(
    rng: Generator, team: Team, orders: Orders, order: Ints, told_us: tuple[Ints, Ints]
) -> Views:
    """The desk opens orders that customers complain about, mostly the few who take such calls.

    `told_us`: when each scam call came and when it was reported. Some victims ask the desk in between, and
    some reports are looked into again days later.
    """
    contacted_us, received_us = told_us
    agents = team.roles["agent"]
    few = rng.choice(agents, size=min(len(agents), int(rng.integers(1, 6))), replace=False)
    rows = np.flatnonzero(rng.random(len(order)) < draw_between(rng, (0.4, 1.0)))
    asks = rng.random(len(rows)) < draw_between(rng, (0.0, 0.6))
    wait = received_us[rows] - contacted_us[rows]
    wait = np.where(asks, (wait * rng.random(len(rows))).astype(np.int64), wait)
    first_us = contacted_us[rows] + wait + rng.integers(20 * MINUTE_US, size=len(rows))
    again = np.flatnonzero(rng.random(len(rows)) < draw_between(rng, (0.0, 0.5)))
    later_us = first_us[again] + (rng.exponential(2.0, len(again)) * DAY_US).astype(np.int64)
    later_us = move_into_week(rng, later_us, orders.calendar, open_hours(8, 22, sunday=True))
    seen = np.concatenate([rows, rows[again]])
    agent = few[choose(rng, len(seen), draw_zipf_weights(rng, len(few), 1.0))]
    return make_views(team, np.concatenate([first_us, later_us]), agent, order[seen])


def open_hours(first: int, last: int, *, sunday: bool) -> Ints:
    """Hours of the week between two hours of each day."""
    hours = np.arange(168)
    inside = (hours % 24 >= first) & (hours % 24 < last)
    return np.flatnonzero(inside & (sunday | (hours < 144)))
