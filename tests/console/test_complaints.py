"""The complaint desk: what came in is listed, read and masked, and what a person corrects stays."""

from console.desks import ConsoleDesk, Member
from stanch.cases.erase import gather_and_erase
from stanch.cases.people import Role
from stanch.evidence.erasing import Erasing

ZH = (
    "我是王小明，3月1日下午有人自称淘宝客服，说把我误设为批发商，要我共享屏幕，"
    "结果被转走5000元，手机13812345678。"
)


def test_a_report_by_the_form_is_listed_masked_and_joined_with_the_victims_others(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    desk.report({"text": ZH, "order": "A-1001", "phone": "13812345678"})
    desk.report({"text": "They called again about my order", "order": "A-1001"})
    desk.report({"text": "Where is my parcel? It is late.", "order": "B-7"})
    listed = team["agent"].load("/complaints.json")["complaints"]
    assert listed["n"] == 3
    assert [row["n_reports"] for row in listed["rows"]] == [1, 2, 2]
    first = listed["rows"][2]
    assert first["kind"] == "fake_customer_service"
    assert (first["loss"], first["currency"]) == (5000.0, "CNY")
    assert "13812345678" not in first["text"]
    assert "王小明" not in first["text"]
    one = team["agent"].load(f"/complaints/{first['id']}.json")
    assert [other["id"] for other in one["others"]] == [listed["rows"][1]["id"]]


def test_a_report_that_shares_with_two_victims_makes_them_one_and_a_late_one_is_another(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    agent = team["agent"]
    desk.report({"text": ZH, "order": "A-1"})
    agent.get("/complaints")
    desk.report({"text": ZH, "phone": "13900000000"})
    agent.get("/complaints")
    desk.report({"text": ZH, "order": "A-1", "phone": "13900000000"})
    desk.now_us += 40 * 86_400_000_000
    desk.report({"text": ZH, "order": "A-1"})
    desk.sign_in(agent)
    rows = agent.load("/complaints.json")["complaints"]["rows"]
    assert [row["victim"] for row in rows] == [4, 1, 1, 1]
    assert agent.load("/complaints.json?victim=1")["complaints"]["n"] == 3


def test_filters_and_search_find_words_and_the_order_itself(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    desk.report({"text": ZH, "order": "A-1001", "region": "Suzhou"})
    desk.now_us += 86_400_000_000
    desk.sign_in(team["agent"])
    desk.report({"text": "Where is my parcel? It is late. 100% sure", "order": "B-7", "region": "Leeds"})
    load = team["agent"].load

    def find(query: str) -> list[str]:
        return [row["region"] for row in load(f"/complaints.json?{query}")["complaints"]["rows"]]

    assert find("text=PARCEL") == ["Leeds"]
    assert find("text=A-1001") == ["Suzhou"]
    assert find("text=%25+sure") == ["Leeds"]
    assert find("text=%25%25") == []
    assert find("until=2026-03-01") == ["Suzhou"]
    assert find("since=2026-03-02") == ["Leeds"]
    assert find("kind=fake_customer_service") == ["Suzhou"]
    assert find("region=Leeds") == ["Leeds"]
    assert team["agent"].get("/complaints?since=yesterday").status_code == 400


def test_the_page_shows_what_was_read_where_and_nobody(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    desk.report({"text": ZH, "order": "A-1001"})
    team["agent"].get("/complaints")
    page = team["agent"].get("/complaints/1")
    assert page.status_code == 200
    assert "13812345678" not in page.text
    assert "王小明" not in page.text
    one = team["agent"].load("/complaints/1.json")
    found = {piece["field"]: piece for piece in one["pieces"] if piece["field"]}
    assert "共享屏幕" in found["asked"]["text"]
    assert 0 < found["asked"]["confidence"] <= 1
    assert found["losses"]["text"].startswith("5000")
    looks = [entry for entry in desk.audited() if entry[1] == "complaint.look"]
    assert looks == [(team["agent"].id, "complaint.look", "complaint:1")]


def test_a_correction_stays_and_counts_at_once(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    desk.report({"text": ZH, "order": "A-1001"})
    agent = team["agent"]
    agent.get("/complaints")
    stands = agent.load("/complaints/1.json")
    given = {
        "kind": "fake_courier", "claimed_identity": stands["claimed_identity"],
        "pretexts": stands["pretexts"], "asked": ["transfer"], "known_fields": stands["known_fields"],
    }  # fmt: skip
    answer = agent.send("/complaints/1/correct", **given)
    assert answer.status_code == 303, answer.text
    one = agent.load("/complaints/1.json")
    assert (one["row"]["kind"], one["asked"]) == ("fake_courier", ["transfer"])
    assert [change["column"] for change in one["corrections"]] == ["kind", "asked"]
    assert {change["person"] for change in one["corrections"]} == {"the-agent"}
    assert agent.load("/complaints.json?kind=fake_courier")["complaints"]["n"] == 1
    assert (agent.id, "complaint.correct", "complaint:1") in desk.audited()
    assert agent.send("/complaints/1/correct", **given).status_code == 422
    assert agent.send("/complaints/1/correct", **{**given, "kind": "alien"}).status_code == 422


def report_scripts(desk: ConsoleDesk) -> None:
    """Four days of one story in two regions, and a customer who only asks."""
    for day in range(4):
        text = f"客服说我被误设为批发商，每月扣费，要我共享屏幕取消，第{day}次转账{day + 1}000元。"
        desk.report({"text": text, "order": f"C-{day}", "region": "苏州" if day else "无锡"})
        desk.now_us += 86_400_000_000
    desk.report({"text": "Where is my parcel? It is late.", "order": "B-7", "region": "Leeds"})


def test_a_script_is_noticed_with_its_days_and_shares(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    report_scripts(desk)
    for member in team.values():
        desk.sign_in(member)
    page = team["agent"].load("/complaints/scripts.json")
    (script,) = page["scripts"]
    assert (script["kind"], script["count"], script["share"]) == ("fake_customer_service", 4, 1.0)
    assert (script["first"], script["noticed"], script["last"]) == ("2026-03-01", "2026-03-03", "2026-03-04")
    assert script["days"][-4:] == [1, 1, 1, 1]
    assert sum(script["days"]) == 4
    assert script["asked"]["screen_sharing"] == 1.0
    assert team["agent"].load("/complaints.json?script=1")["complaints"]["n"] == 4
    assert script["example"]
    assert team["viewer"].load("/complaints/scripts.json")["scripts"][0]["example"] == ""


def test_figures_count_victims_of_fraud_by_day_and_region(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    report_scripts(desk)
    desk.report({"text": "又来电话说批发商扣费，要共享屏幕", "order": "C-3", "region": "苏州"})
    for member in team.values():
        desk.sign_in(member)
    figures = team["viewer"].load("/complaints/figures.json")
    assert figures["n_victims"] == 4
    assert figures["regions"] == [["苏州", 3], ["无锡", 1]]
    assert [day["count"] for day in figures["days"]] == [1, 1, 1, 1, 0]
    assert [(a["by"], a["rule"]) for a in figures["alarms"]] == [("script", "new_script")]
    assert team["viewer"].get("/complaints/figures?kind=fake_customer_service").status_code == 200
    assert team["viewer"].load("/complaints/figures.json?kind=phishing")["n_victims"] == 0


def test_an_erased_person_is_gone_from_the_desk_and_the_others_stay(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    desk.report({"text": ZH, "order": "A-1001"})
    desk.report({"text": "A caller knew my order, he said I was a wholesaler", "order": "B-7"})
    agent = team["agent"]
    agent.get("/complaints")
    agent.act("/complaints/1/correct", kind="fake_courier")
    agent.act("/complaints/2/correct", kind="fake_courier")
    erasing = Erasing("A-1001")
    desk.database.write(lambda c: gather_and_erase(c, erasing, lambda: None, write=True))
    left = agent.load("/complaints.json")["complaints"]["rows"]
    assert [row["kind"] for row in left] == ["fake_courier"]
    assert left[0]["text"].startswith("A caller knew")
    assert agent.get("/complaints/1").status_code == 404
