"""What every handler has at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request

from stanch.cases.active import ActiveDecisions
from stanch.cases.bouncers import Told
from stanch.cases.database import Database
from stanch.evidence.people import People
from stanch.guard.allow_list import AllowList
from stanch.guard.device_cookie import DeviceCookies
from stanch.guard.guard import Guard, Sweep
from stanch.guard.leaked import LeakedFilter
from stanch.reporting.catalogue import load_catalogue
from stanch.service.attempts import AttemptIds
from stanch.service.challenge.passes import Passes
from stanch.service.ends import Ends
from stanch.service.jobs import Jobs
from stanch.service.keyring import Keyring
from stanch.service.limits import Limits
from stanch.service.metrics import Metrics
from stanch.service.pulse import Pulse
from stanch.service.secrets import Secrets
from stanch.service.settings import ServiceSettings

if TYPE_CHECKING:
    from stanch.complaints.early import Alarm


@dataclass(slots=True)
class Service:
    """One running service."""

    #: Replaced as a whole when they are read anew; what is read once at the start stays as it was.
    settings: ServiceSettings
    database: Database
    secrets: Secrets
    keyring: Keyring
    metrics: Metrics
    #: Hashes sessions the same way whenever they come in.
    people: People
    #: Microseconds since 1970-01-01 UTC.
    now_us: Callable[[], int]
    #: Taken by each batch while it is read and checked.
    batches: asyncio.Semaphore
    guard: Guard
    allow_list: AllowList
    decisions: ActiveDecisions
    told: Told
    ids: AttemptIds
    cookies: DeviceCookies
    #: Hash accounts for the devices' tokens; as those of the cookies, the present one first.
    account_keys: tuple[bytes, ...]
    limits: Limits
    passes: Passes
    #: The operator's list of leaked credentials; None: there is none.
    leaked: LeakedFilter | None
    pulse: Pulse
    #: Of the database and the key, unless these lie elsewhere, and of what is too large for a database.
    data_dir: Path
    ends: Ends = field(default_factory=Ends)
    jobs: Jobs = field(default_factory=Jobs)
    #: The settings file, for programs that the service starts.
    config: Path | None = None
    #: The last look at the whole, without what it decided; None before the first.
    sweep: Sweep | None = None
    #: What the early warning says of the complaints; newest first.
    alarms: tuple[Alarm, ...] = ()
    #: What is wrong without stopping the service, by subject; told at /readyz.
    troubles: dict[str, str] = field(default_factory=dict)

    def note_trouble(self, subject: str, problem: str) -> None:
        """Say what is wrong about a subject; nothing if `problem` is empty."""
        if problem:
            self.troubles[subject] = problem
        else:
            self.troubles.pop(subject, None)

    def tell_trouble(self, key: str, **values: object) -> str:
        """What is wrong, in the language of messages."""
        return load_catalogue(self.settings.notify.lang, "stanch.service").text(f"trouble.{key}", **values)


def find_service(request: Request) -> Service:
    """The service that a request came to."""
    service: Service = request.app.state.service
    return service
