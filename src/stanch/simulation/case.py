"""What a case is, and how it is varied."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from stanch.simulation.attacks import AttackPlan
from stanch.simulation.draws import Bounds
from stanch.simulation.leaks import LeakPlan
from stanch.simulation.scams import ScamPlan
from stanch.simulation.shop import ShopPlan
from stanch.simulation.team import TeamPlan


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
    team: TeamPlan = field(default_factory=TeamPlan)
    #: Chance that the desk opens the orders that it hears complaints about.
    p_look_up: float = 0.0


def vary_case(
    case: Case,
    *,
    n_accounts: int | None = None,
    days: int | None = None,
    rate: float | None = None,
    attack_share: float | None = None,
    success: float | None = None,
) -> Case:
    """The same case with a shop or attacks of a stated size; what is not given stays the seed's.

    `n_accounts` customers (10,000 to 2 million were tried), a span of whole `days`, logins per customer
    and day on average about `rate`, each attack's share of all traffic (0.0005 to 0.8), and its successes
    per attempt.
    """
    own = case.shop
    shop = replace(
        own, users=_fix(n_accounts, own.users), days=_fix(days, own.days), rate=_fix(rate, own.rate)
    )
    attacks = [replace(plan, success=_fix(success, plan.success)) for plan in case.attacks]
    if attack_share is not None:
        share = _fix(attack_share / (1 - attack_share), (0.0, 0.0))
        attacks = [replace(plan, share=share, per_day=None, at_least=10) for plan in attacks]
    return replace(case, shop=shop, attacks=tuple(attacks))


def _fix(value: float | None, otherwise: Bounds) -> Bounds:
    return otherwise if value is None else (value, value)
