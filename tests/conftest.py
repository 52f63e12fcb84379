"""What holds for all tests: deterministic examples, and no silent gaps where tests are judged."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shared machine makes single examples slow now and then; that is no finding.
settings.register_profile(
    "stanch", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("stanch")

#: Words in a reason for skipping which say that a program is missing. Under CI it must not be.
PROGRAMS = (
    "chromium", "browser", "java", "spark", "font", "pdftotext", "postgresql", "redis", "bouncer", "nginx",
    "haproxy",
)  # fmt: skip


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
        if any(program in reason.lower() for program in PROGRAMS):
            report.outcome = "failed"
            report.longrepr = f"not skipped under CI: {reason}"
    return report


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real logs that are not part of the project, beside the checkout or where the
    environment variable STANCH_SHARED_DATA says."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("STANCH_SHARED_DATA") or beside)
    if not folder.exists():
        pytest.skip(f"no real logs in {folder}; set STANCH_SHARED_DATA to a folder that has them")
    if not os.access(folder, os.R_OK | os.X_OK):
        reason = f"the real logs in {folder} cannot be read"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return folder
