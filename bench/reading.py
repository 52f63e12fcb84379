"""How fast web logs are read, beside other tools on the same files in one run.

    python bench/reading.py                      # 5 million lines, several minutes
    python bench/reading.py --lines 200000 --runs 1

Two nginx combined logs are made: one in which every line is a login, one in which 1 in 50 is. Each
tool is measured as a whole process, from its start to its end, with its peak memory; the runs of
all tools take turns, and medians are shown. What is not installed is left out and said.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crowdsec_setup import prepare_crowdsec

FIRST = datetime(2024, 3, 1, tzinfo=UTC)
WEEK_S = 7 * 86_400
FAIL2BAN_DATE = r"\[%d/%b/%Y:%H:%M:%S %z\]"
FAIL2BAN_RULE = r'^<HOST> \S+ \S+ \s*"POST /account/login'

#: The bare split-scan: every field cut at blanks and quotation marks, attempts per address counted.
SPLIT_SCAN = """
import duckdb, sys
columns = {f"c{i}": "VARCHAR" for i in range(10)}
con = duckdb.connect()
con.execute("SELECT c0, count(*) AS n FROM read_csv(?, delim=' ', quote='\\"', escape='', header=false,"
            f" auto_detect=false, columns={columns}) GROUP BY c0 ORDER BY n DESC LIMIT 10",
            [sys.argv[1]]).fetchall()
"""

#: The same scan with every field kept, as whoever reads a log must.
SPLIT_TABLE = """
import duckdb, sys
columns = {f"c{i}": "VARCHAR" for i in range(10)}
con = duckdb.connect()
con.execute("CREATE TABLE split AS SELECT * FROM read_csv(?, delim=' ', quote='\\"', escape='', header=false,"
            f" auto_detect=false, columns={columns})", [sys.argv[1]])
"""

#: Framing, parsing, checks and loading into the engine's tables: what `investigate` does first.
READING = """
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from stanch.engine import EngineSettings, open_engine
from stanch.evidence.rejects import RejectLog
from stanch.progress import SilentProgress
from stanch.readers import ReadRequest, read_evidence
engine = open_engine("duckdb", EngineSettings())
with TemporaryDirectory() as folder, RejectLog(Path(folder, "rejects.jsonl")) as rejects:
    read = read_evidence(ReadRequest(paths={"logins": [sys.argv[1]]}), engine, rejects, SilentProgress())
