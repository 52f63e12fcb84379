"""Rules and settings: what the guard may do, from when on it does so, and what the service was told.

Read only: rules are switched in the settings file, which a restart reads as well; a switch here would be
forgotten by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from stanch.console.pages import Nothing, Page, Visit
from stanch.guard.features import BLOCKS
from stanch.guard.scorecard import Scorecard
from stanch.guard.settings import Rule
from stanch.settings import list_settings

#: Parts of the settings that the service uses; the others are the investigations'.
_PARTS: Final = ("guard", "service")


class RuleRow(Struct, frozen=True):
    """One rule of the guard."""

    rule: Rule
    enforced: bool
    #: Probability, at least, by the scorecard and as it is now; None: it goes by other signs.
    base: float | None
    now: float | None


class Block(Struct, frozen=True):
    """One block of the scorecard: its levels, and what they add to the log-odds, in nats."""

    name: str
    n_levels: int
    lowest: float
    highest: float


class Card(Struct, frozen=True):
    """The scorecard."""

    version: int
    made: str
    #: File of the shop's own; empty: the one built in.
    file: str
    base: float
    #: What it adds that name and password are on the list of leaked credentials.
    leaked: float
    blocks: tuple[Block, ...]
    #: What does not fit; empty: all does, or it is too early to say.
    misfit: str


class Allowed(Struct, frozen=True):
    """The allow-list's file."""

    file: str
    n_entries: int
    problem: str


class Setting(Struct, frozen=True):
    """One setting as it is now, both values as JSON. Addresses are shortened: they may hold secrets."""

    key: str
    value: str
    default: str
    range: str
    meaning: str
    is_changed: bool


class Rules(Struct, frozen=True):
    """What holds."""

    rules: tuple[RuleRow, ...]
    challenge: str
    budget: float
    spent: float
    allow_list: Allowed
    card: Card
    settings: tuple[Setting, ...]
    #: What is wrong with the settings file, if anything.
    trouble: str


def load_rules(visit: Visit, _query: Nothing) -> Rules:
    """As the service works now; what it reads anew is seen at once."""
    service = visit.service
    guard, card, sweep = service.guard.settings, service.guard.scorecard, service.sweep
    parts = {"guard": guard, "service": service.settings}
    return Rules(
        tuple(_list_rules(guard.enforce, card, sweep.threshold if sweep is not None else None)),
        guard.challenge,
        guard.budget,
        sweep.spent if sweep is not None else 0.0,
        Allowed(service.settings.allow_list, len(service.allow_list), service.allow_list.problem),
        Card(
            card.version,
            card.made,
            guard.scorecard,
            card.base,
            card.leaked,
            tuple(
                Block(name, n, min(card.addends[name]), max(card.addends[name])) for name, n in BLOCKS.items()
            ),
            service.troubles.get("scorecard", ""),
        ),
        tuple(_list_settings(parts)),
        service.troubles.get("settings", ""),
    )


def _list_rules(enforced: tuple[Rule, ...], card: Scorecard, now: float | None) -> Iterator[RuleRow]:
    bases = {"challenge": card.challenge, "deny": card.deny, "reset": card.reset}
    for rule in get_args(Rule):
        yield RuleRow(rule, rule in enforced, bases.get(rule), now if rule == "challenge" else None)


def _list_settings(parts: dict[str, Struct]) -> Iterator[Setting]:
    for key, allowed, default, meaning in list_settings():
        first, *names = key.split(".")
        if first not in _PARTS:
            continue
        value: Any = parts[first]
        for name in names:
            value = getattr(value, name)
        yield Setting(key, _show(value), _show(default), allowed, " ".join(meaning.split()), value != default)


def _show(value: object) -> str:
    """As JSON; of an address with a path only where it leads, for paths are what webhooks are guarded by."""
    if isinstance(value, str) and "://" in value:
        parts = urlsplit(value)
        port = f":{parts.port}" if parts.port else ""
        value = f"{parts.scheme}://{parts.hostname or ''}{port}" + ("/…" if parts.path.strip("/") else "")
    return msgspec.json.encode(value).decode()


RULES: Final = Page(
    "/rules", "rules", frozenset({"analyst", "officer", "administrator"}), Nothing, Rules, load_rules, "rules"
)
PAGES: Final = (RULES,)
