"""What the evidence says, on the page of an incident: the answer, the stretch of time, names kept back."""

import csv
import json
import re
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from console.cases import KEY
from console.desks import HOUR_US, ConsoleDesk, Member
from stanch.cases.people import Role
from stanch.console.sources import read_calibration
from stanch.evidence.pseudonyms import Pseudonymiser

DAY_US = 24 * HOUR_US


@pytest.fixture
def analyst(team: dict[Role, Member]) -> Member:
    return team["analyst"]


def load_case(member: Member, number: int, query: str = "") -> dict:
    return member.load(f"/incidents/{number}.json{query}")["evidence"]["case"]


def names_of(case: Path) -> set[str]:
    """Accounts, orders and members of staff as the shop calls them."""
    orders = pl.read_csv(case / "orders.csv", infer_schema=False)
    staff = pl.read_csv(case / "accesses.csv", infer_schema=False).filter(actor_kind="staff")
    return {*orders["account"].drop_nulls(), *orders["order"], *staff["actor"]}


def test_the_answer_comes_first_and_names_what_was_planted(analyst: Member, investigated: int) -> None:
    told = load_case(analyst, investigated)["told"]
    truth_is_stuffing = any(card["source"].startswith("campaign:") for card in told["cards"])
    assert told["case"] in ("named", "undetermined")
    assert truth_is_stuffing
    page = analyst.get(f"/incidents/{investigated}").text
    assert page.index('id="verdict"') < page.index('id="timeline"') < page.index('id="tasks"')
    assert told["headline"][:20] in re.sub(r"<[^>]*>", "", page)


def test_no_page_names_anybody(analyst: Member, investigated: int, case: Path) -> None:
    names = names_of(case)
    for path in (f"/incidents/{investigated}", f"/incidents/{investigated}/timeline", "/sources"):
        for told in (analyst.get(path).text, json.dumps(analyst.load(f"{path}.json"))):
            assert not {name for name in names if len(name) > 5 and name in told}


