"""A PostgreSQL server of its own, in a temporary folder, that nobody else can reach."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Debian keeps the server's programs out of PATH, one folder a version.
FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
INITDB = next((str(f / "initdb") for f in FOLDERS if (f / "initdb").exists()), shutil.which("initdb"))


@dataclass(frozen=True)
class Postgres:
    """The server; it may be stopped and started."""

    url: str
    start: Callable[[], None]
    stop: Callable[[], None]


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server that runs until the end of the block."""
    with making_postgres() as server:
        yield server.url


@contextmanager
def making_postgres() -> Iterator[Postgres]:
    """A server, started. It refuses to run as root, so root hands it to `nobody`."""
    assert INITDB is not None
    programs = Path(INITDB).parent
    user = "nobody" if os.geteuid() == 0 else None
    # Not below pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="stanch-postgres-"))

    def run(program: str, *words: str) -> None:
        subprocess.run(
            [programs / program, "-D", folder / "data", *words],
            check=True, capture_output=True, timeout=120, user=user, cwd=folder,
        )  # fmt: skip

    try:
        if user:
            shutil.chown(folder, user)
        run("initdb", "--auth=trust", "--username=stanch", "--encoding=UTF8", "--locale=C", "--no-sync")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=20"

        def start() -> None:
            run("pg_ctl", "start", "--wait", "--silent", "--log", str(folder / "log"), "--options", options)

        def stop() -> None:
            run("pg_ctl", "stop", "--mode", "immediate", "--silent")

        start()
        try:
            yield Postgres(f"postgresql://stanch@127.0.0.1:{port}/postgres", start, stop)
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
