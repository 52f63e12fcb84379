"""Long work in a process of its own: one at a time, ended with the service."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

#: Time to end by itself before it is ended.
_GRACE_S = 5.0


class Jobs:
    """The one job that runs, if any.

    A job's standard input stays open as long as the service lives: when it closes, whatever became of the
    service, the job has to end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._key = 0
        self._is_cancelled = False
        self._watch: threading.Thread | None = None

    @property
    def running(self) -> int | None:
        """Key of the job that runs."""
        with self._lock:
            return self._key if self._process is not None else None

    def start(
        self, key: int, words: Sequence[str], given: bytes, folder: Path, ended: Callable[[int, bool], None]
    ) -> bool:
        """Run `words` in `folder`, with `given` as the first line that it reads; False where another runs.

        What it says goes to `job.log` there.

        `ended` gets the exit status, and whether it was cancelled; it is called from a thread of its own.
        """
        with self._lock:
            if self._process is not None:
                return False
            with (folder / "job.log").open("wb") as log:
                process = subprocess.Popen(  # noqa: S603  (our own program)
                    words, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log
                )
            self._process, self._key, self._is_cancelled = process, key, False
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it may have ended at once, and its status says so
            process.stdin.write(given + b"\n")
            process.stdin.flush()
        self._watch = threading.Thread(target=self._wait, args=(process, ended), daemon=True)
        self._watch.start()
        return True

    def cancel(self, key: int) -> bool:
        """End a job; False where it does not run."""
        with self._lock:
            if self._process is None or self._key != key:
                return False
            self._is_cancelled = True
            self._process.terminate()
            return True

    def wait(self) -> None:
        """Until what runs has ended, and that is noted."""
        if self._watch is not None:
            self._watch.join()

    def close(self) -> None:
        """End whatever runs, and wait for it."""
        with self._lock:
            process = self._process
            if process is not None:
                process.terminate()
        if process is not None:
            try:
                process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
        self.wait()

    def _wait(self, process: subprocess.Popen[bytes], ended: Callable[[int, bool], None]) -> None:
        status = process.wait()
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()
        with self._lock:
            is_cancelled = self._is_cancelled
        try:
            ended(status, is_cancelled)
        finally:
            with self._lock:
                self._process = None
