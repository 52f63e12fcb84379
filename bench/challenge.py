"""How many hashes a second a browser makes on the challenge page, beside a program on the same core.

    python bench/challenge.py

The page's own worker solves puzzles in Chromium; the program is Python's hashlib, one call after another.
What an attacker writes with care is several times faster still.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import statistics
import struct
import time
from importlib.resources import files

from playwright.sync_api import sync_playwright

SOLVE = """
({ code, seed, bits }) => new Promise((resolve) => {
  const worker = new Worker(URL.createObjectURL(new Blob([code])));
  const started = performance.now();
  worker.onmessage = ({ data }) => {
    if (data.length < 16) return;
    worker.terminate();
    resolve([data.reduce((sum, number) => sum + number + 1, 0), (performance.now() - started) / 1000]);
  };
  worker.postMessage({ seed, parts: 16, bits });
})
"""


def measure_browser(n_puzzles: int, bits: int) -> list[float]:
    """Hashes a second, puzzle by puzzle."""
    code = files("stanch.service").joinpath("page", "challenge-worker.js").read_text(encoding="utf-8")
    rates = []
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        for number in range(n_puzzles):
            seed = hashlib.sha256(bytes([number])).hexdigest()[:32]
            n_hashes, seconds = page.evaluate(SOLVE, {"code": code, "seed": seed, "bits": bits - 4})
            rates.append(n_hashes / seconds)
        browser.close()
    return rates


def measure_program(n_hashes: int) -> float:
    """Hashes a second of Python's hashlib."""
    pack, seed = struct.Struct(">16sII").pack, bytes(16)
    started = time.perf_counter()
    for number in range(n_hashes):
        hashlib.sha256(pack(seed, 0, number)).digest()
    return n_hashes / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--puzzles", type=int, default=10)
    parser.add_argument("--bits", type=int, default=20)
    args = parser.parse_args()
    rates = sorted(measure_browser(args.puzzles, args.bits))
    print(f"Chromium: {statistics.median(rates):,.0f} hashes a second ({rates[0]:,.0f} to {rates[-1]:,.0f})")
    print(f"hashlib: {measure_program(500_000):,.0f} hashes a second")


if __name__ == "__main__":
    main()
