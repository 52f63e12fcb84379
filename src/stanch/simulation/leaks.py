"""How order data gets out: who reads what it should not, and what of it reaches the callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from stanch.simulation.attacks import Attack
from stanch.simulation.attempts import FAILURE, SUCCESS, Attempts, make_attempts
from stanch.simulation.countries import draw_countries
from stanch.simulation.draws import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    Bounds,
    Generator,
    Ints,
    count_within,
    draw_between,
    draw_count,
)
from stanch.simulation.orders import Orders
from stanch.simulation.places import find_places
from stanch.simulation.shop import Shop
from stanch.simulation.team import WHOLE_ORDER, Team
from stanch.simulation.views import Views, make_customer_views, make_views


@dataclass(frozen=True)
class LeakPlan:
    """One source that leaks; ranges are drawn from by the seed."""

    #: `staff`, `partner`, `service`, `customer`, `endpoint`, `counting`, `unlogged`, `copied-days`; or
    #: a role of the team, somebody of which passes on what it sees anyway.
    kind: str
    #: When it begins (share of the span of the logins) and for how many days it lasts.
    begins: Bounds = (0.05, 0.35)
    days: Bounds = (4, 14)
    #: Of the orders of those days: share that the source reads beyond its task, or passes on.
    share: Bounds = (0.05, 0.3)


@dataclass(frozen=True)
class Leaked:
    """Orders that reached the callers through one source: one row per order, first time."""

    kind: str
    source: str
    order: Ints
    time_us: Ints
    fields: Ints

    @property
    def span_us(self) -> tuple[int, int]:
        """First and last leaked exposure; zeros where nothing got out."""
        if not len(self.order):
            return 0, 0
        return int(self.time_us.min()), int(self.time_us.max())


@dataclass(frozen=True)
class Scene:
    """What a leak happens in; `views` are the ordinary looks in order of time."""

    shop: Shop
    orders: Orders
    team: Team
    views: Views


#: How often another source is drawn where one leaks already.
_MOST_DRAWS: Final = 50
#: Begin and end of a leak, and the share drawn for it.
_Window: TypeAlias = tuple[int, int, float]


def read_as_attacker(rng: Generator, scene: Scene, attack: Attack, logins: Attempts) -> Views:
    """In a fallen account's session the attacker reads its orders: at once, or within hours."""
    inside = logins.take((logins.outcome == SUCCESS) & ~np.isin(logins.account, attack.own))
    inside = inside.take(rng.random(len(inside)) < draw_between(rng, attack.plan.reads))
    memory_us = int(draw_between(rng, attack.plan.memory_days) * DAY_US)
    pairs = _pair_with_orders(inside, scene.orders)
    pairs = pairs.filter((pl.col("age_us") <= memory_us) & (pl.col("rank") < int(rng.integers(5, 20))))
    login = pairs["login"].to_numpy()
    begin = np.exp(rng.normal(np.log(draw_between(rng, (20, 3600))), 0.8, len(inside))) * SECOND_US
    step_us = int(rng.integers(2, 15)) * SECOND_US
    time_us = (inside.time_us + begin.astype(np.int64))[login] + pairs["rank"].to_numpy() * step_us
    return make_customer_views(pairs["order"].to_numpy(), time_us, WHOLE_ORDER, inside.take(login))


def _pair_with_orders(inside: Attempts, orders: Orders) -> pl.DataFrame:
    """Each login with its account's earlier orders: login, order, age_us, rank (0: the newest)."""
    left = pl.DataFrame({"account": inside.account, "login": np.arange(len(inside)), "at_us": inside.time_us})
    right = pl.DataFrame(
        {"account": orders.account, "order": np.arange(len(orders)), "time_us": orders.time_us}
    )
    joined = left.join(right, on="account").with_columns(age_us=pl.col("at_us") - pl.col("time_us"))
    joined = joined.filter(pl.col("age_us") > 0).sort("login", "age_us", "order")
    return joined.with_columns(rank=pl.int_range(pl.len(), dtype=pl.Int64).over("login"))


def make_leak(
    rng: Generator, scene: Scene, plan: LeakPlan, taken: frozenset[str] = frozenset()
) -> tuple[list[Views], Leaked]:
    """Plant one leak; returns the looks that it adds to the log, and what got out.

    Not by a source that is `taken`, if another of the kind can be drawn.
    """
    calendar = scene.shop.calendar
    leak = _LEAKS.get(plan.kind, partial(_pass_on, role=plan.kind))
    for _ in range(_MOST_DRAWS):
        begin_us = calendar.at(draw_between(rng, plan.begins))
        end_us = min(begin_us + int(draw_between(rng, plan.days) * DAY_US), calendar.at(0.85))
        extra, leaked = leak(rng, scene, (begin_us, end_us, draw_between(rng, plan.share)))
        if leaked.source not in taken:
            break
    return extra, leaked


