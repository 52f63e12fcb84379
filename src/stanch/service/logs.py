"""The log on standard error: lines for people, or one JSON object a line. No address, no account."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Literal

import msgspec


class JsonLines(logging.Formatter):
    """One JSON object a record: `time`, `level`, `logger`, `message`, what else was told, and a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


class _PlainLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        told = getattr(record, "told", {})
        return " ".join([super().format(record), *(f"{name}={value}" for name, value in told.items())])


def set_up_logging(form: Literal["text", "json"]) -> None:
    """Send warnings and errors to standard error, and of Stanch itself also what is asked for."""
    handler = logging.StreamHandler()
    if form == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(_PlainLines("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("stanch.requests").setLevel(logging.INFO)
