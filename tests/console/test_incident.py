"""Working an incident: opened, handed on, noted, and closed with a reason, each change with who and when."""

import pytest

from console.desks import HOUR_US, ConsoleDesk, Member
from service.forms_in_process import START_US
from stanch.cases.contributions import list_mentions, list_open_tasks
from stanch.cases.people import Role


@pytest.fixture
def number(desk: ConsoleDesk) -> int:
    return desk.open_incident()


def test_whoever_opens_an_incident_owns_it_and_its_clocks_run(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    led = team["officer"].send(
        "/incidents", title="Callers know orders", severity="high", clocks=["gdpr", "cn"]
    )
    assert led.headers["location"] == "/console/incidents/1?done=incidents.open_incident"
    shown = team["viewer"].load("/incidents/1.json")
    assert (shown["owner"], shown["team"], shown["state"]) == ("the-officer", ["the-officer"], "open")
    due = {task["clock"]: (task["due_us"] - START_US) / HOUR_US for task in shown["tasks"]}
    assert due == {"gdpr": 72, "cn": 4}
    desk.now_us += 5 * HOUR_US
    desk.sign_in(team["viewer"])
    tasks = {task["clock"]: task for task in team["viewer"].load("/incidents/1.json")["tasks"]}
    assert (tasks["cn"]["is_late"], tasks["gdpr"]["is_late"]) == (True, False)


def test_a_clock_counts_from_when_the_breach_became_known(team: dict[Role, Member], number: int) -> None:
    path = f"/incidents/{number}"
    assert (
        team["officer"].act(f"{path}/tasks/clock", clock="gdpr", known="2026-03-01T08:00").status_code == 200
    )
    (task,) = team["officer"].load(f"{path}.json")["tasks"]
    assert task["due_us"] == START_US + 70 * HOUR_US
    assert team["officer"].act(f"{path}/tasks/clock", clock="gdpr", known="soon").status_code == 422


def test_an_incident_goes_through_its_states_and_closes_with_a_reason(
    team: dict[Role, Member], number: int
) -> None:
    analyst, path = team["analyst"], f"/incidents/{number}"
    analyst.act(f"{path}/state", state="contained", reason="keys revoked")
    refused = analyst.act(f"{path}/state", state="closed")
    assert (refused.status_code, refused.json()["code"]) == (422, "needed")
    analyst.act(f"{path}/state", state="closed", reason="vendor fixed it")
    shown = analyst.load(f"{path}.json")
    assert (shown["state"], shown["close_reason"], shown["closed_us"]) == (
        "closed",
        "vendor fixed it",
        START_US,
    )
    analyst.act(f"{path}/state", state="open", reason="new calls")
    shown = analyst.load(f"{path}.json")
    assert (shown["state"], shown["close_reason"], shown["closed_us"]) == ("open", "", None)
    changes = [(c["person"], c["value"], c["text"]) for c in shown["history"] if c["kind"] == "state"]
    assert changes == [
        ("the-analyst", "open", "new calls"),
        ("the-analyst", "closed", "vendor fixed it"),
        ("the-analyst", "contained", "keys revoked"),
    ]


def test_tasks_are_given_done_and_reopened(desk: ConsoleDesk, team: dict[Role, Member], number: int) -> None:
    analyst, path = team["analyst"], f"/incidents/{number}"
    analyst.act(f"{path}/tasks", title="Ask the carrier", due="2026-03-02T10:00", assignee="the-agent")
    (task,) = analyst.load(f"{path}.json")["tasks"]
    assert (task["assignee"], task["due_us"]) == ("the-agent", START_US + 24 * HOUR_US)
    with desk.database.read() as connection:
        assert [found.title for _, found in list_open_tasks(connection, team["agent"].id, 9)] == [
            "Ask the carrier"
        ]
    team["agent"].act(f"{path}/tasks/{task['id']}/finish")
    (done,) = analyst.load(f"{path}.json")["tasks"]
    assert (done["done_by"], done["done_us"]) == ("the-agent", START_US)
    analyst.act(f"{path}/tasks/{task['id']}/reopen")
    assert analyst.load(f"{path}.json")["tasks"] == [task]
    assert analyst.act(f"{path}/tasks/999/finish").status_code == 404
    assert analyst.act(f"{path}/tasks", title="x", assignee="nobody-here").status_code == 422


def test_notes_mention_people_and_leave_a_trace_when_withdrawn(
    desk: ConsoleDesk, team: dict[Role, Member], number: int
) -> None:
    agent, path = team["agent"], f"/incidents/{number}"
    agent.act(f"{path}/notes", text="@the-analyst, see this; ann@the-officer.example is no mention")
    (note,) = agent.load(f"{path}.json")["notes"]

    def mentioned(role: Role) -> int:
        with desk.database.read() as connection:
            return len(list_mentions(connection, team[role].id, 9))

    assert (mentioned("analyst"), mentioned("officer")) == (1, 0)
    assert team["analyst"].act(f"{path}/notes/{note['id']}/withdraw").status_code == 404, "it is another's"
    agent.act(f"{path}/notes/{note['id']}/withdraw")
    shown = agent.load(f"{path}.json")
    assert [(n["text"], n["withdrawn_us"]) for n in shown["notes"]] == [("", START_US)]
    assert [c["kind"] for c in shown["history"]][:2] == ["note_withdrawn", "note"]
    assert mentioned("analyst") == 0


def test_two_people_on_one_incident_lose_nothing_of_each_other(team: dict[Role, Member], number: int) -> None:
    path = f"/incidents/{number}"
    for n in range(3):
        team["agent"].act(f"{path}/notes", text=f"agent {n}")
        team["analyst"].act(f"{path}/notes", text=f"analyst {n}")
    team["agent"].act(f"{path}/severity", severity="critical")
    team["analyst"].act(f"{path}/title", title="Carrier leaks orders")
    shown = team["viewer"].load(f"{path}.json")
    assert len(shown["notes"]) == 6
    assert (shown["severity"], shown["title"]) == ("critical", "Carrier leaks orders")


def test_the_team_is_joined_and_left_and_the_owner_is_on_it(team: dict[Role, Member], number: int) -> None:
    officer, path = team["officer"], f"/incidents/{number}"
    officer.act(f"{path}/owner", person="the-agent")
    officer.act(f"{path}/team/join", person="the-viewer")
    officer.act(f"{path}/team/join", person="the-viewer")
    shown = officer.load(f"{path}.json")
    assert (shown["owner"], set(shown["team"])) == ("the-agent", {"the-agent", "the-viewer"})
    assert team["viewer"].load("/incidents.json?mine=true")["incidents"]["n"] == 1
    officer.act(f"{path}/team/leave", person="the-viewer")
    assert officer.load(f"{path}.json")["team"] == ["the-agent"]
    assert team["viewer"].load("/incidents.json?mine=true")["incidents"]["n"] == 0


def test_pages_are_pinned_as_evidence_and_only_pages_of_the_console(
    team: dict[Role, Member], number: int
) -> None:
    agent, path = team["agent"], f"/incidents/{number}"
    agent.act(f"{path}/pins", path="/console/audit?page=2", label="What was looked at")
    for foreign in ("https://evil.test/", "//evil.test", "javascript:alert(1)", "/hotline"):
        assert agent.act(f"{path}/pins", path=foreign, label="x").status_code == 422
    (pin,) = agent.load(f"{path}.json")["pins"]
    agent.act(f"{path}/pins/{pin['id']}/remove")
    shown = agent.load(f"{path}.json")
    assert shown["pins"] == []
    assert [(c["kind"], c["value"]) for c in shown["history"]][:2] == [
        ("pin_removed", "What was looked at"), ("pin", "What was looked at"),
    ]  # fmt: skip


def test_a_form_with_a_mistake_comes_back_with_what_was_typed(team: dict[Role, Member], number: int) -> None:
    back = team["agent"].send(f"/incidents/{number}/tasks", title="Ask <b>them</b>", due="tomorrow")
    assert back.status_code == 422
    assert 'value="Ask &lt;b&gt;them&lt;/b&gt;"' in back.text
    assert "This is no date and time." in back.text
    assert team["agent"].load(f"/incidents/{number}.json")["tasks"] == []


def test_what_people_write_is_shown_as_written_and_never_run(team: dict[Role, Member], number: int) -> None:
    team["agent"].act(f"/incidents/{number}/notes", text="<script>alert(1)</script> {{ 7 * 7 }}")
    page = team["viewer"].get(f"/incidents/{number}")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7 * 7 }}" in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_lists_are_paged_on_the_server(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    for n in range(120):
        desk.open_incident(f"Incident {n}")
    first = team["viewer"].load("/incidents.json")["incidents"]
    assert (first["n"], first["page"], len(first["rows"])) == (120, 1, 50)
    last = team["viewer"].load("/incidents.json?page=3")["incidents"]
    assert [row["number"] for row in last["rows"]] == list(range(20, 0, -1))
    assert "Page 3 of 3, 120 in all" in team["viewer"].get("/incidents?page=3").text
    assert team["viewer"].load("/incidents.json?page=9")["incidents"]["rows"] == []
    assert "No incident fits." in team["viewer"].get("/incidents?state=closed").text


def test_what_is_not_there_is_told_by_a_page_and_by_a_problem(team: dict[Role, Member]) -> None:
    page = team["viewer"].get("/incidents/77")
    assert page.status_code == 404
    assert "<h1>There is no such thing</h1>" in page.text
    twin = team["viewer"].get("/incidents/77.json")
    assert (twin.status_code, twin.json()["code"]) == (404, "missing")
    assert team["agent"].act("/incidents/77/notes", text="x").status_code == 404
    assert team["viewer"].get("/incidents/x").status_code == 400
