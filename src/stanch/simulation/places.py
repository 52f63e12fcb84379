"""From which address a customer comes: home lines, carriers' and campuses' NAT, VPNs, elsewhere."""

from __future__ import annotations

from typing import Final

import numpy as np

from stanch.simulation.draws import DAY_US, HOUR_US, Generator, Ints, mix, mix_below
from stanch.simulation.margins import move_wanderers
from stanch.simulation.networks import Addresses, merge_addresses
from stanch.simulation.shop import Shop

HOME: Final = 0
CARRIER: Final = 1
CAMPUS: Final = 2
AWAY: Final = 3


def find_places(rng: Generator, shop: Shop, users: Ints, times: Ints, device: Ints) -> Addresses:
    """Address of each session."""
    people = shop.customers
    day = (times - shop.calendar.start_us) // DAY_US
    place = _draw_places(rng, shop, users)
    home, household = people.home[users], people.household[users]
    elsewhere = shop.homes[mix_below(len(shop.homes), users, day, 3)]
    campus = np.maximum(people.campus[users], 0)
    network = np.choose(place, [home, people.carrier[users], campus, elsewhere])
    v4 = shop.networks.make_v4(network, _find_slots(rng, shop, users, (place, network), day))
    site = np.where(
        place == HOME, mix_below(2**31, household, 7), mix_below(2**31, users, day, times // HOUR_US % 5)
    )
    # Interface identifiers change daily (RFC 8981, temporary addresses).
    v6 = shop.networks.make_v6(network, site, mix(3 * users + device, day, 23))
    # IPv6 belongs to the line, not to the moment: a household has it or not, a phone too.
    owner = np.where(place == HOME, household, users)
    has_v6 = mix_below(1000, owner, place, 11) < 1000 * shop.habits.p_ipv6
    has_v6 &= (place == HOME) | (place == CARRIER)
    usual = merge_addresses(has_v6.astype(np.int64), [v4, v6])
    return move_wanderers(shop.margins, shop.networks, users, times // HOUR_US, usual)


def _draw_places(rng: Generator, shop: Shop, users: Ints) -> Ints:
    people = shop.customers
    edges = np.cumsum(people.places[:, users], axis=0)
    place = np.minimum((rng.random(len(users)) > edges).sum(axis=0), CAMPUS)
    place = np.where((place == CAMPUS) & (people.campus[users] < 0), HOME, place)
    return np.where(rng.random(len(users)) < shop.habits.p_away, AWAY, place)


def _find_slots(rng: Generator, shop: Shop, users: Ints, where: tuple[Ints, Ints], day: Ints) -> Ints:
    """Number of the address within its network, for each place and network."""
    place, network = where
    household = shop.customers.household[users]
    lease = shop.lease_days[np.minimum(network, len(shop.lease_days) - 1)]
    epoch = np.floor(day / lease + mix_below(1000, household, 29) / 1000.0).astype(np.int64)
    # Lines follow one another on the addresses of a pool that is larger than the shop's share of it.
    pool = np.clip(shop.count_lines()[network] * 3, 64, 3_000_000)
    # A phone keeps its exit for a while, then is given another.
    exits = shop.count_exits()[network]
    return np.choose(
        place,
        [
            mix_below(pool, household, epoch, 17),
            mix_below(exits, users, day, rng.integers(3, size=len(users))),
            mix_below(2, users, 31),
            1000 + mix_below(50_000, users, day, 37),
        ],
    )
