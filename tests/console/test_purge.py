"""`stanch purge` reaches what people wrote, and leaves an entry that names nobody."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from console.cases import KEY, hand_in
from console.desks import ConsoleDesk, Member
from stanch.cases.people import Role
from stanch.console.evidence import find_folder, read_name
from stanch.evidence.erasing import Erasing
from stanch.evidence.pseudonyms import Pseudonymiser
from stanch.purge import Purge, find_files, purge
from stanch.purge.incidents import list_folders

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def run(desk: ConsoleDesk, erasing: Erasing, *, write: bool = True) -> dict[str, int]:
    key = desk.service.secrets.derive("audit")
    named = list_folders(desk.folder) if erasing.subject else ()
    wanted = Purge(erasing, find_files(named), "ab12" if erasing.subject else None, desk.folder, key)
    return dict(purge(wanted, desk.database, NOW, write=write).rows)


def test_a_person_goes_out_of_all_that_was_written(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    agent = team["agent"]
    agent.act("/incidents", title="Call to ann@example.org")
    agent.act("/incidents/1/notes", text="ann@example.org was called; bob@example.org was not")
    agent.act("/incidents/1/tasks", title="Warn ann@example.org")
    assert run(desk, Erasing("ann@example.org"), write=False)["incident_texts"] == 4
    assert "ann@" in str(agent.load("/incidents/1.json"))
    assert run(desk, Erasing("ann@example.org"))["incident_texts"] == 4
    shown = str(agent.load("/incidents/1.json"))
    assert "ann@" not in shown
    assert "bob@example.org was not" in shown
    assert (None, "audit.purge", "purge:ab12") in desk.audited()
    assert team["officer"].load("/audit.json")["broken_at"] is None


def test_incidents_closed_long_ago_go_with_all_that_belongs_to_them(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    agent = team["agent"]
    for title in ("old", "open"):
        agent.act("/incidents", title=title, clocks=["gdpr"])
    agent.act("/incidents/1/notes", text="@the-analyst")
    agent.act("/incidents/1/pins", path="/console/audit", label="x")
    agent.act("/incidents/1/state", state="closed", reason="over")
    erased = run(desk, Erasing(before=datetime(2026, 5, 1, tzinfo=UTC)))
    assert (erased["incidents"], erased["sign_ins"]) == (1, 5)
    desk.sign_in(agent)
    assert [row["title"] for row in agent.load("/incidents.json")["incidents"]["rows"]] == ["open"]
    assert agent.get("/incidents/1").status_code == 404
    agent.act("/incidents", title="new")
    assert agent.get("/incidents/1").status_code == 404, "its number never comes again"


def test_a_person_goes_out_of_the_files_of_an_incident(
    desk: ConsoleDesk, team: dict[Role, Member], investigated: int, case: Path
) -> None:
    account = pl.read_csv(case / "orders.csv", infer_schema=False)["account"][0]
    hand_in(team["analyst"], investigated, case / "orders.csv")
    ref = Pseudonymiser(KEY).hash(account)
    assert read_name(find_folder(desk.service, investigated), ref) == [("account", account)]
    run(desk, Erasing(account))
    folder = find_folder(desk.service, investigated)
    assert read_name(folder, ref) == []
    left = [path for path in folder.rglob("*") if path.is_file() and account.encode() in path.read_bytes()]
    assert left == []


def test_the_folder_of_an_incident_goes_with_it(
    desk: ConsoleDesk, team: dict[Role, Member], investigated: int
) -> None:
    team["agent"].act(f"/incidents/{investigated}/state", state="closed", reason="over")
    assert find_folder(desk.service, investigated).exists()
    run(desk, Erasing(before=datetime(2026, 5, 1, tzinfo=UTC)))
    assert not find_folder(desk.service, investigated).exists()
