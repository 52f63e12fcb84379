"""Addresses of an attack -> those that may be blocked, and those that may only be challenged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NamedTuple, TypeAlias

from stanch.engine import Engine

#: At most one genuine attempt in a thousand, and fewer than five in all, may be hit by blocking: a busy
#: address that hides a few customers in a flood is left to be challenged.
MAX_GENUINE_SHARE: Final = 0.001
MAX_GENUINE_ATTEMPTS: Final = 5.0

#: The part of an IPv6 address that one subscriber or machine holds (RFC 4291, section 2.5.1;
#: RFC 6177 gives a site at least this).
_SITE_BITS: Final = 64

Network: TypeAlias = IPv4Network | IPv6Network

#: An address that was first seen when it attacked, a day or more into the log, and did hardly anything
#: else, is the attackers' own: a customer's would have been seen before. Its few attempts that look
#: ordinary are mostly the intruders' returns.
_OWN_SHARE: Final = 0.95
_HOUR_US: Final = 3_600_000_000

#: Who returns to an account that fell earlier, at an address of the attack, is the intruder as surely as
#: the account fell: counted as a genuine customer, it would shield every address that reads what it opened.
_RISKS: Final = """
WITH judged AS (
  SELECT a.ip, a.time_us, a.campaign, a.p_attack,
    (1 - a.p_attack) * (1 - coalesce(f.p_compromised, 0)) AS genuine
  FROM attempts a
  LEFT JOIN (
    SELECT account, max(p_compromised) AS p_compromised, min(first_success_us) AS since_us
    FROM fallen_accounts GROUP BY account
  ) f ON f.account = a.account AND a.time_us >= f.since_us
  WHERE a.ip IN (SELECT ip FROM address_risk)
),
summed AS (
  SELECT ip, count(*) AS attempts, sum(p_attack) AS attack, sum(genuine) AS genuine,
    min(time_us) AS first_us, min(CASE WHEN campaign IS NOT NULL THEN time_us END) AS first_attack_us
  FROM judged GROUP BY ip
),
log AS (SELECT min(time_us) AS start_us FROM attempts)
SELECT s.ip, s.attempts, s.attack,
  CASE WHEN s.attack >= $own_share * s.attempts
    AND s.first_us >= s.first_attack_us - $hour_us AND s.first_us >= log.start_us + 24 * $hour_us
    THEN 0.0 ELSE s.genuine END AS genuine
FROM summed s CROSS JOIN log ORDER BY s.ip
"""
_NEIGHBOURS: Final = """
SELECT ip, count(*) AS attempts, sum(p_attack) AS attack, sum(1 - p_attack) AS genuine
FROM attempts WHERE ip LIKE '%:%' AND ip NOT IN (SELECT ip FROM address_risk) GROUP BY ip
"""


class Risk(NamedTuple):
    """What is known of one address: attempts, expected number of attack and of genuine ones."""

    ip: str
    attempts: int
    attack: float
    genuine: float


@dataclass(frozen=True, slots=True)
class AddressLists:
    """Addresses and networks, each in numeric order, IPv4 first; the two share none."""

    block: list[str]
    challenge: list[str]


def list_addresses(engine: Engine) -> AddressLists:
    """Divide the addresses that took part in campaigns by what blocking each would do to customers."""
    if not engine.has("address_risk"):
        return AddressLists([], [])
    risks = [
        Risk(*row) for row in engine.fetch(_RISKS, {"own_share": _OWN_SHARE, "hour_us": _HOUR_US}).iter_rows()
    ]
    neighbours: list[Risk] = []
    if any(":" in risk.ip for risk in risks):
        neighbours = [Risk(*row) for row in engine.fetch(_NEIGHBOURS).iter_rows()]
    return divide_addresses(risks, neighbours)


def divide_addresses(risks: Iterable[Risk], neighbours: Iterable[Risk] = ()) -> AddressLists:
    """Block what is safe to block; challenge every other address of `risks`.

    `neighbours` are IPv6 addresses outside the campaigns: a /64 is blocked as a whole only when it
    holds two addresses of a campaign and passes the same test with its neighbours counted in.
    """
    blocked: set[Network] = set()
    challenged: set[Network] = set()
    sites: dict[IPv6Network, list[Risk]] = defaultdict(list)
    for risk in risks:
        address = ip_address(risk.ip)
        if isinstance(address, IPv6Address):
            sites[_find_site(address)].append(risk)
        else:
            (blocked if is_safe_to_block([risk]) else challenged).add(ip_network(address))
    others: dict[IPv6Network, list[Risk]] = defaultdict(list)
    for risk in neighbours:
        others[_find_site(IPv6Address(risk.ip))].append(risk)
    for site, members in sites.items():
        if len(members) > 1 and is_safe_to_block(members + others[site]):
            blocked.add(site)
            continue
        for risk in members:
            (blocked if is_safe_to_block([risk]) else challenged).add(ip_network(risk.ip))
    return AddressLists(_write_networks(blocked), _write_networks(challenged))


def is_safe_to_block(risks: list[Risk]) -> bool:
    """Whether blocking these addresses together would hit almost no genuine customer."""
    if any(_is_own(risk.ip) for risk in risks):
        return False
    attempts = sum(risk.attempts for risk in risks)
    # Rounded so that the order of summation in the engine cannot tip the scale.
    genuine = round(sum(risk.genuine for risk in risks), 9)
    return attempts > 0 and genuine <= MAX_GENUINE_SHARE * attempts and genuine < MAX_GENUINE_ATTEMPTS


def _is_own(ip: str) -> bool:
    """Addresses that name the shop's own machine or no machine at all, never an attacker alone."""
    address = ip_address(ip)
    return address.is_loopback or address.is_unspecified or address.is_link_local or address.is_multicast


def _find_site(address: IPv6Address) -> IPv6Network:
    return IPv6Network((int(address) >> (128 - _SITE_BITS) << (128 - _SITE_BITS), _SITE_BITS))


def _write_networks(networks: set[Network]) -> list[str]:
    ordered = sorted(networks, key=lambda n: (n.version, int(n.network_address), n.prefixlen))
    return [str(n.network_address) if n.prefixlen == n.max_prefixlen else str(n) for n in ordered]
