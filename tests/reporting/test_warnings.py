"""Who is warned, and who first."""

import made
import polars as pl

from stanch.engine import Engine
from stanch.reporting.catalogue import load_catalogue
from stanch.reporting.people import list_accounts
from stanch.reporting.warnings import list_warnings

EN = load_catalogue("en")


def warn(engine: Engine) -> dict[str, tuple[str, str, int]]:
    frame = list_warnings(engine, list_accounts(engine), EN)
    assert frame["priority"].to_list() == sorted(frame["priority"])
    keys = frame["account"].fill_null("") + "|" + frame["order"].fill_null("")
    assert keys.n_unique() == frame.height
    return {row[0] or row[1]: row[1:] for row in frame.iter_rows()}


def build(source: str, verdict: str, posterior: float, window: tuple[int, int] | None = None) -> Engine:
    """Three customers; the source saw the order of `ann` on day 1, of `bob` on day 5; nobody saw `cyd`'s."""
    engine = made.make_engine()
    made.put_evidence(engine, "orders", [
        {"order": f"o-{name}{i}", "account": name, "time_us": made.START - i}
        for name in ("ann", "bob", "cyd") for i in range(2)
    ])  # fmt: skip
    made.put_known_orders(engine)
    engine.put("exposures", pl.DataFrame({
        "source": [source] * 3, "order": ["o-ann0", "o-ann1", "o-bob0"],
        "first_us": [made.START + made.DAY, made.START + made.DAY, made.START + 5 * made.DAY],
        "last_us": [made.START + made.DAY, made.START + made.DAY, made.START + 5 * made.DAY],
        "fields": None, "weight": 1.0,
    }))  # fmt: skip
    start, end = window or (None, None)
    engine.put("sources", pl.DataFrame({
        "source": [source], "posterior": [posterior], "exposed": [3], "victims": [2],
        "log10_bayes_factor": [3.0], "leak_start_us": [start], "leak_end_us": [end], "verdict": [verdict],
    }, schema_overrides={"leak_start_us": pl.Int64, "leak_end_us": pl.Int64}))  # fmt: skip
    return engine


def test_a_named_source_warns_now_inside_its_time_and_later_outside() -> None:
    engine = build("staff:a", "named", 0.99, (made.START, made.START + 2 * made.DAY))
    assert warn(engine) == {
        "ann": ("o-ann0", "order seen by staff account a (2 orders)", 1),
        "bob": ("o-bob0", "order seen by staff account a", 3),
    }


def test_who_was_called_already_comes_second() -> None:
    engine = build("staff:a", "named", 0.99)
    engine.put("victims", pl.DataFrame({"order": ["o-ann1"], "account": pl.Series([None], dtype=pl.String)}))
    warned = warn(engine)
    assert warned["ann"][2] == 2
    assert warned["ann"][1].endswith("; scam contact already reported")
    assert warned["bob"][2] == 1


def test_undecided_sources_warn_by_their_probability_and_cleared_ones_nobody() -> None:
    assert {row[2] for row in warn(build("staff:a", "undetermined", 0.7)).values()} == {2}
    assert {row[2] for row in warn(build("staff:a", "possible", 0.3)).values()} == {3}
    assert warn(build("staff:a", "possible", 0.1)) == {}
    assert warn(build("staff:a", "cleared", 0.9)) == {}


def test_members_of_a_group_are_warned_about() -> None:
    engine = build("staff:a", "named", 0.99)
    engine.put(
        "sources", engine.fetch("SELECT * FROM sources").with_columns(source=pl.lit("group:staff:a+staff:b"))
    )
    assert set(warn(engine)) == {"ann", "bob"}


def test_intruders_warn_whatever_the_complaints_say() -> None:
    engine = build("campaign:c1", "cleared", 0.0)
    assert {row[2] for row in warn(engine).values()} == {1}
    engine.put("exposures", engine.fetch("SELECT * FROM exposures").with_columns(weight=pl.lit(0.3)))
    assert {row[2] for row in warn(engine).values()} == {2}
    engine.put("exposures", engine.fetch("SELECT * FROM exposures").with_columns(weight=pl.lit(0.05)))
    assert warn(engine) == {}


def test_orders_of_unknown_customers_are_told_one_by_one() -> None:
    engine = build("campaign:c1", "named", 0.99)
    engine.put("known_orders", engine.fetch("SELECT * FROM known_orders WHERE account = 'ann'"))
    assert {key: row[0] for key, row in warn(engine).items()} == {"ann": "o-ann0", "o-bob0": "o-bob0"}


def test_a_fallen_account_without_seen_orders_is_warned() -> None:
    engine = made.make_engine()
    engine.put("fallen_accounts", pl.DataFrame({
        "account": ["eve", "fay"], "p_compromised": [0.9, 0.1], "campaign": "c1",
        "first_success_us": made.START, "ip": "203.0.113.1",
    }))  # fmt: skip
    frame = list_warnings(engine, list_accounts(engine), EN)
    assert frame.rows() == [("eve", None, "account probably taken over", 2)]
