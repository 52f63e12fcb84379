"""Everybody beside the customers who sees orders: agents, packers, couriers, vendors, services."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from stanch.evidence.tables import FIELDS
from stanch.simulation.draws import Bounds, Generator, Ints, draw_between, draw_count
from stanch.simulation.shop import Shop

#: Bit of each field in a set of fields; the empty set means that a log does not say.
FIELD_BIT: Final = {name: 1 << i for i, name in enumerate(FIELDS)}
ALL_FIELDS: Final = (1 << len(FIELDS)) - 1


def field_set(*names: str) -> int:
    """The set of these fields."""
    return sum(FIELD_BIT[name] for name in names)


#: What a customer's own page of an order shows, and what most screens inside a shop do.
WHOLE_ORDER: Final = field_set("name", "phone", "address", "items", "price", "time", "order_id")


@dataclass(frozen=True)
class TeamPlan:
    """What a case fixes about who does which work; ranges are drawn from by the seed."""

    #: The fewer, the more agents there are.
    orders_per_agent: Bounds = (400, 1200)
    #: Agents to a branch, and the chance that each of the others opens an order that one of them opened.
    branch: Bounds | None = None
    p_shared: Bounds = (0.2, 0.6)
    #: Every region has a courier of its own.
    sole_couriers: bool = False
    #: Number of warehouses outside the shop that share its parcels.
    warehouses: Bounds | None = None


@dataclass(frozen=True)
class Role:
    """Actors who do the same work."""

    kind: str
    stem: str
    n: int
    sees: int
    channel: str
    #: Whether they sit in the shop's own network.
    in_house: bool


@dataclass
class Team:
    """Actors by index, and the indices by role."""

    plan: TeamPlan = field(default_factory=TeamPlan)
    names: list[str] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    sees: list[int] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)
    #: Second word of each actor's (IPv4) address.
    addresses: list[int] = field(default_factory=list)
    roles: dict[str, Ints] = field(default_factory=dict)


def make_team(rng: Generator, shop: Shop, n_orders: int, plan: TeamPlan) -> Team:
    """Draw the actors of a shop with so many orders, and what their screens show."""
    team = Team(plan)
    office = int(shop.networks.add([shop.country])[0])
    for name, role in _draw_roles(rng, n_orders, plan, len(shop.regions)).items():
        _enlist(shop, team, name, role, office)
    return team


def _draw_roles(rng: Generator, n_orders: int, plan: TeamPlan, n_regions: int) -> dict[str, Role]:
    def maybe(share: float, name: str) -> int:
        return FIELD_BIT[name] if rng.random() < share else 0

    n_agents = int(np.clip(n_orders / draw_between(rng, plan.orders_per_agent), 6, 60))
    n_packers = int(np.clip(n_orders / draw_between(rng, (1500, 4000)), 3, 30))
    agent_sees = (WHOLE_ORDER | maybe(0.3, "payment")) & ~maybe(0.3, "address")
    packer_sees = field_set("name", "address", "items", "order_id") | maybe(0.4, "phone")
    courier_sees = field_set("name", "phone", "address", "order_id") | maybe(0.25, "items")
    vendor_sees = WHOLE_ORDER & ~maybe(0.3, "address")
    door_sees = (
        field_set("order_id", "time", "items", "name", "phone") | maybe(0.4, "address") | maybe(0.3, "price")
    )
    roles = {
        "agent": Role("staff", "agent", n_agents, agent_sees, "desk", True),
        "lead": Role("staff", "lead", int(rng.integers(1, 4)), WHOLE_ORDER, "search", True),
        "packer": Role("staff", "wh", n_packers, packer_sees, "pick-list", True),
        "courier": Role("partner", "carrier", int(rng.integers(3, 9)), courier_sees, "label-api", False),
        "vendor": Role("partner", "erp", int(rng.integers(1, 3)), vendor_sees, "erp-sync", False),
        "payment": Role(
            "service", "payments", 1, field_set("price", "order_id", "payment", "time"), "api", True
        ),
        "sms": Role("service", "sms-gateway", 1, field_set("phone", "order_id"), "api", True),
        "export": Role("service", "reports", 1, WHOLE_ORDER, "export", True),
        "door": Role("anonymous", "/track/order", 1, door_sees, "/track/order", False),
    }
    if plan.sole_couriers:
        roles["courier"] = replace(roles["courier"], n=n_regions)
    if plan.warehouses is not None:
        sees = packer_sees | FIELD_BIT["phone"]
        n_houses = draw_count(rng, plan.warehouses)
        roles["warehouse"] = Role("partner", "warehouse", n_houses, sees, "pick-api", False)
    return roles


def _enlist(shop: Shop, team: Team, name: str, role: Role, office: int) -> None:
    first = len(team.names)
    sites = ("-east", "-west", "-north", "-south", "-metro", "-rural", "-night", "-day")
    for i in range(role.n):
        site = sites[i % len(sites)] + (str(i // len(sites) + 1) if i >= len(sites) else "")
        by_kind = {"partner": role.stem + site, "staff": f"{role.stem}{i + 1:02d}"}
        network = office if role.in_house else int(shop.networks.add([shop.country])[0])
        desk = 20 + first + i
        place = shop.networks.make_v4(np.array([network]), np.array([desk]))
        team.names.append(by_kind.get(role.kind, role.stem))
        team.kinds.append(role.kind)
        team.sees.append(role.sees)
        team.channels.append(role.channel)
        team.addresses.append(int(place.low[0]))
    team.roles[name] = np.arange(first, first + role.n)
