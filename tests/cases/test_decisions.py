"""Decisions: what is stored, what holds for an address, and what a bouncer has to be told."""

import ipaddress

import pytest
import sqlalchemy as sa

from stanch.cases.active import OVERLAP_US, RETENTION_US, ActiveDecisions
from stanch.cases.bouncers import MAX_BOUNCERS, Bouncer, Told, keep_bouncers, list_bouncers
from stanch.cases.database import Database, open_database
from stanch.cases.decisions import (
    KeptDecision,
    add_decisions,
    find_version,
    forget_decisions,
    list_changes,
    list_kept,
    make_decision,
    undo_decisions,
)
from stanch.cases.keys import add_key, split_key
from stanch.cases.resets import KeptReset, add_resets, forget_resets, list_resets
from stanch.errors import UsageError
from stanch.guard.decisions import Decision

S = 1_000_000
NOW = 1_772_359_200 * S
#: Far from what was told before, so that nothing is told twice.
LATER = OVERLAP_US + S


class Desk:
    """Makes decisions with numbers, and shows them to `active` in order."""

    def __init__(self, active: ActiveDecisions | None = None) -> None:
        self.active = ActiveDecisions() if active is None else active
        self.n = 0

    def kept(
        self, value: str, kind: str = "ban", seconds: int = 60, at: int = NOW, **given: object
    ) -> KeptDecision:
        self.n += 1
        scope = "range" if "/" in value else "ip"
        fields = {"scenario": "s", "why": "w", "origin": "stanch", "simulated": False} | given
        return KeptDecision(
            self.n,
            self.n,
            at,
            value,
            scope,
            kind,
            start_us=at,
            until_us=at + seconds * S,
            **fields,  # type: ignore[arg-type]
        )

    def add(
        self, value: str, kind: str = "ban", seconds: int = 60, at: int = NOW, **given: object
    ) -> KeptDecision:
        decision = self.kept(value, kind, seconds, at, **given)
        self.active.apply([decision], at)
        return decision

    def undo(self, decision: KeptDecision, at: int) -> None:
        self.n += 1
        fields = {name: getattr(decision, name) for name in KeptDecision.__struct_fields__}
        self.active.apply(
            [KeptDecision(**fields | {"version": self.n, "changed_us": at, "undone_us": at})], at
        )

    def since(self, told: int | None, at: int) -> tuple[set[str], set[str]]:
        self.active.expire(at)
        changes = self.active.since(told)
        return {d.value for d in changes.new}, {d.value for d in changes.ended}


def test_a_bouncer_is_told_what_began_and_what_ended_since_it_asked() -> None:
    desk = Desk()
    desk.add("203.0.113.7", seconds=60)
    desk.add("203.0.113.8", seconds=600)
    assert desk.since(None, NOW) == ({"203.0.113.7", "203.0.113.8"}, set())
    told = NOW + LATER
    assert desk.since(told, told) == (set(), set())
    desk.add("203.0.113.9", seconds=600, at=NOW + 30 * S)
    assert desk.since(told, NOW + 31 * S) == ({"203.0.113.9"}, set())
    assert desk.since(NOW + 50 * S, NOW + 61 * S) == (set(), {"203.0.113.7"})
    assert desk.since(None, NOW + 61 * S) == ({"203.0.113.8", "203.0.113.9"}, {"203.0.113.7"})


def test_what_is_told_overlaps_so_that_a_lost_answer_loses_nothing() -> None:
    desk = Desk()
    desk.add("203.0.113.7", seconds=600)
    assert desk.since(NOW + OVERLAP_US - 1, NOW + OVERLAP_US) == ({"203.0.113.7"}, set())