assert engine.count("logins") == int(sys.argv[2]), read.inputs
engine.close()
"""


def write_log(path: Path, n_lines: int, one_in: int, seed: int) -> int:
    """Write `n_lines` of an nginx combined log in which one line in `one_in` is a login; returns how many."""
    rng = random.Random(seed)
    agents = [
        f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        f" Chrome/{100 + i % 40}.0.{i * 7}.{i} Safari/537.36"
        for i in range(500)
    ]
    addresses = [
        f"{rng.randint(1, 223)}.{rng.randint(0, 255)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
        for _ in range(50_000)
    ]
    login = '"POST /account/login HTTP/1.1"'
    n_logins = 0
    with path.open("w", encoding="ascii") as file:
        for start in range(0, n_lines, 10_000):
            lines = []
            for i in range(start, min(start + 10_000, n_lines)):
                stamp = FIRST + timedelta(seconds=i * WEEK_S // n_lines)
                if i % one_in == 0:
                    n_logins += 1
                    request, status = login, 302 if rng.random() < 0.05 else 200
                else:
                    request, status = f'"GET /item/{rng.randrange(100_000)} HTTP/1.1"', 200
                lines.append(
                    f"{rng.choice(addresses)} - - [{stamp:%d/%b/%Y:%H:%M:%S %z}] {request} {status}"
                    f' {rng.randrange(200, 9_999)} "https://shop.example/" "{rng.choice(agents)}"\n'
                )
            file.writelines(lines)
    return n_logins


@dataclass
class Tool:
    """One command on one file."""

    name: str
    command: Sequence[str]
    n_lines: int
    #: Exit status that counts as done (grep: 1 where nothing matches).
    good: Sequence[int] = (0,)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0.0
    failure: str = ""

    def run(self) -> None:
        """Measure one run."""
        # Not /dev/null for the output: GNU grep stops at the first match if nobody listens.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            started = time.perf_counter()
            process = subprocess.Popen(self.command, stdout=output, stderr=errors)
            _, status, usage = os.wait4(process.pid, 0)
            elapsed = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode not in self.good:
                errors.seek(0)
                last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
                self.failure = f"exit status {process.returncode}: {' '.join(last)[:120]}"
                return
        self.seconds.append(elapsed)
        self.cpu_seconds.append(usage.ru_utime + usage.ru_stime)
        self.peak_mib = max(self.peak_mib, usage.ru_maxrss / 1024)


def list_tools(log: Path, part: Path, n_lines: int, n_logins: int, args: argparse.Namespace) -> list[Tool]:
    python = sys.executable
    out = log.parent / "out"
    tools = [
        Tool("(a) grep -c", ["grep", "-c", "POST /account/login", str(log)], n_lines, (0, 1)),
        Tool("(b) DuckDB split-scan", [python, "-c", SPLIT_SCAN, str(log)], n_lines),
        Tool("(b) the same, kept as a table", [python, "-c", SPLIT_TABLE, str(log)], n_lines),
        Tool("stanch: reading", [python, "-c", READING, str(log), str(n_logins)], n_lines),
    ]
    if not args.reading_only:
        command = [python, "-m", "stanch", "investigate", "--logins", str(log), "--out", str(out), "--quiet"]
        tools.append(Tool("stanch: investigate", command, n_lines))
    if shutil.which("fail2ban-regex"):
        command = ["fail2ban-regex", "--datepattern", FAIL2BAN_DATE, str(part), FAIL2BAN_RULE]
        tools.append(Tool("(c) fail2ban-regex", command, args.part))
    if args.crowdsec is not None:
        command = ["crowdsec", "-c", str(args.crowdsec), "-dsn", f"file://{part}", "-type", "nginx"]
        tools.append(Tool("(d) CrowdSec", command, args.part))
    return tools


def print_table(title: str, tools: Sequence[Tool]) -> None:
    scan = next(tool for tool in tools if tool.name.startswith("(b)"))
    per_line = statistics.median(scan.seconds) / scan.n_lines if scan.seconds else float("nan")
    print(f"\n### {title}\n")
    print("| tool | lines | seconds | CPU s | lines/s | time by (b), per line | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for tool in tools:
        if not tool.seconds:
            print(f"| {tool.name} | {tool.n_lines:,} | {tool.failure or 'not run'} | | | | |")
            continue
        seconds, cpu = statistics.median(tool.seconds), statistics.median(tool.cpu_seconds)
        speed, ratio = tool.n_lines / seconds, seconds / tool.n_lines / per_line
        print(
            f"| {tool.name} | {tool.n_lines:,} | {seconds:.2f} | {cpu:.2f} | {speed:,.0f} | {ratio:.2f}"
            f" | {tool.peak_mib:,.0f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, default=5_000_000, help="lines of each log")
    parser.add_argument("--part", type=int, default=50_000, help="lines for fail2ban-regex and CrowdSec")
    parser.add_argument("--runs", type=int, default=3, help="runs of each tool; medians are shown")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where to keep the logs; default: a temporary folder")
    parser.add_argument("--reading-only", action="store_true", help="leave out the whole investigation")
    args = parser.parse_args()
    args.part = min(args.part, args.lines)
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as temporary:
        folder = args.folder or Path(temporary)
        if not shutil.which("fail2ban-regex"):
            print("fail2ban-regex is not installed: left out", file=sys.stderr)
        args.crowdsec = None
        if shutil.which("crowdsec"):
            args.crowdsec = prepare_crowdsec(Path(temporary, "crowdsec"))
        else:
            print("crowdsec is not installed: left out", file=sys.stderr)
        for title, one_in in (("every line a login", 1), ("1 line in 50 a login", 50)):
            log, part = folder / f"one_in_{one_in}.log", folder / f"part_{one_in}.log"
            n_logins = write_log(log, args.lines, one_in, args.seed)
            write_log(part, args.part, one_in, args.seed)
            tools = list_tools(log, part, args.lines, n_logins, args)
            for _ in range(args.runs):
                for tool in tools:
                    if not tool.failure:
                        tool.run()
            size = log.stat().st_size / 2**20
            print_table(f"{args.lines:,} lines, {title} ({size:,.0f} MiB)", tools)
            log.unlink()
            part.unlink()


if __name__ == "__main__":
    main()
