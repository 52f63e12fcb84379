"""What the guard is asked, and what it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

#: `deny` refuses whatever the password; `reset` is said after a success only: revoke the password and the
#: sessions of the account.
Action = Literal["allow", "challenge", "deny", "reset"]


class Attempt(Struct, frozen=True):
    """One attempt to log in before its password is checked: a row of `logins` without `outcome`."""

    #: Microseconds since 1970-01-01 UTC.
    time_us: int
    #: IPv4 or IPv6 in canonical text.
    ip: str
    #: As typed; empty where it is not known.
    account: str = ""
    user_agent: str | None = None
    ja4: str | None = None
    #: What the shop knows the device by: the signed cookie that a good login was given, or an id of its own.
    device: str | None = None
    #: The device showed a cookie that a good login on this very account was given.
    device_known: bool = False
    #: Whether the operator's list of leaked credentials holds this one; None: not asked.
    leaked: bool | None = None
    country: str | None = None
    asn: str | None = None


class Reason(Struct, frozen=True):
    """Why, for programs and for people."""

    code: str
    text: str


class Answer(Struct, frozen=True):
    """What to do about an attempt, or about a login that was good."""

    action: Action
    #: Probability that the attempt is part of an attack.
    score: Annotated[float, Meta(ge=0, le=1)]
    reasons: tuple[Reason, ...]
    #: The action is what would be done: the rule behind it is not switched on, so let the attempt pass.
    simulated: bool
