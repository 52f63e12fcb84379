"""How the guard does on past logins it sees one by one, family by family, and how fast it is.

    python3 dev.py bench guarding --seeds 5                # replays of the families
    python3 dev.py bench guarding --logs FOLDER            # ... of logs made elsewhere
    python3 dev.py bench guarding --reaction --seeds 20    # how soon a wave of one try per address is seen
    python3 dev.py bench guarding --speed                  # assess and settle, one core
    python3 dev.py bench guarding --nginx                  # lines per CPU second beside fail2ban-regex

Every replay is one simulated log of seeds that the scorecard built in was not made from. Measurements are
kept as JSON lines; what is there for the same code and options is not measured again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from reading import FAIL2BAN_DATE, FAIL2BAN_RULE, Tool, write_log
from results import Record, ResultFile, find_version
from stanch.evidence.checks import check_rows
from stanch.evidence.tables import LOGINS
from stanch.guard.attempts import Attempt
from stanch.guard.guard import Guard
from stanch.guard.memory import MemoryCounters
from stanch.guard.rehearse import LATE, rehearse
from stanch.guard.scorecard import load_scorecard
from stanch.guard.settings import GuardSettings
from stanch.simulation import CASES, PEACEFUL, simulate_logins
from stanch.simulation.scoring import mark_attacks, mark_successes

FAMILIES: Final = tuple(
    name for name, case in CASES.items() if case.attacks or (name in PEACEFUL and case.events)
)
DECIDING: Final = (
    "src/stanch/guard/*",
    "src/stanch/simulation/**/*",
    "src/stanch/evidence/**/*",
    "bench/guarding.py",
)
_MINUTE_US: Final = 60_000_000


def open_guard(*, customers: int = 100_000, recent: int = 300_000) -> Guard:
    """A guard as it is on day one."""
    counters = MemoryCounters(None, customers=customers, recent=recent)
    return Guard(counters, load_scorecard(None), GuardSettings(), b"bench" * 8)


def read_rows(table: pl.DataFrame) -> pl.DataFrame:
    """Logins as the guard takes them, with the number of their line."""
    numbered = table.with_columns(line=pl.int_range(1, pl.len() + 1, dtype=pl.Int64))
    return check_rows(LOGINS, numbered, "UTC").frame.with_columns(pl.col("line").cast(pl.Int64))


def measure(family: str, seed: int, rows: pl.DataFrame, truth: Mapping[str, Any]) -> Record:
    """One log through a new guard."""
    started = time.process_time()
    result = rehearse(rows, open_guard())
    seconds = time.process_time() - started
    attack = mark_attacks(truth, rows["line"]).to_numpy()
    kind = mark_successes(truth, rows)
    acted, late, denied = result.action > 0, result.action == LATE, result.action == 2
    done_by_shop = rows["outcome"].is_in(["challenged", "denied"]).to_numpy()
    record: Record = {
        "family": family,
        "seed": seed,
        "n": len(rows),
        "n_attack": int(attack.sum()),
        "cpu_seconds": round(seconds, 2),
    }
    for name in ("first", "return", "own"):
        of = (kind == name).fill_null(value=False).to_numpy()
        record |= {
            f"n_{name}": int(of.sum()),
            f"{name}_at_once": int((acted & ~late)[of].sum()),
            f"{name}_late": int(late[of].sum()),
        }
    ours = ~attack & ~done_by_shop
    login = ours & (rows["outcome"] == "success").to_numpy()
    record |= {
        "n_genuine": int(ours.sum()),
        "genuine_acted": int(acted[ours].sum()),
        "genuine_denied": int(denied[ours].sum()),
        "n_logins": int(login.sum()),
        "logins_acted": int(acted[login].sum()),
        "attempts_acted": int(acted[attack].sum()),
    }
    first = (kind == "first").fill_null(value=False).to_numpy()
    if first.any() and login.any():
        # Of the attackers' logins: share whose score at once is above that of 99.5 % of genuine logins.
        record["apart"] = float((result.log_odds[first] > np.quantile(result.log_odds[login], 0.995)).mean())
    times = rows["time_us"].to_numpy()
    start = int(times[attack].min()) if attack.any() else 0
    amid = login & (times >= start) & (times <= int(times[attack].max())) if start else login & False
    record |= {"n_amid": int(amid.sum()), "amid_acted": int(acted[amid].sum())}
    alarms = [s.time_us for s in result.sweeps if s.alarm]
    after = [t for t in alarms if t >= start]
    met = times[attack & acted & ~late & ~done_by_shop]
    record |= {
        "alarms_in_peace": len({t // (24 * 60 * _MINUTE_US) for t in alarms if not start or t < start}),
        "alarm_min": round((after[0] - start) / _MINUTE_US, 1) if start and after else None,
        # Ten attempts of the attack challenged: one alone may be chance.
        "met_min": round((int(met[9]) - start) / _MINUTE_US, 1) if start and len(met) > 9 else None,
    }
    return record


HEAD: Final = (
    f"{'family':20}{'seed':>5}{'n':>8}{'attack':>8}{'first':>7}{'once %':>8}{'late %':>8}"
    f"{'return':>7}{'met %':>7}"
    f"{'genuine %':>11}{'logins %':>10}{'denied':>7}"
    f"{'alarm min':>11}{'peace':>6}{'apart':>7}"
)


def show(r: Record) -> str:
    def share(part: float, whole: float, width: int) -> str:
        return f"{100 * part / whole:>{width}.2f}" if whole else f"{'-':>{width}}"

    alarm = f"{r['alarm_min']:>11}" if r["alarm_min"] is not None else f"{'-':>11}"
    return (
        f"{r['family']:20}{r['seed']:>5}{r['n']:>8}{r['n_attack']:>8}{r['n_first']:>7}"
        f"{share(r['first_at_once'], r['n_first'], 8)}{share(r['first_late'], r['n_first'], 8)}"
        f"{r['n_return']:>7}{share(r['return_at_once'] + r['return_late'], r['n_return'], 7)}"
        f"{share(r['genuine_acted'], r['n_genuine'], 11)}{share(r['logins_acted'], r['n_logins'], 10)}"
        f"{r['genuine_denied']:>7}{alarm}{r['alarms_in_peace']:>6}{r.get('apart', float('nan')):>7.2f}"
    )


def run_families(args: argparse.Namespace) -> None:
    """Replay what is missing, seed by seed."""
    results, version = ResultFile(args.out), find_version(DECIDING)
    setup = {"scale": args.scale}
    done = results.has(version, setup)
    print(HEAD, flush=True)
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        for family in args.families:
            if (family, seed) not in done:
                incident = simulate_logins(family, seed, scale=args.scale)
                record = measure(family, seed, read_rows(incident.tables["logins"]), incident.truth)
                results.append(version, setup, record)
                print(show(record), flush=True)
    summarise([r for r in results.read() if r["version"] == version and r["scale"] == args.scale])


def run_others(args: argparse.Namespace) -> None:
    """Logs of another generator: FAMILY-SEED.parquet, a table of logins as text, beside FAMILY-SEED.json."""
    records = []
    print(HEAD, flush=True)
    for path in sorted(args.logs.glob("*.parquet")):
        family, seed = path.stem.rsplit("-", 1)
        if family in args.families and args.first_seed <= int(seed) < args.first_seed + args.seeds:
            truth = json.loads(path.with_suffix(".json").read_text("utf-8"))
            records.append(measure(family, int(seed), read_rows(pl.read_parquet(path)), truth))
            print(show(records[-1]), flush=True)
    summarise(records)


def summarise(records: list[Record]) -> None:
    """One line per family: shares pooled over its logs, with 90 % intervals by resampling logs."""
    rng = np.random.default_rng(1)

    def share(parts: list[int], wholes: list[int], digits: int) -> str:
        part, whole = np.array(parts, dtype=float), np.array(wholes, dtype=float)
        if not whole.sum():
            return "-"
        drawn = rng.integers(0, len(part), (2_000, len(part)))
        shares = 100 * part[drawn].sum(axis=1) / np.maximum(whole[drawn].sum(axis=1), 1)
        low, high = np.quantile(shares, (0.05, 0.95))
        return f"{100 * part.sum() / whole.sum():.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"

    print(
        "\n| family | logs | attacker logins | met, % | first ones met, % | at once, %"
        " | genuine logins challenged, % | the most in one log, % | amid the attack, %"
        " | genuine attempts denied | minutes to the alarm | days of false alarm |"
    )
    print("|---|" + "--:|" * 11)
    for family in dict.fromkeys(r["family"] for r in records):
        of = [r for r in records if r["family"] == family]
        once = [r["first_at_once"] + r["return_at_once"] for r in of]
        met = [n + r["first_late"] + r["return_late"] for n, r in zip(once, of, strict=True)]
        first = [r["first_at_once"] + r["first_late"] for r in of]
        n_won = [r["n_first"] + r["n_return"] for r in of]
        hurt = max(r["logins_acted"] / max(r["n_logins"], 1) for r in of)
        waits = [r["alarm_min"] for r in of if r["alarm_min"] is not None]
        cells = (
            family,
            str(len(of)),
            str(sum(n_won)),
            share(met, n_won, 1),
            share(first, [r["n_first"] for r in of], 1),
            share(once, n_won, 1),
            share([r["logins_acted"] for r in of], [r["n_logins"] for r in of], 2),
            f"{100 * hurt:.2f}",
            share([r["amid_acted"] for r in of], [r["n_amid"] for r in of], 1),
            f"{sum(r['genuine_denied'] for r in of)} of {sum(r['n_genuine'] for r in of):,}",
            f"{np.median(waits):.0f}" if waits else "-",
            str(sum(r["alarms_in_peace"] for r in of)),
        )
        print("| " + " | ".join(cells) + " |")


def run_reaction(args: argparse.Namespace) -> None:
    """A wave of one try per address, 5 % of the traffic while it lasts."""
    found = []
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        found.append(measure_wave(seed, args.per_minute))
        print(found[-1], flush=True)
    for name in ("alarm_min", "met_min"):
        waits = [r[name] if r[name] is not None and r[name] <= 120 else np.inf for r in found]
        soon = sum(w <= 10 for w in waits)
        print(f"{name}: median {np.median(waits):.1f}, within 10 minutes {soon} of {len(waits)}")


def measure_wave(seed: int, per_minute: float) -> Record:
    """Minutes from the first attempt of a wave of two hours to the alarm, and to ten attempts met."""
    days, users = 5, 20_000
    base = CASES["one-try"]
    rate = per_minute * 1440 / users
    shop = replace(base.shop, users=(users, users), days=(days, days), rate=(rate, rate))
    # Many more than wanted, of which as many are kept as make 5 % of the traffic at the time.
    plan = replace(
        base.attacks[0], begins=(0.6, 0.9), hours=(2, 2), share=(1.0 / 12 / days,) * 2, p_pause=0.0
    )
    incident = simulate_logins(replace(base, shop=shop, attacks=(plan,)), seed)
    rows = read_rows(incident.tables["logins"])
    attack = mark_attacks(incident.truth, rows["line"]).to_numpy()
    times = rows["time_us"].to_numpy()
    start = int(times[attack].min())
    end = start + 120 * _MINUTE_US
    amid = (times >= start) & (times <= end)
    wanted = 0.05 / 0.95 * int((amid & ~attack).sum()) / max(int((amid & attack).sum()), 1)
    kept = ~attack | (amid & (np.random.default_rng(seed).random(len(rows)) < wanted))
    rows = rows.filter(pl.Series(kept)).filter(pl.col("time_us") <= end)
    record = measure("wave", seed, rows, incident.truth)
    return {
        "seed": seed,
        "per_minute": round(int((amid & ~attack).sum()) / 120, 1),
        "n_attack": record["n_attack"],
        "share": round(record["n_attack"] / int(kept[amid].sum()), 3),
        "alarm_min": record["alarm_min"],
        "met_min": record["met_min"],
        "days_of_false_alarm": record["alarms_in_peace"],
    }


def run_speed(args: argparse.Namespace) -> None:
    """assess alone, and assess with settle, on a mix of traffic that the guard has learnt first."""
    table = simulate_logins("botnet", 1, scale=0.5).tables["logins"]
    rows = read_rows(table)
    guard = open_guard()
    rehearse(rows, guard)
    last = rows.tail(20_000)
    cells = [
        last[c].to_list() if c in last.columns else [None] * len(last)
        for c in ("ip", "account", "user_agent", "ja4", "device", "country", "asn")
    ]
    now = int(rows["time_us"].to_numpy()[-1])
    attempts = [
        Attempt(now, ip, account, agent, ja4, device, country=country, asn=asn)
        for ip, account, agent, ja4, device, country, asn in zip(*cells, strict=True)
    ]
    outcomes = last["outcome"].to_list()
    for _ in range(3):
        started = time.process_time()
        found = [guard.assess(attempt) for attempt in attempts]
        middle = time.process_time()
        for each, outcome in zip(found, outcomes, strict=True):
            guard.settle(each.context, outcome)
        ended = time.process_time()
        n = len(attempts)
        print(
            f"assess {n / (middle - started):,.0f}/s, settle {n / (ended - middle):,.0f}/s,"
            f" both {n / (ended - started):,.0f}/s"
        )


def run_nginx(args: argparse.Namespace) -> None:
    """`stanch replay` and fail2ban-regex on the same nginx logs."""
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name:
        for one_in in (1, 10, 50):
            log = Path(name, f"one_in_{one_in}.log")
            write_log(log, args.lines, one_in, 0)
            replay = [
                sys.executable,
                "-m",
                "stanch",
                "replay",
                "--logins",
                str(log),
                "--out",
                f"{name}/out",
                "--quiet",
            ]
            ban = ["fail2ban-regex", "--datepattern", FAIL2BAN_DATE, str(log), FAIL2BAN_RULE]
            tools = [Tool("stanch replay", replay, args.lines), Tool("fail2ban-regex", ban, args.lines)]
            for _ in range(args.runs):
                for tool in tools:
                    tool.run()
            print(f"1 line in {one_in} a login, {args.lines:,} lines")
            for tool in tools:
                cpu = float(np.median(tool.cpu_seconds)) if tool.cpu_seconds else float("nan")
                print(f"  {tool.name}: {args.lines / cpu:,.0f} lines per CPU second {tool.failure}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--families", nargs="*", default=FAMILIES, metavar="FAMILY")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=0.5)
    parser.add_argument("--logs", type=Path, help="a folder of another generator's logs")
    parser.add_argument("--reaction", action="store_true")
    parser.add_argument("--per-minute", type=float, default=60.0)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--nginx", action="store_true")
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("out", "guard.jsonl"))
    args = parser.parse_args()
    if args.speed:
        run_speed(args)
    elif args.reaction:
        run_reaction(args)
    elif args.nginx:
        run_nginx(args)
    elif args.logs:
        run_others(args)
    else:
        run_families(args)


if __name__ == "__main__":
    main()
