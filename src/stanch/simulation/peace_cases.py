"""Shops without an attack, in months of which each has something that looks like trouble."""

from __future__ import annotations

from typing import Final

from stanch.simulation.case import Case
from stanch.simulation.scams import ScamPlan
from stanch.simulation.shop import ShopPlan

_QUIET: Final = ScamPlan(background=(0, 6))
#: False alarms are counted per month.
_MONTH: Final = (30.0, 30.0)


def _peace(name: str, title: str, story: str, event: str, shop: ShopPlan | None = None) -> Case:
    return Case(name, title, story, shop or ShopPlan(days=_MONTH), events=(event,), scam=_QUIET)


#: Each kind of trouble that is none.
PEACE: Final[tuple[Case, ...]] = (
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
        "A school's or an office's NAT when everybody is back.",
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
        ShopPlan(days=_MONTH, growth=(2.0, 5.0)),
    ),
    _peace(
        "polling-bots",
        "Scripts that poll with good credentials",
        "Customers' scripts log in day and night, some for dozens of accounts, some with an old password.",
        "polling_bots",
    ),
    _peace(
        "clumsy-user",
        "One customer who cannot get in",
        "Hundreds of failures and near misses at one account, from the customer's own devices.",
        "clumsy_user",
    ),
    _peace(
        "security-scan",
        "A scan of the site",
        "A hired tester's scanner writes its payloads into the name field thousands of times.",
        "security_scan",
    ),
)
