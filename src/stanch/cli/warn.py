"""`stanch warn`: the warnings of `stanch notices`, simulated, or sent once a person confirms."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from stanch.cli.messages import say
from stanch.cli.progress import show_progress
from stanch.errors import UsageError
from stanch.evidence.pseudonyms import read_key
from stanch.notices.shop import Shop, load_shop
from stanch.warning.addresses import ADDRESSES, read_addresses
from stanch.warning.journal import Journal
from stanch.warning.outbox import prepare_outbox, write_errors, write_outbox, write_summary
from stanch.warning.plan import Plan, make_plan
from stanch.warning.send import Due, Outcome, Pace, find_due, send_all
from stanch.warning.transports import open_transports


def run_warn(
    folder: Annotated[Path, Parameter(help="The --out of stanch notices.", metavar="DIR")],
    /,
    *,
    addresses: Annotated[
        tuple[str, ...],
        Parameter(
            help="The shop's list: account (or order), email, phone, lang.",
            consume_multiple=True,
            negative=(),
            metavar="FILE…",
        ),
    ],
    shop: Annotated[Path, Parameter(help="The shop's facts: how to send, how fast (TOML).", metavar="FILE")],
    out: Annotated[Path, Parameter(help="Folder for what would be sent, or became of it.", metavar="OUTBOX")],
    channel: Annotated[
        Literal["any", "sms", "mail"],
        Parameter(help="How to reach them; any: short message where a phone is known, else mail."),
    ] = "any",
    lang: Annotated[Literal["en", "zh"], Parameter(help="Language where the list tells none.")] = "en",
    others: Annotated[
        bool,
        Parameter(help="Warn all other customers of the list as well.", negative=(), show_default=False),
    ] = False,
    send: Annotated[
        bool, Parameter(help="Send, once the number is confirmed.", negative=(), show_default=False)
    ] = False,
    confirm: Annotated[
        int | None, Parameter(help="The number of messages due, typed by a person.", metavar="N")
    ] = None,
    retry_doubtful: Annotated[
        bool,
        Parameter(help="Send again what may have arrived.", negative=(), show_default=False),
    ] = False,
    journal: Annotated[
        Path | None,
        Parameter(help="Who was warned; by default warned.jsonl beside the shop's facts.", metavar="FILE"),
    ] = None,
    pseudonymise: Annotated[
        Path | None, Parameter(help="Key of a pseudonymised investigation.", metavar="KEYFILE")
    ] = None,
    encoding: Annotated[str | None, Parameter(help="Encoding of the list.", metavar="NAME")] = None,
    map: Annotated[
        tuple[str, ...],
        Parameter(
            help="Rename a column of the list; may be repeated.",
            metavar="COLUMN=THEIRS",
            negative=(),
            show_default=False,
        ),
    ] = (),
    quiet: Annotated[
        bool, Parameter(help="No progress, no closing lines.", negative=(), show_default=False)
    ] = False,
) -> int:
    """Show what would be sent to whom; with --send, send it, never twice to one customer.

    Nothing leaves without --send and the number of messages, typed or given with --confirm:

        stanch warn notices --addresses customers.csv --shop shop.toml --out outbox
        stanch warn notices --addresses customers.csv --shop shop.toml --out outbox --send --confirm 440

    Killed or stopped, run the same command again: what was sent stays sent, what may have arrived is
    listed and left alone.
    """
    facts = load_shop(shop)
    if confirm is not None and not send:
        raise UsageError("--confirm confirms nothing", hint="add --send")
    if not facts.incident:
        raise UsageError(
            "the incident has no name, so nobody could tell who was warned of it",
            file=str(shop),
            hint="set incident",
        )
    key = read_key(pseudonymise) if pseudonymise else None
    book = read_addresses(addresses, _parse_renames(map), encoding, key)
    plan = make_plan(folder, book, channel, lang, others=others)
    with Journal(journal or shop.parent / "warned.jsonl", facts.incident) as known:
        due = find_due(plan, known, retry_doubtful=retry_doubtful)
        if send:
            return _send(plan, due, facts, known, out=out, confirm=confirm, quiet=quiet)
        prepare_outbox(out)
        write_outbox(out, due, known, facts, datetime.now(UTC))
        write_errors(out, [], due.doubtful)
        summary = write_summary(out, plan, due, {"sent": False})
    if not quiet:
        _say_summary(summary)
        say(f"Simulated, nothing was sent: {out}")
    return 0


def _send(
    plan: Plan, due: Due, shop: Shop, journal: Journal, *, out: Path, confirm: int | None, quiet: bool
) -> int:
    if plan.gaps:
        name, found = next(iter(plan.gaps.items()))
        raise UsageError(
            f"the text still holds {found[0]}", file=name, hint="edit it in the folder of the notices"
        )
    transports = open_transports(shop, plan)
    _confirm(len(due.now), confirm)
    prepare_outbox(out)
    pace = Pace(shop.messages_per_minute, time.monotonic, time.sleep)
    outcome = Outcome()
    try:
        with show_progress(quiet=quiet) as progress:
            send_all(
                due,
                transports,
                journal,
                pace,
                progress=progress,
                now=lambda: datetime.now(UTC),
                outcome=outcome,
            )
    finally:
        for transport in transports.values():
            transport.close()
        doubtful = [*due.doubtful, *outcome.doubtful]
        write_errors(out, outcome.failures, doubtful)
        more = {"sent": True, "delivered": outcome.delivered, "failed": len(outcome.failures)}
        summary = write_summary(out, plan, due, more | {"doubtful": len(doubtful)})
        if not quiet:
            _say_summary(summary)
    return 0


def _confirm(n_due: int, confirm: int | None) -> None:
    if confirm is None and sys.stdin.isatty():
        say(f"{n_due:,} messages are due. Type their number to send them, anything else to stop:")
        typed = sys.stdin.readline().strip().replace(",", "")
        confirm = int(typed) if typed.isdecimal() else None
        if confirm is None:
            raise UsageError("not confirmed, nothing was sent")
    if confirm is None:
        raise UsageError(f"{n_due:,} messages are due", hint=f"a person confirms with --confirm {n_due}")
    if confirm != n_due:
        raise UsageError(
            f"{n_due:,} messages are due, not {confirm:,}: nothing was sent",
            hint="look at the simulation again",
        )


def _parse_renames(pairs: tuple[str, ...]) -> dict[str, str]:
    renames: dict[str, str] = {}
    for pair in pairs:
        column, equals, theirs = pair.partition("=")
        column = column.removeprefix(f"{ADDRESSES.name}.")
        if not (equals and theirs) or column not in ADDRESSES.column_names:
            raise UsageError(
                f"--map {pair}: not of the form COLUMN=THEIR_COLUMN",
                hint=f"known: {' '.join(ADDRESSES.column_names)}",
            )
        renames[column] = theirs
    return renames


def _say_summary(summary: dict[str, Any]) -> None:
    names = {
        "due": "due",
        "delivered": "delivered",
        "failed": "failed",
        "already_warned": "warned before",
        "doubtful": "doubtful",
        "no_address": "without address",
        "unusable_address": "with an unusable address",
        "same_address": "with an address that had it already",
    }
    told = [f"{summary[key]:,} {name}" for key, name in names.items() if summary.get(key)]
    say(f"{summary['customers']:,} customers: {', '.join(told) or 'nothing to do'}")
    if summary["sms_segments"]:
        say(f"{summary['by_channel'].get('sms', 0):,} short messages in {summary['sms_segments']:,} segments")
    for name, gaps in summary["gaps"].items():
        say(f"Cannot be sent yet: {name} still holds {', '.join(gaps)}")
