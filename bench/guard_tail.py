"""Lines a second of processor time: `stanch tail` against fail2ban-regex on the same nginx log in one run.

    python bench/guard_tail.py
    python bench/guard_tail.py --lines 100000 --runs 1

Three combined logs are made: every line, 1 line in 10, or 1 in 50 is a login; in a shop's access log
fewer still are. Each tool is measured as a whole process; the runs of both take turns, and medians are shown.
fail2ban-regex is given a fixed pattern of the date, which makes it several times faster than telling the
pattern itself.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from reading import FAIL2BAN_DATE, FAIL2BAN_RULE, Tool, write_log

SETTINGS = "[service]\ndata_dir = '{folder}/data-{run}'\n"


def measure(log: Path, n_lines: int, runs: int, folder: Path) -> list[Tool]:
    """Both tools; each run of `tail` starts with counters of its own."""
    tail = Tool("stanch tail", [], n_lines)
    rival = Tool(
        "fail2ban-regex", ["fail2ban-regex", "--datepattern", FAIL2BAN_DATE, str(log), FAIL2BAN_RULE], n_lines
    )
    if not shutil.which("fail2ban-regex"):
        rival.failure = "not installed"
    for run in range(runs):
        config = folder / f"{run}.toml"
        config.write_text(SETTINGS.format(folder=log.with_suffix(""), run=run))
        tail.command = [sys.executable, "-m", "stanch", "tail", str(log), "--once", "--config", str(config)]
        for tool in (tail, rival):
            if not tool.failure:
                tool.run()
    return [tail, rival]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    # As users have it: modules are compiled once, not at every start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print("| log | tool | lines | CPU s | lines/CPU s | ratio | peak MiB |")
    print("|---|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name:
        folder = Path(name)
        for title, one_in in (
            ("1 line in 50 a login", 50),
            ("1 line in 10 a login", 10),
            ("every line a login", 1),
        ):
            log = folder / f"one_in_{one_in}.log"
            write_log(log, args.lines, one_in, args.seed)
            tools = measure(log, args.lines, args.runs, folder)
            rates = {t.name: args.lines / statistics.median(t.cpu_seconds) for t in tools if t.cpu_seconds}
            for tool in tools:
                if tool.name not in rates:
                    print(f"| {title} | {tool.name} | | {tool.failure} | | | |")
                    continue
                ratio = rates[tool.name] / rates.get("fail2ban-regex", float("nan"))
                cpu = statistics.median(tool.cpu_seconds)
                print(
                    f"| {title} | {tool.name} | {args.lines:,} | {cpu:.1f} | {rates[tool.name]:,.0f}"
                    f" | {ratio:.2f} | {tool.peak_mib:,.0f} |"
                )


if __name__ == "__main__":
    main()
