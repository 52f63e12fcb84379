"""A visitor's device, in Python."""

import hashlib
import struct

from stanch.guard.proof_of_work import N_PARTS, Puzzle


def solve(seed: bytes, part_bits: int) -> str:
    numbers = []
    for part in range(N_PARTS):
        number = 0
        while int.from_bytes(hashlib.sha256(struct.pack(">16sII", seed, part, number)).digest()) >> (
            256 - part_bits
        ):
            number += 1
        numbers.append(f"{number:x}")
    return ".".join(numbers)


def solve_puzzle(puzzle: Puzzle) -> str:
    return solve(puzzle.seed, puzzle.part_bits)