def test_panels_follow_the_stretch_of_time(analyst: Member, investigated: int) -> None:
    whole = load_case(analyst, investigated)
    middle = whole["reports"]["rows"][len(whole["reports"]["rows"]) // 2]["received_us"]
    early = load_case(analyst, investigated, f"?until={middle}")
    late = load_case(analyst, investigated, f"?from={middle}")
    assert early["reports"]["n"] + late["reports"]["n"] == whole["reports"]["n"]
    assert 0 < early["reports"]["n"] < whole["reports"]["n"]
    assert all(row["received_us"] < middle for row in early["reports"]["rows"])
    empty = load_case(
        analyst, investigated, f"?from={whole['end_us'] + DAY_US}&until={whole['end_us'] + 2 * DAY_US}"
    )
    assert empty["counts"]["attempts"] == empty["fallen"]["n"] == empty["exposures"]["n"] == 0
    assert analyst.get(f"/incidents/{investigated}?from=soon").status_code == 400
    assert analyst.get(f"/incidents/{investigated}?from=5&until=4").status_code == 400


def test_panels_have_pages(analyst: Member, investigated: int) -> None:
    first = load_case(analyst, investigated)["fallen"]
    assert first["n"] > len(first["rows"]), "the sample is too small for this test"
    seen: list[str] = []
    for page in range(1, first["n"] // len(first["rows"]) + 2):
        seen += [
            row["account"] for row in load_case(analyst, investigated, f"?fallen={page}")["fallen"]["rows"]
        ]
    assert len(seen) == len(set(seen)) == first["n"]


def test_the_time_line_counts_everything_however_it_is_cut(
    analyst: Member, investigated: int, case: Path
) -> None:
    n_logins = len((case / "logins.csv").read_text("utf-8").splitlines()) - 1
    for bins in (1, 7, 300):
        line = analyst.load(f"/incidents/{investigated}/timeline.json?bins={bins}")
        assert len(line["time_us"]) <= bins + 1
        assert sum(line["ordinary"]) + sum(line["attack"]) == pytest.approx(n_logins, abs=bins)
        assert {b - a for a, b in pairwise(line["time_us"])} <= {line["bin_us"]}
        assert sum(line["complaints"]) == load_case(analyst, investigated)["counts"]["complaints"]


def test_the_answer_is_told_in_chinese(desk: ConsoleDesk, analyst: Member, investigated: int) -> None:
    analyst.send("/account/language", language="zh", back="/console/incidents")
    told = load_case(analyst, investigated)["told"]
    for sentence in (told["headline"], *told["certainty"], *told["actions"], *told["why"], *told["settle"]):
        assert re.search("[一-鿿]", sentence), sentence


def test_without_evidence_the_page_says_so_and_offers_to_investigate(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    number = desk.open_incident()
    link = f'href="/console/incidents/{number}/investigation"'
    assert link in team["analyst"].get(f"/incidents/{number}").text
    assert link not in team["viewer"].get(f"/incidents/{number}").text
    assert team["viewer"].load(f"/incidents/{number}.json")["evidence"]["case"] is None
    assert team["viewer"].get(f"/incidents/{number}/timeline").status_code == 404


def test_officers_get_names_in_the_lists_to_act_on_and_the_audit_knows(
    desk: ConsoleDesk, team: dict[Role, Member], investigated: int, case: Path
) -> None:
    path = f"/incidents/{investigated}/hand-out"
    assert team["analyst"].send(path, file="reset.csv").status_code == 403
    answer = team["officer"].send(path, file="reset.csv")
    accounts = [row["account"] for row in csv.DictReader(answer.text.splitlines())]
    assert accounts
    tried = set(pl.read_csv(case / "logins.csv", infer_schema=False)["account"])
    assert set(accounts) <= tried
    assert "attachment" in answer.headers["content-disposition"]
    report = team["officer"].send(path, file="report.html").text
    assert not {name for name in accounts if name in report}
    assert team["officer"].send(path, file="../../stanch.sqlite").status_code == 422
    handed = [entry for entry in desk.audited() if entry[1] == "incident.hand_out"]
    assert handed == [(team["officer"].id, "incident.hand_out", f"incident:{investigated}")] * 2


def test_a_customer_is_named_to_whoever_gives_a_reason(
    desk: ConsoleDesk, team: dict[Role, Member], investigated: int, case: Path
) -> None:
    account = pl.read_csv(case / "orders.csv", infer_schema=False)["account"][0]
    ref = Pseudonymiser(KEY).hash(account)
    path = f"/incidents/{investigated}/names/{ref}"
    twin = f"{path}.json"
    assert team["agent"].load(twin)["name"] == ""
    assert team["agent"].send(path, reason="").status_code == 422
    team["agent"].send(path, reason="She calls about her order")
    assert team["agent"].load(twin)["name"] == account
    assert team["analyst"].load(twin)["name"] == "", "each asks for themselves"
    assert account not in str(desk.audited())
    desk.now_us += 25 * HOUR_US
    desk.sign_in(team["agent"])
    assert team["agent"].load(twin)["name"] == ""


def test_a_member_of_staff_is_named_once_two_people_have_asked(
    team: dict[Role, Member], investigated: int, case: Path
) -> None:
    staff = pl.read_csv(case / "accesses.csv", infer_schema=False).filter(actor_kind="staff")["actor"][0]
    ref = Pseudonymiser(KEY).hash(staff)
    path = f"/incidents/{investigated}/names/{ref}"
    twin = f"{path}.json"
    for _ in range(2):
        team["officer"].send(path, reason="Named by the evidence")
    assert team["officer"].load(twin)["name"] == "", "one person twice is not two"
    team["analyst"].send(path, reason="Named by the evidence")
    assert team["analyst"].load(twin)["name"] == team["officer"].load(twin)["name"] == staff


def test_sources_are_ranked_and_their_calibration_is_that_of_the_docs(
    analyst: Member, investigated: int
) -> None:
    told = analyst.load("/sources.json")
    posteriors = [row["posterior"] for row in told["ranking"]["rows"]]
    assert posteriors == sorted(posteriors, reverse=True)
    assert told["incident"]["number"] == investigated
    docs = Path(__file__).parents[2].joinpath("docs/method/attribution.md").read_text("utf-8")
    rows = re.findall(
        r"^\| ([01]\.\d{3}) \| (\d+) of (\d+), \S+ % \[([\d.]+)–([\d.]+)\] \|$", docs, re.MULTILINE
    )
    measured = [(float(p), int(k), int(n), float(low), float(high)) for p, k, n, low, high in rows]
    shown = [(r.posterior, r.leaked, r.sources, 100 * r.low, 100 * r.high) for r in read_calibration()]
    assert len(measured) > 5
    assert shown == [pytest.approx(row) for row in measured]


def test_sources_without_any_investigation_say_so(team: dict[Role, Member]) -> None:
    assert team["viewer"].load("/sources.json")["incident"] is None
    assert team["viewer"].get("/sources").status_code == 200
    assert team["viewer"].get("/sources?incident=7").status_code == 404
