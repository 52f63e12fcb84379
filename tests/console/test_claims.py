"""The register of claims in the console: one victim is one claim, and the totals add up."""

from decimal import Decimal

from console.desks import ConsoleDesk, Member
from stanch.cases.erase import gather_and_erase
from stanch.cases.people import Role
from stanch.evidence.erasing import Erasing

TEXT = "A man who knew my order said I was made a wholesaler and had me share my screen"


def register(desk: ConsoleDesk, member: Member) -> dict[str, dict[str, object]]:
    """Two victims, one of whom reports twice and the larger loss the second time; the claims by region."""
    desk.report({"text": TEXT, "order": "A-1", "region": "Leeds", "loss": "100", "currency": "GBP"})
    desk.report({"text": TEXT, "order": "A-1", "region": "Leeds", "loss": "250.50", "currency": "GBP"})
    desk.report({"text": TEXT, "order": "B-2", "region": "Suzhou", "loss": "3000", "currency": "CNY"})
    desk.report({"text": "Where is my parcel? It is late.", "order": "D-4"})
    member.get("/complaints")
    assert member.send("/complaints/claims").status_code == 303
    return {row["region"]: row for row in member.load("/complaints/claims.json")["claims"]["rows"]}


def test_one_victim_is_one_claim_and_totals_add_up(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    agent = team["agent"]
    claims = register(desk, agent)
    assert {region: row["claimed"] for region, row in claims.items()} == {
        "Leeds": {"GBP": "250.50"},
        "Suzhou": {"CNY": "3000.00"},
    }
    leeds = f"/complaints/claims/{claims['Leeds']['number']}"
    assert agent.send(leeds, state="verified", why="bank statement", amount="200").status_code == 422
    given = {"why": "bank statement", "amount": "200", "currency": "GBP"}
    assert agent.send(leeds, state="paid", **given).status_code == 422, "only what is verified is paid"
    assert agent.send(leeds, state="verified", **given).status_code == 303
    assert agent.send(leeds, state="paid", why="transferred", amount="150", currency="GBP").status_code == 303
    totals = {t["currency"]: t["sums"] for t in agent.load("/complaints/claims.json")["totals"]}
    pounds = {name: Decimal(value) for name, value in totals["GBP"].items()}
    assert (pounds["rejected"], pounds["paid"], pounds["outstanding"]) == (Decimal("50.50"), 150, 50)
    assert pounds["claimed"] == pounds["open"] + pounds["rejected"] + pounds["verified"]
    changes = agent.load(f"{leeds}.json")["changes"]
    assert [(c["by"], c["state"]) for c in changes] == [
        ("the-agent", "claimed"), ("the-agent", "verified"), ("the-agent", "paid"),
    ]  # fmt: skip
    assert agent.get(leeds).status_code == 200
    assert agent.send("/complaints/claims").status_code == 303
    assert agent.load("/complaints/claims.json")["claims"]["n"] == 2, "a second time there is nobody new"


def test_the_councils_table_counts_victims_and_speaks_the_readers_language(
    desk: ConsoleDesk, team: dict[Role, Member]
) -> None:
    register(desk, team["agent"])
    rows = team["viewer"].load("/complaints/claims.json")["council"]
    told = {(row["section"], row["item"], row["currency"]): row["value"] for row in rows}
    assert next(value for (_, item, _), value in told.items() if "ictims" in item) == "2"
    team["viewer"].send("/account/language", language="zh", back="/console")
    shown = team["viewer"].get("/complaints/claims").text
    assert "受害" in shown
    assert "Leeds" in shown


def test_an_erased_victims_claim_goes(desk: ConsoleDesk, team: dict[Role, Member]) -> None:
    agent = team["agent"]
    register(desk, agent)
    desk.database.write(lambda c: gather_and_erase(c, Erasing("A-1"), lambda: None, write=True))
    page = agent.load("/complaints/claims.json")
    assert [row["region"] for row in page["claims"]["rows"]] == ["Suzhou"]
    assert [total["currency"] for total in page["totals"]] == ["CNY"]
