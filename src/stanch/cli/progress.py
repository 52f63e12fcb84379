"""Progress bars with rows per second, on standard error and only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Task as RichTask
from rich.text import Text

from stanch import progress as protocol
from stanch.cli.messages import clean, say


class _SpeedColumn(ProgressColumn):
    def render(self, task: RichTask) -> Text:
        speed = task.finished_speed or task.speed
        unit = task.fields.get("unit", "rows")
        done = f"{task.completed:,.0f} {unit}" if task.completed else ""
        return Text(f"{done}  {speed:,.0f} {unit}/s" if speed and task.completed else done, style="dim")


class TerminalProgress:
    """Draws one line per task on standard error."""

    def __init__(self) -> None:
        self._bars = Progress(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            _SpeedColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            console=Console(stderr=True),
        )

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "rows") -> Iterator[protocol.Task]:
        """Draw a task until the `with` block ends."""
        identifier = self._bars.add_task(name, total=total, unit=unit, note="")
        self._bars.start()
        try:
            yield _TerminalTask(self._bars, identifier)
        finally:
            done = self._bars.tasks[identifier].completed
            self._bars.update(identifier, total=max(done, 1), completed=max(done, 1))
            self._bars.refresh()

    def warn(self, line: str) -> None:
        """Say it above the bars."""
        self._bars.console.print(f"stanch: {clean(line)}", markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the finished lines on the screen."""
        self._bars.stop()


class PlainProgress(protocol.SilentProgress):
    """Draws nothing, and warns on standard error: for logs of jobs."""

    def warn(self, line: str) -> None:
        """One line on standard error."""
        say(f"stanch: {line}")


class _TerminalTask:
    def __init__(self, bars: Progress, identifier: TaskID) -> None:
        self._bars = bars
        self._identifier = identifier

    def advance(self, n_done: int, note: str = "") -> None:
        self._bars.update(self._identifier, advance=n_done, note=note)


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[protocol.Progress]:
    """Progress on the terminal; warnings alone where standard error is none; nothing if `quiet`."""
    if quiet or not sys.stderr.isatty():
        yield protocol.SilentProgress() if quiet else PlainProgress()
        return
    bars = TerminalProgress()
    try:
        yield bars
    finally:
        bars.close()
