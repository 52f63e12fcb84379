"""Settings of the guard. What they start with hurts nobody: nothing is enforced, and bans are short."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

#: What the guard may do; each is a rule that has to be switched on.
Rule = Literal["challenge", "deny", "reset", "ban"]


class GuardSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The guard: what it enforces, how many customers it may bother, how much it remembers."""

    enforce: Annotated[
        tuple[Rule, ...],
        Meta(description="Rules switched on: challenge, deny, reset, ban. What is not, is simulated."),
    ] = ()
    challenge: Annotated[
        Literal["captcha", "mail_code", "mfa", "proof_of_work"],
        Meta(description="How the shop challenges."),
    ] = "captcha"
    budget: Annotated[
        float,
        Meta(description="Share of genuine logins that may be challenged or reset.", ge=0, le=0.2),
    ] = 0.0075
    scorecard: Annotated[
        str, Meta(description="File of the shop's own scorecard (`stanch train`); empty: the one built in.")
    ] = ""
    lang: Annotated[Literal["en", "zh"], Meta(description="Language of the reasons.")] = "en"
    ban_s: Annotated[int, Meta(description="How long an address is banned.", ge=10, le=900)] = 900
    late_hours: Annotated[
        int,
        Meta(description="How long a login by a stranger may be looked at again.", ge=1, le=72),
    ] = 24
    on_unavailable: Annotated[
        Literal["allow", "challenge", "deny"],
        Meta(
            description="What is answered while the guard cannot judge (its counters' server is gone); known"
            " devices pass, and challenge and deny are simulated unless switched on."
        ),
    ] = "allow"
    counters_timeout_ms: Annotated[
        int,
        Meta(
            description="How long the counters' server may take to answer, in milliseconds.", ge=2, le=1_000
        ),
    ] = 25
    customers: Annotated[
        int,
        Meta(
            description="Accounts whose habits are remembered, at about 100 bytes each.", ge=1_000, le=10**9
        ),
    ] = 1_000_000
    recent: Annotated[
        int,
        Meta(
            description="Accounts tried and addresses seen lately that are remembered, at about 150 bytes"
            " each.",
            ge=1_000,
            le=10**9,
        ),
    ] = 1_000_000
