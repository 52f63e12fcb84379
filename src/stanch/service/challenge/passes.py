"""What a passed challenge earns: a pass that counts for a few attempts from the same network.

What was used is kept with the counters, so that it serves once among all guards that share them, and not
again after a restart. While their server is gone each guard knows what was used at itself.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

import msgspec

from stanch.guard.counters import Counters, CountersGoneError
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
_SECOND_US: Final = 1_000_000
_HOUR_US: Final = 3_600_000_000


class _Waits(msgspec.Struct, array_like=True):
    """Passes for waiting in one hour."""

    hour: int = 0
    n: int = 0


class Passes:
    """Puzzles handed out and passes given. Only what is used up is kept."""

    def __init__(self, secrets: Secrets, counters: Counters) -> None:
        self._secrets = secrets
        self._counters = counters
        self._puzzles = Spent(PUZZLE_VALID_US)
        self._passes = Spent(PASS_VALID_US)
        self._waits = _Waits()

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

    async def check_work(self, puzzle: Puzzle, solution: str, now_us: int) -> str | None:
        """A pass for a solved puzzle, once; None if it is not solved, or was before."""
        if not is_solved(puzzle, solution) or not await self._spend_puzzle(puzzle, now_us):
            return None
        return self._give(puzzle, now_us)

    async def check_wait(self, puzzle: Puzzle, now_us: int, settings: ProofOfWorkSettings) -> str | None:
        """A pass for having waited, once; None if it was too short, or no longer offered."""
        if now_us - puzzle.made_us < puzzle.wait_s * 1_000_000 or not self.may_wait(now_us, settings):
            return None
        if not await self._spend_puzzle(puzzle, now_us):
            return None
        await self._count_wait(now_us // _HOUR_US)
        return self._give(puzzle, now_us) if self._waits.n <= settings.max_waits_per_hour else None

    def may_wait(self, now_us: int, settings: ProofOfWorkSettings) -> bool:
        """Whether waiting is offered: machines can wait, too, so there is a number an hour for all.

        What others gave is known once somebody waited here.
        """
        n = self._waits.n if self._waits.hour == now_us // _HOUR_US else 0
        return settings.wait_s > 0 and n < settings.max_waits_per_hour

    async def take(self, text: str, ip: str, now_us: int) -> bool:
        """Whether `text` is a pass that counts for an attempt from `ip`; uses it up a little."""
        passed = self._secrets.open("passed", text, Passed)
        if passed is None or not hmac.compare_digest(passed.subject, self._name_subject(ip)):
            return False
        for n in range(USES):
            if await self._spend(self._passes, passed.nonce + bytes([n]), passed.made_us, now_us):
                return True
        return False

    async def _spend_puzzle(self, puzzle: Puzzle, now_us: int) -> bool:
        return await self._spend(self._puzzles, puzzle.seed, puzzle.made_us, now_us)

    async def _spend(self, own: Spent, nonce: bytes, made_us: int, now_us: int) -> bool:
        """Use a nonce, here and for all who share the counters; False if it was used before."""
        if not own.take(nonce, made_us, now_us):
            return False
        key = int.from_bytes(hashlib.blake2b(nonce, digest_size=8).digest())
        try:
            return await self._counters.spend_soon(
                key, made_us // _SECOND_US, now_us // _SECOND_US, own.valid_us // _SECOND_US
            )
        except CountersGoneError:
            return True

    async def _count_wait(self, hour: int) -> None:
        def count(saved: bytes) -> bytes:
            waits = msgspec.msgpack.decode(saved, type=_Waits) if saved else _Waits()
            return msgspec.msgpack.encode(_Waits(hour, waits.n + 1 if waits.hour == hour else 1))

        try:
            told = await self._counters.update_soon("waits", count)
        except CountersGoneError:
            told = count(msgspec.msgpack.encode(self._waits))
        self._waits = msgspec.msgpack.decode(told, type=_Waits)

    def _give(self, puzzle: Puzzle, now_us: int) -> str:
        return self._secrets.sign("passed", make_pass(puzzle, now_us))

    def _name_subject(self, ip: str) -> bytes:
        key = self._secrets.derive("challenge subject")
        return hmac.digest(key, name_network(ip).encode(), "sha256")[:12]
