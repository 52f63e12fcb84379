"""Auth0 tenant logs, as the Management API, log streams and exports give them.

References:
    https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes
    https://auth0.com/docs/api/management/v2/logs/get-logs

| `type` | meaning there | row |
|---|---|---|
| `s`, `scoa`, `sepft` | login; cross-origin login; password exchanged for a token | success |
| `f`, `fcoa`, `fepft` | the same, failed | failure |
| `fp` | wrong password | failure |
| `fu` | unknown e-mail address or user name | unknown_account |
| `limit_wc`, `limit_mu`, `limit_sul` | blocked: account, address, too many logins of one user | denied |
| `pwd_leak` | tried with a password known to be leaked | denied |

Every other type (sign-up, silent authentication, second factors, tokens) is about something else.
In a log stream the record lies under `data`.
"""

from __future__ import annotations

from typing import Any, Final

from stanch.readers.jsonlog import JsonReader, Record, look

TYPES: Final = {
    "s": "success",
    "scoa": "success",
    "sepft": "success",
    "f": "failure",
    "fcoa": "failure",
    "fepft": "failure",
    "fp": "failure",
    "fu": "unknown_account",
    "limit_wc": "denied",
    "limit_mu": "denied",
    "limit_sul": "denied",
    "pwd_leak": "denied",
}


class Auth0Reader(JsonReader):
    """Login events of Auth0."""

    name = "auth0"
    reference = "https://auth0.com/docs/deploy-monitor/logs/log-event-type-codes"

    def fits(self, record: Record) -> bool:
        """A type code, a date, and one of the keys that only Auth0 has."""
        record = _unwrap(record)
        own = ("log_id", "client_id", "connection", "tenant_name", "isMobile", "strategy", "connection_id")
        return isinstance(record.get("type"), str) and "date" in record and any(key in record for key in own)

    def read(self, record: Record) -> dict[str, Any] | None:
        """A login; None for other types."""
        record = _unwrap(record)
        outcome = TYPES.get(record["type"])
        if outcome is None:
            return None
        return {
            "time": look(record, "date"),
            "ip": look(record, "ip", "client_ip"),
            "account": look(record, "user_name", "user_id"),
            "outcome": outcome,
            "user_agent": look(record, "user_agent"),
            "device": look(record, "details.deviceId"),
            "session": look(record, "session_id", "details.session_id"),
            "country": look(record, "location_info.country_code"),
            "path": look(record, "connection", "client_name"),
        }


def _unwrap(record: Record) -> Record:
    data = record.get("data")
    return data if isinstance(data, dict) and "type" in data else record
