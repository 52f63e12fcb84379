"""`stanch decisions`: what is decided about addresses, by the guard and by hand, and block lists of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import App, Parameter

from stanch.cases.active import ActiveDecisions
from stanch.cases.database import Database, find_url, open_database
from stanch.cases.decisions import (
    KeptDecision,
    add_decisions,
    list_kept,
    make_decision,
    read_duration,
    undo_decisions,
)
from stanch.cli.messages import clean, say
from stanch.errors import UsageError
from stanch.guard.block_lists import Format, Listed, write_block_list
from stanch.service.settings import find_data_dir
from stanch.settings import Settings, load_settings

app = App(name="decisions", help="List, add, undo and export decisions about addresses and networks.")

Config: TypeAlias = Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")]


@app.command(name="list")
def run_list(
    *,
    simulated: Annotated[bool, Parameter(help="Also those that are only simulated.")] = False,
    config: Config = None,
) -> int:
    """List what is in force: id, address or network, what, until when, who decided and why."""
    with _open(config) as (database, _), database.read() as connection:
        now_us = _now_us()
        found = [
            d for d in list_kept(connection, now_us) if d.end_us > now_us and (simulated or not d.simulated)
        ]
    for d in found:
        told = clean(f"{d.scenario}{' (simulated)' if d.simulated else ''}: {d.why}")
        print(f"{d.id:6}  {d.value:40}  {d.kind:7}  until {_show(d.end_us)}  {told}")  # noqa: T201
    if not found:
        say("No decision is in force.")
    return 0


@app.command(name="add")
def run_add(
    value: str,
    *,
    kind: Annotated[
        Literal["ban", "captcha", "allow"], Parameter(help="allow keeps the guard's hands off.")
    ] = "ban",
    duration: Annotated[
        str, Parameter(name=["--for", "--duration"], help="How long: 90s, 15m, 4h, 7d.", metavar="TIME")
    ] = "4h",
    why: Annotated[str, Parameter(help="Shown in lists and answers.", metavar="TEXT")] = "decided by hand",
    config: Config = None,
) -> int:
    """Decide about an address or network by hand; bouncers are told within seconds.

    What is decided by hand is in force at once, whatever the guard only simulates:

        stanch decisions add 203.0.113.7 --for 4h
        stanch decisions add 198.51.100.0/24 --kind allow --for 365d --why "our own office"
    """
    now_us = _now_us()
    decision = make_decision(value, kind, why, now_us, read_duration(duration) * 1_000_000)
    with _open(config) as (database, settings):
        (kept,) = database.write(lambda connection: add_decisions(connection, [decision], "manual", now_us))
        active, problem = _load_active(database, settings, now_us)
    print(f"{kept.id}  {kept.value}  {kept.kind}  until {_show(kept.until_us)}")  # noqa: T201
    if kind != "allow" and problem:
        say(f"It is not in force: the allow-list cannot be read ({problem}).")
    elif kind != "allow" and active.is_off_limits(kept.value):
        say("It is not in force: the allow-list, or an allow (`stanch decisions list`), touches it.")
    return 0


@app.command(name="undo")
def run_undo(what: str, *, config: Config = None) -> int:
    """Take back what is decided about an address or network, or the decision with this id."""
    with _open(config) as (database, _):
        undone = database.write(lambda connection: undo_decisions(connection, what, _now_us()))
    for decision in undone:
        print(f"{decision.id}  {decision.value}  {decision.kind} undone")  # noqa: T201
    return 0


@app.command(name="export")
def run_export(
    *,
    format: Annotated[Format, Parameter(help="For whom the list is.")] = "plain",
    findings: Annotated[
        Path | None,
        Parameter(help="Take blocklist.txt of this folder of `stanch investigate` instead.", metavar="DIR"),
    ] = None,
    out: Annotated[
        Path | None, Parameter(help="Write it here instead of printing it.", metavar="FILE")
    ] = None,
    family: Annotated[
        Literal["4", "6"] | None,
        Parameter(help="Only IPv4 or IPv6; aws-waf needs one of them, and takes 4 if not told."),
    ] = None,
    config: Config = None,
) -> int:
    """Write the addresses and networks that are banned, as a firewall, proxy or cloud reads them.

    Bouncers get all this by themselves; a list is for what has no bouncer:

        stanch decisions export --format nftables --out stanch.nft
    """
    listed = _list_bans(config) if findings is None else _read_findings(findings)
    if format == "aws-waf":
        family = family or "4"
    chosen = [entry for entry in listed if family is None or entry.version == int(family)]
    if len(chosen) < len(listed):
        say(f"Of the other family, and left out (--family): {len(listed) - len(chosen):,}.")
    text = write_block_list(chosen, format)
    if out is None:
        sys.stdout.write(text)
    else:
        draft = out.with_name(f".{out.name}.part")
        draft.write_text(text, encoding="utf-8")
        draft.replace(out)
        say(f"{out}: {len(chosen):,} entries")
    return 0


def _list_bans(config: Path | None) -> list[Listed]:
    """What bouncers are told to ban."""
    now_us = _now_us()
    with _open(config) as (database, settings):
        active, problem = _load_active(database, settings, now_us)
    if problem:
        raise UsageError("the allow-list cannot be read, so nobody is banned", hint=problem)
    return [_list_one(d, now_us) for d in active.published() if d.kind == "ban"]


def _load_active(database: Database, settings: Settings, now_us: int) -> tuple[ActiveDecisions, str]:
    """What is in force, as the service finds it, and what is wrong with the allow-list."""
    from stanch.guard.allow_list import AllowList
    from stanch.service.opening import find_allow_list

    allow_list = AllowList(find_allow_list(settings.service))
    active = ActiveDecisions(allow_list.touches)
    with database.read() as connection:
        active.load(list_kept(connection, now_us), now_us)
    return active, allow_list.problem


def _list_one(decision: KeptDecision, now_us: int) -> Listed:
    return Listed.read(decision.value, max(1, (decision.end_us - now_us) // 1_000_000))


def _read_findings(folder: Path) -> list[Listed]:
    path = folder / "blocklist.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [Listed.read(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint="name a folder of `stanch investigate`") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


@contextmanager
def _open(config: Path | None) -> Iterator[tuple[Database, Settings]]:
    settings = load_settings(config)
    database = open_database(find_url(find_data_dir(settings.service)))
    try:
        yield database, settings
    finally:
        database.close()


def _now_us() -> int:
    return time.time_ns() // 1_000


def _show(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
