"""Addresses of an attack -> those that may be blocked, and those that may only be challenged."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, TypeAlias

import polars as pl

from stanch.engine import Engine, load_step
from stanch.findings import ListCost

#: Of what an entry would stop, and of all genuine logins of the log, it may hit at most one in a thousand,
#: and fewer than five in all: a busy address that hides a few customers in a flood is left to be challenged.
MAX_GENUINE_SHARE: Final = 0.001
MAX_GENUINE_LOGINS: Final = 5.0

#: The part of an IPv6 address that one subscriber or machine holds (RFC 4291, section 2.5.1;
#: RFC 6177 gives a site at least this).
_SITE_BITS: Final = 64

Network: TypeAlias = IPv4Network | IPv6Network

#: An address that was first seen when it attacked, a day or more into the log, and did hardly anything
#: else, is the attackers' own: a customer's would have been seen before. Its few attempts that look
#: ordinary are mostly the intruders' returns.
_OWN_SHARE: Final = 0.95
_HOUR_US: Final = 3_600_000_000

_RISKS: Final = """
WITH log AS (SELECT min(time_us) AS start_us FROM attempts),
summed AS (
  SELECT ip, CAST(sum(attempts) AS BIGINT) AS attempts, sum(genuine) AS genuine,
    min(first_us) AS first_us, min(first_attack_us) AS first_attack_us, sum(hostile) AS hostile
  FROM address_visits GROUP BY ip
)
SELECT s.ip, s.attempts, s.genuine, s.hostile > 0 AS hostile, s.first_attack_us IS NOT NULL AS listed,
  s.attempts - s.genuine >= $own_share * s.attempts
    AND s.first_us >= s.first_attack_us - $hour_us AND s.first_us >= log.start_us + 24 * $hour_us AS own
