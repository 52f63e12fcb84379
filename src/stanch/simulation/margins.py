"""What lies at the margins of a shop: VPNs and travel, retired accounts, families, stored mistakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from stanch.simulation.countries import draw_countries
from stanch.simulation.draws import Flags, Generator, Ints, draw_between, mix_below
from stanch.simulation.networks import Addresses, Networks, merge_addresses

#: Of the sessions of somebody who has a VPN: share that goes through it.
_P_THROUGH: Final = 0.7
#: How long a VPN keeps its exit, and a trip its country.
_EXIT_HOURS: Final = 6
_TRIP_DAYS: Final = 7


@dataclass(frozen=True)
class Margins:
    """Shares of customers and sessions that are out of the ordinary without meaning harm."""

    #: Of customers: with a VPN; abroad in a given week; with a wrong name stored in the browser.
    p_vpn: float
    p_abroad: float
    p_stored: float
    #: Of sessions: at accounts retired since; on a device of somebody else in the household.
    p_retired: float
    p_family: float
    #: Networks of VPN providers and of mobile networks abroad, and public exits of each provider.
    vpns: Ints
    abroad: Ints
    n_exits: int
    #: Indices of the names of accounts that the shop once had.
    retired: Ints
    #: Whether the shop answers there as it does to a wrong password.
    knows_retired: bool


def draw_margins(rng: Generator, networks: Networks, n_users: int, n_retired: int) -> Margins:
    """Draw the margins of a shop, the names of whose retired accounts follow those of its customers."""
    return Margins(
        p_vpn=draw_between(rng, (0.005, 0.06)),
        p_abroad=draw_between(rng, (0.002, 0.02)),
        p_stored=draw_between(rng, (0.001, 0.006)),
        p_retired=draw_between(rng, (0.0005, 0.006)),
        p_family=draw_between(rng, (0.005, 0.04)),
        vpns=networks.add(draw_countries(rng, int(rng.integers(2, 8)))),
        abroad=networks.add(draw_countries(rng, int(rng.integers(20, 80)))),
        n_exits=round(int(rng.integers(8, 120)) * max(1.0, n_users / 30_000) ** 0.5),
        retired=n_users + np.arange(n_retired),
        knows_retired=bool(rng.random() < 0.35),
    )


def move_wanderers(
    margins: Margins, networks: Networks, users: Ints, hours: Ints, usual: Addresses
) -> Addresses:
    """The address of each session, where some leave through a VPN's exit or are abroad.

    `hours` counts whole hours since any fixed moment.
    """
    provider = margins.vpns[mix_below(len(margins.vpns), users, 71)]
    exits = networks.make_v4(provider, mix_below(margins.n_exits, users, hours // _EXIT_HOURS, 73))
    week = hours // (24 * _TRIP_DAYS)
    country = margins.abroad[mix_below(len(margins.abroad), users, week, 83)]
    hotels = networks.make_v4(country, mix_below(40_000, users, hours // 24, 89))
    on_trip = is_among(margins.p_abroad, users, week, 79)
    through = is_among(margins.p_vpn, users, 61) & is_among(_P_THROUGH, users, hours, 67)
    return merge_addresses(through + 2 * (on_trip & ~through), [usual, exits, hotels])


def is_among(share: float, *keys: Ints | int) -> Flags:
    """Row by row whether the keys belong to this share of all; equal keys always get the same answer."""
    return np.asarray(mix_below(100_000, *keys) < 100_000 * share)


def find_siblings(household: Ints) -> Ints:
    """For each customer the next one of its household, in a ring; itself where it lives alone."""
    order = np.argsort(household, kind="stable")
    begins = np.r_[True, household[order][1:] != household[order][:-1]]
    following = np.roll(order, -1)
    following[np.roll(begins, -1)] = order[begins]
    sibling = np.empty(len(household), dtype=np.int64)
    sibling[order] = following
    return sibling
