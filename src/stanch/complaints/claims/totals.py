"""What the claims come to, by currency, in a form whose parts add up to the whole.

registered = claimed + duplicate
claimed    = open + rejected + verified
verified   = paid + outstanding
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from stanch.complaints.claims.register import Claim

_NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums in one currency, exact to the hundredth, and the number of claims behind each."""

    currency: str
    registered: Decimal = _NOTHING
    duplicate: Decimal = _NOTHING
    claimed: Decimal = _NOTHING
    open: Decimal = _NOTHING
    rejected: Decimal = _NOTHING
    verified: Decimal = _NOTHING
    paid: Decimal = _NOTHING
    outstanding: Decimal = _NOTHING


#: The order in which sums are shown.
SUMS = ("registered", "duplicate", "claimed", "open", "rejected", "verified", "paid", "outstanding")


def add_up(claims: Iterable[Claim]) -> list[Totals]:
    """Totals of each currency, in the order of their codes."""
    sums: dict[str, dict[str, Decimal]] = {}
    for claim in claims:
        for currency, amount in claim.claimed.items():
            of = sums.setdefault(currency, dict.fromkeys(SUMS, _NOTHING))
            for name, part in _split(claim, currency, amount).items():
                of[name] += part
    return [Totals(currency, **of) for currency, of in sorted(sums.items())]


def _split(claim: Claim, currency: str, claimed: Decimal) -> dict[str, Decimal]:
    """One claim's amount in each sum that it belongs to."""
    if claim.state == "duplicate":
        return {"registered": claimed, "duplicate": claimed}
    if claim.state == "claimed":
        return {"registered": claimed, "claimed": claimed, "open": claimed}
    verified = claim.verified.get(currency, _NOTHING)
    paid = claim.paid.get(currency, _NOTHING)
    return {
        "registered": claimed,
        "claimed": claimed,
        "rejected": claimed - verified,
        "verified": verified,
        "paid": paid,
        "outstanding": verified - paid,
    }
