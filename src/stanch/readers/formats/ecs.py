"""Elastic Common Schema: authentication events, as Beats, Elastic Agent and Logstash write them.

References:
    https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category (authentication)
    https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-outcome
    https://www.elastic.co/docs/reference/ecs/ecs-event, ecs-source, ecs-client, ecs-user

| record | row |
|---|---|
| `event.category` holds `authentication`, `event.type` is not `end` | a login |
| `event.outcome` success, failure | success, failure |
| `event.outcome` unknown or missing | unknown |
| `system.auth.ssh.event` Invalid (Filebeat's system module) | unknown_account |

Keys may be nested, dotted or both; `event.category` may be a word or an array; a record may be
wrapped as a search hit (`_source`).
"""

from __future__ import annotations

from typing import Any

from stanch.readers.jsonlog import JsonReader, Record, look, look_all


class EcsReader(JsonReader):
    """Authentication events of the Elastic Common Schema."""

    name = "ecs"
    reference = "https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category"

    def fits(self, record: Record) -> bool:
        """ECS requires `@timestamp`; an `event` says what it is about."""
        record = _unwrap(record)
        return "@timestamp" in record and (bool(look_all(record, "event.category")) or _has_version(record))

    def read(self, record: Record) -> dict[str, Any] | None:
        """A login; None for other categories and for the end of a session."""
        record = _unwrap(record)
        if "authentication" not in look_all(record, "event.category"):
            return None
        if "end" in look_all(record, "event.type"):
            return None
        outcome = look(record, "event.outcome")
        if look(record, "system.auth.ssh.event") == "Invalid":
            outcome = "unknown_account"
        elif outcome not in ("success", "failure"):
            outcome = "unknown"
        return {
            "time": record["@timestamp"],
            "ip": look(record, "source.ip", "client.ip", "source.address", "client.address"),
            "account": look(record, "user.name", "user.email", "user.id", "user.target.name"),
            "outcome": outcome,
            "user_agent": look(record, "user_agent.original"),
            "device": look(record, "device.id"),
            "session": look(record, "session.id", "http.request.session.id"),
            "country": look(record, "source.geo.country_iso_code", "client.geo.country_iso_code"),
            "asn": look(record, "source.as.number", "client.as.number"),
            "path": look(record, "url.path", "service.name", "event.dataset"),
        }


def _unwrap(record: Record) -> Record:
    source = record.get("_source")
    return source if isinstance(source, dict) else record


def _has_version(record: Record) -> bool:
    return look(record, "ecs.version") is not None