def test_a_value_with_another_decision_left_is_not_free() -> None:
    desk = Desk()
    desk.add("203.0.113.7", seconds=60)
    longer = desk.add("203.0.113.7", seconds=600)
    desk.add("203.0.113.7", "captcha", seconds=900)
    # Told anew: a firewall may have let the shorter one run out.
    assert desk.since(NOW + 30 * S, NOW + 61 * S) == ({"203.0.113.7"}, set())
    (only,) = desk.active.published()
    assert (only.id, only.kind) == (longer.id, "ban")
    desk.undo(longer, NOW + 100 * S)
    new, ended = desk.since(NOW + 90 * S, NOW + 100 * S)
    assert (new, ended) == ({"203.0.113.7"}, set())
    assert [d.kind for d in desk.active.published()] == ["captcha"]
    assert desk.since(NOW + 800 * S, NOW + 901 * S) == (set(), {"203.0.113.7"})


def test_undone_and_decided_again_between_two_questions_is_new_and_not_ended() -> None:
    desk = Desk()
    first = desk.add("203.0.113.7", seconds=600)
    desk.undo(first, NOW + 30 * S)
    assert desk.active.find("203.0.113.7") is None
    desk.add("203.0.113.7", seconds=600, at=NOW + 31 * S)
    assert desk.since(NOW + 20 * S, NOW + 40 * S) == ({"203.0.113.7"}, set())


def test_simulated_decisions_are_found_and_given_to_nobody() -> None:
    desk = Desk()
    desk.add("203.0.113.7", simulated=True)
    assert desk.since(None, NOW) == (set(), set())
    found = desk.active.find("203.0.113.7")
    assert found is not None
    assert found.simulated
    desk.add("203.0.113.7", "captcha")
    found = desk.active.find("203.0.113.7")
    assert found is not None
    assert (found.kind, found.simulated) == ("captcha", False), "what is enforced goes first"
    assert desk.active.count() == {("ban", True): 1, ("captcha", False): 1}


@pytest.mark.parametrize(
    ("allowed", "banned"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.7"),
        ("203.0.113.7", "203.0.113.0/24"),
        ("2001:db8::/32", "2001:db8:1:2::/64"),
    ],
)
def test_an_allow_takes_bans_back_and_its_end_brings_them_again(allowed: str, banned: str) -> None:
    desk = Desk()
    desk.add(banned, seconds=900)
    desk.add("198.51.100.1", seconds=900)
    desk.add(allowed, "allow", seconds=60, at=NOW + 10 * S)
    assert desk.since(NOW + 8 * S, NOW + 11 * S) == (set(), {banned})
    assert desk.since(None, NOW + 11 * S)[0] == {"198.51.100.1"}
    assert desk.active.allows(allowed.partition("/")[0])
    assert not desk.active.allows("198.51.100.1")
    assert desk.since(NOW + 50 * S, NOW + 71 * S) == ({banned}, set())


def test_an_allow_list_of_the_operator_goes_before_every_ban() -> None:
    allowed = [ipaddress.ip_network("203.0.113.7")]
    desk = Desk(ActiveDecisions(lambda network: any(network.overlaps(other) for other in allowed)))  # type: ignore[arg-type]
    desk.add("203.0.113.0/24", seconds=900)
    desk.add("198.51.100.1", seconds=900)
    assert desk.since(None, NOW)[0] == {"198.51.100.1"}
    allowed.clear()
    desk.active.refresh_allowed(NOW + 5 * S)
    assert desk.since(NOW + 4 * S, NOW + 6 * S)[0] >= {"203.0.113.0/24"}


def test_an_address_is_found_in_its_networks() -> None:
    desk = Desk()
    desk.add("203.0.113.0/24", "captcha")
    desk.add("2001:db8:1:2::/64")
    desk.add("203.0.113.9")
    found = {
        ip: desk.active.find(ip) for ip in ("203.0.113.7", "203.0.113.9", "2001:db8:1:2::5", "203.0.114.1")
    }
    assert {ip: d and d.value for ip, d in found.items()} == {
        "203.0.113.7": "203.0.113.0/24",
        "203.0.113.9": "203.0.113.9",
        "2001:db8:1:2::5": "2001:db8:1:2::/64",
        "203.0.114.1": None,
    }
    assert {d.value for d in desk.active.covering("203.0.113.9")} == {"203.0.113.9", "203.0.113.0/24"}
    desk.active.expire(NOW + 61 * S)
    assert [desk.active.find(ip) for ip in found] == [None] * 4


