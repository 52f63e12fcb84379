"""What levels are said to mean is what the SQL steps make them of."""

from __future__ import annotations

import math
from collections.abc import Iterator

import msgspec
import numpy as np
import polars as pl
import pytest

from stanch.engine import Engine, EngineSettings, load_step, open_engine
from stanch.evidence.tables import LOGINS
from stanch.progress import SilentProgress
from stanch.stuffing import StuffingSettings
from stanch.stuffing.blocks import BLOCKS, N_SHARED_LEVELS, PATTERN_AXES, describe_blocks, unpack_patterns
from stanch.stuffing.features import compute_levels
from stanch.stuffing.levels import ADDENDS, Range, Share, count_levels, describe_level, name_levels
from stuffing.planted import WEIGHED, attack, investigate, number, people

COUNTS = (0, 1, 2, 3, 4, 5, 6, 9, 10, 19, 20, 21, 29, 30, 31, 60, 100, 300, 1000)


@pytest.fixture
def engine() -> Iterator[Engine]:
    opened = open_engine("duckdb", EngineSettings(threads=1, memory_limit_mb=512))
    yield opened
    opened.close()


def holds(limits: Range | Share, value: float) -> bool:
    if isinstance(limits, Share):
        return limits.least <= value and (limits.most is None or value < limits.most)
    return limits.least <= value and (limits.most is None or value <= limits.most)


def ranges_of(addend: str, code: int) -> dict[str, dict[str, Range | Share]]:
    return {fact.key: dict(fact.ranges) for fact in describe_level(addend, code)}


@pytest.mark.parametrize("addend", ADDENDS)
def test_every_level_of_every_addend_says_something(addend: str) -> None:
    for code in range(count_levels(addend)):
        assert describe_level(addend, code) or (addend == "place" and code < N_SHARED_LEVELS)
    with pytest.raises(IndexError):
        describe_level(addend, -1)
    if addend not in ("client", "place"):
        with pytest.raises(IndexError):
            describe_level(addend, count_levels(addend))


def test_every_level_that_the_model_has_is_described() -> None:
    some = np.ones(N_SHARED_LEVELS + 1)
    blocks = {block.name: block for block in describe_blocks({"client": some, "place": some})}
    assert set(blocks) == set(BLOCKS)
    assert {name: len(block.ordinary) for name, block in blocks.items()} == {
        name: count_levels(name) for name in BLOCKS
    }


def test_patterns_have_room_for_every_level_that_the_settings_allow() -> None:
    for name in BLOCKS:
        if name in ("client", "place"):
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({"own_levels": PATTERN_AXES[name] - N_SHARED_LEVELS + 1}, StuffingSettings)
        else:
            assert PATTERN_AXES[name] >= count_levels(name)
    assert math.prod(PATTERN_AXES.values()) < 2**63


def test_attempts_hold_an_addend_and_a_level_for_each_name() -> None:
    engine, _ = investigate(number(pl.concat([people(8, users=300), attack(8, "burst", users=300)])))
    attempts = engine.fetch(WEIGHED)
    assert {c[3:] for c in attempts.columns if c.startswith("ev_")} == set(ADDENDS)
    assert {c[3:] for c in attempts.columns if c.startswith("lv_")} == set(ADDENDS)
    for name in ADDENDS:
        for code in attempts.filter(pl.col(f"ev_{name}") != 0)[f"lv_{name}"].unique():
            assert describe_level(name, code)
    named = engine.fetch("SELECT block, level FROM level_names")
    for name in ("client", "place"):
        own = attempts.filter(pl.col(f"lv_{name}") >= N_SHARED_LEVELS)[f"lv_{name}"].unique().sort()
        assert named.filter(pl.col("block") == name)["level"].sort().to_list() == own.to_list()
    quiet = attempts.filter(pl.col("lv_sequel") == 0)
    assert quiet["ev_sequel"].eq(0).all()
    engine.close()


def make_surroundings(engine: Engine, grid: pl.DataFrame) -> None:
    """Every attempt on a host of its own that has the counts of its row of `grid`."""
    rows = grid.with_row_index("host_id").with_columns(net_id=pl.col("host_id"))
    plain = (
        "file_id", "line", "time_us", "bin", "account_id", "ip_id", "place_id", "client_id", "device_id",
        "client_level",
        "outcome", "habit", "again", "regular",
    )  # fmt: skip
    context = rows.select(
        "host_id",
        "net_id",
        "bad",
        "n_pair",
        "n_bad_elsewhere",
        "place_level",
        *(pl.lit(0).alias(name) for name in plain),
    ).with_columns(line=pl.col("host_id"))
    engine.put("stuffing_context", context)
    engine.put("stuffing_host_bins", rows.select(
        "host_id", pl.lit(0).alias("bin"), (pl.col("n") + 1).alias("n_accounts"),
        (pl.col("n_bad") + pl.col("bad")).alias("n_bad"),
    ))  # fmt: skip
    hosts = rows.select(
        "host_id", (pl.col("n") + 1).alias("n_accounts"), (pl.col("n_bad") + pl.col("bad")).alias("n_bad"),
        pl.col("n").alias("n_regular"),
    )  # fmt: skip
    engine.put("stuffing_hosts", hosts)
    engine.put("stuffing_nets", hosts.select(
        pl.col("host_id").alias("net_id"), pl.col("n_accounts") + rows["n"], pl.col("n_bad") + rows["n_bad"]
    ))  # fmt: skip


