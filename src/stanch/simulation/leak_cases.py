"""Leaks as cases: each source that order data may get out through."""

from __future__ import annotations

from typing import Final

from stanch.simulation.attacks import AttackPlan
from stanch.simulation.case import Case
from stanch.simulation.leaks import LeakPlan
from stanch.simulation.scams import ScamPlan


def _leak(name: str, title: str, story: str, *plans: LeakPlan) -> Case:
    return Case(name, title, story, leaks=plans)


#: Each source, alone or with what looks like one.
LEAKS: Final[tuple[Case, ...]] = (
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
