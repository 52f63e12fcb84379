"""Puts a service together out of its settings, its database and its key."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stanch.cases.active import RETENTION_US, ActiveDecisions
from stanch.cases.bouncers import Told, list_bouncers
from stanch.cases.database import Database
from stanch.cases.decisions import list_kept
from stanch.evidence.people import People
from stanch.guard.allow_list import AllowList
from stanch.guard.counters import Counters
from stanch.guard.device_cookie import DeviceCookies
from stanch.guard.guard import Guard
from stanch.guard.leaked import LeakedFilter
from stanch.guard.memory import MemoryCounters
from stanch.guard.scorecard import Scorecard, load_scorecard
from stanch.guard.settings import GuardSettings
from stanch.guard.shared import SharedCounters
from stanch.service.attempts import AttemptIds
from stanch.service.challenge.passes import Passes
from stanch.service.keyring import Keyring
from stanch.service.limits import Limits
from stanch.service.metrics import Metrics
from stanch.service.pulse import Pulse
from stanch.service.secrets import Secrets
from stanch.service.settings import ServiceSettings
from stanch.service.state import Service

COUNTERS_FILE: Final = "counters.bin"


def open_service(
    settings: ServiceSettings,
    guard_settings: GuardSettings,
    *,
    database: Database,
    secrets: Secrets,
    data_dir: Path,
    now_us: Callable[[], int],
) -> Service:
    """A service that is ready to answer.

    Raises:
        StoreError: the counters or the decisions cannot be read.
        SettingsError: the scorecard cannot be used.
    """
    allow_list = AllowList(find_allow_list(settings))
    decisions = ActiveDecisions(lambda network: not allow_list.may_ban or allow_list.touches(network))
    with database.read() as connection:
        moment = now_us()
        decisions.load(list_kept(connection, moment - RETENTION_US), moment)
        told = Told(list_bouncers(connection))
    counters = open_counters(guard_settings, secrets, data_dir)
    service = Service(
        settings=settings,
        database=database,
        secrets=secrets,
        keyring=Keyring(database),
        metrics=Metrics(),
        people=People(None, secrets.derive("session")),
        now_us=now_us,
        batches=asyncio.Semaphore(settings.max_batches),
        guard=Guard(
            counters, find_scorecard(guard_settings), guard_settings, secrets.derive("guard"), now_us
        ),
        allow_list=allow_list,
        decisions=decisions,
        told=told,
        ids=AttemptIds(secrets),
        cookies=DeviceCookies(secrets.derive_all("device")),
        account_keys=secrets.derive_all("device account"),
        limits=Limits(settings.limits),
        passes=Passes(secrets, counters),
        leaked=open_leaked(settings),
        pulse=Pulse(moment),
        data_dir=data_dir,
    )
    service.metrics.guard.watch(service)
    return service


def open_counters(settings: GuardSettings, secrets: Secrets, data_dir: Path) -> Counters:
    """The counters in the data folder, or on the server that `STANCH_COUNTERS_URL` names."""
    sizes = {"customers": settings.customers, "recent": settings.recent}
    url = os.environ.get("STANCH_COUNTERS_URL")
    if not url:
        return MemoryCounters(data_dir / COUNTERS_FILE, **sizes)
    timeout_s = settings.counters_timeout_ms / 1_000
    return SharedCounters(url, timeout_s=timeout_s, secret=secrets.derive("guard"), **sizes)


def find_scorecard(settings: GuardSettings) -> Scorecard:
    """The shop's own scorecard, or the one built in."""
    return load_scorecard(Path(settings.scorecard).expanduser() if settings.scorecard else None)


def open_leaked(settings: ServiceSettings) -> LeakedFilter | None:
    """The list of leaked credentials, None if there is none.

    Raises:
        StoreError: it cannot be used.
    """
    return LeakedFilter.open(Path(settings.leaked).expanduser()) if settings.leaked else None


def find_allow_list(settings: ServiceSettings) -> Path | None:
    """The file of the allow-list, None if there is none."""
    return Path(settings.allow_list).expanduser() if settings.allow_list else None
