"""The console: where people work an incident. CONTRIBUTING.md says how to add a page to it."""

from stanch.console.entrance import offer_first_link
from stanch.console.registry import make_operations, tell_failure

__all__ = ["make_operations", "offer_first_link", "tell_failure"]
