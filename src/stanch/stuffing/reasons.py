"""Why a campaign is believed: reasons as code and parameters, and in English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from stanch.findings import format_percent

Params: TypeAlias = Mapping[str, int | float | str]


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a code that other languages translate, and its numbers (shares in percent)."""

    code: str
    params: Params

    def __str__(self) -> str:
        shares = {k: format_percent(float(self.params[k]) / 100) for k in _SHARES & self.params.keys()}
        told = SENTENCES[self.code].format(**{**self.params, **shares})
        return told[:1].upper() + told[1:]


_SHARES: Final = frozenset({"percent", "usual"})


SENTENCES: Final[Mapping[str, str]] = {
    "size": "{attempts:,} attempts on {accounts:,} accounts from {addresses:,} addresses"
    " in {networks:,} networks.",
    "refused": "{percent} % of the attempts failed; in ordinary use here {usual} % do.",
    "unknown_accounts": "{percent} % of the attempts were on accounts that do not exist.",
    "no_retry": "After {percent} % of the failures nobody tried that account again from the same network"
    " within {minutes} minutes; people usually do.",
    "strangers": "{percent} % of the attempts came from networks from which their account is never used.",
    "one_try_addresses": "{percent} % of the addresses made a single attempt: limits per address see"
    " nothing.",
    "busy_address": "One address alone made {attempts:,} attempts.",
    "hammered": "{attempts:,} attempts went to accounts that were tried ten times or more;"
    " one account was tried {most:,} times.",
    "level": "In its busiest {minutes} minutes it made {attempts:,} attempts,"
    " {percent} % of all attempts of that time.",
    "client": '{percent} % of the attempts say they are "{client}", as {usual} % of other attempts do.',
    "successes": "{successes:,} attempts got in.",
    "no_accounts": "The log names no accounts, so attempts were told apart by address and client only.",
}
