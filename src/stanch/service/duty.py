"""What the service does by itself while it runs: the look at the whole, what follows from it, and upkeep.

Nothing here may stop it: what fails is logged and tried again, and what the database does not take waits.
Of several guards on one database, one at a time holds the lease: it looks again at logins that were let in,
forgets what is old, and tells of attacks. Every guard looks at the whole and stores what it decided itself.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from contextlib import suppress
from typing import Final

from msgspec import structs

from stanch.cases.bouncers import keep_bouncers
from stanch.cases.decisions import add_decisions, forget_decisions, list_changes, undo_ahead
from stanch.cases.late_looks import add_looks, finish_looks, list_due, trim_looks
from stanch.cases.leases import drop_lease, take_lease
from stanch.cases.resets import KeptReset, forget_resets
from stanch.cases.segments import count_rows, iterate_rows
from stanch.complaints.early.settings import EarlySettings
from stanch.errors import StanchError
from stanch.findings import format_time
from stanch.guard.counters import CountersGoneError
from stanch.guard.decisions import Decision
from stanch.guard.guard import Reset, Sweep
from stanch.guard.late import Look
from stanch.service.judge import is_allowed
from stanch.service.messages import Messenger, describe_sweep, describe_trouble
from stanch.service.reloading import Reloader
from stanch.service.state import Service

LOG: Final = logging.getLogger("stanch.guard")

_TICK_S: Final = 1.0
#: In ticks: the look at the whole, what is written now and then, and what is forgotten.
_SWEEP_EVERY: Final = 5
_STORE_EVERY: Final = 10
_CHECK_CLOCK_EVERY: Final = 30
_FORGET_EVERY: Final = 3_600
_TRIM_EVERY: Final = 60
#: The lease is renewed with every look at the whole; a holder that died is followed after this time.
LEASE_US: Final = 12_000_000
_LEASE: Final = "duty"
#: Logins looked at again at a time, and in one look at the whole.
_LOOKS_AT_ONCE: Final = 64
_MOST_LOOKS: Final = 5_000
_WARN_EVERY: Final = 300
#: Changes taken over at a time, so that the event loop is held up for milliseconds only.
_AT_ONCE: Final = 1_000
_HOUR_US: Final = 3_600_000_000
_DAY_US: Final = 86_400_000_000
#: Beyond these the oldest are given up while the database is gone; they have long run out.
_MAX_WAITING: Final = 100_000
#: Alarms and troubles are not repeated within this time in the log.
_COMPLAIN_EVERY_S: Final = 60.0


class Duty:
    """The upkeep of one service."""

    def __init__(
        self,
        service: Service,
        messenger: Messenger,
        reloader: Reloader | None = None,
        early: EarlySettings | None = None,
    ) -> None:
        self._service = service
        self._messenger = messenger
        self._reloader = reloader
        self._name = secrets.token_hex(8)
        #: Whether this guard holds the lease, as far as it knows.
        self.is_holder = False
        self._decisions: list[Decision] = []
        self._alarm = False
        self._n_old, self._old_until_us = 0, 0
        self._told_troubles: dict[str, str] = {}
        self._complained_at = float("-inf")
        self._tick = 0
        self._is_stopping = asyncio.Event()
        self._early = EarlySettings() if early is None else early
        self._n_complaints = 0
        self._warning: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until told to stop; a step under way is finished, so that nothing is stored twice."""
        while not self._is_stopping.is_set():
            await self.step()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._is_stopping.wait(), _TICK_S)

    def stop(self) -> None:
        """Have `run` end."""
        self._is_stopping.set()

    async def step(self) -> None:
        """One second's work."""
        service = self._service
        if self._reloader is not None:
            await self._try("settings", self._check_files())
        service.decisions.expire(service.now_us())
        if self._tick % _SWEEP_EVERY == 0:
            await self._try("database", self._take_lease())
            await self._try("sweep", self.sweep())
        await self._try("database", self._store())
        if self._tick % _SWEEP_EVERY == 0 and self.is_holder:
            await self._try("database", self.look_again())
        if self._tick % _STORE_EVERY == 0:
            await self._try("database", self._store_uses())
        if self.is_holder:
            await self._keep_house()
        if self._tick % _WARN_EVERY == 0 and (self._warning is None or self._warning.done()):
            # Beside the rest: with tens of thousands of complaints it takes seconds.
            self._warning = asyncio.create_task(self._try("complaints", self._warn()))
        service.note_trouble("counters", service.guard.problem)
        self._check_ends()
        self._tell_troubles()
        self._tick += 1

    async def finish(self) -> None:
        """Before the service stops: store what is not stored yet."""
        if self._warning is not None and not self._warning.done():
            await self._warning
        await self._try("database", self._store())
        await self._try("database", self._store_uses())
        if self.is_holder:
            await self._try(
                "database", self._service.database.write_soon(lambda c: drop_lease(c, _LEASE, self._name))
            )

    async def _take_lease(self) -> None:
        now_us = self._service.now_us()
        # Where the database cannot say, it stays as it was: what one guard does for all needs it anyway.
        self.is_holder = await self._service.database.write_soon(
            lambda c: take_lease(c, _LEASE, self._name, now_us, LEASE_US)
        )
        self._service.metrics.guard.holder.set(self.is_holder)

    async def _keep_house(self) -> None:
        if self._tick % _CHECK_CLOCK_EVERY == 0:
            await self._try("database", self._undo_ahead())
        if self._tick % _TRIM_EVERY == 0:
            await self._try("database", self._trim())
        if self._tick % _FORGET_EVERY == 0:
            await self._try("database", self._forget())

    async def sweep(self) -> None:
        """Look at the whole, and act on it."""
        service = self._service
        now_us, started = service.now_us(), time.perf_counter()
        sweep = await service.guard.sweep_soon(now_us)
        service.metrics.guard.sweep_seconds.observe(time.perf_counter() - started)
        made = tuple(d for d in sweep.decisions if not self._is_needless(d))
        self._decisions += made
        sweep = structs.replace(sweep, decisions=made)
        service.metrics.guard.note_sweep(sweep, service.guard.settings.budget)
        service.sweep = structs.replace(sweep, decisions=(), resets=())
        # All guards see the attack; one tells of it.
        was_alarm = self._alarm if self.is_holder else sweep.alarm
        self._tell(sweep, was_alarm)
        if sweep.alarm != self._alarm:
            LOG.warning("attack %s: %.0f%% of strangers' attempts",
                        "under way" if sweep.alarm else "over", 100 * sweep.level)  # fmt: skip
        self._alarm = sweep.alarm
        service.note_trouble("scorecard", sweep.misfit)
        self._watch_clock()

    def _check_ends(self) -> None:
        service = self._service
        share, told = service.ends.share, ""
        if share is not None:
            told = service.tell_trouble("outcomes", percent=round(100 * share))
        service.note_trouble("outcomes", told)

    def _watch_clock(self) -> None:
        """Say it as long as rows came within an hour that were too old to be counted."""
        service = self._service
        if service.guard.n_old != self._n_old:
            self._n_old, self._old_until_us = service.guard.n_old, service.now_us() + _HOUR_US
        is_old = service.now_us() < self._old_until_us
        service.note_trouble("clock", service.tell_trouble("clock") if is_old else "")

    async def look_again(self) -> None:
        """Look again at logins of strangers whose time has come, and store what comes of it."""
        n_left = _MOST_LOOKS
        # Without counts they wait; what is wrong with these is told elsewhere.
        with suppress(CountersGoneError):
            while n_left > 0 and (n_done := await self._look_at_some()):
                n_left -= n_done

    async def _look_at_some(self) -> int:
        """How many were due."""
        service, now_us = self._service, self._service.now_us()
        due = await service.database.ask_soon(lambda c: list_due(c, now_us // 1_000_000, _LOOKS_AT_ONCE))
        if due:
            found = await service.guard.look_again_soon(list(due.values()))
            await self._finish_looks(dict(zip(due, found, strict=True)), now_us)
        return len(due)

    async def _finish_looks(self, found: dict[int, Reset | Look | None], now_us: int) -> None:
        service = self._service
        resets: dict[int, Reset] = {}
        kept: dict[int, KeptReset | Look | None] = {}
        for number, result in found.items():
            if not isinstance(result, Reset):
                kept[number] = result
            elif is_allowed(service, result.context.ip, result.account):
                kept[number] = None
            else:
                resets[number], kept[number] = result, _keep_reset(result, now_us)
        mine = await service.database.write_soon(lambda c: finish_looks(c, kept))
        given = [reset for number, reset in resets.items() if number in mine]
        service.metrics.guard.count_resets(given)
        if given:
            self._tell(Sweep(now_us, resets=tuple(given)), was_alarm=False)

    def _tell(self, sweep: Sweep, was_alarm: bool) -> None:
        lang = self._service.settings.notify.lang
        for message in describe_sweep(sweep, was_alarm, lang, format_time):
            self._messenger.tell(message)

    def _is_needless(self, decision: Decision) -> bool:
        """Whether a decision stands already, or hits somebody who is let alone, or nobody can tell."""
        service = self._service
        if not service.allow_list.may_ban or service.decisions.is_off_limits(decision.value):
            return True
        return service.decisions.has(decision.value, decision.scenario, decision.simulated)

    async def _check_files(self) -> None:
        assert self._reloader is not None
        self._reloader.check()

    async def _store(self) -> None:
        """Have the database take what waits, then take over what it holds, whoever wrote it."""
        service = self._service
        now_us = service.now_us()
        self._decisions = [d for d in self._decisions if d.until_us > now_us][-_MAX_WAITING:]
        decisions, looks = list(self._decisions), service.guard.late.take_all()
        try:
            if decisions:
                await service.database.write_soon(lambda c: add_decisions(c, decisions, "stanch", now_us))
                del self._decisions[: len(decisions)]
            if looks:
                await service.database.write_soon(lambda c: add_looks(c, looks))
                looks = []
        finally:
            service.guard.late.give_back(looks)
            service.metrics.guard.waiting.set(len(self._decisions) + len(looks))
        n_changes = _AT_ONCE
        while n_changes == _AT_ONCE:
            changes = await service.database.ask_soon(
                lambda c: list(list_changes(c, service.decisions.version, _AT_ONCE))
            )
            if changes:
                service.decisions.apply(changes, service.now_us())
            n_changes = len(changes)

    async def _warn(self) -> None:
        """Ask the early warning anew where complaints have come in."""
        # It needs tables, which take a second and much memory to load: only where there are complaints.
        service = self._service
        n = (await service.database.ask_soon(count_rows)).get("complaints", 0)
        if n == self._n_complaints:
            return
        from stanch.service.early import find_alarms

        zone, settings = service.settings.zone, self._early
        service.alarms = await service.database.ask_soon(
            lambda c: find_alarms((rows for _, rows in iterate_rows(c, "complaints")), settings, zone)
        )
        self._n_complaints = n

    async def _store_uses(self) -> None:
        told = self._service.told.take_changed()
        try:
            if told:
                await self._service.database.write_soon(lambda c: keep_bouncers(c, told))
            told = {}
        finally:
            self._service.told.give_back(told)
        await self._service.keyring.store_uses()

    async def _undo_ahead(self) -> None:
        now_us = self._service.now_us()
        n_undone = await self._service.database.write_soon(lambda c: undo_ahead(c, now_us))
        if n_undone:
            LOG.warning("the clock was ahead: %d decisions of then are taken back", n_undone)

    async def _trim(self) -> None:
        n_lost = await self._service.database.write_soon(trim_looks)
        if n_lost:
            LOG.warning("%d logins are not looked at again: too many wait", n_lost)

    async def _forget(self) -> None:
        before_us = self._service.now_us() - self._service.settings.decisions_kept_days * _DAY_US
        await self._service.database.write_soon(lambda c: forget_decisions(c, before_us))
        await self._service.database.write_soon(lambda c: forget_resets(c, before_us))

    async def _try(self, subject: str, work: object) -> None:
        problem = self._service.tell_trouble(_FAILED[subject])
        try:
            await work  # type: ignore[misc]
        except StanchError as error:
            self._service.note_trouble(subject, problem)
            self._complain(str(error))
        except Exception:
            self._service.note_trouble(subject, problem)
            LOG.exception("%s", subject)
        else:
            if self._service.troubles.get(subject) == problem:
                self._service.note_trouble(subject, "")

    def _complain(self, problem: str) -> None:
        now = time.monotonic()
        if now - self._complained_at >= _COMPLAIN_EVERY_S:
            self._complained_at = now
            LOG.error("%s", problem)

    def _tell_troubles(self) -> None:
        troubles = dict(self._service.troubles)
        for subject, problem in troubles.items():
            if self._told_troubles.get(subject) != problem:
                self._messenger.tell(describe_trouble(subject, problem, self._service.settings.notify.lang))
        self._told_troubles = troubles


#: What `_try` says where a subject fails.
_FAILED: Final = {"settings": "files", "sweep": "sweep", "complaints": "complaints", "database": "database"}


def _keep_reset(reset: Reset, now_us: int) -> KeptReset:
    why = " ".join(reason.text for reason in reset.reasons)
    login_us = reset.context.time_s * 1_000_000
    return KeptReset(reset.account, login_us, now_us, reset.score, why, reset.simulated)
