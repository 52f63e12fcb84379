"""What the service does by itself while it runs: the look at the whole, what follows from it, and upkeep.

Nothing here may stop it: what fails is logged and tried again, and what the database does not take waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from msgspec import structs

from stanch.cases.bouncers import keep_bouncers
from stanch.cases.decisions import add_decisions, forget_decisions, list_changes, undo_ahead
from stanch.cases.resets import KeptReset, add_resets, forget_resets
from stanch.cases.segments import count_rows, iterate_rows
from stanch.complaints.early.settings import EarlySettings
from stanch.errors import StanchError
from stanch.findings import format_time
from stanch.guard.decisions import Decision
from stanch.guard.guard import Reset
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
_WARN_EVERY: Final = 300
#: Changes taken over at a time, so that the event loop is held up for milliseconds only.
_AT_ONCE: Final = 1_000
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
        self._decisions: list[Decision] = []
        self._resets: list[KeptReset] = []
        self._alarm = False
        self._told_troubles: dict[str, str] = {}
        self._complained_at = float("-inf")
        self._tick = 0
        self._early = EarlySettings() if early is None else early
        self._n_complaints = 0
        self._warning: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(_TICK_S)

    async def step(self) -> None:
        """One second's work."""
        service = self._service
        if self._reloader is not None:
            await self._try("settings", self._check_files())
        service.decisions.expire(service.now_us())
        if self._tick % _SWEEP_EVERY == 0:
            await self._try("sweep", self.sweep())
        await self._try("database", self._store())
        if self._tick % _STORE_EVERY == 0:
            await self._try("database", self._store_uses())
        if self._tick % _CHECK_CLOCK_EVERY == 0:
            await self._try("database", self._undo_ahead())
        if self._tick % _FORGET_EVERY == 0:
            await self._try("database", self._forget())
        if self._tick % _WARN_EVERY == 0 and (self._warning is None or self._warning.done()):
            # Beside the rest: with tens of thousands of complaints it takes seconds.
            self._warning = asyncio.create_task(self._try("complaints", self._warn()))
        if service.guard.problem:
            service.troubles["counters"] = service.guard.problem
        else:
            service.troubles.pop("counters", None)
        self._tell_troubles()
        self._tick += 1

    async def finish(self) -> None:
        """Before the service stops: store what is not stored yet."""
        if self._warning is not None:
            await self._warning
        await self._try("database", self._store())
        await self._try("database", self._store_uses())

    async def sweep(self) -> None:
        """Look at the whole, and act on it."""
        service = self._service
        now_us, started = service.now_us(), time.perf_counter()
        sweep = await service.guard.sweep_soon(now_us)
        service.metrics.guard.sweep_seconds.observe(time.perf_counter() - started)
        service.metrics.guard.note_sweep(sweep, service.guard.settings.budget)
        service.sweep = structs.replace(sweep, decisions=(), resets=())
        self._decisions += [d for d in sweep.decisions if not self._is_allowed(d)]
        resets = [r for r in sweep.resets if not is_allowed(service, r.context.ip, r.account)]
        sweep = structs.replace(sweep, resets=tuple(resets))
        self._resets += [_keep_reset(reset, now_us) for reset in sweep.resets]
        for message in describe_sweep(sweep, self._alarm, service.settings.notify.lang, format_time):
            self._messenger.tell(message)
        if sweep.alarm != self._alarm:
            LOG.warning("attack %s: %.0f%% of strangers' attempts",
                        "under way" if sweep.alarm else "over", 100 * sweep.level)  # fmt: skip
        self._alarm = sweep.alarm
        if sweep.misfit:
            service.troubles["scorecard"] = sweep.misfit
        else:
            service.troubles.pop("scorecard", None)

    def _is_allowed(self, decision: Decision) -> bool:
        """Whether a decision would hit somebody who is to be let alone, or nobody can tell."""
        return not self._service.allow_list.may_ban or self._service.decisions.is_off_limits(decision.value)

    async def _check_files(self) -> None:
        assert self._reloader is not None
        self._reloader.check()

    async def _store(self) -> None:
        """Have the database take what waits, then take over what it holds, whoever wrote it."""
        service = self._service
        now_us = service.now_us()
        self._decisions = [d for d in self._decisions if d.until_us > now_us][-_MAX_WAITING:]
        del self._resets[:-_MAX_WAITING]
        decisions, resets = list(self._decisions), list(self._resets)
        try:
            if decisions:
                await service.database.write_soon(lambda c: add_decisions(c, decisions, "stanch", now_us))
                del self._decisions[: len(decisions)]
            if resets:
                await service.database.write_soon(lambda c: add_resets(c, resets))
                del self._resets[: len(resets)]
        finally:
            service.metrics.guard.waiting.set(len(self._decisions) + len(self._resets))
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

    async def _forget(self) -> None:
        before_us = self._service.now_us() - self._service.settings.decisions_kept_days * _DAY_US
        await self._service.database.write_soon(lambda c: forget_decisions(c, before_us))
        await self._service.database.write_soon(lambda c: forget_resets(c, before_us))

    async def _try(self, subject: str, work: object) -> None:
        try:
            await work  # type: ignore[misc]
        except StanchError as error:
            self._service.troubles[subject] = _TROUBLES[subject]
            self._complain(str(error))
        except Exception:
            self._service.troubles[subject] = _TROUBLES[subject]
            LOG.exception("%s", subject)
        else:
            if self._service.troubles.get(subject) == _TROUBLES[subject]:
                del self._service.troubles[subject]

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


_TROUBLES: Final = {
    "settings": "looking at the files of the settings failed; the log says why",
    "sweep": "looking at the whole failed; the log says why",
    "complaints": "the early warning failed; the log says why",
    "database": "it cannot be reached or written to; decisions wait in memory",
}


def _keep_reset(reset: Reset, now_us: int) -> KeptReset:
    why = " ".join(reason.text for reason in reset.reasons)
    login_us = reset.context.time_s * 1_000_000
    return KeptReset(reset.account, login_us, now_us, reset.score, why, reset.simulated)
