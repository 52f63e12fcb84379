"""What only Spark can get wrong: Java, ports, folders."""

import os
from pathlib import Path

import polars as pl
import pytest
import sqlglot
from sqlglot import exp

import stanch
from stanch.engine import Engine, EngineSettings, Step, open_engine
from stanch.errors import EngineError

SOURCE = Path(stanch.__file__).parent


def test_no_java_is_said_plainly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(EngineError, match=r"Java 17.*openjdk-17-jre-headless"):
        open_engine("spark", EngineSettings(temp_dir=str(tmp_path)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="open ports are read from Linux' /proc")
def test_listens_on_this_machine_only(spark: Engine) -> None:
    # Column 2 is the local address in hexadecimal, column 4 the state; 0A is LISTEN.
    java = {line.split()[9] for line in listening_sockets()}
    own = java & sockets_of_children()
    assert own, "Java has no port open: the test looks at the wrong process"
    for line in listening_sockets():
        if line.split()[9] in own:
            assert line.split()[1].split(":")[0] in ("0100007F", "0000000000000000FFFF00000100007F")


def test_every_step_is_understood(spark: Engine) -> None:
    """Grammar and functions; what the steps mean is compared in `test_parity`."""
    parser = spark._session._jsparkSession.sessionState().sqlParser()
    wrong = []
    for path in sorted(SOURCE.rglob("*.sql")):
        sql = path.read_text(encoding="utf-8")
        tree = sqlglot.parse_one(sql, dialect="duckdb")
        params = {node.name: 1 for node in tree.find_all(exp.Placeholder)}
        parser.parsePlan(Step(path.stem, sql, params).render("spark"))
        unknown = {call.name.lower() for call in tree.find_all(exp.Anonymous)}
        wrong += [
            f"{path.name}: {name}" for name in unknown if not spark._session.catalog.functionExists(name)
        ]
    assert wrong == []


def test_tables_leave_the_disk_when_dropped(spark: Engine) -> None:
    spark.put("big", pl.DataFrame({"n": [1, 2]}))
    folder = spark._tables["big"]
    spark.put("big", pl.DataFrame({"n": [3]}))
    assert not folder.exists()
    folder = spark._tables["big"]
    spark.drop("big")
    assert not folder.exists()


def test_engines_of_one_process_do_not_disturb_each_other(spark: Engine) -> None:
    spark.put("shared_name", pl.DataFrame({"n": [1]}))
    other = open_engine("spark", EngineSettings(memory_limit_mb=512, threads=1))
    other.put("shared_name", pl.DataFrame({"n": [2]}))
    assert spark.fetch("SELECT n FROM shared_name").item() == 1
    other.close()
    assert spark.fetch("SELECT n FROM shared_name").item() == 1


def listening_sockets() -> list[str]:
    lines = []
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        if Path(name).exists():
            lines += Path(name).read_text().splitlines()[1:]
    return [line for line in lines if line.split()[3] == "0A"]


def sockets_of_children() -> set[str]:
    """Socket inodes of this process's children: Spark's Java is one."""
    inodes = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = next(x.split()[1] for x in status.read_text().splitlines() if x.startswith("PPid"))
            if int(parent) == os.getpid():
                links = [os.readlink(link) for link in (status.parent / "fd").iterdir()]
                inodes |= {link[8:-1] for link in links if link.startswith("socket:[")}
        except OSError:
            continue
    return inodes
