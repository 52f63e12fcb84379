"""Decisions: what is to be done about an address or a network for a while, whoever comes from there."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Decision(Struct, frozen=True):
    """One decision. Moments are microseconds since 1970-01-01 UTC."""

    #: An IPv4 or IPv6 address, or a network in CIDR notation.
    value: str
    scope: Literal["ip", "range"]
    #: `allow` keeps bans off: made by people only, and told to nobody.
    kind: Literal["ban", "captcha", "allow"]
    #: Rule that made it, `stanch/…`, or `manual`.
    scenario: str
    #: One plain sentence with its number.
    why: str
    start_us: int
    until_us: int
    #: Kept and shown, but given to no bouncer: its rule is not switched on.
    simulated: bool
