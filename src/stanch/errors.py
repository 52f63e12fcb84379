"""Every error that Stanch raises on purpose.

    StanchError
    ├── UsageError        a command line, path or option that cannot be used (exit status 2)
    ├── SettingsError     a settings file with an unknown key or a value out of range (2)
    ├── EvidenceError     no readable evidence at all (2)
    ├── RejectedTableError     a table had rows and every one of them was rejected (3)
    ├── EngineError       the engine could not hold or compute the tables (1)
    └── StoreError        the service's database could not be reached or written to (1)

Each carries where it happened (file and, if there is one, 1-based line) and a hint that says
what to do about it. ``str(error)`` is one plain line, fit for a terminal.
"""

from __future__ import annotations


class StanchError(Exception):
    """Root of all errors raised on purpose."""

    exit_status = 1

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.hint = hint

    def __str__(self) -> str:
        where = ""
        if self.file is not None:
            where = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: "
        remedy = f" ({self.hint})" if self.hint else ""
        return f"{where}{self.message}{remedy}"


class UsageError(StanchError):
    """A command line, path or option that cannot be used."""

    exit_status = 2


class SettingsError(StanchError):
    """A settings file with an unknown key or a value out of range."""

    exit_status = 2


class EvidenceError(StanchError):
    """No readable evidence at all."""

    exit_status = 2


class RejectedTableError(StanchError):
    """A table had rows and every one of them was rejected."""

    exit_status = 3


class EngineError(StanchError):
    """The engine could not hold or compute the tables."""


class StoreError(StanchError):
    """The service's database could not be reached or written to."""
