"""Attacks as cases: each family of credential abuse by its own name.

Ranges follow the figures in `attacks` and `machines`; where a case stands for one of them, it says so.
"""

from __future__ import annotations

from typing import Final

from stanch.simulation.attacks import AttackPlan
from stanch.simulation.case import Case
from stanch.simulation.returns import Watch
from stanch.simulation.scams import ScamPlan
from stanch.simulation.shop import ShopPlan

_FEW_CALLS: Final = ScamPlan(wanted=(5, 60))


def _attack(
    name: str,
    title: str,
    story: str,
    *plans: AttackPlan,
    shop: ShopPlan | None = None,
    events: tuple[str, ...] = (),
) -> Case:
    return Case(name, title, story, shop or ShopPlan(), plans, events, scam=_FEW_CALLS)


#: The case that this project began with.
WAVE_OF_2015: Final = Case(
    "burst-2015",
    "The wave of 2015: a few addresses try masses of leaked passwords",
    "A shop's customers report calls by a customer service that knows their orders. Days before, a few"
    " addresses tried masses of credentials leaked elsewhere; some opened, and their orders were read.",
    # April 11 to May 10; the first complaint came on April 27.
    ShopPlan(
        users=(22_000, 32_000),
        days=(30, 30),
        rate=(0.08, 0.12),
        zones=("Asia/Shanghai",),
        start=(2015, 4, 11),
        orders_per_user=(1.05, 1.3),
        p_defended=0.0,
        p_short_log=0.0,
    ),
    (
        AttackPlan(
            share=(0.35, 0.6),
            begins=(0.22, 0.34),
            hours=(10, 60),
            n_addresses=(4, 14),
            p_unknown=(0.2, 0.6),
            success=(0.015, 0.028),
            p_return=(0.1, 0.3),
            p_pause=0.1,
            reads=(0.9, 1.0),
            memory_days=(70, 120),
        ),
    ),
    scam=ScamPlan(
        wanted=(150, 280), background=(1, 6), lag_days=(3, 7), calls_from=(0.535, 0.55), council=True
    ),
)

