"""Whether tracing takes time in proportion to the accesses, and what memory it takes.

    python3 dev.py bench tracing_scale                # 0.5, 5 and 50 million accesses
    python3 dev.py bench tracing_scale --sizes 5

Makes three months of a shop in Parquet files, five accesses per order, by about 5,000 sources, and 5,000
complaints, 300 of them about orders that one agent saw. Measures `stanch investigate` on them as a whole
process, files read and report written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import duckdb

from cells import make_table
from reading import Tool

LEAK: Final = "staff:agent7"
N_COMPLAINTS: Final = 5000
N_LEAKED: Final = 300

#: Orders lie in order of time. One order in 250 is agent 7's; the others are 4,800 agents', two looks each.
_SHOP: Final = """
CREATE MACRO chance(i, salt) AS (hash(i, salt) % 1000003) / 1000003.0;
CREATE MACRO placed(i) AS 1704067200 + CAST(i * 7776000 // $n_orders AS BIGINT);
CREATE MACRO region(i) AS hash(i, 1) % 40;
CREATE MACRO agent(i, look) AS CASE WHEN hash(i, 2) % 250 = 0 THEN 7 ELSE 10 + hash(i, look) % 4800 END;
CREATE MACRO viewer(i) AS hash(CASE WHEN hash(i, 8) % 20000 = 0 THEN i + 1 ELSE i END, 3) % ($n_orders // 2);
CREATE MACRO after(i, salt, hours) AS placed(i) - hours * 3600.0 * ln(1 - 0.999 * chance(i, salt));
"""
_ORDERS: Final = """
SELECT format('o{:08d}', i) AS "order", format('customer{}', hash(i, 3) % ($n_orders // 2)) AS account,
  placed(i) AS time, format('region{}', region(i)) AS region
FROM range($n_orders) AS t(i)
"""
_ACCESSES: Final = """
WITH looks AS (
  SELECT i, after(i, 10, 20) AS time, format('agent{}', agent(i, 4)) AS actor, 'staff' AS actor_kind,
    'desk' AS channel, 'name|phone|address|items|price' AS fields FROM range($n_orders) AS t(i)
  UNION ALL
  SELECT i, after(i, 11, 60), format('agent{}', agent(i, 5)), 'staff', 'desk',
    'name|phone|address|items|price' FROM range($n_orders) AS t(i)
  UNION ALL
  SELECT i, after(i, 12, 30), format('courier{}-{}', region(i), hash(i, 6) % 4), 'partner', 'label',
    'name|phone|address' FROM range($n_orders) AS t(i)
  UNION ALL
  SELECT i, placed(i) + 30, format('service{}', hash(i, 7) % 10), 'service', 'api', 'items|price|payment'
  FROM range($n_orders) AS t(i)
  UNION ALL
  SELECT i, after(i, 13, 10), format('customer{}', viewer(i)), 'customer', 'account',
    'name|phone|address|items|price' FROM range($n_orders) AS t(i)
)
SELECT time, actor, actor_kind, format('o{:08d}', i) AS "order", channel, fields FROM looks
"""
#: Calls come some days after the agent's look, others about any order of the weeks before.
_COMPLAINTS: Final = """
WITH seen AS (
  SELECT i, after(i, 10, 20) AS base FROM range($n_orders) AS t(i) WHERE hash(i, 2) % 250 = 0
  ORDER BY hash(i, 20) LIMIT $n_leaked
), others AS (
  SELECT i, placed(i) AS base FROM range($n_orders) AS t(i) ORDER BY hash(i, 21) LIMIT $n_other
), calls AS (
  SELECT i, base + 86400 * (0.5 - 4 * ln(1 - 0.999 * chance(i, 22))) AS contacted,
    'name|phone|items|price' AS known_fields FROM seen
  UNION ALL
  SELECT i, base - 86400 * 10 * ln(1 - 0.999 * chance(i, 23)), 'name|phone' FROM others
)
SELECT format('k{}', i) AS complaint, contacted + 36000 * chance(i, 24) AS received,
  format('o{:08d}', i) AS "order", contacted, known_fields FROM calls
"""


def make_shop(folder: Path, n_accesses: int) -> dict[str, Path]:
    """Write the tables; returns their files."""
    numbers = {"n_orders": n_accesses // 5, "n_leaked": N_LEAKED, "n_other": N_COMPLAINTS - N_LEAKED}
    tables = {"orders": _ORDERS, "accesses": _ACCESSES, "complaints": _COMPLAINTS}
    files = {name: folder / f"{name}.parquet" for name in tables}
    with duckdb.connect(config={"threads": 2, "preserve_insertion_order": False}) as connection:
        connection.execute(_fill(_SHOP, numbers))
        for name, sql in tables.items():
            select = _fill(sql, numbers)
            connection.execute(f"COPY ({select}) TO '{files[name]}' (FORMAT parquet, COMPRESSION zstd)")
    return files


def _fill(sql: str, numbers: dict[str, int]) -> str:
    for name, value in numbers.items():
        sql = sql.replace(f"${name}", str(value))
    return sql


def measure(millions: float, folder: Path) -> tuple[str, ...]:
    """A row of the table."""
    n = round(millions * 1e6)
    files, out = make_shop(folder, n), folder / "out"
    given = [word for table, path in files.items() for word in (f"--{table}", str(path))]
    command = [sys.executable, "-m", "stanch", "investigate", *given, "--out", str(out), "--quiet"]
    tool = Tool("investigate", command, n)
    load = os.getloadavg()[0]
    tool.run()
    if tool.failure:
        sys.exit(f"stanch investigate: {tool.failure}")
    (seconds,), (cpu_seconds,) = tool.seconds, tool.cpu_seconds
    found = json.loads((out / "findings.json").read_text(encoding="utf-8"))
    read = {i["table"]: i["rows"] for i in found["inputs"]}
    return (
        f"{read['accesses']:,}",
        f"{read['orders']:,}",
        f"{read['complaints']:,}",
        f"{seconds:.0f}",
        f"{cpu_seconds:.0f}",
        f"{1e6 * cpu_seconds / n:.1f}",
        f"{tool.peak_mib / 2**10:.1f}",
        ", ".join(found["attribution"]["sources"]) or found["attribution"]["verdict"],
        f"{load:.0f}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.5, 5, 50], metavar="MILLIONS")
    options = parser.parse_args()
    heads = (
        "accesses",
        "orders",
        "complaints",
        "seconds",
        "CPU seconds",
        "CPU s per million",
        "peak GiB",
        f"named (true: {LEAK})",
        "load before",
    )
    rows = []
    for millions in options.sizes:
        with tempfile.TemporaryDirectory(prefix="stanch-bench-") as folder:
            rows.append(measure(millions, Path(folder)))
            print(" | ".join(rows[-1]), flush=True)
    print(make_table(heads, rows))


if __name__ == "__main__":
    main()
