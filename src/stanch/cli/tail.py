"""`stanch tail`: a log as it is written, into the guard."""

from __future__ import annotations

import hashlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter

from stanch.cases.database import Database, find_url, open_database
from stanch.cases.decisions import add_decisions
from stanch.cases.resets import KeptReset, add_resets
from stanch.cli.messages import say
from stanch.findings import format_time
from stanch.guard.allow_list import AllowList
from stanch.guard.guard import Guard
from stanch.guard.memory import MemoryCounters
from stanch.guard.scorecard import load_scorecard
from stanch.readers.files import show_path
from stanch.readers.follow import GRACE_S, Follower
from stanch.readers.live import LiveLog
from stanch.service.opening import find_allow_list
from stanch.service.secrets import load_secrets
from stanch.service.settings import find_data_dir
from stanch.settings import load_settings
from stanch.tail import Progress, Seen, Tail, list_current, load_progress, save_progress

#: A look at the log when there is nothing new.
_POLL_S: Final = 0.5
_SAVE_EVERY_S: Final = 1.0


def run_tail(
    log: Annotated[Path, Parameter(help="The log to follow; it may be missing yet.", metavar="FILE")],
    *,
    log_format: Annotated[
        str | None,
        Parameter(help="Format of the log; told from its first lines unless said.", metavar="NAME"),
    ] = None,
    zone: Annotated[str, Parameter(help="Zone of times without an offset.", metavar="TZ")] = "UTC",
    once: Annotated[bool, Parameter(help="Stop at the end of the log.", negative=())] = False,
    config: Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")] = None,
) -> int:
    """Follow a login log through rotation and restarts, and say what the guard would have done.

    Reads what the log holds already, so that habits are known, then what is added. Each attempt that the
    guard would not have let pass is a line of JSON on standard output. Decisions about addresses go to the
    service's database, from which `stanch serve` gives them to bouncers:

        stanch tail /var/log/nginx/access.log --log-format combined
    """
    settings = load_settings(config)
    data_dir = find_data_dir(settings.service)
    secrets = load_secrets(data_dir)
    name = hashlib.sha256(str(log.absolute()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    folder = data_dir / "tail"
    progress_path = folder / f"{name}.json"
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with ExitStack() as stack:
        database = stack.enter_context(closing(open_database(find_url(data_dir))))
        counters = MemoryCounters(
            folder / f"{name}.counters", customers=settings.guard.customers, recent=settings.guard.recent
        )
        own = settings.guard.scorecard
        scorecard = load_scorecard(Path(own) if own else None)
        guard = stack.enter_context(
            closing(Guard(counters, scorecard, settings.guard, secrets.derive("guard"), _now_us))
        )
        before = load_progress(progress_path)
        follower = Follower(
            log, before.position if before else None, time.monotonic, 0.0 if once else GRACE_S
        )
        stack.callback(follower.close)
        if follower.lost:
            say(f"stanch: {show_path(str(log))}: {follower.lost}")
        live = LiveLog(settings.readers, zone, log_format, _now_us)
        live.decided = before.decided if before else None
        tail = Tail(follower, live, guard, _now_us)
        allow = AllowList(find_allow_list(settings.service))
        run = _Run(tail, guard, database, allow, progress_path, str(log.absolute()), live)
        with _stopping() as stop:
            run.follow(stop, once=once)
    return 0


@dataclass
class _Run:
    """One run: where its results go, and how far it has come."""

    tail: Tail
    guard: Guard
    database: Database
    allow: AllowList
    progress: Path
    path: str
    live: LiveLog
    saved_at: float = field(default_factory=time.monotonic)
    n_attempts: int = 0
    n_remarks: int = 0
    has_told_old: bool = False

    def follow(self, stop: threading.Event, *, once: bool) -> None:
        """Read on until told to stop, or to the end of what there is."""
        while not stop.is_set():
            seen, more = self.tail.step()
            self.tell(seen)
            if time.monotonic() - self.saved_at >= _SAVE_EVERY_S:
                self.save()
            if not more:
                if once:
                    break
                stop.wait(_POLL_S)
        if once:
            self.tell(self.tail.finish())
        self.save()
        rejected = f", {self.live.n_rejects:,} lines could not be read" if self.live.n_rejects else ""
        say(
            f"stanch: {self.live.n_lines:,} lines, {self.n_attempts:,} logins,"
            f" {self.n_remarks:,} not let pass{rejected}"
        )

    def tell(self, seen: Seen) -> None:
        """Print remarks; store decisions and resets."""
        self.n_attempts += seen.n_attempts
        if self.guard.n_old and not self.has_told_old:
            self.has_told_old = True
            say(
                "stanch: logins dated over an hour before those already seen are judged and not counted;"
                " is --zone right?"
            )
        now_us = _now_us()
        self.allow.refresh()
        remarks = [remark for remark in seen.remarks if not self.allow.allows(remark.ip)]
        self.n_remarks += len(remarks)
        for remark in remarks:
            _print(
                {
                    "time": format_time(remark.time_us),
                    "ip": remark.ip,
                    "action": remark.action,
                    "score": round(remark.score, 4),
                    "reasons": [reason.code for reason in remark.reasons],
                    "simulated": remark.simulated,
                }
            )
        current = [d for d in list_current(seen.decisions, now_us) if self._may_decide(d.value)]
        resets = [
            KeptReset(r.account, r.context.time_s * 1_000_000, now_us, r.score, _join(r.reasons), r.simulated)
            for r in seen.resets
            if r.account and not self.allow.allows(r.context.ip, r.account)
        ]
        if current:
            self.database.write(lambda connection: add_decisions(connection, current, "stanch", now_us))
        if resets:
            self.database.write(lambda connection: add_resets(connection, resets))
        sys.stdout.flush()

    def save(self) -> None:
        """Write down how far the log was read; after its results are stored."""
        save_progress(self.progress, Progress(self.path, self.tail.position, self.tail.decided))
        self.saved_at = time.monotonic()

    def _may_decide(self, value: str) -> bool:
        return self.allow.may_ban and not self.allow.touches(ip_network(value))


@contextmanager
def _stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _join(reasons: Any) -> str:
    return "; ".join(reason.text for reason in reasons)


def _print(told: dict[str, Any]) -> None:
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")


def _now_us() -> int:
    return time.time_ns() // 1_000
