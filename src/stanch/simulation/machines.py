"""Where an attack comes from: machines, their addresses, and what they say they are."""

from __future__ import annotations

from typing import Final

import numpy as np

from stanch.simulation.clients import choose_attack_clients, choose_current_clients
from stanch.simulation.countries import draw_countries
from stanch.simulation.draws import (
    Bounds,
    Generator,
    Ints,
    choose,
    draw_between,
    draw_by_quantiles,
    draw_count,
    mix,
    pick,
)
from stanch.simulation.networks import Addresses
from stanch.simulation.shop import Shop

#: Distinct accounts per address in a published hour of stuffing: 530,816 attempts from 91,313
#: addresses in 5,204 networks: median 1, 75 % 2, 90 % 5, 95 % 8, 99 % 56, and 1.4 % over 30. The
#: upper end is ours. Share of addresses -> accounts.
ACCOUNTS_PER_ADDRESS: Final = (
    (0.0, 0.5, 0.75, 0.90, 0.95, 0.986, 0.99, 1.0),
    (1, 1, 2, 5, 8, 30, 56, 400),
)
#: Addresses per network in that hour.
_ADDRESSES_PER_NETWORK: Final = 91_313 / 5_204

#: Tries per endpoint and endpoints per network of a botnet that tried 8.5 million times from over
#: 20,000 endpoints in 4,923 networks.
_TRIES_PER_ENDPOINT: Final = 8_500_000 / 20_000
_ENDPOINTS_PER_NETWORK: Final = 20_000 / 4_923


#: Styles with rotating IPv6 addresses, and the share of their sites that own a whole /48.
_WHOLE_48: Final = {"ipv6": 0.5, "ipv6-64": 0.0, "ipv6-48": 1.0}


def place_attempts(
    rng: Generator, shop: Shop, style: str, n: int, n_addresses: Bounds
) -> tuple[Addresses, Ints]:
    """Address of each of `n` attempts in order of time, and the number of the machine behind it."""
    if style == "few":
        n_machines = max(1, draw_count(rng, n_addresses))
        machine = choose(rng, n, rng.dirichlet(np.full(n_machines, 3.0)))
        return _place_machines(rng, shop, n_machines, 0.6, 0.1).take(machine), machine
    if style == "carrier":
        return _share_carrier(rng, shop, n, n_addresses)
    if style in _WHOLE_48:
        return _rotate_ipv6(rng, shop, n, _WHOLE_48[style])
    if style == "single":
        return _place_machines(rng, shop, n, 0.1, draw_between(rng, (0.1, 0.6))), np.arange(n)
    machine = _clump(rng, _draw_busy_loads(rng, n) if style == "busy" else _draw_loads(rng, n))
    n_machines = int(machine.max()) + 1
    hosting, domestic = draw_between(rng, (0.0, 0.3)), draw_between(rng, (0.05, 0.6))
    per_network = _ENDPOINTS_PER_NETWORK if style == "busy" else _ADDRESSES_PER_NETWORK
    places = _place_machines(rng, shop, n_machines, hosting, domestic, per_network=per_network)
    return places.take(machine), machine


def _draw_loads(rng: Generator, n: int) -> Ints:
    """Machine of each of `n` attempts, so that accounts per address are as published."""
    loads = np.floor(draw_by_quantiles(rng, n, *ACCOUNTS_PER_ADDRESS) + 0.02).astype(np.int64)
    n_machines = int(np.searchsorted(np.cumsum(loads), n)) + 1
    return np.repeat(np.arange(n_machines), loads[:n_machines])[:n]


def _draw_busy_loads(rng: Generator, n: int) -> Ints:
    """Machine of each of `n` attempts, hundreds by each; in a small attack at least a dozen machines."""
    n_machines = max(12, round(n / _TRIES_PER_ENDPOINT))
    weights = rng.lognormal(0.0, 0.8, n_machines)
    return np.unique(np.sort(choose(rng, n, weights)), return_inverse=True)[1].reshape(-1)


def _clump(rng: Generator, machine: Ints) -> Ints:
    """Order machines in time: each works for a while, or all of them all along."""
    begins = rng.random(int(machine.max()) + 1)
    spread = pick(rng, (0.002, 0.03, 0.3, 1.0))
    return np.asarray(machine[np.argsort(begins[machine] + spread * rng.random(len(machine)), kind="stable")])


