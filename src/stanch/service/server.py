"""Runs the service: refuses what would be insecure, listens, and stops when told to."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
import signal
import socket
import time
from collections.abc import Callable
from typing import Final

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server
from starlette.types import ASGIApp, Receive, Scope, Send

from stanch.cases.database import Database, find_url, open_database
from stanch.cases.keys import list_keys
from stanch.errors import UsageError
from stanch.evidence.people import People
from stanch.service.app import build_app
from stanch.service.keyring import Keyring
from stanch.service.metrics import Metrics
from stanch.service.secrets import load_secrets
from stanch.service.settings import ServiceSettings, find_data_dir
from stanch.service.state import Service

#: Headers of a request have to arrive within this time, and an idle connection is closed after it.
_HEADERS_MS: Final = 10_000
#: More bytes of headers are refused (431).
_HEADERS_BYTES: Final = 32 << 10
_BACKLOG: Final = 1024
#: Files that are open beside connections: the database, the terminal.
_OTHER_FILES: Final = 256


def run_service(settings: ServiceSettings, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are finished first. `announce` gets the address.

    Raises:
        UsageError: the address cannot be used, or is public and there is no key yet.
        StoreError: the data folder or the database cannot be used.
    """
    address = find_address(settings.host)
    data_dir = find_data_dir(settings)
    secrets = load_secrets(data_dir)
    database = open_database(find_url(data_dir))
    try:
        if not is_private(address):
            _check_keys(database, settings.host)
        _check_port(address, settings.port)
        service = Service(
            settings=settings,
            database=database,
            secrets=secrets,
            keyring=Keyring(database),
            metrics=Metrics(),
            people=People(None, secrets.derive("session")),
            now_us=lambda: time.time_ns() // 1_000,
            batches=asyncio.Semaphore(settings.max_batches),
        )
        shown = f"[{address}]" if ":" in address else address
        app = _announced(build_app(service), lambda: announce(f"http://{shown}:{settings.port}"))
        asyncio.run(_serve(app, address, settings))
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


def _announced(app: ASGIApp, announce: Callable[[], None]) -> ASGIApp:
    """`app`, and `announce` called when the server listens."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            announce()
        await app(scope, receive, send)

    return wrapped


def _allow_connections(n_connections: int) -> None:
    """Have as many files open as there may be connections, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = n_connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


async def _serve(app: ASGIApp, address: str, settings: ServiceSettings) -> None:
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
    await server.serve()
