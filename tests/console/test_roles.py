"""Each route and each role: whoever adds a route writes down here who may use it."""

import pytest

from console.desks import ConsoleDesk, Member
from stanch.cases.people import ROLES, Role
from stanch.console import make_operations
from stanch.console.registry import find_roles

#: First letters of the roles: viewer, agent, analyst (n), officer, administrator (d).
LETTERS: dict[str, Role] = {"v": "viewer", "a": "agent", "n": "analyst", "o": "officer", "d": "administrator"}
ALL, WORK, ANALYSIS, STUDY, OFFICE, ADMIN = "vanod", "anod", "nd", "nod", "od", "d"
MAY = {
    "GET /console/incidents": ALL,
    "POST /console/incidents": WORK,
    "GET /console/incidents/{number}": ALL,
    "POST /console/incidents/{number}/title": WORK,
    "POST /console/incidents/{number}/severity": WORK,
    "POST /console/incidents/{number}/state": WORK,
    "POST /console/incidents/{number}/owner": WORK,
    "POST /console/incidents/{number}/team/join": WORK,
    "POST /console/incidents/{number}/team/leave": WORK,
    "POST /console/incidents/{number}/tasks": WORK,
    "POST /console/incidents/{number}/tasks/clock": WORK,
    "POST /console/incidents/{number}/tasks/{item}/finish": WORK,
    "POST /console/incidents/{number}/tasks/{item}/reopen": WORK,
    "POST /console/incidents/{number}/notes": WORK,
    "POST /console/incidents/{number}/notes/{item}/withdraw": WORK,
    "POST /console/incidents/{number}/pins": WORK,
    "POST /console/incidents/{number}/pins/{item}/remove": WORK,
    "GET /console/incidents/{number}/timeline": ALL,
    "GET /console/incidents/{number}/investigation": STUDY,
    "POST /console/incidents/{number}/investigation": STUDY,
    "POST /console/incidents/{number}/investigation/cancel": STUDY,
    "POST /console/incidents/{number}/evidence": STUDY,
    "POST /console/incidents/{number}/evidence/{item}/table": STUDY,
    "POST /console/incidents/{number}/evidence/{item}/remove": STUDY,
    "POST /console/incidents/{number}/hand-out": OFFICE,
    "GET /console/incidents/{number}/names/{ref}": WORK,
    "POST /console/incidents/{number}/names/{ref}": WORK,
    "POST /console/sample": STUDY,
    "POST /console/incidents/{number}/sample/remove": STUDY,
    "GET /console/sources": ALL,
    "GET /console/attempts": WORK,
    "GET /console/accounts": WORK,
    "GET /console/orders": WORK,
    "GET /console/search": ALL,
    "GET /console/complaints": WORK,
    "GET /console/complaints/scripts": ALL,
    "GET /console/complaints/figures": ALL,
    "GET /console/complaints/claims": ALL,
    "GET /console/complaints/claims/{number}": ALL,
    "POST /console/complaints/claims": WORK,
    "POST /console/complaints/claims/{number}": WORK,
    "GET /console/complaints/{number}": WORK,
    "POST /console/complaints/{number}/correct": WORK,
    "GET /console/people": ADMIN,
    "GET /console/people/invitation": ADMIN,
    "POST /console/people/invite": ADMIN,
    "POST /console/people/{number}/roles": ADMIN,
    "POST /console/people/{number}/disable": ADMIN,
    "POST /console/people/{number}/enable": ADMIN,
    "POST /console/people/{number}/forget-second-factor": ADMIN,
    "GET /console/now": ALL,
    "GET /console/decisions": WORK,
    "GET /console/decisions/export": ANALYSIS,
    "POST /console/decisions": ANALYSIS,
    "POST /console/decisions/{number}/undo": ANALYSIS,
    "GET /console/resets": WORK,
    "POST /console/resets/{number}/show": WORK,
    "GET /console/rules": STUDY,
    "GET /console/audit": OFFICE,
    "GET /console/account": ALL,
    "GET /console/account/second-factor": ALL,
    "POST /console/account/password": ALL,
    "POST /console/account/second-factor": ALL,
    "POST /console/account/second-factor/remove": ALL,
    "POST /console/account/language": ALL,
}
#: What needs nobody to be signed in.
OPEN = {
    "GET /console", "GET /console/sign-in", "POST /console/sign-in", "POST /console/sign-out",
    "GET /console/welcome", "POST /console/welcome",
}  # fmt: skip
ROUTES = sorted(f"{method} {path}" for method, path in find_roles())


def twin_of(route: str) -> str:
    return route.removesuffix(".json")


def test_every_route_has_its_line_above_and_every_line_its_route() -> None:
    assert {twin_of(route) for route in ROUTES} == set(MAY)
    served = {f"{o.method} {o.path}" for o in make_operations()}
    assert {route for route in served - set(ROUTES) if "/assets/" not in route} == OPEN


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_for_those_who_may_and_nobody_else(
    desk: ConsoleDesk, team: dict[Role, Member], route: str
) -> None:
    method, path = route.split()
    number = "1" if "invit" not in route and method == "GET" else "999"
    desk.open_incident()
    path = (
        path.removeprefix("/console")
        .replace("{number}", number)
        .replace("{item}", "999")
        .replace("{ref}", "0" * 24)
    )
    allowed = {LETTERS[letter] for letter in MAY[twin_of(route)]}
    for role in ROLES:
        answer = team[role].get(path) if method == "GET" else team[role].act(path)
        assert (answer.status_code != 403) == (role in allowed), (role, answer.text)
        assert answer.status_code < 500
        desk.sign_in(team[role])
    stranger = Member(desk, 0, "nobody")
    answer = stranger.get(path) if method == "GET" else stranger.act(path)
    assert answer.status_code == (303 if method == "GET" and not route.endswith(".json") else 401)


def test_navigation_shows_what_a_person_may_see_and_no_more(team: dict[Role, Member]) -> None:
    assert 'href="/console/people"' not in team["viewer"].get("/incidents").text
    assert 'href="/console/audit"' not in team["agent"].get("/incidents").text
    assert 'href="/console/audit"' in team["officer"].get("/incidents").text
    assert 'href="/console/people"' in team["administrator"].get("/incidents").text
