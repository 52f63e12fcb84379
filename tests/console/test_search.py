"""One search over everything that somebody may see, and nothing that they may not."""

from console.desks import ConsoleDesk, Member
from stanch.cases.people import Role


def test_words_are_found_wherever_they_stand_by_those_who_may_see_it(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    agent = team["agent"]
    agent.act("/incidents", title="Callers know the carrier")
    agent.act("/incidents/1/notes", text="The Carrier 快递公司 was told, 100% sure")
    agent.act("/incidents/1/tasks", title="Ask the carrier for its logs")
    desk.report({"text": "The caller knows the carrier, phone 13812345678", "order": "A-1"})

    def find(member: Member, query: str) -> list[str]:
        return sorted(row["kind"] for row in member.load(f"/search.json?text={query}")["found"]["rows"])

    assert find(agent, "CARRIER") == ["complaint", "incident", "note", "task"]
    assert find(agent, "carrier+know") == ["complaint", "incident"], "parts of words, in any order"
    assert find(agent, "快递公司+carrier") == ["note"]
    assert find(agent, "100%25") == ["note"]
    assert find(agent, "_") == []
    assert find(agent, "13812345678") == []
    assert find(team["viewer"], "carrier") == ["incident", "note", "task"]
    assert find(agent, "") == []
    page = agent.load("/search.json?text=carrier&kind=note")
    assert [row["path"] for row in page["found"]["rows"]] == ["/console/incidents/1#note-1"]
    assert page["counts"] == {"complaint": 1, "incident": 1, "note": 1, "task": 1}
    assert agent.get("/search?text=carrier").status_code == 200


def test_a_withdrawn_note_is_found_no_more_and_searches_are_noted_without_their_words(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    agent = team["agent"]
    agent.act("/incidents", title="x")
    agent.act("/incidents/1/notes", text="about ann@example.org")
    agent.act("/incidents/1/notes/1/withdraw")
    assert agent.load("/search.json?text=ann@example.org")["found"]["n"] == 0
    looks = [subject for _, action, subject in desk.audited() if action == "search.look"]
    assert len(looks) == 1
    assert looks[0].startswith("search:")
    assert "ann" not in looks[0]
