"""Both engines, each opened once."""

import os
import shutil
from collections.abc import Iterator

import pytest

from stanch.engine import Engine, EngineSettings, open_engine

SETTINGS = EngineSettings(memory_limit_mb=512, threads=1)


def skip_without_java() -> None:
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=f"{home}/bin" if home else None) is None:
        pytest.skip("Spark needs Java: install openjdk-17-jre-headless")
    pytest.importorskip("pyspark", reason="Spark is not installed: uv sync --group spark")


@pytest.fixture(scope="session")
def spark() -> Iterator[Engine]:
    skip_without_java()
    with pytest.MonkeyPatch.context() as patch:
        # Tests run each query once: compiling it to the utmost costs twice what it saves.
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        engine = open_engine("spark", SETTINGS)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def duckdb() -> Iterator[Engine]:
    engine = open_engine("duckdb", SETTINGS)
    yield engine
    engine.close()


@pytest.fixture(params=["duckdb", "spark"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """One engine after the other; tests replace the tables of earlier ones."""
    return request.getfixturevalue(request.param)
