"""The block list: it may never hit customers."""

from ipaddress import ip_address, ip_network

import made
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.engine import Engine
from stanch.findings import ListCost
from stanch.reporting.addresses import Risk, divide_addresses, list_addresses, sum_costs

V4 = st.ip_addresses(v=4).map(str)
V6 = st.integers(0, 3).flatmap(
    lambda site: st.integers(1, 6).map(lambda host: str(ip_address((0x20010DB8 << 96) + (site << 64) + host)))
)


@st.composite
def risks(draw: st.DrawFn) -> list[Risk]:
    ips = draw(st.lists(st.one_of(V4, V6), unique=True, max_size=12))
    made = []
    for ip in ips:
        attempts = draw(st.integers(1, 20_000))
        genuine = attempts * draw(st.sampled_from([0.0, 0.0001, 0.0009, 0.0011, 0.2, 1.0]))
        made.append(Risk(ip, attempts, genuine, draw(st.booleans())))
    return made


@given(risks(), risks(), st.floats(0, 1e5))
def test_blocking_hits_at_most_one_genuine_attempt_in_a_thousand(
    members: list[Risk], others: list[Risk], log_genuine: float
) -> None:
    inside = {risk.ip for risk in members}
    neighbours = [risk for risk in others if ":" in risk.ip and risk.ip not in inside]
    block, challenge = divide_addresses(members, neighbours, log_genuine)
    for entry in block:
        network = ip_network(entry)
        hit = [risk for risk in members + neighbours if ip_address(risk.ip) in network]
        genuine = sum(risk.genuine for risk in hit)
        assert genuine <= 0.001 * sum(risk.attempts for risk in hit) + 1e-6
        assert genuine <= 0.001 * log_genuine + 1e-6
        assert genuine < 5.0
        assert any(risk.hostile for risk in hit)
    covered = [ip_network(entry) for entry in block + challenge]
    assert all(any(ip_address(risk.ip) in network for network in covered) for risk in members)
    assert not set(block) & set(challenge)


