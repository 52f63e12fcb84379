"""Leaks as cases: each source that order data may get out through."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from stanch.simulation.attacks import AttackPlan
from stanch.simulation.case import Case
from stanch.simulation.leaks import LeakPlan
from stanch.simulation.scams import ScamPlan
from stanch.simulation.shop import ShopPlan
from stanch.simulation.team import TeamPlan

#: From three complaints to eighty, at half the usual size of the shop.
_ANY_NUMBER: Final = ScamPlan(wanted=(3, 115), background=(0, 20))
_MANY_AGENTS: Final = TeamPlan(orders_per_agent=(80, 1200))


def _leak(name: str, title: str, story: str, *plans: LeakPlan) -> Case:
    return Case(name, title, story, leaks=plans)


def _varied(
    name: str,
    title: str,
    story: str,
    *plans: LeakPlan,
    scam: ScamPlan = _ANY_NUMBER,
    team: TeamPlan = _MANY_AGENTS,
    shop: ShopPlan | None = None,
    attacks: tuple[AttackPlan, ...] = (),
    p_look_up: float = 0.5,
) -> Case:
    return Case(
        name,
        title,
        story,
        shop or ShopPlan(),
        attacks,
        leaks=plans,
        scam=scam,
        team=team,
        p_look_up=p_look_up,
    )


#: Leaks that are hard to tell from something else, with few complaints as well as many.
_VARIED: Final[tuple[Case, ...]] = (
    _varied(
        "own-queue",
        "An agent passes on what its queue brings",
        "No search, no odd hours: one agent's ordinary orders reach the callers.",
        LeakPlan("agent", (0.0, 0.5), (3, 30), (0.3, 1.0)),
    ),
    _varied(
        "packer",
        "Labels photographed in the warehouse",
        "One of a handful of packers, who each see much of everything.",
        LeakPlan("packer", (0.0, 0.5), (3, 30), (0.2, 1.0)),
    ),
    _varied(
        "courier-of-a-region",
        "A courier that alone serves its region",
        "The complaints come from one region, and one courier goes there.",
        LeakPlan("courier", (0.0, 0.5), (4, 30), (0.3, 1.0)),
        team=replace(_MANY_AGENTS, sole_couriers=True),
    ),
    _varied(
        "large-warehouse",
        "A warehouse that saw a third of all orders",
        "Two to four outside warehouses pack everything, and one leaks.",
        LeakPlan("warehouse", (0.0, 0.5), (4, 30), (0.2, 1.0)),
        team=replace(_MANY_AGENTS, warehouses=(2, 4)),
    ),
    _varied(
        "vendor",
        "A vendor's copy of the orders",
        "The software that a vendor runs for the shop hands orders on.",
        LeakPlan("vendor", (0.0, 0.5), (3, 20), (0.2, 1.0)),
    ),
    _varied(
        "message-service",
        "The service that sends messages",
        "It knows two fields of most orders, and these reach the callers.",
        LeakPlan("sms", (0.0, 0.5), (3, 20), (0.2, 1.0)),
    ),
    _varied(
        "counted-numbers",
        "One night's run through the order numbers",
        "The numbers of some days are counted up on an open page within hours.",
        LeakPlan("counting", (0.0, 0.5), (3, 20), (0.5, 1.0)),
    ),
    _varied(
        "copied-days",
        "A copy of some days' orders that no log shows",
        "Somebody takes a backup of one to six days; no logged source saw just these.",
        LeakPlan("copied-days"),
    ),
    _varied(
        "talkative-region",
        "One region complains a lot, and nothing leaked",
        "A local paper wrote about scam calls; its readers report what others shrug off.",
        scam=ScamPlan(background=(6, 60), loud=(4, 12), in_a_wave=True),
        team=replace(_MANY_AGENTS, sole_couriers=True),
    ),
    _varied(
        "looked-up-after-the-call",
        "The desk opens every order that is complained about, and nothing leaked",
        "Victims ring up, agents look; the log shows agents at just these orders.",
        scam=ScamPlan(background=(6, 60), in_a_wave=True),
        p_look_up=1.0,
    ),
    _varied(
        "insider-and-look-ups",
        "An agent leaks, and colleagues look up what is complained about",
        "The desk's looks at the victims' orders outnumber those of the one who leaked.",
        LeakPlan("staff", (0.0, 0.5), (3, 20), (0.03, 0.3)),
        p_look_up=1.0,
    ),
    _varied(
        "leak-beside-a-talkative-region",
        "A leak, and a region that reports more than others",
        "Complaints cluster in a region that has little to do with the leak.",
        LeakPlan("staff", (0.0, 0.5), (3, 20), (0.05, 0.3)),
        scam=replace(_ANY_NUMBER, loud=(3, 10)),
        team=replace(_MANY_AGENTS, sole_couriers=True),
    ),
    _varied(
        "team-twins",
        "Two agents who open the same orders",
        "Pairs share a queue, and nearly every order is opened by both.",
        LeakPlan("agent", (0.0, 0.5), (3, 30), (0.3, 1.0)),
        team=replace(_MANY_AGENTS, branch=(2, 2), p_shared=(0.8, 0.98)),
    ),
    _varied(
        "linked-branches",
        "Branches whose staff see each other's orders, a third of victims report",
        "Every order is opened by several of a branch; one of them leaks.",
        LeakPlan("agent", (0.0, 0.4), (4, 20), (0.3, 1.0)),
        scam=ScamPlan(background=(0, 10), reporting=(0.3, 0.3)),
        team=replace(_MANY_AGENTS, branch=(3, 8)),
    ),
    _varied(
        "linked-branches-silent",
        "Branches whose staff see each other's orders, one victim in fifty reports",
        "As before, in a larger shop where hardly anybody complains.",
        LeakPlan("agent", (0.0, 0.2), (15, 30), (0.7, 1.0)),
        scam=ScamPlan(background=(0, 10), reporting=(0.02, 0.02)),
        shop=ShopPlan(users=(30_000, 60_000)),
        team=TeamPlan(branch=(3, 8)),
    ),
    _varied(
        "bare-complaints",
        "A leak, and complaints that say hardly anything",
        "Few forms name the order, the time of the call or what the caller knew.",
        LeakPlan("staff", (0.0, 0.5), (3, 20), (0.05, 0.3)),
        scam=replace(_ANY_NUMBER, bare=True),
    ),
    _varied(
        "two-colleagues",
        "Two agents leak independently",
        "Both search beyond their queues, at times of their own.",
        LeakPlan("staff", (0.0, 0.5), (3, 20), (0.05, 0.3)),
        LeakPlan("staff", (0.0, 0.5), (3, 20), (0.05, 0.3)),
    ),
    _varied(
        "three-sources",
        "Three sources at once",
        "An agent, a courier and a customer's account leak independently.",
        LeakPlan("agent", (0.0, 0.5), (3, 20), (0.3, 1.0)),
        LeakPlan("courier", (0.0, 0.5), (3, 20), (0.3, 1.0)),
        LeakPlan("customer", (0.0, 0.5), (3, 20), (0.03, 0.2)),
    ),
    _varied(
        "stuffing-among-busy-people",
        "A wave from a few addresses, while desk and region look guilty",
        "Accounts fall to stuffing; the desk opens what is complained about, and one region complains more.",
        scam=ScamPlan(wanted=(4, 80), background=(0, 20), loud=(2, 6)),
        attacks=(AttackPlan(p_unknown=(0.1, 0.9), success=(0.003, 0.03), share=(0.1, 0.6), hours=(6, 96)),),
        p_look_up=1.0,
    ),
)

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
    *_VARIED,
)
