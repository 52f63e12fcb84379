"""What the first screen says, and what it asks to be done."""

from __future__ import annotations

import re
from typing import Any

import made
import msgspec
import polars as pl
import pytest

from stanch.engine import Engine
from stanch.findings import Attribution, ComplaintCounts, Findings, Interval, Logins, Period
from stanch.reporting.answer import build_answer, pick_pointed
from stanch.reporting.catalogue import load_catalogue
from stanch.reporting.lists import make_lists
from stanch.reporting.report import render_report
from stanch.reporting.sections import describe_weight
from stanch.reporting.sources import count_exposed
from stanch.stuffing.attacks import NO_OUTCOME

EN = load_catalogue("en")


def read(findings: Findings, engine: Engine, lang: Any = "en", zone: str = "UTC") -> str:
    """The words of the page, tags left out."""
    texts = load_catalogue(lang, zone=zone)
    page = render_report(findings, engine, make_lists(engine, texts), made.HOUR, texts)
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", body))


def replace(findings: Findings, **changes: Any) -> Findings:
    return msgspec.structs.replace(findings, **changes)


def of_attribution(findings: Findings, **changes: Any) -> Findings:
    return replace(findings, attribution=msgspec.structs.replace(findings.attribution, **changes))


def test_two_sources_are_told_together_and_their_orders_counted_once() -> None:
    findings, engine = made.make_named()
    two = of_attribution(findings, sources=["staff:agent07", "campaign:c1"])
    exposed = count_exposed(engine, pick_pointed(two.attribution))
    assert exposed is not None
    assert (exposed.leaked, exposed.seen) == (220, 300)
    told = read(two, engine)
    assert "in more than one way: through staff account agent07 and attack c1." in told
    assert "Together they explain 58 of 60 complaints" in told
    assert "by staff account agent07 and attack c1 in the time of the leak; 300 seen in all" in told


def test_orders_exposed_are_those_of_the_time_of_the_leak() -> None:
    findings, engine = made.make_named("staff:agent31")
    exposed = count_exposed(engine, ["staff:agent31"])
    assert exposed is not None
    assert exposed.leaked == 220
    rows = engine.fetch("SELECT * FROM sources").with_columns(
        pl.when(pl.col("source") == "staff:agent31")
        .then(made.START + 2 * made.DAY + 90 * made.MINUTE)
        .otherwise("leak_end_us")
        .alias("leak_end_us")
    )
    engine.put("sources", rows)
    narrow = count_exposed(engine, ["staff:agent31"])
    assert narrow is not None
    assert (narrow.leaked, narrow.seen) == (11, 220)
    assert "in the time of the leak; 220 seen in all" in read(findings, engine)


def test_a_leak_of_one_moment_is_told_as_one() -> None:
    findings, engine = made.make_named("staff:agent31")
    rows = engine.fetch("SELECT * FROM sources").with_columns(leak_end_us=pl.col("leak_start_us"))
    engine.put("sources", rows)
    assert "leaked most likely around 2015-04-13 00:00." in read(findings, engine)


def test_complaints_alone_ask_for_logs_and_a_decision_on_notices() -> None:
    findings, _ = made.make_named()
    alone = replace(made.NO_FINDINGS, inputs=[made.make_input("complaints")], complaints=findings.complaints)
    told = read(alone, made.make_engine())
    assert "access log of the order system" in told
    assert "Keep all logs from being deleted" in told
    assert "data-protection officer" in told
    assert "Nothing is asked of you" not in told


def test_one_use_addresses_are_not_worth_blocking() -> None:
    findings, engine = made.make_named()
    spread = msgspec.structs.replace(made.CAMPAIGN, attempts=41_200, addresses=40_900)
    told = read(replace(findings, campaigns=[spread]), engine)
    assert "Do not rely on blocking" in told
    assert told.index("Revoke the passwords") < told.index("Do not rely on blocking")
    assert "for minutes, not days" not in told
    assert "for minutes, not days" in read(findings, engine)


def test_an_attack_without_success_says_so() -> None:
    findings, engine = made.make_named()
    failed = msgspec.structs.replace(made.CAMPAIGN, compromised=Interval(0, 0, 0))
    answer = build_answer(
        replace(findings, campaigns=[failed], attribution=Attribution()), make_lists(engine, EN).sources, EN
    )
    assert "no login of the attack succeeded" in answer.headline
    assert "At most 0" not in "".join(answer.certainty)