def _place_machines(
    rng: Generator,
    shop: Shop,
    n: int,
    hosting: float,
    domestic: float,
    *,
    per_network: float = _ADDRESSES_PER_NETWORK,
) -> Addresses:
    """An address per machine: of hosters, of homes in the shop's own country, of homes abroad.

    Among the hosters are those whose VPN the shop's customers use.
    """
    kind = choose(rng, n, [hosting, domestic, max(0.0, 1 - hosting - domestic)])
    abroad = shop.networks.add(draw_countries(rng, int(np.clip(n / per_network, 3, 5_204))))
    rented = shop.networks.add(draw_countries(rng, int(np.clip(n / 40, 2, 60))))
    hosters = np.concatenate([rented, shop.margins.vpns])
    network = np.choose(
        kind,
        [
            hosters[rng.integers(len(hosters), size=n)],
            shop.homes[rng.integers(len(shop.homes), size=n)],
            abroad[choose(rng, n, np.arange(1, len(abroad) + 1) ** -0.7)],
        ],
    )
    return _spread_slots(rng, shop, network)


def _spread_slots(rng: Generator, shop: Shop, network: Ints) -> Addresses:
    """A different address of its network for each machine."""
    order = np.argsort(network, kind="stable")
    first = np.searchsorted(network[order], network[order])
    starts = rng.integers(0, 65_536, size=len(network))
    slot = np.empty(len(network), dtype=np.int64)
    rank = np.arange(len(network)) - first
    # 7 is coprime to the 65,536 addresses of a block, so none comes twice.
    slot[order] = (starts[first] + rank * 7) % 65_536 + rank // 65_536 * 65_536
    return shop.networks.make_v4(network, slot)


def _share_carrier(rng: Generator, shop: Shop, n: int, n_addresses: Bounds) -> tuple[Addresses, Ints]:
    """Through exits of mobile carriers that the shop's own customers stand behind."""
    carrier = shop.carriers[rng.integers(len(shop.carriers), size=max(1, draw_count(rng, n_addresses)))]
    exits = shop.networks.make_v4(carrier, rng.integers(shop.count_exits()[carrier]))
    machine = rng.integers(len(carrier), size=n)
    return exits.take(machine), machine


def _rotate_ipv6(rng: Generator, shop: Shop, n: int, p_whole_48: float) -> tuple[Addresses, Ints]:
    """A fresh IPv6 address for every try, out of a few /64 and /48 that were rented."""
    n_sites = int(rng.integers(2, 12))
    networks = shop.networks.add(draw_countries(rng, n_sites))
    whole_48 = rng.random(n_sites) < p_whole_48
    site = rng.integers(n_sites, size=n)
    base = rng.integers(0, 2**16, size=n_sites) << 16
    within = np.where(whole_48[site], rng.integers(0, 2**16, size=n), 7)
    hosts = rng.integers(1, 2**63, size=n).astype(np.uint64)
    return shop.networks.make_v6(networks[site], base[site] | within, hosts), np.arange(n)


def draw_attack_clients(
    rng: Generator, shop: Shop, styles: tuple[str, ...], machine: Ints, time_us: Ints
) -> tuple[Ints, Ints]:
    """What each attempt says it is, and the client whose TLS stack it really shows."""
    style = pick(rng, styles)
    if style == "headless":
        # A real browser: its name, its handshake and its updates are what customers have.
        said = choose_current_clients(rng, shop.clients, machine, time_us)
        return said, said
    if style == "rotating" and rng.random() < 0.5:
        said = choose_attack_clients(rng, shop.clients, style, len(machine))
    else:
        said = choose_attack_clients(rng, shop.clients, style, int(machine.max()) + 1)[machine]
    if style == "tool" or rng.random() < 0.4:
        return said, said
    # A script that copies a browser's name seldom copies its handshake.
    tool = int(rng.integers(shop.clients.first_tool, shop.clients.agents.len()))
    return said, np.full(len(machine), tool, dtype=np.int64)


def draw_attack_devices(rng: Generator, machine: Ints) -> Ints:
    """Device marks: none (no cookies kept), a fresh one each time, or one per machine."""
    style = pick(rng, ("none", "fresh", "machine"))
    if style == "none":
        return np.full(len(machine), -1, dtype=np.int64)
    owner = np.arange(len(machine)) if style == "fresh" else machine
    return (mix(owner, int(rng.integers(2**31))) >> np.uint64(2)).astype(np.int64)
