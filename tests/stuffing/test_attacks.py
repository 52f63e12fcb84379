"""Planted attacks are found, and peace gives nothing."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stanch.simulation import simulate_logins
from stuffing.planted import ALL_COLUMNS, DAY_S, START_S, WEIGHED, attack, investigate, number, people

KINDS = {"burst": "stuffing", "single": "stuffing", "enumeration": "enumeration", "guessing": "guessing"}


@pytest.mark.parametrize("kind", KINDS)
def test_planted_attack_is_found(kind: str) -> None:
    planted = attack(1, kind).with_columns(attack=pl.lit(1))
    rows = number(pl.concat([people(1).with_columns(attack=pl.lit(0)), planted]))
    engine, result = investigate(rows.drop("attack"))
    assert [c.kind for c in result.campaigns] == [KINDS[kind]]
    attempts = rows.join(engine.fetch("SELECT line, p_attack, campaign FROM attempts"), on="line")
    of_attack = attempts.filter(pl.col("attack") == 1)
    of_people = attempts.filter(pl.col("attack") == 0)
    assert (of_attack["p_attack"] >= 0.5).mean() > 0.97
    assert (of_people["p_attack"] >= 0.5).mean() <= 0.001
    campaign = result.campaigns[0]
    assert campaign.attempts == pytest.approx(600, rel=0.03)
    assert result.logins.attack_attempts.low <= 600 <= result.logins.attack_attempts.high
    fallen = set(engine.fetch("SELECT account FROM fallen_accounts WHERE p_compromised > 0.5")["account"])
    truth = set(planted.filter(pl.col("outcome") == "success")["account"])
    assert len(truth - fallen) <= 1
    assert len(fallen - truth) <= 2
    assert campaign.compromised.low <= len(truth) <= campaign.compromised.high
    engine.close()


@pytest.mark.parametrize("failing", [0.03, 0.25])
def test_peace_gives_no_campaign(failing: float) -> None:
    engine, result = investigate(number(people(2, failing=failing)))
    assert result.campaigns == []
    assert engine.fetch("SELECT max(p_attack) AS p FROM attempts").item() < 0.5
    assert engine.count("fallen_accounts") == 0
    assert result.logins.attack_attempts.mean < 1
    engine.close()


def test_outage_gives_no_campaign() -> None:
    calm = people(3)
    down = (pl.col("time") % 86_400).is_between(52_000, 58_000) & (pl.col("time") // 86_400 == 5)
    failed = calm.filter(down).with_columns(outcome=pl.lit("failure"))
    again = [failed.with_columns(time=pl.col("time") + 45 * i) for i in range(1, 5)]
    engine, result = investigate(number(pl.concat([calm.filter(~down), failed, *again])))
    assert result.campaigns == []
    engine.close()


def test_failing_health_check_is_no_campaign() -> None:
    check = pl.DataFrame({"time": np.arange(0, 9 * 86_400, 120.0)}).with_columns(
        ip=pl.lit("198.51.100.4"),
        account=pl.lit("monitor"),
        outcome=pl.lit("failure"),
        user_agent=pl.lit("check/1"),
    )
    engine, result = investigate(number(pl.concat([people(4), check])))
    assert result.campaigns == []
    engine.close()


def hammer(
    n: int, account: str, gap_s: float, ip: str = "203.0.113.5", let_in: str | None = None
) -> pl.DataFrame:
    """One account tried `n` times from `ip`, and at last a success from `let_in`."""
    gaps = gap_s * np.random.default_rng(3).uniform(0.4, 1.6, n + 1)
    rows = {
        "time": 6.4 * 86_400 + np.cumsum(gaps),
        "ip": [ip] * n + [let_in or ip],
        "account": account,
        "outcome": ["failure"] * n + ["success"],
        "user_agent": ["tool/1"] * n + ["tool/1" if let_in in (None, ip) else "Browser/3"],
    }
    return pl.DataFrame(rows).head(n + (let_in is not None))


@pytest.mark.parametrize("gap_s", [2, 30])
def test_an_account_hammered_until_it_let_in_is_guessed_and_fell(gap_s: float) -> None:
    guesses = hammer(400, "user00003", gap_s, let_in="203.0.113.5")
    engine, result = investigate(number(pl.concat([people(1), guesses])))
    assert [c.kind for c in result.campaigns] == ["guessing"]
    assert result.campaigns[0].attempts >= 400
    fallen = engine.fetch("SELECT account, p_compromised FROM fallen_accounts WHERE p_compromised > 0.5")
    assert fallen["account"].to_list() == ["user00003"]
    engine.close()


def test_a_success_from_elsewhere_right_after_guessing_is_listed() -> None:
    engine, _ = investigate(
        number(pl.concat([people(1), hammer(400, "user00003", 10, let_in="198.51.100.9")]))
    )
    row = engine.fetch("SELECT account, ip, campaign, p_compromised AS p FROM fallen_accounts").row(0)
    assert row[:3] == ("user00003", "198.51.100.9", "c1")
    assert 0.2 <= row[3] <= 0.5
    engine.close()


def test_guessing_at_full_speed_is_no_monitor() -> None:
    engine, result = investigate(number(pl.concat([people(1), hammer(5000, "admin", 0.5)])))
    assert [(c.kind, c.attempts) for c in result.campaigns] == [("guessing", 5000)]
    engine.close()


def test_a_stale_password_that_its_owner_mends_is_no_attack() -> None:
    """The account was used from there before; a machine repeats the old password until somebody notices."""
    times = 6.4 * 86_400 + np.cumsum(np.random.default_rng(4).uniform(100, 500, 300))
    stale = pl.DataFrame({"time": times, "outcome": "failure"})
    used = pl.DataFrame({"time": np.arange(0.3, 9.9, 0.4) * 86_400, "outcome": "success"})
    used = used.filter(~pl.col("time").is_between(times[0], times[-1]))
    rows = pl.concat([stale, used]).with_columns(
        ip=pl.lit("198.51.100.4"), account=pl.lit("user00007"), user_agent=pl.lit("Mail/3")
    )
    engine, result = investigate(
        number(pl.concat([people(4), rows.select("time", "ip", "account", "outcome", "user_agent")]))
    )
    assert result.campaigns == []
    engine.close()


@pytest.mark.parametrize(("slips", "kinds"), [(True, []), (False, ["guessing"])])
def test_one_person_who_mistypes_the_name_as_well_is_no_attack(slips: bool, kinds: list[str]) -> None:
    tries = hammer(400, "user00003", 40)
    names = ["usr00003", "user0003", "uuser00003", "user00003x", "useer00003", "userr00003"]
    account = [names[i // 4 % 6] if slips and i % 4 == 0 else "user00003" for i in range(tries.height)]
    engine, result = investigate(
        number(pl.concat([people(1), tries.with_columns(account=pl.Series(account))])), spellings=True
    )
    assert [c.kind for c in result.campaigns] == kinds
    engine.close()


def test_people_who_forgot_at_the_same_time_are_no_attack() -> None:
    """Each on an account of his own, with his own device: for hours, by hand, from home and on the way."""
    rng = np.random.default_rng(5)
    forgetful = pl.concat(
        [
            pl.DataFrame(
                {
                    "time": 6.4 * DAY_S + 3600 * (i % 2) + np.cumsum(rng.uniform(8, 25, 140)),
                    "ip": [f"198.51.{10 * i + (k // 70)}.4" for k in range(140)],
                    "account": f"user{i:05d}",
                    "outcome": "failure",
                    "user_agent": f"Phone/{i}",
                }
            )
            for i in range(4)
        ]
    )
    engine, result = investigate(number(pl.concat([people(5), forgetful])))
    assert result.campaigns == []
    engine.close()


def test_slow_guessing_by_one_tool_from_many_addresses_is_an_attack() -> None:
    rng = np.random.default_rng(6)
    n = 390
    guesses = pl.DataFrame(
        {
            "time": 3 * DAY_S + np.sort(rng.uniform(0, 5 * DAY_S, n)),
            "ip": [f"198.{51 + k % 40}.7.4" for k in range(n)],
            "account": [f"user{k % 9:05d}" for k in range(n)],
            "outcome": "failure",
            "user_agent": "tool/1",
        }
    )
    engine, result = investigate(number(pl.concat([people(6), guesses])))
    assert [c.kind for c in result.campaigns] == ["guessing"]
    engine.close()


def test_more_refusals_of_strangers_than_usual_are_no_attack_by_their_number() -> None:
    logins = simulate_logins("growth", 211, scale=0.5).tables["logins"]
    rows = logins.with_columns(time=logins["time"].str.to_datetime(time_zone="UTC").dt.epoch("s") - START_S)
    engine, result = investigate(number(rows), frozenset(rows.columns))
    assert result.campaigns == []
    engine.close()


def test_two_tools_at_different_times_are_two_campaigns() -> None:
    first = attack(5, "burst", day=3.2)
    second = attack(6, "single", day=6.5).with_columns(user_agent=pl.lit("other/9"))
    engine, result = investigate(number(pl.concat([people(5), first, second])))
    assert [c.id for c in result.campaigns] == ["c1", "c2"]
    assert result.campaigns[0].end < result.campaigns[1].start
    assert engine.fetch("SELECT DISTINCT campaign FROM campaign_reasons").height == 2
    engine.close()


def test_order_of_rows_and_threads_change_nothing() -> None:
    frame = pl.concat([people(7, users=600), attack(7, "single", users=600)])
    rows = number(frame)
    answers = []
    for shuffled, threads in ((rows, 1), (rows.sample(fraction=1.0, shuffle=True, seed=9), 2)):
        engine, result = investigate(shuffled, threads=threads)
        answers.append((result, engine.fetch("SELECT * FROM attempts").sort("line")))
        engine.close()
    assert answers[0][0] == answers[1][0]
    assert answers[0][1].equals(answers[1][1])


def test_addends_sum_to_the_log_odds() -> None:
    engine, _ = investigate(number(pl.concat([people(8, users=600), attack(8, "burst", users=600)])))
    attempts = engine.fetch(WEIGHED)
    addends = attempts.select(pl.sum_horizontal(c for c in attempts.columns if c.startswith("ev_")))
    assert np.allclose(addends.to_series(), attempts["log_odds"], atol=1e-9)
    engine.close()


def test_no_attempt_is_quite_sure() -> None:
    engine, _ = investigate(number(pl.concat([people(8, users=600), attack(8, "burst", users=600)])))
    attempts = engine.fetch("SELECT log_odds, p_attack FROM attempts").sort("log_odds")
    meant = 1 / (1 + np.exp(-attempts["log_odds"].to_numpy()))
    assert attempts["log_odds"].abs().max() > 12  # type: ignore[operator]
    assert attempts["p_attack"].is_between(1e-6, 1 - 1e-6).all()
    assert np.abs(attempts["p_attack"].to_numpy() - meant).max() < 1e-4
    assert attempts["p_attack"].is_sorted()
    engine.close()


def test_missing_columns_are_said_and_survived() -> None:
    rows = number(pl.concat([people(9), attack(9, "single", n=900)]))
    bare = rows.drop("user_agent").with_columns(
        outcome=pl.when(pl.col("outcome") == "success").then(pl.lit("success")).otherwise(pl.lit("failure"))
    )
    engine, result = investigate(bare, ALL_COLUMNS - {"user_agent"})
    assert [c.kind for c in result.campaigns] == ["stuffing"]
    assert any("client" in note for note in result.notes)
    engine.close()
    nameless = rows.drop("account").with_columns(account=pl.lit(None, pl.String))
    engine, result = investigate(nameless, ALL_COLUMNS - {"account"})
    assert any("accounts" in note for note in result.notes)
    assert engine.count("fallen_accounts") == 0
    assert engine.fetch("SELECT count(account) AS n FROM attempts").item() == 0
    engine.close()
    mute = rows.with_columns(outcome=pl.lit("unknown"))
    engine, result = investigate(mute)
    assert result.campaigns == []
    assert "not known of 100 %" in result.logins.not_examined
    assert result.logins.not_examined in result.notes
    engine.close()


@pytest.mark.parametrize("n", [0, 1, 10])
def test_tiny_logs(n: int) -> None:
    engine, result = investigate(number(people(10, users=20)).head(n))
    assert result.campaigns == []
    assert result.logins.attempts == n == engine.count("attempts")
    for table in ("fallen_accounts", "attempt_bins", "address_risk", "campaign_reasons"):
        assert engine.has(table)
    engine.close()


def test_bins_and_address_risk_add_up() -> None:
    rows = number(pl.concat([people(11, users=600), attack(11, "burst", users=600)]))
    engine, result = investigate(rows)
    bins = engine.fetch("SELECT sum(attempts) AS n, sum(attack) AS attack FROM attempt_bins")
    assert bins["n"].item() == rows.height
    assert bins["attack"].item() == pytest.approx(result.logins.attack_attempts.mean, abs=0.05)
    risk = engine.fetch("SELECT * FROM address_risk")
    assert {f"203.0.{i}.77" for i in range(5)} <= set(risk["ip"])
    assert np.allclose(risk["attack"] + risk["genuine"], risk["attempts"], atol=1e-3)
    engine.close()


def _read_sshd(path: Path) -> pl.DataFrame:
    """The few lines of an sshd log that this test needs; the readers have their own tests."""
    pattern = re.compile(
        r"(?:(Accepted) \S+ for|(Failed) \S+ for|Invalid user) (?:invalid user )?(\S+) from (\S+)"
    )
    rows = []
    for position, line in enumerate(path.read_text(errors="replace").splitlines()):
        found = pattern.search(line)
        if found and "sshd" in line:
            outcome = (
                "success" if found[1] else "failure" if "invalid" not in line.lower() else "unknown_account"
            )
            month_day = int(line[4:6]) + (31 if line.startswith(("Apr", "Dec")) else 0)
            hours, minutes, seconds = (int(part) for part in line[7:15].split(":"))
            time = month_day * 86_400.0 + hours * 3600 + minutes * 60 + seconds
            rows.append((time, found[4], found[3], outcome, None, position))
    names = {"time": pl.Float64, "ip": pl.String, "account": pl.String, "outcome": pl.String}
    schema = names | {"user_agent": pl.String, "position": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row").drop("position")


@pytest.mark.parametrize("log", ["elastic-examples-logs/auth.log", "ssh-auth-log/gtkcyber-auth.log"])
def test_real_ssh_logs_are_under_attack_and_their_owner_is_not(log: str, shared_data: Path) -> None:
    rows = number(_read_sshd(shared_data / log))
    engine, result = investigate(rows, ALL_COLUMNS - {"user_agent"})
    assert len(result.campaigns) >= 1
    assert {c.kind for c in result.campaigns} <= {"guessing", "enumeration"}
    assert result.logins.attack_attempts.mean > 0.4 * rows.filter(pl.col("outcome") != "success").height
    likely = engine.fetch("SELECT count(*) AS n FROM fallen_accounts WHERE p_compromised >= 0.5").item()
    assert likely == 0
    engine.close()


def test_honeypot_is_under_attack(shared_data: Path) -> None:
    packed = shared_data / "ssh-honeypot-2018" / "cowrie-2018-kareiva-logins.csv.gz"
    frame = pl.read_csv(gzip.decompress(packed.read_bytes())).select(
        time=pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ").dt.epoch("us") / 1e6,
        ip=pl.col("src_ip"),
        account=pl.col("username"),
        outcome=pl.when(pl.col("success") == 1).then(pl.lit("success")).otherwise(pl.lit("failure")),
        user_agent=pl.col("client_version"),
    )
    engine, result = investigate(number(frame.with_columns(pl.col("time") - 1_500_000_000)))
    assert result.campaigns
    failures = engine.fetch("SELECT avg(p_attack) AS p FROM attempts WHERE outcome = 'failure'").item()
    assert failures > 0.5
    engine.close()
