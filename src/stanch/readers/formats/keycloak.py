"""Keycloak: user events, as its API and exports give them, and as its server log writes them.

References:
    https://www.keycloak.org/docs/latest/server_admin/#auditing-user-events
    https://www.keycloak.org/docs-api/latest/rest-api/index.html#EventRepresentation
    https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/events/Errors.html

    {"time": 1700000000000, "type": "LOGIN_ERROR", "realmId": "shop", "ipAddress": "203.0.113.7",
     "error": "user_not_found", "details": {"username": "alice"}}
    2023-05-25 22:24:19,357 WARN  [org.keycloak.events] (executor-thread-1) type=LOGIN_ERROR, realmId=…

| event | row |
|---|---|
| `LOGIN` | success |
| `LOGIN_ERROR` `user_not_found` | unknown_account |
| `LOGIN_ERROR` `invalid_user_credentials`, `invalid_password`, `different_user_authenticated` | failure |
| `LOGIN_ERROR` `user_disabled`, `user_temporarily_disabled`, `user_session_limit_exceeded` | denied |
| `LOGIN_ERROR` with another error (an expired page, a wrong redirect) | not an attempt on an account |

By default the server log holds errors only (`spi-events-listener-jboss-logging-success-level` is
debug), which the notes say. Its times are local.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from stanch.readers.contract import Chunk, Parsed, ReadContext
from stanch.readers.jsonlog import JsonReader, Record, decode_record, look

ERRORS: Final = {
    "user_not_found": "unknown_account",
    "invalid_user_credentials": "failure",
    "invalid_password": "failure",
    "different_user_authenticated": "failure",
    "user_disabled": "denied",
    "user_temporarily_disabled": "denied",
    "user_session_limit_exceeded": "denied",
}
LINE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,]\d{1,6}(?:Z|[+-]\d\d:?\d\d)?) .{0,200}?(type=.*)"
)
#: Names follow a comma and a blank; a value is quoted in newer versions.
_PAIR: Final = re.compile(r'(?:^|, )([A-Za-z_]+)=(?:"((?:[^"\\]|\\.)*)"|((?:(?!, [A-Za-z_]+=)[^"])*))')
_TYPE: Final = re.compile(r'type="?[A-Z_]+"?, realm')
_MAX_CHARACTERS: Final = 20_000
NOTE_ERRORS_ONLY: Final = (
    "Keycloak's server log held failed logins only; set its success level to info"
    " (spi-events-listener-jboss-logging-success-level), or export the events, to see successes."
)


class KeycloakReader(JsonReader):
    """User events of Keycloak."""

    name = "keycloak"
    reference = "https://www.keycloak.org/docs/latest/server_admin/#auditing-user-events"

    def __init__(self, context: ReadContext) -> None:
        super().__init__(context)
        self._n_failed_in_log = 0
        self._n_succeeded = 0

    def decode(self, text: str) -> Record | None:
        """An event: a JSON object, a line of the server log, or one wrapped in a JSON log."""
        record = decode_record(text) if text.lstrip()[:1] == "{" else None
        if record is None:
            match = LINE.match(text[:_MAX_CHARACTERS])
            return _read_pairs(match[1].replace(",", "."), match[2]) if match else _read_other_line(text)
        message = record.get("message")
        if isinstance(message, str) and _TYPE.match(message):
            time = look(record, "timestamp", "@timestamp", "time")
            return _read_pairs(time, message[:_MAX_CHARACTERS])
        return record

    def fits(self, record: Record) -> bool:
        """Events have a type and a realm."""
        return isinstance(record.get("type"), str) and ("realmId" in record or "realmName" in record)

    def read(self, record: Record) -> dict[str, Any] | None:
        """A login or a failed one; None for all other events."""
        outcome = "success" if record["type"] == "LOGIN" else None
        if record["type"] == "LOGIN_ERROR":
            outcome = ERRORS.get(str(look(record, "error")))
        if outcome is None:
            return None
        return {
            "time": look(record, "time", "@timestamp"),
            "ip": look(record, "ipAddress"),
            "account": look(record, "details.username", "username", "details.email", "userId"),
            "outcome": outcome,
            "session": look(record, "sessionId"),
            "path": look(record, "clientId"),
        }

    def settle(self, table: str, parsed: Parsed) -> Parsed:
        """Count successes, to say so if the file holds none."""
        succeeded = int((parsed.frame["outcome"] == "success").sum())
        self._n_succeeded += succeeded
        self._n_failed_in_log += parsed.frame.height - succeeded
        return parsed

    def parse(self, table: str, chunk: Chunk) -> Parsed:
        """Rows as text; a line of the server log about something else is no reject."""
        parsed = super().parse(table, chunk)
        return replace(parsed, rejects=[replace(r, reason="not a Keycloak event") for r in parsed.rejects])

    def finish(self, table: str) -> Parsed:
        """The note about missing successes."""
        parsed = super().finish(table)
        if self._n_failed_in_log and not self._n_succeeded:
            return replace(parsed, notes=frozenset({NOTE_ERRORS_ONLY}))
        return parsed


def _read_other_line(text: str) -> Record | None:
    """An empty record for a line of a server log that is about something else."""
    if re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", text):
        return {}
    return None


def _read_pairs(time: Any, message: str) -> Record:
    """`type=LOGIN_ERROR, realmId=…` as an event. Of a name that comes twice the first one counts:

    what a visitor typed comes last.
    """
    record: dict[str, Any] = {"time": time}
    for match in _PAIR.finditer(message):
        value = match[2] if match[2] is not None else match[3]
        if value != "null":
            record.setdefault(match[1], value)
    return record
