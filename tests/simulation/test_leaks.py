"""Complaints that stem from a leak cite what the source really saw, after it saw it."""

from __future__ import annotations

import polars as pl
import pytest

from .incidents import make, stored

LOGGED = [
    "insider", "courier", "service-export", "customer-sees-others", "open-endpoint", "two-sources",
    "own-queue", "packer", "courier-of-a-region", "large-warehouse", "vendor", "message-service",
    "counted-numbers", "team-twins", "linked-branches", "two-colleagues", "three-sources",
]  # fmt: skip
WAVES = ["burst-2015", "stuffing-plus-innocent-staff"]
SCALE = 0.15


def _actor(source: str) -> tuple[str, str]:
    kind, name = source.split(":", 1)
    return {"endpoint": "anonymous"}.get(kind, kind), name


def _seen_by(case: str, source: str, seed: int = 1) -> pl.DataFrame:
    """Looks of a planted source: order, account, time_us, fields."""
    accesses = stored(case, "accesses", seed, SCALE)
    orders = stored(case, "orders", seed, SCALE).select("order", "account")
    if source.startswith("campaign:"):
        truth = make(case, seed, SCALE).truth
        lines = truth["attack_rows"][source.split(":")[1]]
        logins = stored(case, "logins", seed, SCALE).filter(pl.col("line").is_in(lines))
        seen = accesses.filter(pl.col("ip").is_in(logins["ip"].unique().implode()))
    else:
        kind, name = _actor(source)
        seen = accesses.filter((pl.col("actor_kind") == kind) & (pl.col("actor") == name))
    return seen.join(orders, on="order")


def _complaints_of(case: str, source: str, seed: int = 1) -> pl.DataFrame:
    numbers = make(case, seed, SCALE).truth["complaints_by_source"][source]
    return stored(case, "complaints", seed, SCALE).filter(pl.col("complaint").is_in(numbers))


@pytest.mark.parametrize("case", [*LOGGED, *WAVES])
def test_victims_were_exposed_to_the_source_before_they_were_called(case: str) -> None:
    truth = make(case, scale=SCALE).truth
    assert truth["leak"]["sources"]
    for source in truth["leak"]["sources"]:
        seen, complaints = _seen_by(case, source), _complaints_of(case, source)
        assert len(complaints) >= 2
        called = complaints.with_columns(called_us=pl.coalesce("contacted_us", "received_us"))
        for key in ("order", "account"):
            first = seen.group_by(key).agg(pl.col("time_us").min().alias("seen_us"))
            known = called.filter(pl.col(key).is_not_null()).join(first, on=key, how="left")
            assert known["seen_us"].null_count() == 0
            assert (known["seen_us"] < known["called_us"]).all()


@pytest.mark.parametrize("case", [*LOGGED, *WAVES])
def test_callers_know_what_the_source_saw(case: str) -> None:
    # Some shops' logs do not say what was visible.
    seed = next(s for s in range(1, 9) if "fields" in make(case, s, SCALE).tables["accesses"].columns)
    n_cited = n_leaked_through = 0
    for source in make(case, seed, SCALE).truth["leak"]["sources"]:
        seen = _seen_by(case, source, seed)
        visible = set(seen["fields"].drop_nulls().str.split("|").explode())
        cited = _complaints_of(case, source, seed)["known_fields"].drop_nulls().str.split("|").explode()
        n_cited += len(cited)
        n_leaked_through += int((~cited.is_in(list(visible))).sum())
    assert n_cited > 0
    assert n_leaked_through <= max(2, 0.03 * n_cited)


def test_an_unlogged_copy_reaches_orders_that_no_single_agent_saw() -> None:
    incident = make("unlogged", scale=SCALE)
    assert incident.truth["leak"]["sources"] == ["unlogged"]
    cited = _complaints_of("unlogged", "unlogged")["order"].drop_nulls()
    staff = stored("unlogged", "accesses", scale=SCALE).filter(pl.col("actor_kind") == "staff")
    seen = (
        staff.filter(pl.col("order").is_in(cited.implode())).group_by("actor").agg(pl.col("order").n_unique())
    )
    assert len(cited) >= 3
    assert (seen["order"].max() or 0) < cited.n_unique()


def test_the_insider_reads_beyond_its_queue() -> None:
    incident = make("insider", scale=SCALE)
    (source,) = incident.truth["leak"]["sources"]
    staff = stored("insider", "accesses", scale=SCALE).filter(pl.col("actor").str.starts_with("agent"))
    searches = staff.filter(pl.col("channel") == "search")["actor"].value_counts()
    assert source.removeprefix("staff:") in searches["actor"].to_list()
    assert len(searches) <= 2  # the insider, and at most one colleague with a good reason


def test_a_courier_of_a_region_is_alone_there() -> None:
    seen = stored("courier-of-a-region", "accesses", scale=SCALE).filter(
        pl.col("actor").str.starts_with("carrier")
    )
    regions = stored("courier-of-a-region", "orders", scale=SCALE).select("order", "region")
    pairs = seen.join(regions, on="order")
    assert pairs["region"].n_unique() > 10
    assert pairs.group_by("region").agg(pl.col("actor").n_unique())["actor"].max() == 1


