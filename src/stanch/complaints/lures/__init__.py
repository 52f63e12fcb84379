"""Links of reports -> which of them pose as the shop, and why. No link is ever opened or resolved."""

from stanch.complaints.lures.brand import Brand, make_brand
from stanch.complaints.lures.judge import Verdict, judge_link

__all__ = ["Brand", "Verdict", "judge_link", "make_brand"]