def collect_leaked(kind: str, source: str, parts: list[Views]) -> Leaked:
    """What these looks gave away: one row per order, its first look."""
    order, time_us, visible = (
        np.concatenate([getattr(p, name) for p in parts]) for name in ("order", "time_us", "fields")
    )
    by_time = np.argsort(time_us, kind="stable")
    kept, first = np.unique(order[by_time], return_index=True)
    rows = by_time[first]
    return Leaked(kind, source, kept, time_us[rows], visible[rows])


def _leak_by_staff(rng: Generator, scene: Scene, window: _Window) -> tuple[list[Views], Leaked]:
    """An agent's account searches for fresh orders outside its queue, day by day."""
    actor = int(rng.choice(scene.team.roles["agent"]))
    extra = _search_orders(rng, scene, actor, window, draw_between(rng, (0.5, 4)))
    own = _between(scene.views, actor, window)
    own = own.take(rng.random(len(own)) < draw_between(rng, (0.0, 1.0)))
    return [extra], collect_leaked("staff", f"staff:{scene.team.names[actor]}", [extra, own])


def _leak_by_partner(rng: Generator, scene: Scene, window: _Window) -> tuple[list[Views], Leaked]:
    """A courier (now and then a vendor) passes on a share of what it is sent anyway."""
    return _pass_on(rng, scene, window, "courier" if rng.random() < 0.8 else "vendor", least=100)


def _pass_on(
    rng: Generator, scene: Scene, window: _Window, role: str, least: int = 20
) -> tuple[list[Views], Leaked]:
    """Somebody of the role, who sees at least so many orders, passes on a share of what it sees anyway."""
    team = scene.team
    seen = [(actor, _between(scene.views, actor, window)) for actor in team.roles[role].tolist()]
    # Somebody who hardly sees anything is not worth a bribe.
    most = max(len(views) for _, views in seen)
    seen = [(actor, views) for actor, views in seen if len(views) >= min(least, most)]
    actor, views = seen[int(rng.integers(len(seen)))]
    passed = views.take(rng.random(len(views)) < window[2])
    return [], collect_leaked(team.kinds[actor], f"{team.kinds[actor]}:{team.names[actor]}", [passed])


def _leak_by_export(rng: Generator, scene: Scene, window: _Window) -> tuple[list[Views], Leaked]:
    """A reporting service writes exports of the last weeks' orders, and the files get out."""
    actor = int(scene.team.roles["export"][0])
    moments = np.sort(rng.integers(window[0], window[1], size=int(rng.integers(1, 4))))
    reach_us = int(draw_between(rng, (7, 30)) * DAY_US)
    parts = []
    for moment in moments.tolist():
        order = _placed_between(scene.orders, moment - reach_us, moment)
        order = order[rng.random(len(order)) < min(1.0, 3 * window[2])]
        time_us = moment + np.arange(len(order)) * 20_000
        parts.append(make_views(scene.team, time_us, np.full(len(order), actor), order))
    return parts, collect_leaked("service", f"service:{scene.team.names[actor]}", parts)