@given(risks(), st.randoms())
def test_order_of_rows_is_irrelevant(members: list[Risk], random: object) -> None:
    shuffled = members[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert divide_addresses(members) == divide_addresses(shuffled)


def test_a_site_is_blocked_whole_only_when_its_neighbours_are_no_customers() -> None:
    members = [Risk("2001:db8::1", 900, 0.0), Risk("2001:db8::2", 900, 0.0)]
    assert divide_addresses(members)[0] == ["2001:db8::/64"]
    customer = Risk("2001:db8::99", 40, 40.0)
    assert divide_addresses(members, [customer])[0] == ["2001:db8::1", "2001:db8::2"]


def test_a_single_address_does_not_condemn_its_site() -> None:
    assert divide_addresses([Risk("2001:db8::1", 900, 0.0)])[0] == ["2001:db8::1"]


def test_shared_addresses_are_challenged() -> None:
    lists = divide_addresses([Risk("203.0.113.9", 9000, 600.0), Risk("203.0.113.10", 9000, 6.0)])
    assert lists == ([], ["203.0.113.9", "203.0.113.10"])


def test_the_own_machine_is_never_blocked() -> None:
    own = [Risk("127.0.0.1", 5000, 0.0), Risk("::1", 5000, 0.0)]
    assert divide_addresses(own)[0] == []


def test_order_is_numeric() -> None:
    members = [Risk(ip, 9, 0.0) for ip in ("203.0.113.10", "203.0.113.9", "2001:db8::1", "9.0.0.1")]
    assert divide_addresses(members)[0] == ["9.0.0.1", "203.0.113.9", "203.0.113.10", "2001:db8::1"]


def put_visits(p_compromised: float) -> Engine:
    """An address of the attack opened an account, and reads in it the next day."""
    engine = made.make_engine()
    engine.put("attempts", pl.DataFrame({
        "time_us": [made.START + i for i in range(2_000)] + [made.START + made.DAY] * 9, "ip": "198.51.100.1",
        "account": [f"gone{i}" for i in range(1_999)] + ["ann"] * 10,
        "outcome": ["failure"] * 1_999 + ["success"] * 10, "p_attack": [1.0] * 2_000 + [0.0] * 9,
        "campaign": ["c1"] * 2_000 + [None] * 9,
    }))  # fmt: skip
    engine.put("address_risk", pl.DataFrame({"ip": ["198.51.100.1"]}))
    engine.put("fallen_accounts", pl.DataFrame({
        "account": ["ann"], "p_compromised": [p_compromised], "first_success_us": [made.START + 1_999],
    }))  # fmt: skip
    return engine


def test_the_return_of_an_intruder_does_not_shield_its_address() -> None:
    assert list_addresses(put_visits(0.999)).block == ["198.51.100.1"]
    assert list_addresses(put_visits(0.5)).challenge == ["198.51.100.1"]


def test_a_supposed_return_alone_puts_no_address_on_the_block_list() -> None:
    """An owner who comes back to an account that fell looks like the intruder, and keeps the way in."""
    engine = made.make_engine()
    ips = ["198.51.100.1"] * 500 + ["203.0.113.5"] * 3
    engine.put("attempts", pl.DataFrame({
        "time_us": [made.START + i for i in range(503)], "ip": ips,
        "account": [f"gone{i}" for i in range(499)] + ["ann"] * 4,
        "outcome": ["failure"] * 499 + ["success"] * 4, "p_attack": [1.0] * 500 + [0.3] * 3, "campaign": "c1",
    }))  # fmt: skip
    engine.put("address_risk", pl.DataFrame({"ip": ["198.51.100.1", "203.0.113.5"]}))
    engine.put("fallen_accounts", pl.DataFrame({
        "account": ["ann"], "p_compromised": [1.0], "first_success_us": [made.START + 499],
    }))  # fmt: skip
    lists = list_addresses(engine)
    assert (lists.block, lists.challenge) == (["198.51.100.1"], ["203.0.113.5"])
    cost = lists.costs.row(1, named=True)
    assert cost["attack_attempts"] == pytest.approx(0.9)
    assert cost["genuine_logins"] == pytest.approx(2.1)
    assert cost["genuine_accounts"] == pytest.approx(0.7)


def test_each_entry_is_told_with_what_it_stops_and_hits() -> None:
    engine = made.make_engine()
    site = ["2001:db8::1"] * 400 + ["2001:db8::2"] * 400
    shared = ["203.0.113.9"] * 200
    home = [f"192.0.2.{i % 200}" for i in range(2_000)]
    engine.put("attempts", pl.DataFrame({
        "time_us": [made.START + i for i in range(3_000)], "ip": site + shared + home,
        "account": [f"gone{i}" for i in range(900)] + [f"user{i % 50}" for i in range(100)]
        + [f"user{i % 500}" for i in range(2_000)],
        "outcome": ["failure"] * 900 + ["success"] * 2_100,
        "p_attack": [1.0] * 900 + [0.25] * 100 + [0.0] * 2_000, "campaign": ["c1"] * 900 + [None] * 2_100,
    }))  # fmt: skip
    engine.put("address_risk", pl.DataFrame({"ip": ["2001:db8::1", "2001:db8::2", "203.0.113.9"]}))
    engine.put("fallen_accounts", pl.DataFrame(
        schema={"account": pl.String, "p_compromised": pl.Float64, "first_success_us": pl.Int64}
    ))  # fmt: skip
    lists = list_addresses(engine)
    assert lists.costs.rows() == [
        ("2001:db8::/64", "block", 800, 800.0, 0.0, 0.0),
        ("203.0.113.9", "challenge", 200, 125.0, 75.0, 37.5),
    ]
    assert sum_costs(lists.costs)["challenge"] == ListCost(1, 125.0, 75.0, 37.5)


def put_burst(first_us: int) -> Engine:
    """An address that attacks from START + DAY, seen first at `first_us`; nine attempts look ordinary."""
    engine = made.make_engine()
    times = [first_us] * 9 + [made.START + made.DAY + i for i in range(500)]
    engine.put("attempts", pl.DataFrame({
        "time_us": [made.START - made.DAY, *times], "ip": ["192.0.2.9"] + ["198.51.100.1"] * 509,
        "account": [f"a{i}" for i in range(510)], "p_attack": [0.0] * 10 + [1.0] * 500,
        "campaign": [None] * 10 + ["c1"] * 500, "outcome": "failure",
    }))  # fmt: skip
    engine.put("address_risk", pl.DataFrame({"ip": ["198.51.100.1"]}))
    engine.put("fallen_accounts", pl.DataFrame(
        schema={"account": pl.String, "p_compromised": pl.Float64, "first_success_us": pl.Int64}
    ))  # fmt: skip
    return engine


def test_an_address_first_seen_when_it_attacked_is_the_attackers_own() -> None:
    assert list_addresses(put_burst(made.START + made.DAY)).block == ["198.51.100.1"]
    assert list_addresses(put_burst(made.START)).challenge == ["198.51.100.1"]
