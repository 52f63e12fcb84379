"""The doctor knows the guard: each fault is found and told with what to do about it."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from guard.redis import REDIS, running_redis
from stanch.cli.doctor_guard import check_guard
from stanch.cli.doctor_service import check_service
from stanch.guard.leaked.filter import write_filter
from stanch.guard.memory import MemoryCounters
from stanch.guard.scorecard import load_scorecard
from stanch.service.secrets import load_secrets
from stanch.service.settings import ServiceSettings
from stanch.settings import load_settings

Examine = Callable[..., dict[str, str]]
SIZES = {"customers": 1_000, "recent": 1_000}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a service that was started before."""
    folder = tmp_path / "data"
    load_secrets(folder)
    MemoryCounters(folder / "counters.bin", **SIZES)
    return folder


@pytest.fixture
def examine(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    for name in ("STANCH_COUNTERS_URL", "STANCH_DATABASE_URL", "STANCH_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)

    def check(guard: str = "", service: str = "", customers: int = 1_000) -> dict[str, str]:
        config = tmp_path / "stanch.toml"
        sizes = f"customers = {customers}\nrecent = 1000\n"
        config.write_text(f"[guard]\n{sizes}{guard}\n[service]\ndata_dir = '{data}'\n{service}\n")
        found = list(check_guard(load_settings(config)))
        assert len({check.subject for check in found}) == len(found)
        return {check.subject: f"{check.mark} {check.finding}" for check in found}

    return check


def test_a_guard_in_order_has_nothing_bad(examine: Examine, tmp_path: Path) -> None:
    write_filter(tmp_path / "leaked", [np.array([1, 2], dtype=np.uint64)], 1)
    (tmp_path / "allow").write_text("198.51.100.0/24\n")
    found = examine(
        "enforce = ['challenge', 'deny', 'reset', 'ban']",
        f"leaked = '{tmp_path / 'leaked'}'\nallow_list = '{tmp_path / 'allow'}'\n"
        "trusted_proxies = ['127.0.0.1']",
    )
    assert {finding.split()[0] for finding in found.values()} == {"ok"}
    assert "0% of the room for 1,000 customers" in found["guard counters"]
    assert "2 credentials" in found["service.leaked"]


def test_what_is_only_simulated_is_named(examine: Examine) -> None:
    assert "nothing enforced" in examine()["guard.enforce"]
    some = examine("enforce = ['challenge', 'ban']\non_unavailable = 'deny'\nbudget = 0.0")
    assert "only simulated: deny, reset" in some["guard.enforce"]
    assert "guard.enforce" in some["guard.on_unavailable"]
    assert "nobody is ever challenged" in some["guard.budget"]


def test_counters_of_other_sizes_or_too_full_or_without_room_are_told(examine: Examine, data: Path) -> None:
    other = examine(customers=5_000)["guard counters"]
    assert other.startswith("bad")
    assert "forgets" in other
    before = (data / "counters.bin").read_bytes()
    assert (data / "counters.bin").read_bytes() == before
    counters = MemoryCounters(data / "counters.bin", **SIZES)
    rng = np.random.default_rng(1)
    for key in rng.integers(1, 2**64, 9_000, dtype=np.uint64):
        counters.tables["habits"].put(int(key), 1, *[0] * 30)
    assert "raise guard.customers" in examine()["guard counters"]
    (data / "counters.bin").unlink()
    assert "will be made: 0." in examine()["guard counters"]
    huge = examine(customers=10**9)["guard counters"]
    assert huge.startswith("bad")
    assert "make room" in huge
    assert not (data / "counters.bin").exists(), "the doctor makes nothing"


def test_a_counters_server_that_is_gone_or_alone_is_told(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANCH_COUNTERS_URL", "unix:///nowhere/redis.sock")
    gone = examine()
    assert gone["guard counters"].startswith("bad")
    assert "STANCH_COUNTERS_URL" in gone["guard counters"]
    assert "STANCH_DATABASE_URL" in gone["guard stores"]
    if REDIS is None:
        pytest.skip("no redis-server on this machine")
    with running_redis() as server:
        monkeypatch.setenv("STANCH_COUNTERS_URL", server.url)
        assert examine()["guard counters"].startswith("ok the server")


def test_a_database_that_cannot_be_reached_is_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANCH_DATABASE_URL", "postgresql://stanch:hunter2@127.0.0.1:1/stanch")
    found = {check.subject: check for check in check_service(ServiceSettings(data_dir=str(data)))}
    assert found["service database"].mark == "bad"
    assert "STANCH_DATABASE_URL" in found["service database"].finding
    assert "hunter2" not in str(found)


def test_a_key_that_is_missing_or_none_is_told(
    examine: Examine, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "service.key").write_bytes(b"short")
    assert examine()["service.key"].startswith("bad")
    (data / "service.key").unlink()
    assert "device cookies" in examine()["service.key"]
    monkeypatch.setenv("STANCH_COUNTERS_URL", "unix:///nowhere/redis.sock")
    assert "copy that of the first guard" in examine()["service.key"]
    assert not (data / "service.key").exists(), "the doctor makes nothing"


def test_lists_that_are_missing_or_cannot_be_read_are_told(examine: Examine, tmp_path: Path) -> None:
    none = examine()
    assert "stanch leaked build" in none["service.leaked"]
    assert none["service.allow_list"].startswith("note")
    (tmp_path / "bad").write_text("nonsense\n")
    bad = examine("", f"leaked = '{tmp_path / 'bad'}'\nallow_list = '{tmp_path / 'bad'}'")
    assert bad["service.leaked"].startswith("bad")
    assert "nobody is banned" in bad["service.allow_list"]
    assert "line 1" in bad["service.allow_list"]


def test_a_scorecard_that_cannot_be_used_or_does_not_fit_is_told(
    examine: Examine, data: Path, tmp_path: Path
) -> None:
    assert examine("scorecard = '/no/such'")["guard.scorecard"].startswith("bad")
    card = load_scorecard(None)
    strict = msgspec.structs.replace(card, usual=dict.fromkeys(card.usual, 0.1))
    (tmp_path / "card.json").write_bytes(msgspec.json.encode(strict))
    own = f"scorecard = '{tmp_path / 'card.json'}'"
    assert examine(own)["guard.scorecard"].startswith("ok")
    counters = MemoryCounters(data / "counters.bin", **SIZES)
    levels = {"behaviour": {5: 400.0}, "address": {}, "network": {}, "standing": {}}
    counters.save("drift", msgspec.msgpack.encode({"levels": levels, "time_s": 1}))
    assert "stanch train" in examine(own)["guard.scorecard"]


def test_what_makes_visitors_one_or_messages_forgeable_is_told(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = "[service.notify]\nwebhook = 'https://shop.example/hook'"
    found = examine("", webhook)
    assert "name it" in found["service.trusted_proxies"]
    assert "STANCH_WEBHOOK_SECRET" in found["service.notify"]
    monkeypatch.setenv("STANCH_WEBHOOK_SECRET", "secret")
    assert "service.notify" not in examine("", webhook)
