"""What would be sent, or what became of it, as files that only their owner may read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from stanch.errors import UsageError
from stanch.notices.shop import Shop
from stanch.reporting.cells import write_csv
from stanch.warning.journal import Journal
from stanch.warning.plan import Plan
from stanch.warning.send import Due, Failure, name_delivery
from stanch.warning.transports import build_mail

SUMMARY: Final = "summary.json"
_OWN: Final = (SUMMARY, "messages.jsonl", "unreached.csv", "errors.csv")
_UNKNOWN_SENDER: Final = "sender@shop.invalid"


def prepare_outbox(out: Path) -> None:
    """Make `out`, closed to others, and clear it of an earlier run's files.

    Raises:
        UsageError: it cannot be made, or holds what no earlier run wrote.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        entries = list(out.iterdir())
        foreign = [entry.name for entry in entries if entry.name not in _OWN and entry.suffix != ".eml"]
        if foreign or (entries and not (out / SUMMARY).exists()):
            shown = (foreign or [entries[0].name])[0]
            raise UsageError(
                f"--out {out} holds files that an earlier run did not write: {shown!r}",
                hint="name a new folder",
            )
        for entry in entries:
            entry.unlink()
        os.chmod(out, 0o700)
        (out / SUMMARY).write_bytes(b"{}\n")
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}", hint="name a folder you may write to") from error


def write_outbox(out: Path, due: Due, journal: Journal, shop: Shop, now: datetime) -> None:
    """Write each message that is due: mails as `.eml`, short messages as lines of `messages.jsonl`."""
    lines = []
    for number, delivery in enumerate(due.now, start=1):
        identity = journal.identify(name_delivery(delivery)[0])
        if delivery.channel == "mail":
            mail = build_mail(delivery, shop.mail.sender or _UNKNOWN_SENDER, shop.name, identity, now)
            _write(out / f"{number:06d}.eml", bytes(mail))
        else:
            told = {"id": identity, "to": delivery.to, "text": delivery.text.body, "lang": delivery.lang}
            lines.append(msgspec.json.encode(told) + b"\n")
    _write(out / "messages.jsonl", b"".join(lines))


def write_summary(out: Path, plan: Plan, due: Due, more: dict[str, Any]) -> dict[str, Any]:
    """Write the counts, and who cannot be reached; returns the counts."""
    summary: dict[str, Any] = {
        "customers": len(plan.deliveries) + len(plan.missing) + len(plan.unusable) + len(plan.duplicates),
        "due": len(due.now),
        "already_warned": due.already,
        "doubtful": len(due.doubtful),
        "no_address": len(plan.missing),
        "unusable_address": len(plan.unusable),
        "same_address": len(plan.duplicates),
        "by_channel": plan.count("channel"),
        "by_audience": plan.count("audience"),
        "by_lang": plan.count("lang"),
        "by_priority": plan.count("priority"),
        "sms_segments": plan.count_segments(),
        "gaps": plan.gaps,
        **more,
    }
    kinds = (("no address", plan.missing), ("unusable address", plan.unusable))
    rows = [(who, why) for why, customers in (*kinds, ("same address", plan.duplicates)) for who in customers]
    frame = pl.DataFrame(rows, schema={"customer": pl.String, "why": pl.String}, orient="row")
    write_csv(out / "unreached.csv", frame)
    _write(out / SUMMARY, msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    return summary


def write_errors(out: Path, failures: Sequence[Failure], doubtful: Sequence[Failure]) -> None:
    """Write each message that did not, or perhaps not, arrive, with what to do; addresses are masked."""
    rows = [
        (f.customer, f.channel, f.to, state, f.error, f.remedy)
        for state, found in (("failed", failures), ("doubtful", doubtful))
        for f in found
    ]
    names = ("customer", "channel", "to", "state", "error", "remedy")
    write_csv(out / "errors.csv", pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row"))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.chmod(path, 0o600)
