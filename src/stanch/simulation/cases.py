"""The cases: short declarations of shop, attacks, events, leaks and calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from stanch.simulation.attacks import AttackPlan
from stanch.simulation.leaks import LeakPlan
from stanch.simulation.scams import ScamPlan
from stanch.simulation.shop import ShopPlan


@dataclass(frozen=True)
class Case:
    """One kind of incident. A seed makes it one incident among many."""

    name: str
    title: str
    story: str
    shop: ShopPlan = field(default_factory=ShopPlan)
    attacks: tuple[AttackPlan, ...] = ()
    #: Names out of `events.EVENTS`.
    events: tuple[str, ...] = ()
    leaks: tuple[LeakPlan, ...] = ()
    scam: ScamPlan = field(default_factory=ScamPlan)
    #: Chance that somebody innocent among the staff reads a lot.
    p_overwork: float = 0.5


_QUIET: Final = ScamPlan(background=(0, 6))
_FEW_CALLS: Final = ScamPlan(wanted=(5, 60))


def _attack(name: str, title: str, story: str, *plans: AttackPlan, shop: ShopPlan | None = None) -> Case:
    return Case(name, title, story, shop or ShopPlan(), plans, scam=_FEW_CALLS)


def _peace(name: str, title: str, story: str, event: str, shop: ShopPlan | None = None) -> Case:
    return Case(name, title, story, shop or ShopPlan(), events=(event,), scam=_QUIET)


def _leak(name: str, title: str, story: str, *plans: LeakPlan) -> Case:
    return Case(name, title, story, leaks=plans)


_WAVE_OF_2015: Final = Case(
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

_LEAKS: Final = (
    _leak(
        "insider",
        "A staff account reads orders beyond its queue",
        "One agent's account searches for fresh orders day by day, and their buyers are called.",
        LeakPlan("staff"),
    ),
    _leak(
        "courier",
        "A partner leaks its share",
        "A courier company's copy of the labels gets into the wrong hands.",
        LeakPlan("partner", days=(6, 16), share=(0.2, 1.0)),
    ),
    Case(
        "no-leak",
        "Complaints by coincidence, nothing leaked",
        "Customers report scam calls, but the callers dial numbers from elsewhere.",
        scam=ScamPlan(background=(6, 60), in_a_wave=True),
    ),
    _leak(
        "service-export",
        "Exports that got out",
        "A reporting service's files reach the callers.",
        LeakPlan("service", share=(0.1, 0.33)),
    ),
    _leak(
        "customer-sees-others",
        "A customer who sees others' orders",
        "A fault shows one account what others bought.",
        LeakPlan("customer"),
    ),
    _leak(
        "open-endpoint",
        "An open page with numbers that can be counted",
        "Whoever counts up order numbers sees orders.",
        LeakPlan("endpoint", share=(0.2, 0.8)),
    ),
    _leak(
        "unlogged",
        "A copied table that no log shows",
        "The calls fit the orders, but nobody logged saw them all.",
        LeakPlan("unlogged"),
    ),
    _leak(
        "two-sources",
        "Two sources at once",
        "An agent and a courier leak independently.",
        LeakPlan("staff"),
        LeakPlan("partner", share=(0.2, 1.0)),
    ),
    Case(
        "stuffing-plus-innocent-staff",
        "A wave, and staff who read a lot for good reasons",
        "Accounts fall to stuffing while an agent's stocktake looks suspicious.",
        attacks=(
            AttackPlan(
                addresses="botnet",
                p_unknown=(0.1, 0.7),
                success=(0.01, 0.03),
                share=(0.2, 0.6),
                hours=(12, 96),
            ),
        ),
        scam=ScamPlan(wanted=(10, 60)),
        p_overwork=1.0,
    ),
)

_ATTACKS: Final = (
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
            per_day=(120, 400),
            begins=(0.15, 0.3),
            hours=(340, 600),
            success=(0.005, 0.03),
        ),
        shop=ShopPlan(days=(28, 42)),
    ),
)

_PEACE: Final = (
    _peace(
        "flash-sale",
        "A rush with clumsy fingers, and no attack",
        "A sale brings everybody at once, many with passwords long forgotten.",
        "flash_sale",
    ),
    _peace(
        "password-reset",
        "A wave of resets after a mail",
        "Customers find that old passwords no longer work.",
        "password_reset",
    ),
    _peace(
        "broken-app-release",
        "A release that cannot log in",
        "One client's new version fails for all its users.",
        "broken_release",
    ),
    _peace(
        "health-check",
        "A check that fails all day",
        "A partner's monitor logs in with a password that was changed.",
        "health_check",
    ),
    _peace(
        "campus-monday",
        "Monday morning behind one address",
        "A school's NAT after the holidays.",
        "campus_monday",
    ),
    _peace(
        "outage",
        "Nobody gets in",
        "For an hour or a few every login fails, and everybody tries again.",
        "outage",
    ),
    _peace(
        "growth",
        "A month of growth",
        "Advertisements bring people who try names of other shops.",
        "newcomers",
        ShopPlan(growth=(2.0, 5.0)),
    ),
)

#: Every case by its name.
CASES: Final[dict[str, Case]] = {case.name: case for case in (_WAVE_OF_2015, *_ATTACKS, *_LEAKS, *_PEACE)}
#: Names of cases in which nothing leaks and nobody attacks, though some look like it.
PEACEFUL: Final = frozenset({*(case.name for case in _PEACE), "no-leak"})
