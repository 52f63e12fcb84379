"""Following a log: every line once, whatever rotates, breaks off or restarts."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stanch.readers.follow import Follower, Position
from stanch.readers.lines import MAX_LINE_BYTES


class Log:
    """A log, who writes it, and who follows it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "access.log"
        self.now = 0.0
        self.got = b""
        self.n = 0
        self.follower = self.open(None)

    def open(self, position: Position | None) -> Follower:
        return Follower(self.path, position, lambda: self.now)

    def write(self, n_lines: int = 1, path: Path | None = None) -> None:
        with (path or self.path).open("ab") as file:
            for _ in range(n_lines):
                file.write(b"line %06d, long enough to differ\n" % self.n)
                self.n += 1

    def read(self) -> None:
        while block := self.follower.read():
            self.got += block

    def wait(self) -> None:
        """Read until rotation has been followed."""
        for _ in range(4):
            self.read()
            self.now += 1.5
        self.read()

    def restart(self) -> None:
        """As after kill -9: with the position of the last line that was given."""
        position = self.follower.position
        self.follower.close()
        self.follower = self.open(position)

    def rename(self, suffix: str = ".1") -> Path:
        there = self.path.with_name(self.path.name + suffix)
        self.path.rename(there)
        return there

    def copy_and_truncate(self) -> None:
        self.path.with_name("access.log.1").write_bytes(self.path.read_bytes())
        os.truncate(self.path, 0)

    def check(self) -> None:
        lines = self.got.splitlines()
        assert lines == [b"line %06d, long enough to differ" % n for n in range(self.n)]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path)
    yield made
    made.follower.close()


def test_what_is_there_and_what_is_added(log: Log) -> None:
    log.read()
    log.write(10)
    log.read()
    log.write(3)
    log.read()
    log.check()


def test_a_line_is_given_when_its_end_is_written(log: Log) -> None:
    log.path.write_bytes(b"half of ")
    log.read()
    assert log.got == b""
    log.restart()
    with log.path.open("ab") as file:
        file.write(b"a line\nnext")
    log.read()
    assert log.got == b"half of a line\n"


def test_rotation_by_rename_while_the_old_file_is_still_written(log: Log) -> None:
    log.write(5)
    log.read()
    old = log.rename()
    log.write(5, old)
    log.path.touch()
    log.read()
    log.now += 1.0
    log.read()
    log.write(5, old)  # the server reopens late
    log.wait()
    log.write(5)
    log.wait()
    log.check()


def test_the_last_line_of_a_rotated_file_may_lack_its_end(log: Log) -> None:
    log.path.write_bytes(b"one\ntwo")
    log.read()
    log.rename()
    log.path.write_bytes(b"three\n")
    log.wait()
    assert log.got == b"one\ntwo\nthree\n"


def test_between_rename_and_reopening_there_is_no_log(log: Log) -> None:
    log.write(2)
    log.read()
    log.rename()
    log.wait()
    log.write(2)
    log.wait()
    log.check()


def test_a_log_that_may_not_be_read_is_said_at_the_start_and_waited_for_later(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_args: object, **_given: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    log.write(2)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(PermissionError):
            log.read()
    log.read()
    log.rename()
    log.write(2)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        log.wait()
    log.wait()
    log.check()


def test_copy_and_truncate(log: Log) -> None:
    log.write(5)
    log.read()
    log.copy_and_truncate()
    log.write(2)
    log.read()
    log.check()


def test_truncated_and_grown_past_where_we_were(log: Log) -> None:
    log.write(2)
    log.read()
    log.copy_and_truncate()
    log.write(50)
    log.read()
    log.check()


def test_restarts_read_nothing_twice(log: Log) -> None:
    for _ in range(10):
        log.write(7)
        log.read()
        log.restart()
    log.read()
    log.check()


@pytest.mark.parametrize("suffix", [".1", "-20260301", ".2026-03-01"])
def test_rotated_by_rename_while_stopped(log: Log, suffix: str) -> None:
    log.write(5)
    log.read()
    position = log.follower.position
    log.follower.close()
    log.write(5)
    log.rename(suffix)
    log.write(5)
    log.follower = log.open(position)
    log.wait()
    log.check()
    assert log.follower.lost == ""


def test_rotated_twice_while_stopped(log: Log) -> None:
    log.write(5)
    log.read()
    position = log.follower.position
    log.follower.close()
    for number, second in ((2, 1), (1, 2)):
        log.write(5)
        os.utime(log.rename(f".{number}"), (second, second))
    log.write(5)
    log.path.with_name("access.log.old.txt").write_bytes(b"not of this log\n")
    log.path.with_name("access.log.3.gz").write_bytes(b"\x1f\x8b")
    log.follower = log.open(position)
    log.wait()
    log.check()


def test_copied_and_truncated_while_stopped(log: Log) -> None:
    log.write(12)
    log.read()
    position = log.follower.position
    log.follower.close()
    log.write(5)
    log.copy_and_truncate()
    log.write(40)
    log.follower = log.open(position)
    log.wait()
    log.check()


def test_a_new_file_under_the_old_number_is_told_by_its_first_bytes(log: Log) -> None:
    log.write(5)
    log.read()
    position = log.follower.position
    log.follower.close()
    log.path.write_bytes(b"another log altogether\n" * 50)
    log.follower = log.open(position)
    assert "gone" in log.follower.lost
    log.got = b""
    log.read()
    assert log.got == b"another log altogether\n" * 50


def test_memory_stays_bounded_by_one_endless_line(log: Log) -> None:
    with log.path.open("wb") as file:
        for _ in range(5):
            file.write(b"x" * MAX_LINE_BYTES)
        file.write(b"\nafter\n")
    for _ in range(20):
        log.got += log.follower.read()
        assert len(log.follower._carry) <= 2 * MAX_LINE_BYTES
    assert log.got == b"after\n"


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_every_line_comes_once(log: Log, seed: int) -> None:
    rng = random.Random(seed)
    rotations = 0

    def rename() -> None:
        nonlocal rotations
        rotations += 1
        log.wait()
        if log.path.exists():
            os.utime(log.rename(f".{1_000 - rotations}"), (rotations, rotations))

    def truncate() -> None:
        log.wait()
        if log.path.exists():
            os.truncate(log.path, 0)

    def write() -> None:
        log.write(rng.randrange(1, 400))

    acts: list[Callable[[], object]] = [
        write,
        write,
        write,
        log.read,
        log.wait,
        log.restart,
        rename,
        truncate,
    ]
    for _ in range(60):
        rng.choice(acts)()
    log.wait()
    log.check()