def test_ranges_are_those_of_the_step(engine: Engine) -> None:
    grid = pl.DataFrame(
        [
            {
                "n": n,
                "n_bad": n_bad,
                "bad": bad,
                "n_pair": pair,
                "n_bad_elsewhere": pair - 1,
                "place_level": (n + n_bad) % 10,
            }
            for n in COUNTS
            for n_bad in sorted(
                {round(n * share / 100) for share in (0, 9, 10, 14, 15, 29, 30, 39, 40, 79, 80, 100)}
            )
            for bad in (0, 1)
            for pair in ((1, 2, 3, 4, 9, 10, 29, 30, 90) if n_bad == 0 else (1,))
        ]
    )
    make_surroundings(engine, grid)
    engine.run(load_step("stanch.stuffing.sql", "stuffing_levels"))
    levels = pl.DataFrame(
        unpack_patterns(engine.fetch("SELECT * FROM stuffing_levels").sort("line")["pattern"].to_numpy())
    )
    for row, level in zip(grid.iter_rows(named=True), levels.iter_rows(named=True), strict=True):
        told = {
            k: v
            for name in ("address", "network", "standing", "target")
            for k, v in ranges_of(name, level[name]).items()
        }
        rarity = row["place_level"]
        assert told["whence.own" if rarity >= N_SHARED_LEVELS else "whence.rare"] == (
            {} if rarity >= N_SHARED_LEVELS else ranges_of("client", rarity)["client.rare"]
        )
        assert ("standing.alone" in told) == (row["n"] == 0)
        for key in ("now", "ever", "beside", "standing") if row["n"] else ("now", "ever", "beside"):
            ranges = told[f"{key}.some" if row["n"] else f"{key}.none"]
            assert all(
                holds(limits, row["n"] if name == "n" else 100 * row["n_bad"] / row["n"])
                for name, limits in ranges.items()
            ), (key, row, ranges)
        elsewhere = told["elsewhere.some" if row["n_bad_elsewhere"] else "elsewhere.none"]
        assert all(holds(limits, row["n_bad_elsewhere"]) for limits in elsewhere.values())
        tries = told["tries.some" if row["bad"] and row["n_pair"] > 3 else "tries.none"]
        assert all(holds(limits, row["n_pair"]) for limits in tries.values())


HERE, NEARBY, AWAY = ("20.1.0.7", "1"), ("30.1.0.7", "1"), ("40.1.0.7", "2")


def list_logins_by_habit() -> Iterator[tuple[float, tuple[str, str], str, str, str]]:
    """Time in hours, address with operator, account, client, outcome; the account says what is to be told."""
    witnesses = {"0": (1, AWAY), "1": (1, NEARBY), "2": (9, HERE), "3": (1, HERE)}
    for place, (time, whence) in witnesses.items():
        for device, client in {"0": "Other", "1": "Browser/2", "2": "Browser/1"}.items():
            account = f"habit_place.{place} habit_device.{device}"
            yield time, whence, account, "Other", "success"
            yield 1, AWAY, account, client, "success"
            yield 5, HERE, account, "Browser/1", "failure"
    yield 5, HERE, "habit.none", "Browser/1", "failure"
    yield 1, HERE, "rightly spelt", "Browser/1", "success"
    yield 5, HERE, "habit.slip_near", "Browser/1", "failure"
    yield 5, AWAY, "habit.slip_away", "Browser/1", "failure"


def test_habits_are_those_of_the_step(engine: Engine) -> None:
    columns = ("time", "whence", "account", "user_agent", "outcome")
    rows = pl.DataFrame(list(list_logins_by_habit()), schema=columns, orient="row").select(
        pl.col("time").cast(pl.Float64) * 3600,
        pl.col("whence").list.get(0).alias("ip"),
        pl.col("whence").list.get(1).alias("asn"),
        *columns[2:],
    )
    engine.create("logins", LOGINS.stored_schema)
    engine.append("logins", number(rows))
    spellings = [("rightly spelt", 1), ("habit.slip_near", 1), ("habit.slip_away", 1)]
    engine.put(
        "account_spellings",
        pl.DataFrame(spellings, schema={"account": pl.String, "variant": pl.Int64}, orient="row"),
    )
    compute_levels(engine, StuffingSettings(), SilentProgress())
    refused = engine.fetch(
        "SELECT a.account, l.pattern FROM stuffing_levels AS l"
        " JOIN stuffing_accounts AS a ON a.account_id = l.account_id WHERE l.outcome = 1"
    )
    assert refused.height == 15
    codes = unpack_patterns(refused["pattern"].to_numpy())["behaviour"]
    for account, behaviour in zip(refused["account"], codes, strict=True):
        told = [fact.key for fact in describe_level("behaviour", behaviour)]
        assert told == ["outcome.failure", *account.split(), told[-1]]


def test_rarity_is_that_of_the_step(engine: Engine) -> None:
    counts = {f"browser {n}": n for n in (1, 2, 3, 4, 9, 10, 29, 30, 99, 100, 299, 300, 999, 1000, 1500)}
    rows = [{"ja4": None, "user_agent": name} for name, n in counts.items() for _ in range(n)]
    engine.put("logins", pl.DataFrame(rows, schema={"ja4": pl.String, "user_agent": pl.String}))
    engine.run(load_step("stanch.stuffing.sql", "stuffing_clients", n_top=1, n_enough=20))
    for client, level in engine.fetch("SELECT client, client_level FROM stuffing_clients").iter_rows():
        told = ranges_of("client", level)
        if client == "browser 1500":
            assert set(told) == {"client.own"}
        else:
            assert holds(told["client.rare"]["n"], counts[client])


def test_a_reader_of_levels_learns_the_settings_they_depend_on() -> None:
    told = name_levels(StuffingSettings(bin_minutes=30, near_minutes=5))
    assert (told["bin_minutes"], told["near_minutes"]) == ("30", "5")
    assert told["stanch_levels"] == name_levels(StuffingSettings())["stanch_levels"]
