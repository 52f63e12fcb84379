"""Now, decisions and rules: what the guard does at this moment is seen, and taken back where it is wrong."""

from pathlib import Path

import pytest
from msgspec import structs

from console.desks import ConsoleDesk, Member, console_desk
from stanch.cases.decisions import add_decisions
from stanch.cases.people import Role
from stanch.cases.resets import KeptReset, add_resets
from stanch.guard.attempts import Answer
from stanch.guard.decisions import Decision
from stanch.service.pulse import Pulse

MINUTE_US = 60_000_000


def answer(score: float, action: str = "allow", *, simulated: bool = True) -> Answer:
    return Answer(action, score, (), simulated=simulated)  # type: ignore[arg-type]


def decision(
    desk: ConsoleDesk, value: str, *, simulated: bool = False, for_us: int = 900_000_000
) -> Decision:
    return Decision(value, "ip", "ban", "stanch/hosts", "12 of 12 accounts", desk.now_us,
                    desk.now_us + for_us, simulated)  # fmt: skip


def keep(desk: ConsoleDesk, *made: Decision) -> list[int]:
    kept = desk.database.write(lambda c: add_decisions(c, made, "stanch", desk.now_us))
    desk.work()
    return [one.id for one in kept]


def test_attempts_are_counted_by_minute_and_an_old_day_makes_room() -> None:
    pulse = Pulse(0)
    pulse.note(5 * MINUTE_US, answer(0.5))
    pulse.note(5 * MINUTE_US + 1, answer(0.75, "challenge"))
    pulse.note(6 * MINUTE_US, answer(1.0, "deny", simulated=False))
    hour = pulse.read(6 * MINUTE_US, 60, 1)
    assert [(b.start_us // MINUTE_US, b.attempts, b.attack, b.stopped, b.simulated) for b in hour[-2:]] == [
        (5, 2, 1.25, 0, 1), (6, 1, 1.0, 1, 0),
    ]  # fmt: skip
    day = pulse.read(6 * MINUTE_US, 1_440, 15)
    assert [beat.attempts for beat in day] == [0] * 95 + [3]
    pulse.note((5 + 1_440) * MINUTE_US, answer(0.0))
    assert sum(beat.attempts for beat in pulse.read((5 + 1_440) * MINUTE_US, 1_440, 15)) == 1
    assert sum(beat.attempts for beat in pulse.read((5 + 5_000) * MINUTE_US, 60, 1)) == 0


def test_now_tells_what_the_guard_sees_and_what_waits(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    key = {"X-Api-Key": desk.add_key("shop", "shop")}
    for n in range(3):
        body = {"ip": f"203.0.113.{n}", "account": f"account-{n}"}
        assert desk.ask("POST", "/v1/logins/assess", headers=key, json=body).status_code == 200
    keep(desk, decision(desk, "203.0.113.7"), decision(desk, "203.0.113.8", simulated=True))
    number = desk.open_incident()
    agent = team["agent"]
    team["analyst"].act(f"/incidents/{number}/tasks", title="Call the carrier", assignee="the-agent")
    team["analyst"].act(f"/incidents/{number}/notes", text="Ask @the-agent about it")
    seen = agent.load("/now.json")
    assert sum(beat["attempts"] for beat in seen["hour"]) == 3
    assert sum(beat["attempts"] for beat in seen["day"]) == 3
    assert seen["live"]["simulated"] == ["challenge", "deny", "reset", "ban"]
    assert seen["decisions"] == [
        {"kind": "ban", "simulated": False, "n": 1}, {"kind": "ban", "simulated": True, "n": 1},
    ]  # fmt: skip
    assert [mention["text"] for mention in seen["mentions"]] == ["Ask @the-agent about it"]
    assert [task["title"] for task in seen["tasks"]] == ["Call the carrier"]
    page = agent.get("/now").text
    assert "only simulates" in page
    assert "203.0.113" not in page, "no address, no account"
    assert team["viewer"].load("/now.json")["mentions"] == []


def test_an_attack_and_a_trouble_come_first(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    desk.work()
    assert "No attack on the site" in team["viewer"].get("/now").text
    assert desk.service.sweep is not None
    desk.service.sweep = structs.replace(
        desk.service.sweep, alarm=True, since_us=desk.now_us - MINUTE_US, level=0.4
    )
    desk.service.troubles["scorecard"] = "it does not fit"
    page = team["viewer"].get("/now").text
    assert "Attack under way" in page
    assert "40%" in page
    assert "it does not fit" in page


def test_complaints_that_came_in_ring_the_early_warning(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    for n in range(9):
        desk.report({"text": "A caller knew my order", "order": f"A-{n}"}, address=f"198.51.100.{n}")
    desk.report({"text": "The same caller again", "order": "A-1"}, address="198.51.100.99")
    desk.work()
    (told,) = team["viewer"].load("/now.json")["warnings"]
    assert "9 victims within a week" in told, "who reports twice is one victim"
    team["viewer"].act("/account/language", language="zh")
    assert "9" in team["viewer"].load("/now.json")["warnings"][0]
    assert "投诉预警" in team["viewer"].get("/now").text


def test_the_start_is_now(team: dict[Role, Member]) -> None:
    assert team["viewer"].get("").headers["location"] == "/console/now"


def test_a_decision_is_seen_undone_and_told_to_bouncers(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    first, second = keep(desk, decision(desk, "203.0.113.7"), decision(desk, "2001:db8::7"))
    analyst = team["analyst"]
    rows = analyst.load("/decisions.json")["decisions"]["rows"]
    assert [row["value"] for row in rows] == ["2001:db8::7", "203.0.113.7"]
    assert analyst.load("/decisions.json?value=2001")["decisions"]["n"] == 1
    assert analyst.load("/decisions.json?value=%25")["decisions"]["n"] == 0
    assert analyst.send(f"/decisions/{first}/undo").status_code == 303
    assert analyst.act(f"/decisions/{first}/undo").status_code == 404, "it is undone"
    (gone,) = analyst.load("/decisions.json?standing=undone")["decisions"]["rows"]
    assert (gone["value"], gone["undone_by"]) == ("203.0.113.7", "the-analyst")
    desk.work()
    assert desk.service.decisions.find("203.0.113.7") is None
    assert desk.service.decisions.find("2001:db8::7") is not None
    assert (analyst.id, "decisions.undo", f"decision:{first}") in desk.audited()
    desk.now_us += 901_000_000
    (over,) = analyst.load("/decisions.json?standing=expired")["decisions"]["rows"]
    assert over["number"] == second


def test_a_decision_by_hand_holds_with_its_reason(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    analyst = team["analyst"]
    given = {"value": "198.51.100.0/24", "why": "our own office", "kind": "allow", "duration": "365d"}
    assert analyst.send("/decisions", **given).status_code == 303
    desk.work()
    assert desk.service.decisions.allows("198.51.100.9")
    (row,) = analyst.load("/decisions.json")["decisions"]["rows"]
    assert (row["why"], row["by"], row["scenario"]) == ("our own office", "the-analyst", "manual")
    assert row["end_us"] == desk.now_us + 365 * 86_400_000_000


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"value": "0.0.0.0/0"}, "far too large"),
        ({"value": "<script>"}, "Neither an address"),
        ({"duration": "11y"}, "No time"),
        ({"duration": "9999d"}, "No time"),
        ({"why": ""}, "needed"),
    ],
)
def test_what_cannot_be_decided_is_told_beside_its_entry(
    desk: ConsoleDesk, team: dict[Role, Member], wrong: dict[str, str], told: str
) -> None:
    given = {"value": "198.51.100.7", "why": "x", "duration": "4h"} | wrong
    page = team["analyst"].send("/decisions", **given)
    assert page.status_code == 422
    assert told in page.text
    assert team["analyst"].load("/decisions.json")["decisions"]["n"] == 0


def test_what_is_banned_can_be_taken_along(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    keep(desk, decision(desk, "203.0.113.7"), decision(desk, "203.0.113.8", simulated=True))
    told = team["analyst"].get("/decisions/export?format=nginx")
    assert told.headers["content-disposition"].startswith("attachment")
    assert "203.0.113.7" in told.text
    assert "203.0.113.8" not in told.text


def test_an_account_to_reset_is_shown_for_a_reason_to_whoever_gave_it(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    reset = KeptReset("li.wei@shop.test", desk.now_us, desk.now_us, 0.97, "tried everywhere", False)
    desk.database.write(lambda c: add_resets(c, [reset]))
    agent = team["agent"]
    assert "li.wei" not in agent.get("/resets").text
    (row,) = agent.load("/resets.json")["resets"]["rows"]
    assert agent.act(f"/resets/{row['number']}/show").status_code == 422, "no reason, no name"
    told = agent.act(f"/resets/{row['number']}/show", reason="to call the customer").json()["location"]
    path = told.removeprefix("/console").partition("#")[0]
    assert "li.wei" in agent.get(path).text
    assert "li.wei" not in team["officer"].get(path).text, "the link opens it for nobody else"
    assert "li.wei" not in agent.get(path[:-3] + "abc").text
    desk.now_us += 601_000_000
    assert "li.wei" not in agent.get(path).text
    assert (agent.id, "resets.show_account", row["reference"]) in desk.audited()
    assert "li.wei" not in str(desk.audited())


def test_rules_and_settings_are_shown_as_they_are_and_secrets_are_not(tmp_path: Path) -> None:
    from stanch.service.settings import NotifySettings

    notify = NotifySettings(webhook="https://user:hunter2@hooks.example.com/services/T0/sesame")
    with console_desk(tmp_path, notify=notify) as desk:
        boss = desk.add("boss", "administrator")
        desk.service.guard.use(
            desk.service.guard.scorecard, structs.replace(desk.service.guard.settings, enforce=("ban",))
        )
        told = boss.load("/rules.json")
        assert {rule["rule"]: rule["enforced"] for rule in told["rules"]} == {
            "challenge": False, "deny": False, "reset": False, "ban": True,
        }  # fmt: skip
        changed = {s["key"]: s["value"] for s in told["settings"] if s["is_changed"]}
        assert changed["service.notify.webhook"] == '"https://hooks.example.com/…"'
        assert changed["guard.enforce"] == '["ban"]'
        page = boss.get("/rules").text
        assert "sesame" not in page
        assert "hunter2" not in page


def test_a_broken_allow_list_is_told_where_decisions_are(tmp_path: Path) -> None:
    listed = tmp_path / "allow.txt"
    listed.write_text("no address\n")
    with console_desk(tmp_path, allow_list=str(listed)) as desk:
        boss = desk.add("boss", "administrator")
        for path in ("/now", "/decisions", "/rules"):
            assert "line 1" in boss.get(path).text, path
