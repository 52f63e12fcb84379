"""Evidence is handed in, recognised and investigated; what goes wrong is told and can be begun again."""

import sqlite3
from pathlib import Path

import pytest

from console.cases import hand_in, send_piece
from console.desks import ConsoleDesk, Member
from stanch.cases.incidents import Actor
from stanch.cases.investigations import start_run
from stanch.cases.people import Role
from stanch.console.evidence import find_folder

LOGINS = """\
time,ip,account,outcome
2026-03-01T10:00:00Z,198.51.100.7,ann@example.org,success
2026-03-01T10:01:00Z,198.51.100.8,bob@example.org,failure
yesterday,198.51.100.8,eve@example.org,failure
2026-03-01T10:02:00Z,198.51.100.8,bob@example.org,success
"""


@pytest.fixture
def analyst(team: dict[Role, Member]) -> Member:
    return team["analyst"]


@pytest.fixture
def logins(tmp_path: Path) -> Path:
    path = tmp_path / "attempts.csv"
    path.write_text(LOGINS)
    return path


def load(member: Member, number: int) -> dict:
    return member.load(f"/incidents/{number}/investigation.json")


def test_a_file_that_comes_in_pieces_is_recognised_and_its_bad_rows_told(
    desk: ConsoleDesk, analyst: Member, logins: Path
) -> None:
    number = desk.open_incident()
    seen = hand_in(analyst, number, logins, piece=50)["seen"]
    assert (seen["table"], seen["format"], seen["rows"], seen["n_rejects"]) == ("logins", "csv", 3, 1)
    assert seen["rejects"][0]["line"] == 3
    assert "is no time" in seen["rejects"][0]["reason"]
    (file,) = load(analyst, number)["files"]
    stored = find_folder(desk.service, number) / "evidence" / str(file["id"]) / "attempts.csv"
    assert stored.read_text() == LOGINS
    page = analyst.get(f"/incidents/{number}/investigation").text
    assert "Line 3" in page
    assert ("incident.hand_in", f"incident:{number}") in [entry[1:] for entry in desk.audited()]


def test_each_table_is_told_from_the_others(desk: ConsoleDesk, analyst: Member, case: Path) -> None:
    number = desk.open_incident()
    for table in ("logins", "accesses", "orders", "complaints"):
        assert hand_in(analyst, number, case / f"{table}.csv", name="export.csv")["seen"]["table"] == table


def test_what_is_no_evidence_is_told_and_not_investigated(
    desk: ConsoleDesk, analyst: Member, tmp_path: Path
) -> None:
    number = desk.open_incident()
    path = tmp_path / "picture.pdf"
    path.write_bytes(b"%PDF-1.7 nothing to see")
    seen = hand_in(analyst, number, path)["seen"]
    assert seen["table"] == ""
    assert "PDF" in seen["rejects"][0]["reason"]
    answer = analyst.send(f"/incidents/{number}/investigation", origin="files")
    assert answer.status_code == 422
    assert "No file has been handed in" in answer.text


def test_pieces_have_to_follow_each_other_and_stay_within_the_limit(
    desk: ConsoleDesk, analyst: Member
) -> None:
    number = desk.open_incident()
    assert send_piece(analyst, number, b"abc", 0, 10).json()["n_bytes"] == 3
    assert send_piece(analyst, number, b"ghi", 6, 10).status_code == 409
    assert send_piece(analyst, number, b"defghijklmn", 3, 10).status_code == 413, "more than was said"
    assert send_piece(analyst, number, b"abc", 0, 1 << 60).status_code == 413
    assert send_piece(analyst, 99, b"abc", 0, 3).status_code == 404
    analyst.headers["X-Console-Token"] = "f" * 32
    query = {"upload": "0" * 16, "name": "a", "size": 3}
    other = analyst.ask("POST", f"/console/incidents/{number}/evidence", params=query, content=b"abc")
    assert other.status_code == 403


@pytest.mark.parametrize("name", ["../../../stanch.sqlite", "..\\..\\a", ".", "a\nb\x1b[31m", "/etc/passwd"])
def test_a_hostile_name_leads_nowhere_else(
    desk: ConsoleDesk, analyst: Member, logins: Path, name: str
) -> None:
    number = desk.open_incident()
    hand_in(analyst, number, logins, name=name)
    (file,) = load(analyst, number)["files"]
    folder = find_folder(desk.service, number) / "evidence" / str(file["id"])
    assert [path.name for path in folder.iterdir()] == [file["name"]]
    assert file["name"].isprintable()


