"""How long it takes to compile a list of leaked credentials, how large it gets, and how often it is wrong.

    python bench/leaked.py                       # 10 million hashes, a few minutes
    python bench/leaked.py --keys 1000000

A list as Have I Been Pwned has them (SHA-1 and a count, sorted) is made of random hashes; `stanch leaked
build` compiles it in a process of its own. Then hashes on the list and random ones are asked, one by one.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy.stats import beta

from stanch.guard.leaked import LeakedFilter

_BLOCK = 1_000_000


def write_list(path: Path, n_keys: int, seed: int) -> None:
    """Random SHA-1 hashes, sorted as far as their first two bytes."""
    rng = np.random.default_rng(seed)
    digests = rng.integers(0, 256, (n_keys, 20), dtype=np.uint8)
    digests = digests[np.lexsort((digests[:, 1], digests[:, 0]))]
    with path.open("w", encoding="ascii") as file:
        for start in range(0, n_keys, _BLOCK):
            block = digests[start : start + _BLOCK].tobytes().hex().upper()
            file.writelines(f"{block[i : i + 40]}:{1 + i % 977}\n" for i in range(0, len(block), 40))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keys", type=int, default=10_000_000)
    parser.add_argument("--asked", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_list(folder / "list.txt", args.keys, args.seed)
        command = ["-m", "stanch", "leaked", "build", "list.txt", "--out", "list.filter"]
        started = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=folder, check=True)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = (folder / "list.filter").stat().st_size
        known = LeakedFilter.open(folder / "list.filter")
        asked = [
            int(k) for k in np.random.default_rng(args.seed + 1).integers(0, 2**64, args.asked, np.uint64)
        ]
        started = time.perf_counter()
        n_wrong = sum(known.holds([key]) for key in asked)
        per_second = args.asked / (time.perf_counter() - started)
    low = beta.ppf(0.05, n_wrong, args.asked - n_wrong + 1) if n_wrong else 0.0
    high = beta.ppf(0.95, n_wrong + 1, args.asked - n_wrong)
    print(f"{args.keys:,} hashes: compiled in {seconds:.0f} s, peak {peak:,.0f} MiB")
    print(f"file: {size / 1e6:.1f} MB, {8 * size / known.n_keys:.2f} bits each")
    print(f"asked one by one: {per_second:,.0f} a second")
    print(
        f"wrongly on the list: {n_wrong} of {args.asked:,} ({n_wrong / args.asked:.2e},"
        f" 90 %: {low:.1e} to {high:.1e}); 1 in 65,536 is {2**-16:.2e}"
    )


if __name__ == "__main__":
    main()
