"""What every handler has at hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request

from stanch.cases.database import Database
from stanch.evidence.people import People
from stanch.service.keyring import Keyring
from stanch.service.metrics import Metrics
from stanch.service.secrets import Secrets
from stanch.service.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Service:
    """One running service."""

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


def find_service(request: Request) -> Service:
    """The service that a request came to."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service
