"""The audit: nothing changes it unseen, it names nobody, and one look is one entry."""

import io
import sqlite3
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from console.desks import HOUR_US, ConsoleDesk, Member, console_desk
from stanch.cases import audit
from stanch.cases.people import Role
from stanch.cli import main

KEY = b"k" * 32


def fill(desk: ConsoleDesk, n: int) -> None:
    def write(connection: audit.sa.Connection) -> None:
        for number in range(n):
            audit.append(
                connection, KEY, at_us=number, person_id=1, action="look", subject=f"incident:{number}"
            )

    desk.database.write(write)


def verify(desk: ConsoleDesk, key: bytes = KEY) -> audit.Verdict:
    with desk.database.read() as connection:
        return audit.verify(connection, key)


def tamper(folder: Path, statement: str) -> None:
    """What somebody with the file in hand can do."""
    with sqlite3.connect(folder / "stanch.sqlite") as connection:
        for change in ("update", "delete"):
            connection.execute(f"DROP TRIGGER audit_sealed_{change}")
        connection.execute(statement)
    connection.close()


def test_the_database_itself_refuses_changes(desk: ConsoleDesk, tmp_path: Path) -> None:
    fill(desk, 3)
    connection = sqlite3.connect(tmp_path / "stanch.sqlite")
    for statement in ("UPDATE audit SET subject = ''", "DELETE FROM audit WHERE id = 3"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()
    assert verify(desk).n_entries == 3


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit SET person_id = 2 WHERE id = 5", 5),
        ("UPDATE audit SET at_us = 99 WHERE id = 1", 1),
        ("UPDATE audit SET details = 'x' WHERE id = 9", 9),
        ("DELETE FROM audit WHERE id = 4", 4),
        ("DELETE FROM audit WHERE id = 1", 1),
        ("UPDATE audit SET mac = zeroblob(32) WHERE id = 7", 7),
        (
            "INSERT INTO audit SELECT 10, at_us, person_id, action, subject, details, mac FROM audit"
            " WHERE id = 9",
            10,
        ),
    ],
)
def test_a_change_is_found_where_it_was_made(
    desk: ConsoleDesk, tmp_path: Path, statement: str, broken_at: int
) -> None:
    fill(desk, 9)
    assert verify(desk).broken_at is None
    tamper(tmp_path, statement)
    assert verify(desk).broken_at == broken_at


def test_the_newest_alone_can_be_checked(desk: ConsoleDesk, tmp_path: Path) -> None:
    fill(desk, 9)
    tamper(tmp_path, "UPDATE audit SET person_id = 2 WHERE id = 5")
    with desk.database.read() as connection:
        assert audit.verify(connection, KEY, 4).broken_at is None
        assert audit.verify(connection, KEY, 5).broken_at == 5
        assert audit.verify(connection, KEY, 99).broken_at == 5


def test_who_lacks_the_key_cannot_make_a_chain_that_fits(desk: ConsoleDesk) -> None:
    fill(desk, 2)
    assert verify(desk, b"x" * 32).broken_at == 1


def test_a_cut_end_is_found_by_a_head_that_was_kept_elsewhere(desk: ConsoleDesk, tmp_path: Path) -> None:
    fill(desk, 9)
    head = str(verify(desk).head)
    with desk.database.read() as connection:
        assert audit.holds(connection, head)
    tamper(tmp_path, "DELETE FROM audit WHERE id > 6")
    assert verify(desk) == audit.Verdict(6, verify(desk).head)
    with desk.database.read() as connection:
        assert not audit.holds(connection, head)
        assert not audit.holds(connection, "nonsense")


def test_the_command_says_where_it_broke(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    config = tmp_path / "stanch.toml"
    config.write_text(f"[service]\ndata_dir = '{data}'\n")

    def ask(*words: str) -> tuple[int, str]:
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            return main(["audit", "verify", *words, "--config", str(config)]), out.getvalue()

    with console_desk(data) as desk:
        team = desk.add_team()
        team["agent"].act("/incidents", title="x")
        team["agent"].load("/incidents/1.json")
    status, told = ask()
    assert (status, told.split(";")[0]) == (0, "2 entries, none changed")
    head = told.split("head ")[1].strip()
    assert ask("--head", head)[0] == 0
    tamper(data, "DELETE FROM audit WHERE id = 2")
    status, told = ask("--head", head)
    assert status == 1
    assert "cut off" in told
    with sqlite3.connect(data / "stanch.sqlite") as connection:
        connection.execute("UPDATE audit SET subject = 'incident:2' WHERE id = 1")
    connection.close()
    status, told = ask()
    assert status == 1
    assert "broken at entry 1:" in told


def test_looks_and_acts_are_noted_once_each(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    agent = team["agent"]
    agent.act("/incidents", title="Ann Example lost money", severity="low")
    for _ in range(3):
        agent.get("/incidents/1")
    agent.act("/incidents/1/notes", text="Ann Example, 13800000000")
    team["viewer"].load("/incidents/1.json")
    desk.now_us += HOUR_US // 2
    agent.get("/incidents/1")
    acts = [(person, action, subject) for person, action, subject in desk.audited()]
    assert acts == [
        (agent.id, "incidents.open_incident", "incident:1"),
        (agent.id, "incident.look", "incident:1"),
        (agent.id, "incident.add_note", "incident:1"),
        (team["viewer"].id, "incident.look", "incident:1"),
        (agent.id, "incident.look", "incident:1"),
    ]
    with desk.database.read() as connection:
        entries, _ = audit.list_entries(connection, audit.Filter(), 0, 100)
    assert "Ann" not in str(entries)
    assert "13800000000" not in str(entries)


def test_an_act_that_fails_leaves_no_entry(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    assert team["agent"].act("/incidents", severity="low").status_code == 422
    assert team["viewer"].act("/incidents", title="x").status_code == 403
    assert desk.audited() == []


def test_the_page_filters_pages_and_says_whether_the_chain_is_whole(
    desk: ConsoleDesk, team: dict[Role, Member], tmp_path: Path
) -> None:
    officer, agent = team["officer"], team["agent"]
    for number in range(60):
        agent.act("/incidents", title=f"{number}")
    agent.act("/incidents/1/state", state="contained")
    found = officer.load(f"/audit.json?person={agent.id}&action=incidents.open_incident")
    assert found["entries"]["n"] == 60
    assert len(found["entries"]["rows"]) == 50
    rest = officer.load(f"/audit.json?person={agent.id}&action=incidents.open_incident&page=2")
    assert [row["subject"] for row in rest["entries"]["rows"]][-1] == "incident:1"
    assert officer.load("/audit.json?subject=incident:1")["entries"]["n"] == 2
    assert officer.load("/audit.json")["broken_at"] is None
    tamper(tmp_path, "UPDATE audit SET details = 'x' WHERE id = 30")
    assert officer.load("/audit.json")["broken_at"] == 30
    assert "broken at entry 30" in officer.get("/audit").text
    assert officer.get("/audit?page=0").status_code == 400
    assert officer.get("/audit.json?person=x").status_code == 400
