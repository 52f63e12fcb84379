"""What the counters take at most, for so many accounts and addresses: a file here, or a Redis server.

`python3 dev.py bench guard_memory`. The server is given every piece that guards can ever write, so this is
the most that it holds whatever happens; for ten million keys of each kind that takes minutes and 7 GB.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import valkey

from guard_serving import running_redis
from stanch.guard.memory import MemoryCounters, plan_tables
from stanch.guard.tables import count_set_bytes, count_sets

_AT_ONCE = 2_000


def fill_server(url: str, n: int) -> tuple[int, int, int]:
    """Number of keys, and bytes of memory used and resident with all pieces present."""
    client = valkey.Valkey.from_url(url)
    n_keys = 0
    for name, (n_records, record) in plan_tables(n, n).items():
        size = count_set_bytes(record)
        numbers = range(count_sets(n_records))
        for first in range(0, len(numbers), _AT_ONCE):
            with client.pipeline(transaction=False) as pipe:
                for number in numbers[first : first + _AT_ONCE]:
                    pipe.set(f"{{stanch:00000000}}:{name}:{number}", os.urandom(size), ex=86_400)
                pipe.execute()
        n_keys += len(numbers)
    told = client.info("memory")
    client.close()
    return n_keys, told["used_memory"], told["used_memory_rss"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000_000, help="accounts, and as many addresses")
    n = parser.parse_args().keys
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name:
        counters = MemoryCounters(None, customers=n, recent=n)
        print(f"| counters for {n:,} customers and {n:,} lately seen | GiB |\n|---|---:|")
        print(f"| file, memory-mapped | {counters.n_bytes / 2**30:.2f} |")
        counters.close()
        with running_redis(Path(name)) as url:
            time.sleep(1)
            n_keys, used, resident = fill_server(url, n)
        print(f"| Redis, {n_keys:,} pieces of it, used | {used / 2**30:.2f} |")
        print(f"| … resident | {resident / 2**30:.2f} |")


if __name__ == "__main__":
    main()