def test_a_run_ends_with_an_answer_and_names_nobody(desk: ConsoleDesk, analyst: Member, logins: Path) -> None:
    number = desk.open_incident()
    hand_in(analyst, number, logins)
    assert analyst.send(f"/incidents/{number}/investigation", origin="files").status_code == 303
    assert load(analyst, number)["run"]["outcome"] == "running"
    second = analyst.send(f"/incidents/{number}/investigation", origin="files")
    assert "One runs at a time" in second.text
    desk.service.jobs.wait()
    told = load(analyst, number)
    assert told["run"]["outcome"] == "done", told["run"]
    assert [(given["table"], given["rows"], given["rejects"]) for given in told["inputs"]] == [
        ("logins", 3, 1)
    ]
    assert [(row["file"], row["line"]) for row in told["rejects"]["rows"]] == [("attempts.csv", 3)]
    folder = find_folder(desk.service, number)
    kept = [path for path in folder.rglob("*") if path.is_file() and "evidence" not in path.parts]
    names = {path.name for path in kept if b"bob@example.org" in path.read_bytes()}
    assert names <= {"names.parquet"}
    case = analyst.load(f"/incidents/{number}.json")["evidence"]["case"]
    assert case["counts"]["attempts"] == 3


def test_a_run_without_anything_to_read_says_why(desk: ConsoleDesk, analyst: Member) -> None:
    number = desk.open_incident()
    analyst.send(f"/incidents/{number}/investigation", origin="service")
    desk.service.jobs.wait()
    run = load(analyst, number)["run"]
    assert (run["outcome"], run["told"]) == ("failed", "nothing has come in yet")
    analyst.send("/account/language", language="zh", back="/console/incidents")
    assert "尚未收到任何数据" in analyst.get(f"/incidents/{number}/investigation").text


def test_a_run_is_cancelled_and_an_earlier_answer_stays(
    desk: ConsoleDesk, analyst: Member, investigated: int, logins: Path
) -> None:
    hand_in(analyst, investigated, logins)
    path = f"/incidents/{investigated}/investigation"
    analyst.send(path, origin="files")
    analyst.send(f"{path}/cancel")
    desk.service.jobs.wait()
    told = load(analyst, investigated)
    assert told["run"]["outcome"] == "cancelled"
    assert told["is_investigated"]
    assert analyst.send(f"{path}/cancel").status_code == 404
    assert not (find_folder(desk.service, investigated) / "draft").exists()


def test_a_run_that_the_service_did_not_see_end_is_told_as_broken_and_can_be_cancelled(
    desk: ConsoleDesk, analyst: Member
) -> None:
    number = desk.open_incident()
    desk.database.write(lambda c: start_run(c, number, "files", Actor(analyst.id, desk.now_us)))
    assert load(analyst, number)["run"]["outcome"] == "broken"
    assert "Start it again" in analyst.get(f"/incidents/{number}/investigation").text
    analyst.send(f"/incidents/{number}/investigation/cancel")
    assert load(analyst, number)["run"]["outcome"] == "cancelled"


def test_the_sample_comes_and_goes_without_a_trace_of_it_but_the_audit(
    desk: ConsoleDesk, analyst: Member
) -> None:
    assert "/console/sample" in analyst.get("/incidents").text
    answer = analyst.send("/sample")
    number = int(answer.headers["location"].split("/")[3])
    path = f"/incidents/{number}/sample/remove"
    assert "Cancel the investigation first" in analyst.send(path).text
    analyst.send(f"/incidents/{number}/investigation/cancel")
    desk.service.jobs.wait()
    assert analyst.send(path).status_code == 303
    assert analyst.get(f"/incidents/{number}").status_code == 404
    assert not find_folder(desk.service, number).exists()
    with sqlite3.connect(desk.folder / "stanch.sqlite") as raw:
        for table in ("incidents", "incident_history", "investigations"):
            assert raw.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert {"incidents.load_sample", "investigation.remove_sample"} <= {entry[1] for entry in desk.audited()}


def test_an_incident_that_is_no_sample_is_not_removed(desk: ConsoleDesk, analyst: Member) -> None:
    number = desk.open_incident()
    assert analyst.send(f"/incidents/{number}/sample/remove").status_code == 404
    assert analyst.get(f"/incidents/{number}").status_code == 200


def test_a_file_is_read_as_something_else_or_taken_away(
    desk: ConsoleDesk, analyst: Member, logins: Path
) -> None:
    number = desk.open_incident()
    file = hand_in(analyst, number, logins)["file"]
    analyst.send(f"/incidents/{number}/evidence/{file}/table", table="")
    assert load(analyst, number)["files"][0]["table"] == ""
    analyst.send(f"/incidents/{number}/evidence/{file}/remove")
    assert load(analyst, number)["files"] == []
    assert not (find_folder(desk.service, number) / "evidence" / str(file)).exists()