def test_an_attack_is_dated_by_the_zone_asked_for() -> None:
    findings, engine = made.make_named()
    attack = replace(findings, attribution=Attribution())
    assert "The attack ran between 2015-04-13 10:00 and 2015-04-15 04:00." in read(
        attack, engine, zone="Asia/Shanghai"
    )
    later = msgspec.structs.replace(made.CAMPAIGN, id="c2", end="2015-04-20T00:00:00Z")
    both = replace(attack, campaigns=[made.CAMPAIGN, later])
    assert "The 2 attacks ran between 2015-04-13 02:00 and 2015-04-20 00:00." in read(both, engine)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_logins_that_could_not_be_examined_are_not_called_ordinary(lang: str) -> None:
    why = NO_OUTCOME.format(percent="100")
    findings = replace(
        made.NO_FINDINGS, inputs=[made.make_input("logins")], logins=Logins(900, not_examined=why)
    )
    texts = load_catalogue(lang)  # type: ignore[arg-type]
    told = read(findings, made.make_engine(), lang)
    assert texts.text("headline.untold") in told
    assert "logins.outcome=" in told
    for peace in ("headline.nothing", "badge.nothing", "action.none", "accounts.none"):
        assert texts.text(peace) not in told
    assert texts.text("campaigns.none", n="900") not in told
    unlogged = replace(findings, attribution=Attribution("unlogged", posterior={"unlogged": 0.97}))
    assert texts.text("certainty.logins_untold") in read(unlogged, made.make_engine(), lang)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_times_are_told_by_the_zone_asked_for(lang: str) -> None:
    findings, engine = made.make_named()
    told = read(findings, engine, lang, "Asia/Shanghai")
    assert "Asia/Shanghai" in told
    assert "2015-04-13 10:00" in told
    assert "2015-04-13 02:00" not in told


def test_a_source_that_the_evidence_says_nothing_about_has_no_probability() -> None:
    findings, engine = made.make_named()
    rows = engine.fetch("SELECT * FROM sources").with_columns(
        posterior=pl.when(pl.col("source") == "none").then(0.4541).otherwise(0.0252),
        log10_bayes_factor=pl.lit(0.0),
        verdict=pl.when(pl.col("source").is_in(["none", "unlogged"]))
        .then(pl.lit("undetermined"))
        .otherwise(pl.lit("cleared")),
    )
    engine.put("sources", rows)
    posterior = dict(rows.select("source", "posterior").iter_rows())
    settle = ["More complaints that name their order and say what the caller knew: from the 60 traced so far"
              " no source stands out."]  # fmt: skip
    undecided = Attribution("undetermined", posterior=posterior, why=["No source stands out."],
                            would_settle=settle)  # fmt: skip
    told = read(replace(findings, attribution=undecided, campaigns=[]), engine)
    assert "45%" in told
    assert "agent07 cleared –" in told
    assert "reaches" not in told
    assert settle[0] in told


def test_rivals_and_hypotheses_are_always_in_the_table() -> None:
    findings, engine = made.make_named()
    rows = engine.fetch("SELECT * FROM sources")
    late = pl.col("source").is_in(["unlogged", "staff:agent44"])
    engine.put("sources", rows.with_columns(
        posterior=pl.when(late).then(0.0).otherwise("posterior"),
        verdict=pl.when(late).then(pl.lit("undetermined")).otherwise("verdict"),
    ))  # fmt: skip
    told = read(findings, engine)
    table = told[told.index("All sources weighed") :]
    for name in ("a leak that no log shows", "no leak: coincidence", "staff account agent44"):
        assert name in table


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (4.6, "about 40,000 to 1 for it"),
        (-2.0, "100 to 1 against it"),
        (8.9, "over 10⁸ to 1 for it"),
        (-0.001, "about even"),
    ],
)
def test_odds_are_not_rounded_up(factor: float, told: str) -> None:
    assert describe_weight(factor, EN) == told


def test_an_assumed_year_stands_beside_the_period_and_notes_by_file() -> None:
    note = "The time stamps have no year; 2026 was taken, so that none is after the file's date."
    inputs = [
        made.make_input("logins", f"/srv/a/{name}", notes=[note]) for name in ("x/one.log", "y/two.log")
    ]
    findings = replace(
        made.NO_FINDINGS,
        inputs=inputs,
        period=Period("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
    )
    for lang, said in (("en", "2026 is assumed"), ("zh", "假定为 2026")):
        told = read(findings, made.make_engine(), lang)
        assert told.count(said) == 1
        assert "x/one.log" in told
        assert "/srv/a" not in told


def test_one_complaint_is_told_in_its_own_form() -> None:
    alone = replace(made.NO_FINDINGS, inputs=[made.make_input("complaints")], complaints=ComplaintCounts(1))
    assert "One complaint, and no log" in read(alone, made.make_engine())


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_no_number_is_written_as_a_machine_would(lang: str) -> None:
    for source in ("campaign:c1", "staff:agent31", "partner:east"):
        told = read(*made.make_named(source), lang)
        assert not re.search(r"\de[+-]\d|-0\.0|\b1 complaints\b|\b1 attempts\b", told)
