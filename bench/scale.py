"""Whether time grows in proportion to the attempts, and what memory they take.

    python3 dev.py bench scale                        # 0.2, 2 and 20 million attempts, about ten minutes
    python3 dev.py bench scale --millions 50

Makes a month of logins in one Parquet file, an attack of one login in 150 among them, and measures
`stanch investigate --logins` on it as a whole process.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

import duckdb

from cells import make_table
from reading import Tool

#: 25 logins per account and month from home or through a carrier, each with its own browser; one in fourteen
#: mistyped first. The attack tries each address and name once, within half a day.
MAKE_LOG: Final = """
COPY (
  WITH people AS (
    SELECT
      i,
      CAST(power((hash(i, 1) % 1000003) / 1000003.0, 1.5) * $n_accounts AS BIGINT) AS customer,
      1709251200 + (hash(i, 2) % 30) * 86400
        + CAST(28800 + 50400 * ((hash(i, 3) % 10007) + (hash(i, 4) % 10009)) / 20016.0 AS BIGINT) AS second
    FROM range($n_people) AS t(i)
  ),
  logins AS (
    SELECT i, customer, second, 'success' AS outcome FROM people
    UNION ALL
    SELECT i, customer, second - 20, 'failure' FROM people WHERE hash(i, 5) % 14 = 0
  )
  SELECT
    CAST(second AS DOUBLE) AS time,
    CASE WHEN hash(i, 6) % 8 = 0 THEN format('100.64.{}.{}', customer % 4, hash(i, 7) % 250)
      ELSE format('20.{}.{}.{}', customer // 62500 % 250, customer // 250 % 250, customer % 250) END AS ip,
    format('customer{}@mail.example', customer) AS account,
    outcome,
    format('Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/{}.0.{}.0', 90 + customer % 40, customer % 50)
      AS user_agent
  FROM logins
  UNION ALL
  SELECT
    1709251200 + 20 * 86400 + 21600 + hash(i, 8) % 43200,
    format('{}.{}.{}.{}', 60 + i % 90, hash(i, 9) % 250, hash(i, 10) % 250, hash(i, 11) % 250),
    CASE WHEN hash(i, 12) % 10 < 6 THEN format('listed{}@mail.example', i)
      ELSE format('customer{}@mail.example', hash(i, 13) % $n_accounts) END,
    CASE WHEN hash(i, 12) % 10 < 6 THEN 'unknown_account' WHEN hash(i, 14) % 50 = 0 THEN 'success'
      ELSE 'failure' END,
    format('Mozilla/5.0 (X11; Linux x86_64) Firefox/{}', 60 + i % 3)
  FROM range($n_attack) AS t(i)
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""


def make_log(path: Path, n: int) -> int:
    """Write about `n` attempts to `path`; returns how many of them are the attack's."""
    n_attack = n // 150
    sql = MAKE_LOG.replace("{path}", str(path))
    for name, value in {"n_accounts": n // 25, "n_people": round(n * 14 / 15), "n_attack": n_attack}.items():
        sql = sql.replace(f"${name}", str(value))
    with duckdb.connect() as connection:
        connection.execute(sql)
    return n_attack


def measure(millions: float, folder: Path) -> tuple[str, ...]:
    """A row of the table."""
    log, out = folder / "logins.parquet", folder / "out"
    planted = make_log(log, round(millions * 1e6))
    command = [
        sys.executable,
        "-m",
        "stanch",
        "investigate",
        "--logins",
        str(log),
        "--out",
        str(out),
        "--quiet",
    ]
    tool = Tool("investigate", command, round(millions * 1e6))
    tool.run()
    if tool.failure:
        sys.exit(f"stanch investigate: {tool.failure}")
    (seconds,), (cpu_seconds,) = tool.seconds, tool.cpu_seconds
    found = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    n = found["logins"]["attempts"]
    return (
        f"{n:,}",
        f"{seconds:.0f}",
        f"{1e6 * seconds / n:.1f}",
        f"{1e6 * cpu_seconds / n:.1f}",
        f"{tool.peak_mib / 2**10:.1f}",
        f"{found['logins']['attack_attempts']['mean']:,.0f} of {planted:,}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--millions", type=float, nargs="+", default=[0.2, 2, 20])
    options = parser.parse_args()
    rows = []
    for millions in options.millions:
        with tempfile.TemporaryDirectory(prefix="stanch-bench-") as folder:
            rows.append(measure(millions, Path(folder)))
            print(" | ".join(rows[-1]), flush=True)
    heads = ("attempts", "seconds", "seconds per million", "CPU s per million", "peak GiB", "attack found")
    print(make_table(heads, rows))


if __name__ == "__main__":
    main()
