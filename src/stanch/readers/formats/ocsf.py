"""Open Cybersecurity Schema Framework: Authentication, class 3002.

Reference: https://schema.ocsf.io/classes/authentication

| record | row |
|---|---|
| `class_uid` 3002 and `activity_id` 1 (Logon) | a login; other activities are not |
| `status_id` 1, 2 | success, failure |
| `status_id` 0, 99 or missing | what `status` says, else unknown |
| failure with `status_code` or `status_detail` USER_DOES_NOT_EXIST, 0xC0000064 | unknown_account |
| failure with ACCOUNT_LOCKED_OUT, ACCOUNT_DISABLED, 0xC0000234, 0xC0000072 | denied |

The hexadecimal codes are NTSTATUS values, as Windows' event 4625 gives them:
https://learn.microsoft.com/windows/security/threat-protection/auditing/event-4625.
`time` is milliseconds since 1970 UTC; `time_dt` is RFC 3339.
"""

from __future__ import annotations

from typing import Any, Final

from stanch.readers.jsonlog import JsonReader, Record, as_text, look

CLASS: Final = 3002
LOGON: Final = 1
_STATUS: Final = {1: "success", 2: "failure", "success": "success", "failure": "failure"}
_UNKNOWN_ACCOUNT: Final = frozenset({"USER_DOES_NOT_EXIST", "0XC0000064"})
_DENIED: Final = frozenset({"ACCOUNT_LOCKED_OUT", "ACCOUNT_DISABLED", "0XC0000234", "0XC0000072"})


class OcsfReader(JsonReader):
    """Logons of OCSF class 3002."""

    name = "ocsf"
    reference = "https://schema.ocsf.io/classes/authentication"

    def fits(self, record: Record) -> bool:
        """Every OCSF event has the number of its class; shippers leave out metadata and category."""
        return isinstance(record.get("class_uid"), int)

    def read(self, record: Record) -> dict[str, Any] | None:
        """A logon; None for other classes and activities."""
        activity = record.get("activity_id", _find_activity(record))
        if record["class_uid"] != CLASS or activity != LOGON:
            return None
        return {
            "time": look(record, "time", "time_dt"),
            "ip": look(record, "src_endpoint.ip"),
            "account": look(record, "user.name", "user.email_addr", "user.uid"),
            "outcome": _find_outcome(record),
            "user_agent": look(record, "http_request.user_agent"),
            "device": look(record, "src_endpoint.uid", "device.uid"),
            "session": look(record, "session.uid"),
            "country": look(record, "src_endpoint.location.country"),
            "asn": look(record, "src_endpoint.autonomous_system.number"),
            "path": look(record, "http_request.url.path", "service.name", "dst_endpoint.svc_name"),
        }


def _find_activity(record: Record) -> int | None:
    """`type_uid` is class_uid * 100 + activity_id."""
    kind = record.get("type_uid")
    return kind % 100 if isinstance(kind, int) else None


def _find_outcome(record: Record) -> str:
    status = record.get("status_id")
    outcome = _STATUS.get(status) if isinstance(status, int) else None
    if outcome is None:
        outcome = _STATUS.get(str(record.get("status")).casefold(), "unknown")
    if outcome != "failure":
        return outcome
    reasons = {(as_text(record.get(key)) or "").upper() for key in ("status_code", "status_detail")}
    if reasons & _UNKNOWN_ACCOUNT:
        return "unknown_account"
    return "denied" if reasons & _DENIED else outcome
