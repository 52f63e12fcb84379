"""How long work tells how far it is, without knowing whether anybody watches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Task(Protocol):
    """One piece of long work."""

    def advance(self, n_done: int, note: str = "") -> None:
        """Report that `n_done` more units are done; `note` is shown behind the bar."""


class Progress(Protocol):
    """Hands out tasks. The command line draws them; everything else ignores them."""

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Iterator[Task]:
        """Open a task of `total` units (None: unknown) that closes with the `with` block."""
        ...

    def warn(self, line: str) -> None:
        """Say at once, in one plain line, what went wrong without ending the work."""
        ...


class _SilentTask:
    def advance(self, n_done: int, note: str = "") -> None:
        pass


class SilentProgress:
    """Shows nothing: for libraries, tests and `--quiet`."""

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Iterator[Task]:
        yield _SilentTask()

    def warn(self, line: str) -> None:
        """Say nothing."""
