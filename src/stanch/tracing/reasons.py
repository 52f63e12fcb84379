"""What speaks for and against each source: codes with numbers, and plain English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from stanch.findings import format_percent

Params: TypeAlias = Mapping[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a code that other languages translate, and its numbers (shares in percent)."""

    code: str
    params: Params
    direction: Literal["for", "against"] = "for"

    def __str__(self) -> str:
        return SENTENCES[self.code].format(**_write_numbers(self.params))


def write_percent(chance: float) -> str:
    """A chance as percent: nothing that is concluded, or counted in simulations, is ever certain."""
    return format_percent(min(max(chance, 1e-9), 1 - 1e-9))


def write_expected(value: float) -> str:
    """An expectation with one decimal while that says something."""
    return "under 0.1" if value < 0.05 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _write_numbers(params: Params) -> dict[str, float | str]:
    """Whole numbers with thousands separated."""
    return {name: f"{value:,}" if isinstance(value, int) else value for name, value in params.items()}


SENTENCES: Final[Mapping[str, str]] = {
    "saw": "{hits} of {n} complainants' orders were seen by this account between {first} and {last};"
    " {expected} expected.",
    "saw_partner": "{hits} of {n} complainants' orders were seen by this partner between {first} and {last};"
    " {expected} expected.",
    "saw_service": "{hits} of {n} complainants' orders were seen by this service between {first} and {last};"
    " {expected} expected.",
    "saw_unit": "{hits} of {n} complainants' orders were seen there between {first} and {last};"
    " {expected} expected.",
    "saw_campaign": "{hits} of {n} complainants' orders were open to this attack through accounts that fell,"
    " between {first} and {last}; {expected} expected.",
    "saw_endpoint": "{hits} of {n} complainants' orders were shown by this page without sign-in between"
    " {first} and {last}; {expected} expected.",
    "saw_few": "{hits} of {n} complainants' orders were seen by it before the call; {expected} expected.",
    "unseen": "{misses} of {n} complaints are about orders that it had not seen before the call.",
    "fields": "In {n} complaints the caller cited what this source does not show: {fields}.",
    "explained": "{hits} of the complaints about orders it saw are explained by {others} as well.",
    "everything": "It saw {percent} % of the orders like those complained about, so complaints can hardly"
    " tell it from a leak that no log shows.",
    "rare": "In {n} simulated histories of this shop in which nobody logged leaked, evidence this strong"
    " against anybody came up in {percent} %.",
    "not_rare": "In simulated histories of this shop in which nobody logged leaked, evidence this strong"
    " against somebody came up in {percent} %.",
    "bound": "It explains at most {bound} of {n} complaints, with 95 % certainty.",
    "taken_over": "The account may itself have been taken over: the evidence names an account, not a person.",
    "access_taken_over": "The access may itself have been taken over: the evidence names an access, not a"
    " person.",
    "several_there": "Several accounts look at orders there; the evidence names none of them.",
    "alike": "The evidence cannot tell {members} apart: they saw nearly the same orders.",
    "named": "{source} explains {explained} of {n} complaints.",
    "undetermined": "No source is sure enough to be named: the likeliest, {source}, reaches a probability of"
    " {percent} %.",
    "undetermined_none": "No source stands out.",
    "undetermined_rate": "{source} fits best, but evidence this strong would come up in {percent} % of"
    " histories in which nobody logged leaked.",
    "knowledge": "{specific} of {n} callers cited what is specific to an order, which coincidence seldom"
    " brings.",
    "no_knowledge": "Only {specific} of {n} callers cited anything specific to an order.",
    "no_knowledge_at_all": "None of {n} callers cited anything specific to an order.",
    "unlogged": "The callers knew orders, and no logged source saw more of these orders than of others.",
    "unlinked_one": "One complaint names no order or account that the tables know; it could not be traced.",
    "unlinked": "{n} complaints name no order or account that the tables know; they could not be traced.",
    "unlinked_all": "No complaint names an order or account that the tables know, so none could be traced.",
    "no_complaints": "There are no complaints.",
    "no_exposures": "No log given shows who saw which order, so the complaints could not be held against"
    " any source.",
}

SETTLE: Final[Mapping[str, str]] = {
    "more": "More complaints: about {n} more that name their order would tell whether {source} leaked.",
    "more_days": "More complaints: about {n} more that name their order would tell whether {source} leaked,"
    " in about {days} days at the pace so far.",
    "typical": "More complaints: no source stands out from the {traced} traced so far; about {n} more that"
    " name their order would name a source like most of these, if half of them come from it.",
    "typical_days": "More complaints: no source stands out from the {traced} traced so far; about {n} more"
    " that name their order would name a source like most of these, if half of them come from it, in about"
    " {days} days at the pace so far.",
    "split_n": "Give {members} different orders from now on: about {n} complaints about these orders then"
    " tell them apart.",
    "split_n_days": "Give {members} different orders from now on: about {n} complaints about these orders"
    " then tell them apart, in about {days} days.",
    "canary": "Plant orders that only {members} sees, each with a phone number of its own: if it leaks, of"
    " at most {n} such orders one is called about within about {days} days.",
    "canary_each": "Plant orders that only one of {members} sees, each with a phone number of its own: of at"
    " most {n} such orders for each, one is called about within about {days} days where it leaks.",
    "any": "More complaints that name their order and say what the caller knew: from the {n} traced so far"
    " no source stands out.",
    "link": "Ask victims for their order numbers, or give the orders that the complaints name: so far none"
    " of {n} complaints could be traced.",
    "rarer": "More complaints that name their order, from days to come: chance resemblance to {source} fades"
    " with them, a leak does not.",
    "split": "Give {members} different orders from now on: complaints about later orders then tell them"
    " apart.",
    "accesses": "Give a log that shows who saw which order, with the signed-in user or session, and the table"
    " of orders.",
    "numbers": "Ask victims for their order numbers: {n} complaints could not be linked to an order.",
    "fields": "Log which fields each screen, label and export shows; what callers knew can then exclude"
    " sources.",
}


def say_settle(code: str, **params: int | float | str) -> str:
    """One sentence about what evidence would settle the question."""
    return SETTLE[code].format(**_write_numbers(params))