#: Each family; all but the ranges in its plan is the seed's.
ATTACKS: Final[tuple[Case, ...]] = (
    _attack(
        "one-try",
        "One try per address",
        "Tens of thousands of addresses each try one name and password, and are never seen again.",
        AttackPlan(addresses="single", share=(0.15, 0.6), hours=(12, 200), success=(0.002, 0.03)),
        shop=ShopPlan(users=(15_000, 30_000)),
    ),
    _attack(
        "botnet",
        "A few tries per address",
        "A residential botnet spreads a list over its machines.",
        AttackPlan(addresses="botnet", hours=(6, 200), tries_per_target=(1.0, 3.8)),
    ),
    _attack(
        "existing-accounts",
        "A list cleaned to accounts that exist",
        "Every name on the attacker's list is a customer's.",
        AttackPlan(addresses="single", p_unknown=(0.0, 0.0), hours=(12, 200)),
    ),
    _attack(
        "own-accounts",
        "Good logins mixed in",
        "The attacker hides failures among logins to accounts of his own.",
        AttackPlan(addresses="botnet", own=(0.1, 0.5), hours=(6, 120)),
    ),
    _attack(
        "spraying",
        "Few passwords over many accounts",
        "The same passwords are tried on everybody, round by round.",
        AttackPlan(
            "spraying",
            p_unknown=(0.0, 0.3),
            tries_per_target=(1.5, 4.0),
            hours=(6, 200),
            success=(0.0005, 0.005),
        ),
    ),
    _attack(
        "guessing",
        "Many passwords on few accounts",
        "A handful of accounts is worked on until some open.",
        AttackPlan(
            "guessing", n_targets=(3, 30), p_unknown=(0.0, 0.2), share=(0.02, 0.3), success=(0.0005, 0.001)
        ),
    ),
    _attack(
        "ipv6",
        "A fresh IPv6 address for every try",
        "Addresses rotate inside rented /64 and /48 blocks.",
        AttackPlan(addresses="ipv6", hours=(6, 120)),
    ),
    _attack(
        "carrier-nat",
        "Through the customers' own carrier",
        "The attack comes out of the addresses that customers share.",
        AttackPlan(addresses="carrier", n_addresses=(1, 6), share=(0.03, 0.3), hours=(6, 120)),
    ),
    _attack(
        "enumeration",
        "Names are probed for existence",
        "The login's answer tells which names are customers.",
        AttackPlan("enumeration", addresses="botnet", p_unknown=(0.9, 1.0), hours=(3, 96)),
    ),
    _attack(
        "two-campaigns",
        "Two attackers at once",
        "Two lists, two tools, two networks, overlapping in time.",
        AttackPlan(share=(0.05, 0.3)),
        AttackPlan(addresses="botnet", share=(0.05, 0.3), hours=(24, 150)),
    ),
    _attack(
        "slow-drip",
        "Two hundred tries a day for weeks",
        "Slow enough to drown in the shop's own failures.",
        AttackPlan(
            addresses="botnet",
            per_day=(170, 240),
            begins=(0.15, 0.3),
            hours=(340, 600),
            success=(0.005, 0.03),
        ),
        shop=ShopPlan(days=(28, 42)),
    ),
    _attack(
        "burst",
        "Masses of tries from a few addresses",
        "Rented servers work through a list as fast as the shop answers.",
        AttackPlan(hours=(1, 48), n_addresses=(1, 20)),
    ),
    _attack(
        "busy-botnet",
        "Hundreds of tries per machine",
        "As a published botnet did: 8.5 million tries from 20,000 endpoints against 7 million logins.",
        AttackPlan(addresses="busy", share=(0.6, 1.6), hours=(24, 300), p_pause=0.5),
    ),
    _attack(
        "published-hour",
        "An hour of stuffing, half of it refused",
        "Thousands of networks, nearly four tries per account, 48 % turned away at the door.",
        AttackPlan(
            addresses="botnet",
            share=(0.3, 1.5),
            hours=(1, 2),
            tries_per_target=(3.6, 4.0),
            clients=("rotating",),
            refused=(0.4, 0.55),
            p_pause=0.0,
        ),
        events=("wary_door",),
    ),
    _attack(
        "headless-browser",
        "Real browsers without a screen",
        "Names, handshakes and updates of the clients are those of the customers.",
        AttackPlan(addresses="botnet", clients=("headless",), hours=(12, 200)),
    ),
    _attack(
        "stale-clients",
        "Browsers of years ago",
        "The tool's list of user agents was last updated long before the attack.",
        AttackPlan(addresses="botnet", clients=("stale", "rotating"), hours=(6, 200)),
    ),
    _attack(
        "copied-client",
        "The customers' most common browser, copied",
        "Every try carries one user agent, which many customers have too.",
        AttackPlan(addresses="botnet", clients=("copied",), hours=(6, 200)),
    ),
    _attack(
        "shop-rhythm",
        "An attack that follows the shop's day",
        "Tries rise and fall with the customers' own logins, so that no hour stands out.",
        AttackPlan(addresses="botnet", rhythms=("shadow",), share=(0.05, 0.4), hours=(96, 400), p_pause=0.0),
    ),
    _attack(
        "ipv6-64",
        "Fresh addresses inside a few /64",
        "Each rented server has a /64 and takes a new address of it for every try.",
        AttackPlan(addresses="ipv6-64", hours=(6, 120)),
    ),
    _attack(
        "ipv6-48",
        "Fresh /64 inside a few /48",
        "Each rented site has a /48 and takes another /64 of it for every try.",
        AttackPlan(addresses="ipv6-48", hours=(6, 120)),
    ),
    _attack(
        "quiet-returns",
        "Back again for new orders, without a failure",
        "Accounts that fell are opened every day or two for weeks; callers know orders a day old.",
        AttackPlan(
            addresses="botnet",
            begins=(0.1, 0.25),
            hours=(6, 72),
            success=(0.005, 0.03),
            watch=Watch(),
            reads=(0.9, 1.0),
            memory_days=(2, 5),
        ),
        shop=ShopPlan(days=(28, 40)),
    ),
    _attack(
        "dirty-list",
        "A list with near misses and closed accounts",
        "Old leaks hold misspelt names and accounts that were closed since, as customers' slips do.",
        AttackPlan(
            addresses="botnet",
            p_unknown=(0.3, 0.8),
            p_near=(0.1, 0.35),
            p_retired=(0.1, 0.4),
            hours=(12, 200),
        ),
    ),
    _attack(
        "old-list",
        "An old list: one success in a thousand",
        "Old lists open 0.05 to 0.2 % of what is tried.",
        AttackPlan(addresses="botnet", success=(0.0005, 0.002), share=(0.2, 0.6), hours=(12, 200)),
    ),
    _attack(
        "fresh-list",
        "A fresh list: up to three in a hundred",
        "Passwords that leaked last week still open 1 to 3 %.",
        AttackPlan(addresses="botnet", success=(0.01, 0.03), p_unknown=(0.1, 0.5), hours=(12, 200)),
    ),
    _attack(
        "week-pause",
        "A campaign that pauses a week",
        "The same list, tool and network go on after a week of silence.",
        AttackPlan(
            addresses="botnet", begins=(0.08, 0.2), hours=(290, 460), p_pause=0.0, pause_days=(7.0, 8.0)
        ),
        shop=ShopPlan(days=(28, 40)),
    ),
    _attack(
        "faint",
        "Less than one login in two hundred",
        "One try per address, 0.05 to 0.5 % of the traffic, over days.",
        AttackPlan(
            addresses="single",
            share=(0.0005, 0.005),
            at_least=10,
            hours=(24, 300),
            success=(0.005, 0.03),
            p_pause=0.0,
        ),
    ),
    _attack(
        "flood",
        "Four of five logins are the attack",
        "As in retail, where stuffing is over 80 % of all logins: 60 to 80 % of the traffic.",
        AttackPlan(addresses="botnet", share=(1.5, 4.0), hours=(48, 400)),
    ),
)
