"""Who claims what, what of it holds, and what was paid: a register whose totals always add up."""

from stanch.complaints.claims.register import Claim, Register, open_register
from stanch.complaints.claims.totals import Totals, add_up

__all__ = ["Claim", "Register", "Totals", "add_up", "open_register"]
