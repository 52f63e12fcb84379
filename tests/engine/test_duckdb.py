"""What only the default engine promises: a memory limit that holds, and no litter."""

import gc
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from stanch.engine import EngineSettings, Step, open_engine
from stanch.errors import EngineError, UsageError

# Half a gigabyte of text and numbers, twice, goes through a 256 MB limit. Run in a
# process of its own, whose peak is then the engine's: `VmHWM` of Linux, in KiB.
UNDER_LIMIT = """
import sys
from pathlib import Path
import polars as pl
from stanch.engine import EngineSettings, Step, open_engine

engine = open_engine("duckdb", EngineSettings(memory_limit_mb=256, threads=1, temp_dir=sys.argv[1]))
engine.create("t", {"i": "BIGINT", "name": "VARCHAR"})
for start in range(0, 2_400_000, 200_000):
    i = pl.int_range(start, start + 200_000, eager=True)
    name = "account-" + (i * 2654435761 % 4294967296).cast(str) + "x" * 60
    engine.append("t", pl.DataFrame({"i": i, "name": name}))
engine.run(Step("u", "SELECT name, count(*) AS n, min(i) AS i FROM t GROUP BY name"))
engine.run(Step("v", "SELECT i, name, row_number() OVER (ORDER BY name) AS place FROM u"))
row = engine.fetch("SELECT count(*), count(DISTINCT place), sum(i) FROM v").row(0)
assert row == (2_400_000, 2_400_000, 2_400_000 * 2_399_999 // 2), row
spilled = sum(f.stat().st_size for f in Path(sys.argv[1]).rglob("*") if f.is_file())
assert spilled > 100_000_000, f"nothing to speak of was spilled: {spilled}"
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
engine.close()
print(int(peak) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux' /proc")
def test_memory_limit_holds_and_the_rest_goes_to_disk(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", UNDER_LIMIT, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 256 + 400, "MiB; 400 of them are Python, its libraries and one batch"
    assert list(tmp_path.iterdir()) == []


def test_temporary_folder_goes_with_the_engine(tmp_path: Path) -> None:
    engine = open_engine("duckdb", EngineSettings(temp_dir=str(tmp_path)))
    engine.put("t", pl.DataFrame({"n": [1]}))
    assert len(list(tmp_path.iterdir())) == 1
    engine.close()
    engine.close()
    assert list(tmp_path.iterdir()) == []


def test_temporary_folder_goes_even_where_nobody_closes(tmp_path: Path) -> None:
    engine = open_engine("duckdb", EngineSettings(temp_dir=str(tmp_path)))
    with pytest.raises(EngineError):
        engine.run(Step("t", "SELECT nope"))
    del engine
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_temporary_files_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"nowhere.*engine\.temp_dir"):
        open_engine("duckdb", EngineSettings(temp_dir=str(tmp_path / "nowhere")))


def test_threads_and_memory_are_as_set() -> None:
    engine = open_engine("duckdb", EngineSettings(memory_limit_mb=300, threads=1))
    answer = engine.fetch("SELECT current_setting('threads') AS n, current_setting('memory_limit') AS m")
    engine.close()
    assert answer.row(0) == (1, "286.1 MiB")


def test_nothing_is_loaded_from_the_network() -> None:
    engine = open_engine("duckdb", EngineSettings())
    with pytest.raises(EngineError):
        engine.fetch("SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')")
    engine.close()


def test_an_unknown_engine_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="clickhouse"):
        open_engine("clickhouse", EngineSettings())
