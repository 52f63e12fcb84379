"""What a passed challenge earns: a pass that counts for a few attempts from the same network."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

import msgspec

from stanch.guard.proof_of_work import (
    PASS_VALID_US,
    PUZZLE_VALID_US,
    Passed,
    ProofOfWorkSettings,
    Puzzle,
    Spent,
    is_open,
    is_solved,
    make_pass,
    make_puzzle,
)
from stanch.service.clients import name_network
from stanch.service.secrets import Secrets

#: Where a browser keeps its pass.
COOKIE: Final = "stanch-passed"
#: Attempts that a pass serves: whoever mistypes a password is not challenged again at once.
USES: Final = 3
_HOUR_US: Final = 3_600_000_000


class Passes:
    """Puzzles handed out and passes given by one service. Only what is used up is kept."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._puzzles = Spent(PUZZLE_VALID_US)
        self._passes = Spent(PASS_VALID_US)
        self._hour, self._n_waits = 0, 0

    def ask(self, ip: str, score: float, now_us: int, settings: ProofOfWorkSettings) -> Puzzle:
        """A puzzle for whoever comes from the network of `ip`."""
        return make_puzzle(score, now_us, self._name_subject(ip), settings)

    def sign(self, puzzle: Puzzle) -> str:
        """The puzzle as text."""
        return self._secrets.sign("puzzle", puzzle)

    def open(self, text: str, now_us: int) -> Puzzle | None:
        """The puzzle that `text` is; None if it is none, or too old."""
        puzzle = self._secrets.open("puzzle", text, Puzzle)
        return puzzle if puzzle and is_open(puzzle.made_us, now_us, PUZZLE_VALID_US) else None

    def renew(self, puzzle: Puzzle, now_us: int) -> Puzzle:
        """Another puzzle in place of one: as much work, for the same network."""
        return msgspec.structs.replace(puzzle, made_us=now_us, seed=secrets.token_bytes(16))

    def check_work(self, puzzle: Puzzle, solution: str, now_us: int) -> str | None:
        """A pass for a solved puzzle, once; None if it is not solved, or was before."""
        if not is_solved(puzzle, solution) or not self._puzzles.take(puzzle.seed, puzzle.made_us, now_us):
            return None
        return self._give(puzzle, now_us)

    def check_wait(self, puzzle: Puzzle, now_us: int, settings: ProofOfWorkSettings) -> str | None:
        """A pass for having waited, once; None if it was too short, or no longer offered."""
        if now_us - puzzle.made_us < puzzle.wait_s * 1_000_000 or not self.may_wait(now_us, settings):
            return None
        if not self._puzzles.take(puzzle.seed, puzzle.made_us, now_us):
            return None
        self._n_waits += 1
        return self._give(puzzle, now_us)

    def may_wait(self, now_us: int, settings: ProofOfWorkSettings) -> bool:
        """Whether waiting is offered: machines can wait, too, so there is a number an hour for all."""
        if now_us // _HOUR_US != self._hour:
            self._hour, self._n_waits = now_us // _HOUR_US, 0
        return settings.wait_s > 0 and self._n_waits < settings.max_waits_per_hour

    def take(self, text: str, ip: str, now_us: int) -> bool:
        """Whether `text` is a pass that counts for an attempt from `ip`; uses it up a little."""
        passed = self._secrets.open("passed", text, Passed)
        if passed is None or not hmac.compare_digest(passed.subject, self._name_subject(ip)):
            return False
        return any(self._passes.take(passed.nonce + bytes([n]), passed.made_us, now_us) for n in range(USES))

    def _give(self, puzzle: Puzzle, now_us: int) -> str:
        return self._secrets.sign("passed", make_pass(puzzle, now_us))

    def _name_subject(self, ip: str) -> bytes:
        key = self._secrets.derive("challenge subject")
        return hmac.digest(key, name_network(ip).encode(), "sha256")[:12]
