"""Proof of work: a puzzle that a visitor's device solves in a second or so, and checks in microseconds.

A puzzle is `N_PARTS` small ones, as in hashcash (Back 2002, "Hashcash - a denial of service
counter-measure") but cut up, so that the time to solve varies by a quarter (1/sqrt(N_PARTS)) instead of as
much as its mean: find for each part a number so that SHA-256 of seed, part and number begins with
`part_bits` zero bits. Nothing is kept for a puzzle that is out: it is signed and comes back.

It makes many attempts dear, not one: a program of the attacker's computes faster than a customer's phone
(Laurie & Clayton 2004, "Proof-of-Work Proves Not to Work"). It is a challenge without a third party, for
where nothing better is at hand.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import struct
from typing import Annotated, Final

from msgspec import Meta, Struct

N_PARTS: Final = 16
#: What is hashed: seed (16 bytes), number of the part, number found (big-endian).
_MESSAGE: Final = struct.Struct(">16sII")
_SOLUTION: Final = re.compile(r"(?:[0-9a-f]{1,8}\.){15}[0-9a-f]{1,8}")
#: A puzzle stays open as long as a tab may lie in the background; a pass as long as typing may take.
PUZZLE_VALID_US: Final = 15 * 60_000_000
PASS_VALID_US: Final = 10 * 60_000_000
#: Clocks of several guards differ by less.
_SKEW_US: Final = 60_000_000


class ProofOfWorkSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """The challenge page that Stanch has itself."""

    min_bits: Annotated[
        int, Meta(description="Work for the least suspicious: 2 to this power hashes.", ge=8, le=24)
    ] = 17
    max_bits: Annotated[int, Meta(description="Work for the most suspicious, the same way.", ge=8, le=26)] = (
        20
    )
    wait_s: Annotated[
        int, Meta(description="Without script, waiting so long and pressing a button passes.", ge=0, le=600)
    ] = 20
    max_waits_per_hour: Annotated[
        int,
        Meta(
            description="Passes by waiting an hour, over all visitors: machines can wait, too. 0: none.", ge=0
        ),
    ] = 120

    def __post_init__(self) -> None:
        """Check what types cannot say.

        Raises:
            ValueError: the least work is more than the most.
        """
        if self.min_bits > self.max_bits:
            raise ValueError("min_bits: is above max_bits")


class Puzzle(Struct, frozen=True, array_like=True):
    """One puzzle as it was handed out."""

    made_us: int
    seed: bytes
    part_bits: int
    #: Whom its solution serves, as whoever handed it out names them; empty: anybody, once.
    subject: bytes = b""
    #: Told by the one who waits instead: where there is no script.
    wait_s: int = 0


class Passed(Struct, frozen=True, array_like=True):
    """A challenge that was passed."""

    made_us: int
    nonce: bytes
    subject: bytes


def make_puzzle(score: float, now_us: int, subject: bytes, settings: ProofOfWorkSettings) -> Puzzle:
    """A fresh puzzle: the more suspicious (`score`, 0 to 1), the more work."""
    span = settings.max_bits - settings.min_bits
    bits = settings.min_bits + round(span * min(max(score, 0.0), 1.0))
    part_bits = bits - (N_PARTS.bit_length() - 1)
    return Puzzle(now_us, secrets.token_bytes(16), part_bits, subject, settings.wait_s)


def is_solved(puzzle: Puzzle, solution: str) -> bool:
    """Whether `solution` (a number for each part, in hexadecimal, joined by dots) solves it."""
    if not _SOLUTION.fullmatch(solution):
        return False
    zeros = 256 - puzzle.part_bits
    for part, number in enumerate(solution.split(".")):
        digest = hashlib.sha256(_MESSAGE.pack(puzzle.seed, part, int(number, 16))).digest()
        if int.from_bytes(digest) >> zeros:
            return False
    return True


def is_open(made_us: int, now_us: int, valid_us: int) -> bool:
    """Whether what was made then is still good."""
    return -_SKEW_US <= now_us - made_us <= valid_us


def make_pass(puzzle: Puzzle, now_us: int) -> Passed:
    """What the solution of a puzzle earns."""
    return Passed(now_us, secrets.token_bytes(12), puzzle.subject)


class Spent:
    """What was used once and must not be again, in bounded memory.

    Kept by the minute in which it was made. Where more than `max_kept` are held, the oldest minute is
    forgotten, and whatever was made up to then is refused from then on: a visitor gets a fresh puzzle, and
    nothing ever serves twice.
    """

    def __init__(self, valid_us: int, max_kept: int = 500_000) -> None:
        self.valid_us = valid_us
        self._max_kept = max_kept
        self._minutes: dict[int, set[bytes]] = {}
        self._n_kept = 0
        #: Nothing made before this minute is accepted.
        self._first_minute = 0

    def __len__(self) -> int:
        return self._n_kept

    def take(self, nonce: bytes, made_us: int, now_us: int) -> bool:
        """Use `nonce`, made then; False if it was used before, is too old, or too old to be known."""
        if not is_open(made_us, now_us, self.valid_us):
            return False
        self._forget((now_us - self.valid_us) // 60_000_000)
        minute = made_us // 60_000_000
        if minute < self._first_minute:
            return False
        kept = self._minutes.setdefault(minute, set())
        if nonce in kept:
            return False
        kept.add(nonce)
        self._n_kept += 1
        while self._n_kept > self._max_kept:
            self._forget(min(self._minutes) + 1)
        return True

    def _forget(self, minute: int) -> None:
        """Drop what was made before `minute`, and refuse it from now on."""
        self._first_minute = max(self._first_minute, minute)
        for old in [m for m in self._minutes if m < minute]:
            self._n_kept -= len(self._minutes.pop(old))