def _leak_to_customer(rng: Generator, scene: Scene, window: _Window) -> tuple[list[Views], Leaked]:
    """A customer's account is shown orders that are not its own."""
    shop = scene.shop
    account = int(rng.choice(np.flatnonzero(shop.customers.registered_us == 0)))
    order, time_us = _sample_fresh(rng, scene.orders, window, draw_between(rng, (1, 10)))
    foreign = scene.orders.account[order] != account
    order, time_us = order[foreign], time_us[foreign]
    owner = np.full(len(order), account)
    none = np.zeros(len(order), dtype=np.int64)
    places = find_places(rng, shop, owner, time_us, none)
    seen_in = make_attempts(time_us, places, owner, none + FAILURE, none)
    # One sitting, one session: looks within an hour share it.
    views = make_customer_views(
        order, time_us, WHOLE_ORDER, seen_in.replace(session=time_us // HOUR_US + account)
    )
    return [views], collect_leaked("customer", f"customer:{shop.names[0][account]}", [views])


def _leak_at_door(rng: Generator, scene: Scene, window: _Window) -> tuple[list[Views], Leaked]:
    """An open page shows an order to whoever has its number; somebody counts through the numbers."""
    shop, team = scene.shop, scene.team
    actor = int(team.roles["door"][0])
    moments = np.sort(rng.integers(window[0], window[1], size=int(rng.integers(2, 8))))
    n_placed = len(_placed_between(scene.orders, window[0], window[1]))
    wanted = int(window[2] * n_placed / len(moments)) + 20
    networks = shop.networks.add(["US", "NL", "SG"])
    parts = []
    for moment in moments.tolist():
        newest = int(np.searchsorted(scene.orders.time_us, moment))
        order = np.arange(max(0, newest - wanted), newest)
        time_us = moment + np.sort(rng.integers(len(order) * 4 * SECOND_US + 1, size=len(order)))
        network = networks[rng.integers(3, size=len(order))]
        places = shop.networks.make_v4(network, np.full(len(order), 5))
        parts.append(make_views(team, time_us, np.full(len(order), actor), order).move(places))
    return parts, collect_leaked("endpoint", f"endpoint:{team.names[actor]}", parts)


def _leak_by_counting(rng: Generator, scene: Scene, window: _Window) -> tuple[list[Views], Leaked]:
    """One run through the numbers of the last days, within hours; not every number is answered."""
    shop, team = scene.shop, scene.team
    actor = int(team.roles["door"][0])
    order = _placed_between(scene.orders, window[1] - int(draw_between(rng, (1, 12)) * DAY_US), window[1])
    order = order[rng.random(len(order)) < window[2]]
    length_us = draw_between(rng, (0.5, 20)) * HOUR_US
    time_us = window[1] + np.sort(rng.random(len(order)) * length_us).astype(np.int64)
    networks = shop.networks.add(draw_countries(rng, 3))
    slots = rng.integers(int(rng.integers(1, 40)), size=len(order))
    places = shop.networks.make_v4(networks[rng.integers(3, size=len(order))], slots)
    views = make_views(team, time_us, np.full(len(order), actor), order).move(places)
    return [views], collect_leaked("endpoint", f"endpoint:{team.names[actor]}", [views])


def _leak_unlogged(
    rng: Generator, scene: Scene, window: _Window, days: Bounds = (15, 60)
) -> tuple[list[Views], Leaked]:
    """The orders of so many days are copied once; no log shows it."""
    moment = (window[0] + window[1]) // 2
    order = _placed_between(scene.orders, moment - int(draw_between(rng, days) * DAY_US), moment)
    fields = np.full(len(order), WHOLE_ORDER, dtype=np.int64)
    return [], Leaked("unlogged", "unlogged", order, np.full(len(order), moment, dtype=np.int64), fields)


_LEAKS: Final[dict[str, Callable[[Generator, Scene, _Window], tuple[list[Views], Leaked]]]] = {
    "staff": _leak_by_staff,
    "partner": _leak_by_partner,
    "service": _leak_by_export,
    "customer": _leak_to_customer,
    "endpoint": _leak_at_door,
    "counting": _leak_by_counting,
    "unlogged": _leak_unlogged,
    "copied-days": partial(_leak_unlogged, days=(1, 6)),
}


def overwork_staff(rng: Generator, scene: Scene) -> Views:
    """Somebody innocent who reads a lot: a stocktake, a recall, a new colleague who learns."""
    begin_us = scene.shop.calendar.at(draw_between(rng, (0.05, 0.4)))
    window = (begin_us, begin_us + int(draw_between(rng, (2, 10)) * DAY_US), draw_between(rng, (0.05, 0.25)))
    return _search_orders(rng, scene, int(rng.choice(scene.team.roles["agent"])), window, 3.0)


def _search_orders(rng: Generator, scene: Scene, actor: int, window: _Window, age_days: float) -> Views:
    """Looks of one account through the search that leads use; its own screen's fields show."""
    order, time_us = _sample_fresh(rng, scene.orders, window, age_days)
    channel = np.full(len(order), int(scene.team.roles["lead"][0]))
    return make_views(scene.team, time_us, np.full(len(order), actor), order, channel)


def _sample_fresh(rng: Generator, orders: Orders, window: _Window, age_days: float) -> tuple[Ints, Ints]:
    """A share of the orders of a window, each looked at some time after it was placed, in bouts."""
    begin_us, end_us, share = window
    order = _placed_between(orders, begin_us - int(age_days * DAY_US), end_us - HOUR_US)
    order = order[rng.random(len(order)) < share]
    earliest = np.maximum(orders.time_us[order] + 10 * MINUTE_US, begin_us)
    wait = np.minimum(rng.exponential(age_days / 3, len(order)) * DAY_US, end_us - earliest - MINUTE_US)
    time_us = earliest + wait.astype(np.int64)
    # Bouts: the looks of one part of a day follow each other within minutes.
    bout = time_us // (6 * HOUR_US)
    by_bout = np.argsort(bout, kind="stable")
    _, sizes = np.unique(bout, return_counts=True)
    rank = np.empty(len(order), dtype=np.int64)
    rank[by_bout] = count_within(sizes)
    start_us = bout * 6 * HOUR_US + draw_count(rng, (1, 5)) * HOUR_US
    moved = (
        start_us + rank * int(rng.integers(5, 30)) * SECOND_US + rng.integers(4, size=len(order)) * SECOND_US
    )
    keeps = (moved > orders.time_us[order]) & (moved >= begin_us) & (moved < end_us)
    return order, np.where(keeps, moved, time_us)


def _placed_between(orders: Orders, begin_us: int, end_us: int) -> Ints:
    return np.flatnonzero((orders.time_us >= begin_us) & (orders.time_us < end_us))


def _between(views: Views, actor: int, window: _Window) -> Views:
    return views.take((views.actor == actor) & (views.time_us >= window[0]) & (views.time_us < window[1]))