def test_after_a_restart_the_same_is_told() -> None:
    desk = Desk()
    kept = [
        desk.kept("203.0.113.1", seconds=10),
        desk.kept("203.0.113.2", seconds=900),
        desk.kept("203.0.113.3", seconds=900, at=NOW + 40 * S),
        desk.kept("203.0.113.4", seconds=900, simulated=True),
        desk.kept("203.0.113.5", seconds=900),
        desk.kept("203.0.113.5", "allow", seconds=900, at=NOW + 40 * S),
    ]
    running, restarted = ActiveDecisions(), ActiveDecisions()
    for decision in sorted(kept, key=lambda d: d.changed_us):
        if decision.changed_us > NOW:
            running.expire(NOW + 10 * S)
        running.apply([decision], decision.changed_us)
    now = NOW + 60 * S
    running.expire(now)
    restarted.load(kept, now)
    for told in (None, NOW - S, NOW + 5 * S, NOW + 20 * S, NOW + 50 * S):
        changes = [
            ({d.value for d in active.since(told).new}, {d.value for d in active.since(told).ended})
            for active in (running, restarted)
        ]
        assert changes[0] == changes[1], told
    assert changes[0] == (set(), set())


@pytest.mark.parametrize("told", [NOW - RETENTION_US - S, NOW + 3_600 * S])
def test_whoever_knows_too_little_or_comes_from_the_future_is_told_everything(told: int) -> None:
    desk = Desk()
    desk.active.load([desk.kept("203.0.113.7", seconds=900, at=NOW - 3_600 * S // 8)], NOW)
    assert desk.since(told, NOW)[0] == {"203.0.113.7"}


def test_a_clock_that_goes_back_hides_no_change() -> None:
    desk = Desk()
    desk.add("203.0.113.7", seconds=9_000)
    told = desk.active.clock_us
    desk.add("203.0.113.8", seconds=9_000, at=NOW - 3_600 * S)
    assert "203.0.113.8" in desk.since(told, NOW - 3_600 * S)[0]


def test_memory_of_changes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stanch.cases.active.MAX_CHANGES", 5_000)
    desk = Desk()
    values = [str(ipaddress.IPv4Address(0x0A000000 + n)) for n in range(9_000)]
    desk.active.apply([desk.kept(value, seconds=1) for value in values], NOW)
    desk.active.expire(NOW + 2 * S)
    assert len(desk.active) == 0
    assert len(desk.active.since(NOW).ended) <= 5_000
    assert desk.active.find(values[0]) is None


# --- the store


def ban(value: str, seconds: int = 600, **given: object) -> Decision:
    fields = {"scope": "ip", "kind": "ban", "scenario": "stanch/x", "why": "w", "simulated": False}
    return Decision(value=value, start_us=NOW, until_us=NOW + seconds * S, **fields | given)  # type: ignore[arg-type]


def test_changes_are_read_in_order_by_all_who_share_the_store(url: str) -> None:
    servers = [open_database(url) for _ in range(2)]
    added = servers[0].write(
        lambda c: add_decisions(c, [ban("203.0.113.1"), ban("203.0.113.2")], "stanch", NOW)
    )
    servers[1].write(lambda c: add_decisions(c, [ban("203.0.113.3")], "manual", NOW))
    with servers[0].read() as connection:
        seen = list(list_changes(connection, 0))
    assert [d.value for d in seen] == ["203.0.113.1", "203.0.113.2", "203.0.113.3"]
    assert [d.version for d in seen] == [1, 2, 3]
    assert seen[:2] == added
    (undone,) = servers[1].write(lambda c: undo_decisions(c, "203.0.113.1", NOW + S))
    assert undone.end_us == NOW + S
    with servers[0].read() as connection:
        assert list(list_changes(connection, 3)) == [undone]
        assert len(list(list_kept(connection, NOW))) == 3
    for what in ("203.0.113.1", "1", "203.0.113.99", "999"):
        with pytest.raises(UsageError, match="no decision"):
            servers[0].write(lambda c, what=what: undo_decisions(c, what, NOW + 2 * S))
    assert servers[0].write(lambda c: undo_decisions(c, "3", NOW + S))[0].value == "203.0.113.3"
    for server in servers:
        server.close()


def test_forgetting_keeps_versions_from_starting_anew(database: Database) -> None:
    database.write(lambda c: add_decisions(c, [ban("203.0.113.1"), ban("203.0.113.2")], "stanch", NOW))
    database.write(lambda c: forget_decisions(c, NOW + 10_000 * S))
    with database.read() as connection:
        assert find_version(connection) == 2
        assert len(list(list_changes(connection, 0))) == 1
    assert database.write(lambda c: add_decisions(c, [ban("203.0.113.4")], "stanch", NOW))[0].version == 3


def test_how_far_bouncers_are_is_kept_and_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = split_key(database.write(lambda c: add_key(c, "fw", "bouncer", 1)))
    assert key is not None
    told = Told({})
    first = Bouncer(key[0], "crowdsec-firewall-bouncer", "198.51.100.1")
    told.note(first, NOW)
    for moment in (1, 2):
        changed = told.take_changed() or {first: NOW + moment}
        database.write(lambda c, changed=changed: keep_bouncers(c, changed))
    with database.read() as connection:
        assert list_bouncers(connection) == {first: NOW + 2}
    for n in range(MAX_BOUNCERS + 5):
        told.note(Bouncer(key[0], f"b{n}", ""), NOW + n)
    assert told.find(first) is None, "of too many the oldest goes, and is told everything next time"
    assert len(told.take_changed()) == MAX_BOUNCERS
    monkeypatch.setattr("stanch.cases.bouncers.MAX_BOUNCERS", 3)
    database.write(lambda c: keep_bouncers(c, {Bouncer(key[0], f"b{n}", ""): NOW + 10 + n for n in range(5)}))
    with database.read() as connection:
        assert {b.name for b in list_bouncers(connection)} == {"b2", "b3", "b4"}


def test_late_resets_are_read_once_each_in_order(database: Database) -> None:
    resets = [KeptReset(f"account{n}", NOW, NOW + n, 0.9, "why" * 500, simulated=False) for n in range(3)]
    database.write(lambda c: add_resets(c, resets))
    with database.read() as connection:
        first = list_resets(connection, 0, 2)
        rest = list_resets(connection, first[-1][0], 2)
    assert [r.account for _, r in (*first, *rest)] == ["account0", "account1", "account2"]
    database.write(lambda c: forget_resets(c, NOW + 2))
    with database.read() as connection:
        assert [r.account for _, r in list_resets(connection, 0, 9)] == ["account2"]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("203.0.113.7", ("203.0.113.7", "ip")),
        ("203.0.113.7/32", ("203.0.113.7", "ip")),
        ("::ffff:203.0.113.7", ("203.0.113.7", "ip")),
        ("2001:DB8::/64", ("2001:db8::/64", "range")),
    ],
)
def test_a_value_has_one_form(value: str, kept: tuple[str, str]) -> None:
    decision = make_decision(value, "ban", "w", NOW, S)
    assert (decision.value, decision.scope) == kept


@pytest.mark.parametrize("value", ["", "x", "0.0.0.0/0", "10.0.0.0/7", "::/0", "203.0.113.7/24"])
def test_slips_of_the_hand_are_refused(value: str) -> None:
    with pytest.raises(UsageError):
        make_decision(value, "ban", "w", NOW, S)


def test_odd_words_are_kept_as_text(database: Database) -> None:
    odd = "'; DROP TABLE decisions; --"
    database.write(lambda c: add_decisions(c, [ban("203.0.113.1", why=odd, scenario=odd)], "stanch", NOW))
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT why FROM decisions")).scalar() == odd
