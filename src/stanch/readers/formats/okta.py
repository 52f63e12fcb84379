"""Okta System Log, as its API and exports give it.

References:
    https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/
    https://developer.okta.com/docs/reference/api/event-types/

| event | row |
|---|---|
| `user.session.start` with SUCCESS or ALLOW | success |
| … FAILURE | failure |
| … FAILURE with the reason LOCKED_OUT, or DENY | denied |
| … CHALLENGE | challenged |
| … SKIPPED, UNKNOWN | unknown |
| `user.authentication.auth_via_mfa` FAILURE | challenged: the password was right, the second factor not |
| `user.authentication.auth_via_radius` | as `user.session.start`, which it stands for |

The other `user.authentication.*` (`sso` into an application, agents and identity providers as
steps of one login, a second factor that worked) go with a `user.session.start` and would count it
twice. Okta does not say whether a failed name exists.
"""

from __future__ import annotations

from typing import Any, Final

from stanch.readers.jsonlog import JsonReader, Record, as_text, look

STARTS: Final = frozenset({"user.session.start", "user.authentication.auth_via_radius"})
SECOND_FACTOR: Final = "user.authentication.auth_via_mfa"
RESULTS: Final = {
    "SUCCESS": "success",
    "ALLOW": "success",
    "FAILURE": "failure",
    "DENY": "denied",
    "CHALLENGE": "challenged",
}


class OktaReader(JsonReader):
    """Sign-ins of the Okta System Log."""

    name = "okta"
    reference = "https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/"

    def fits(self, record: Record) -> bool:
        """Every log event has a type, a time of publishing and an actor or outcome."""
        return "eventType" in record and "published" in record and ("outcome" in record or "actor" in record)

    def read(self, record: Record) -> dict[str, Any] | None:
        """A sign-in; None for other events."""
        outcome = _find_outcome(record)
        if outcome is None:
            return None
        return {
            "time": look(record, "published"),
            "ip": look(record, "client.ipAddress"),
            "account": _known(look(record, "actor.alternateId")) or _known(look(record, "actor.id")),
            "outcome": outcome,
            "user_agent": look(record, "client.userAgent.rawUserAgent"),
            "device": look(record, "debugContext.debugData.deviceFingerprint", "device.id"),
            "session": _known(look(record, "authenticationContext.externalSessionId")),
            "country": _find_country(record),
            "asn": look(record, "securityContext.asNumber"),
            "path": look(record, "debugContext.debugData.requestUri"),
        }


def _find_outcome(record: Record) -> str | None:
    result = (as_text(look(record, "outcome.result")) or "").upper()
    kind = record["eventType"]
    if kind == SECOND_FACTOR:
        return "challenged" if result == "FAILURE" else None
    if kind not in STARTS:
        return None
    if result == "FAILURE" and look(record, "outcome.reason") == "LOCKED_OUT":
        return "denied"
    return RESULTS.get(result, "unknown")


def _find_country(record: Record) -> str | None:
    """Okta writes the country's name; only a code of two letters is kept."""
    country = as_text(look(record, "client.geographicalContext.country"))
    return country if country and len(country) == 2 else None


def _known(value: Any) -> str | None:
    """Okta writes `unknown` for what it does not know."""
    return None if value == "unknown" else as_text(value)
