"""What the guard says about a login, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

Action = Literal["allow", "challenge", "deny", "reset"]
OnUnavailable = Literal["allow", "challenge", "deny"]
Outcome = Literal["success", "failure", "unknown_account", "challenged", "denied", "unknown"]
_ACTIONS: Final = ("allow", "challenge", "deny", "reset")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, for programs and for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """One answer."""

    #: What to do now. Where the guard only simulates, that is `allow`.
    action: Action
    #: What the guard would do if its rules were switched on.
    advice: Action
    simulated: bool = False
    #: Name of this attempt; empty where the guard did not answer.
    id: str = ""
    #: Probability that the attempt is part of an attack; None: unknown.
    score: float | None = None
    reasons: tuple[Reason, ...] = ()
    #: Which challenge the guard is set to: captcha, mail_code, mfa, proof_of_work.
    challenge: str = ""
    #: After a good login: what to set as the device's cookie.
    device: str = ""
    #: The guard did not answer in time, or not sensibly: `action` is what the shop chose for that.
    unavailable: bool = False


def read_verdict(body: Any, attempt_id: str = "") -> Verdict:
    """The verdict that a decoded answer is.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(body, Mapping) or body.get("action") not in _ACTIONS:
        raise ValueError("no answer of a guard")
    advice = cast(Action, body["action"])
    simulated = body.get("simulated") is True
    score = body.get("score")
    reasons = body.get("reasons") or []
    return Verdict(
        action="allow" if simulated else advice,
        advice=advice,
        simulated=simulated,
        id=str(body.get("id") or attempt_id),
        score=float(score) if isinstance(score, int | float) else None,
        reasons=tuple(
            Reason(str(reason.get("code", "")), str(reason.get("text", "")))
            for reason in (reasons if isinstance(reasons, list) else [])
            if isinstance(reason, Mapping)
        ),
        challenge=str(body.get("challenge") or ""),
        device=str(body.get("device") or ""),
    )


def make_unavailable(choice: Action, why: str, attempt_id: str = "") -> Verdict:
    """What the shop chose for when the guard does not answer."""
    reason = Reason("guard_unavailable", why)
    return Verdict(choice, choice, id=attempt_id, reasons=(reason,), unavailable=True)
