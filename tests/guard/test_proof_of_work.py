"""Proof of work: solved is solved, once, and memory stays bounded whatever comes."""

import msgspec
import pytest

from guard.solving import solve_puzzle
from stanch.guard.proof_of_work import (
    N_PARTS,
    PUZZLE_VALID_US,
    ProofOfWorkSettings,
    Spent,
    is_solved,
    make_pass,
    make_puzzle,
)

NOW = 1_772_359_200_000_000
EASY = ProofOfWorkSettings(min_bits=8, max_bits=10)
MINUTE = 60_000_000


def test_a_solution_solves_its_own_puzzle_only() -> None:
    puzzle, other = (make_puzzle(1.0, NOW, b"ann", EASY) for _ in range(2))
    solution = solve_puzzle(puzzle)
    assert is_solved(puzzle, solution)
    assert not is_solved(other, solution)


def test_every_part_has_to_be_solved() -> None:
    puzzle = make_puzzle(1.0, NOW, b"", ProofOfWorkSettings(min_bits=14, max_bits=14))
    numbers = solve_puzzle(puzzle).split(".")
    missed = [part for part in range(N_PARTS) if int(numbers[part], 16)]
    assert len(missed) > N_PARTS // 2
    for part in missed:
        wrong = [*numbers]
        # The numbers found are the smallest, so that none below solves.
        wrong[part] = f"{int(numbers[part], 16) - 1:x}"
        assert not is_solved(puzzle, ".".join(wrong))


@pytest.mark.parametrize(
    "solution",
    ["", ".", "0" * 16, ".".join(["0"] * 15), ".".join(["0"] * 17), ".".join(["100000000"] * 16),
     ".".join(["-1"] * 16), ".".join(["٣"] * 16), ".".join(["0"] * 16) + "\n", "9" * 1_000_000],
)  # fmt: skip
def test_what_is_no_solution_is_none(solution: str) -> None:
    hard = msgspec.structs.replace(make_puzzle(0.0, NOW, b"", EASY), part_bits=30)
    assert not is_solved(hard, solution)


def test_the_more_suspicious_the_more_work() -> None:
    settings = ProofOfWorkSettings()
    bits = [make_puzzle(score, NOW, b"", settings).part_bits for score in (-1.0, 0.0, 0.5, 1.0, 2.0)]
    assert bits == sorted(bits)
    assert bits[0] == settings.min_bits - 4
    assert bits[-1] == settings.max_bits - 4


def test_a_pass_is_for_whom_the_puzzle_was() -> None:
    assert make_pass(make_puzzle(0.0, NOW, b"ann", EASY), NOW).subject == b"ann"


def test_nothing_serves_twice() -> None:
    spent = Spent(PUZZLE_VALID_US)
    assert spent.take(b"a", NOW, NOW + MINUTE)
    assert not spent.take(b"a", NOW, NOW + 2 * MINUTE)
    assert spent.take(b"b", NOW, NOW + 2 * MINUTE)


@pytest.mark.parametrize("made_us", [NOW - PUZZLE_VALID_US - 1, NOW + 60_000_001])
def test_what_is_too_old_or_of_the_future_serves_never(made_us: int) -> None:
    assert not Spent(PUZZLE_VALID_US).take(b"a", made_us, NOW)


def test_a_flood_takes_bounded_memory_and_lets_nothing_serve_twice() -> None:
    spent = Spent(PUZZLE_VALID_US, max_kept=100)
    used = [(f"{n}".encode(), NOW + n * MINUTE // 50) for n in range(700)]
    for nonce, made_us in used:
        spent.take(nonce, made_us, NOW + 14 * MINUTE)
        assert len(spent) <= 100
    assert not any(spent.take(nonce, made_us, NOW + 14 * MINUTE) for nonce, made_us in used)
    assert spent.take(b"fresh", NOW + 14 * MINUTE, NOW + 14 * MINUTE), "whoever asks anew is served"


def test_what_expired_is_forgotten() -> None:
    spent = Spent(PUZZLE_VALID_US)
    for n in range(50):
        spent.take(f"{n}".encode(), NOW, NOW)
    spent.take(b"later", NOW + 2 * PUZZLE_VALID_US, NOW + 2 * PUZZLE_VALID_US)
    assert len(spent) == 1