def test_the_largest_warehouse_sees_a_quarter_of_all_orders_or_more() -> None:
    accesses = stored("large-warehouse", "accesses", scale=SCALE)
    houses = accesses.filter(pl.col("actor").str.starts_with("warehouse"))
    shares = houses.group_by("actor").agg(pl.col("order").n_unique() / houses["order"].n_unique())["order"]
    assert shares.max() >= 0.25
    assert 2 <= len(shares) <= 4


def test_twins_open_nearly_the_same_orders() -> None:
    """But for what one of them looks up or searches for besides."""
    agents = stored("team-twins", "accesses", scale=SCALE).filter(pl.col("channel") == "desk")
    seen = dict(agents.group_by("actor").agg("order").iter_rows())
    pairs = [(f"agent{i:02d}", f"agent{i + 1:02d}") for i in range(1, len(seen), 2)]
    shared = [len(set(seen[a]) & set(seen[b])) / len(set(seen[a]) | set(seen[b])) for a, b in pairs]
    assert min(shared) > 0.6
    assert len(set(seen["agent01"]) & set(seen["agent03"])) < 0.5 * len(set(seen["agent01"]))


def test_the_desk_opens_after_the_call_what_is_complained_about() -> None:
    calls = stored("looked-up-after-the-call", "complaints", scale=SCALE).drop_nulls(
        ["order", "contacted_us"]
    )
    agents = stored("looked-up-after-the-call", "accesses", scale=SCALE).filter(pl.col("channel") == "desk")
    looks = calls.join(agents, on="order", suffix="_seen")
    after = looks.filter(pl.col("time_us") >= pl.col("contacted_us"))
    assert after["order"].n_unique() >= 0.4 * calls["order"].n_unique()
    assert after["actor"].n_unique() < agents["actor"].n_unique()


def test_a_talkative_region_complains_far_beyond_its_share_of_orders() -> None:
    n = expected = 0.0
    for seed in (1, 2, 3):
        complaints = stored("talkative-region", "complaints", seed, SCALE)["region"].value_counts(sort=True)
        orders = stored("talkative-region", "orders", seed, SCALE)
        n += complaints["count"][0]
        expected += complaints["count"].sum() * (orders["region"] == complaints["region"][0]).mean()  # type: ignore[operator]
    assert n > 2 * expected


def test_one_victim_in_three_reports_where_branches_are_linked() -> None:
    truth = make("linked-branches", scale=SCALE).truth
    ((_, exposed),) = truth["leak"]["exposed"].items()
    assert 0.1 * exposed < len(truth["complaints_from_leak"]) < 0.5 * exposed


def test_bare_complaints_leave_most_cells_empty() -> None:
    bare = stored("bare-complaints", "complaints", scale=SCALE)
    assert bare["contacted_us"].null_count() > 0.5 * len(bare)
    assert bare["order"].null_count() > 0.4 * len(bare)


def test_a_copy_of_some_days_reaches_only_orders_of_these() -> None:
    cited = _complaints_of("copied-days", "unlogged")["order"].drop_nulls()
    orders = stored("copied-days", "orders", scale=SCALE).filter(pl.col("order").is_in(cited.implode()))
    assert orders["time_us"].max() - orders["time_us"].min() <= 6 * 86_400_000_000  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(1, 9))
def test_two_colleagues_are_two(seed: int) -> None:
    sources = make("two-colleagues", seed, 0.05).truth["leak"]["sources"]
    assert len(set(sources)) == 2


def test_two_sources_each_have_their_victims() -> None:
    truth = make("two-sources", scale=SCALE).truth
    assert len(truth["leak"]["sources"]) == 2
    assert all(len(truth["complaints_by_source"][source]) >= 3 for source in truth["leak"]["sources"])


def test_the_wave_of_2015_has_the_published_figures() -> None:
    incident = make("burst-2015", scale=1.0)
    complaints = stored("burst-2015", "complaints", scale=1.0)
    ours = complaints.filter(pl.col("complaint").is_in(incident.truth["complaints_from_leak"]))
    received = (
        pl.col("received_us").cast(pl.Datetime("us", "UTC")).dt.convert_time_zone("Asia/Shanghai").dt.date()
    )
    days = ours.select(received)["received_us"]
    assert days.min().isoformat() in {"2015-04-27", "2015-04-28"}
    assert days.max().isoformat() <= "2015-05-10"
    assert complaints["region"].n_unique() >= 5
    council = complaints.filter(pl.col("channel") == "council")
    assert council.height == 23
    assert council["loss"].sum() == pytest.approx(120_000, rel=0.01)
    assert complaints["loss"].max() == 18_373
    assert 60_000 <= incident.tables["logins"].height <= 150_000
    assert 20_000 <= incident.tables["orders"].height <= 40_000
    assert 100_000 <= incident.tables["accesses"].height <= 200_000
    assert complaints.height >= 100


def test_some_victims_report_twice_and_some_forms_have_gaps() -> None:
    complaints = stored("burst-2015", "complaints", scale=1.0)
    by_account = complaints["account"].drop_nulls()
    assert by_account.n_unique() < len(by_account)
    assert 0 < complaints["contacted_us"].null_count() < 0.5 * len(complaints)
    assert 0 < complaints["known_fields"].null_count() < 0.5 * len(complaints)
    assert 0 < complaints["order"].null_count() < len(complaints)