FROM summed s CROSS JOIN log ORDER BY s.ip
"""
_LOGINS: Final = """
SELECT sum(CAST(round((1 - p_attack) * 1000000) AS BIGINT)) / 1000000.0 AS n FROM attempts
"""
_SQL: Final = "stanch.reporting.sql"
COSTS_SCHEMA: Final = {
    "entry": pl.String,
    "list": pl.String,
    "attempts": pl.Int64,
    "attack_attempts": pl.Float64,
    "genuine_logins": pl.Float64,
    "genuine_accounts": pl.Float64,
}


class Risk(NamedTuple):
    """What is known of one address: its attempts, how many of them are expected to be genuine, and whether an
    attack was refused there - an attacker's success by itself, which may be an owner's, is not held against
    the address."""

    ip: str
    attempts: int
    genuine: float
    hostile: bool = True


@dataclass(frozen=True, slots=True)
class AddressLists:
    """Addresses and networks, each in numeric order, IPv4 first; the two share none."""

    block: list[str]
    challenge: list[str]
    #: One row per entry, those to block first: what it would have stopped and hit over the whole log.
    costs: pl.DataFrame


def list_addresses(engine: Engine) -> AddressLists:
    """Divide the addresses that took part in campaigns by what blocking each would do to customers."""
    if not engine.has("address_risk"):
        return AddressLists([], [], pl.DataFrame(schema=COSTS_SCHEMA))
    with_sites = any(":" in ip for ip in engine.fetch("SELECT ip FROM address_risk")["ip"])
    engine.run(load_step(_SQL, "address_visits", with_sites=with_sites))
    frame = engine.fetch(_RISKS, {"own_share": _OWN_SHARE, "hour_us": _HOUR_US}).with_columns(
        genuine=pl.when("own").then(0.0).otherwise("genuine")
    )
    columns = ("ip", "attempts", "genuine", "hostile")
    risks, neighbours = (
        [Risk(*row) for row in frame.filter(which).select(columns).iter_rows()]
        for which in (pl.col("listed"), ~pl.col("listed"))
    )
    block, challenge = divide_addresses(risks, neighbours, float(engine.fetch(_LOGINS).item() or 0))
    costs = _count_costs(engine, block, challenge, set(frame.filter("own")["ip"]), [*risks, *neighbours])
    engine.drop("address_visits")
    return AddressLists(block, challenge, costs)


def sum_costs(costs: pl.DataFrame) -> dict[str, ListCost]:
    """Each list as a whole."""
    return {name: _sum_list(costs.filter(pl.col("list") == name)) for name in ("block", "challenge")}


def _sum_list(costs: pl.DataFrame) -> ListCost:
    named = costs["genuine_accounts"].drop_nulls()
    return ListCost(
        entries=costs.height,
        attack_attempts=round(math.fsum(costs["attack_attempts"]), 2),
        genuine_logins=round(math.fsum(costs["genuine_logins"]), 2),
        genuine_accounts=round(math.fsum(named), 2) if len(named) else None,
    )


def _count_costs(
    engine: Engine, block: list[str], challenge: list[str], own: set[str], risks: list[Risk]
) -> pl.DataFrame:
    """`AddressLists.costs`, from `address_visits`. On addresses `own` nothing is genuine."""
    sites = {ip_network(entry): entry for entry in block if "/" in entry}
    single = {*block, *challenge}
    found = [(risk.ip, _find_entry(risk.ip, single, sites)) for risk in risks]
    listed = [(ip, entry, 0.0 if ip in own else 1.0) for ip, entry in found if entry]
    engine.put(
        "address_entries",
        pl.DataFrame(listed, {"ip": pl.String, "entry": pl.String, "weight": pl.Float64}, orient="row"),
    )
    engine.run(load_step(_SQL, "entry_costs"))
    counted = engine.fetch("SELECT * FROM entry_costs")
    engine.drop("address_entries", "entry_costs")
    entries = pl.DataFrame(
        {"entry": block + challenge, "list": ["block"] * len(block) + ["challenge"] * len(challenge)},
        schema={"entry": pl.String, "list": pl.String},
    )
    return (
        entries.join(counted, on="entry", how="left", maintain_order="left")
        .with_columns(attack_attempts=pl.col("attempts") - pl.col("genuine_logins"))
        .select(pl.col(name).cast(kind) for name, kind in COSTS_SCHEMA.items())
    )


def _find_entry(ip: str, single: set[str], sites: dict[Network, str]) -> str | None:
    """The entry that covers an address."""
    if ":" not in ip:
        return ip if ip in single else None
    address = IPv6Address(ip)
    return sites.get(_find_site(address)) or (str(address) if str(address) in single else None)


def divide_addresses(
    risks: Iterable[Risk], neighbours: Iterable[Risk] = (), log_genuine: float = math.inf
) -> tuple[list[str], list[str]]:
    """Block what is safe to block; challenge every other address of `risks`.

    `neighbours` are IPv6 addresses outside the campaigns: a /64 is blocked as a whole only when it
    holds two addresses of a campaign and passes the same test with its neighbours counted in.
    `log_genuine` is the number of genuine logins in the whole log.
    """
    most = min(MAX_GENUINE_LOGINS, MAX_GENUINE_SHARE * log_genuine)
    blocked: set[Network] = set()
    challenged: set[Network] = set()
    sites: dict[IPv6Network, list[Risk]] = defaultdict(list)
    for risk in risks:
        address = ip_address(risk.ip)
        if isinstance(address, IPv6Address):
            sites[_find_site(address)].append(risk)
        else:
            (blocked if is_safe_to_block([risk], most) else challenged).add(ip_network(address))
    others: dict[IPv6Network, list[Risk]] = defaultdict(list)
    for risk in neighbours:
        others[_find_site(IPv6Address(risk.ip))].append(risk)
    for site, members in sites.items():
        if len(members) > 1 and is_safe_to_block(members + others[site], most):
            blocked.add(site)
            continue
        for risk in members:
            (blocked if is_safe_to_block([risk], most) else challenged).add(ip_network(risk.ip))
    return _write_networks(blocked), _write_networks(challenged)


def is_safe_to_block(risks: list[Risk], most: float = MAX_GENUINE_LOGINS) -> bool:
    """Whether blocking these addresses together would hit almost no genuine customer: `most` at most."""
    if any(_is_own(risk.ip) for risk in risks) or not any(risk.hostile for risk in risks):
        return False
    attempts = sum(risk.attempts for risk in risks)
    # Rounded so that the order of summation in the engine cannot tip the scale.
    genuine = round(sum(risk.genuine for risk in risks), 9)
    return (
        attempts > 0 and genuine <= min(MAX_GENUINE_SHARE * attempts, most) and genuine < MAX_GENUINE_LOGINS
    )


def _is_own(ip: str) -> bool:
    """Addresses that name the shop's own machine or no machine at all, never an attacker alone."""
    address = ip_address(ip)
    return address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast


def _find_site(address: IPv6Address) -> IPv6Network:
    return IPv6Network((int(address) >> (128 - _SITE_BITS) << (128 - _SITE_BITS), _SITE_BITS))


def _write_networks(networks: set[Network]) -> list[str]:
    ordered = sorted(networks, key=lambda n: (n.version, int(n.network_address), n.prefixlen))
    return [str(n.network_address) if n.prefixlen == n.max_prefixlen else str(n) for n in ordered]
