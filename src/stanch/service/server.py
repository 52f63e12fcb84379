"""Runs the service: refuses what would be insecure, listens, and stops when told to."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from starlette.applications import Starlette
from starlette.types import ASGIApp, Lifespan

from stanch.cases.database import Database, find_url, open_database
from stanch.cases.keys import list_keys
from stanch.errors import UsageError
from stanch.service.app import build_app
from stanch.service.duty import Duty
from stanch.service.messages import Messenger
from stanch.service.opening import open_service
from stanch.service.operations import Operation
from stanch.service.problems import Telling
from stanch.service.reloading import Reloader
from stanch.service.secrets import load_secrets
from stanch.service.settings import ServiceSettings, find_data_dir
from stanch.service.state import Service
from stanch.service.traces import Traced
from stanch.settings import Settings

#: Headers of a request have to arrive within this time, and an idle connection is closed after it.
_HEADERS_MS: Final = 10_000
#: More bytes of headers are refused (431).
_HEADERS_BYTES: Final = 32 << 10
_BACKLOG: Final = 1024
#: Files that are open beside connections: the database, the terminal.
_OTHER_FILES: Final = 256


def run_service(
    whole: Settings,
    config: Path | None,
    announce: Callable[[str, Service], None],
    more: Sequence[Operation] = (),
    tell: Telling | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first. `announce` gets the address.

    `more` is served beside the operations of the service itself; `tell` may show pages for problems.

    SIGHUP, and a change of the file `config`, has the settings read anew.

    Raises:
        UsageError: the address cannot be used, or is public and there is no key yet.
        StoreError: the data folder or the database cannot be used.
    """
    settings = whole.service
    address = find_address(settings.host)
    data_dir = find_data_dir(settings)
    secrets = load_secrets(data_dir)
    database = open_database(find_url(data_dir))
    try:
        if not is_private(address):
            _check_keys(database, settings.host)
        _check_port(address, settings.port)
        service = open_service(
            settings,
            whole.guard,
            database=database,
            secrets=secrets,
            data_dir=data_dir,
            now_us=lambda: time.time_ns() // 1_000,
        )
        service.config = config
        messenger = Messenger(lambda: service.settings.notify, service.metrics.guard)
        messenger.start()
        reloader = Reloader(service, config, whole)
        duty = Duty(service, messenger, reloader, whole.early)
        shown = f"[{address}]" if ":" in address else address
        url = f"http://{shown}:{settings.port}"
        app = build_app(service, _make_lifespan(duty, lambda: announce(url, service)), more=more, tell=tell)
        traced = Traced(app, settings.traces) if settings.traces else None
        try:
            # What is there from the start need not be looked through each time.
            gc.collect()
            gc.freeze()
            # granian wakes the loop from its threads twice a request: uvloop's wake-ups are cheaper.
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(traced or app, address, settings, reloader.ask))
        finally:
            if traced is not None:
                traced.close()
            service.jobs.close()
            messenger.stop()
            service.guard.close()
    finally:
        database.close()


def find_address(host: str) -> str:
    """The IP address of `host`.

    Raises:
        UsageError: it has none.
    """
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except (OSError, UnicodeError) as error:
        raise UsageError(f"--host {host}: there is no such address") from error


def is_private(address: str) -> bool:
    """Whether only this machine can reach `address`."""
    return ipaddress.ip_address(address).is_loopback


def _check_keys(database: Database, host: str) -> None:
    with database.read() as connection:
        if any(key.revoked_us is None for key in list_keys(connection)):
            return
    raise UsageError(
        f"--host {host} can be reached by others, and no key is set",
        hint="make one first: stanch keys add NAME --scope ingest",
    )


def _check_port(address: str, port: int) -> None:
    """Say plainly what would stop the server from listening."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise UsageError(f"cannot listen on {address}:{port}: {error.strerror}", hint="--port") from error


def _make_lifespan(duty: Duty, announce: Callable[[], None]) -> Lifespan[Starlette]:
    """The duty beside the requests; `announce` is called when the server listens."""

    @asynccontextmanager
    async def live(_app: Starlette) -> AsyncIterator[None]:
        announce()
        running = asyncio.create_task(duty.run())
        try:
            yield
        finally:
            duty.stop()
            await running
            await duty.finish()

    return live


def _allow_connections(n_connections: int) -> None:
    """Have as many files open as there may be connections, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = n_connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


async def _serve(app: ASGIApp, address: str, settings: ServiceSettings, reload: Callable[[], None]) -> None:
    _allow_connections(settings.max_connections)
    server = Server(
        app,
        address=address,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        backlog=_BACKLOG,
        backpressure=settings.max_connections,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_MS, max_buffer_size=_HEADERS_BYTES),
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    await server.serve()
