"""Rows a second that `stanch serve` takes in, beside a server of the same stack that only echoes.

Both run as processes of their own on 127.0.0.1, one after the other, with the load generator on the same
machine: `python3 dev.py bench serving`. Every row is checked and on the disk before it is answered.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CONNECTIONS: Final = 8
SHAPES: Final = ((1, False), (100, False), (1_000, False), (10_000, False), (10_000, True))


def make_body(n_rows: int, *, packed: bool) -> bytes:
    """A batch of logins that differ from each other."""
    rows = [
        json.dumps({
            "time": f"2026-03-01T10:{n // 60 % 60:02d}:{n % 60:02d}Z", "ip": f"198.51.{n // 250}.{n % 250}",
            "account": f"customer{n}@example.org", "outcome": "failure" if n % 7 else "success",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64)", "session": f"s{n:08x}",
        })
        for n in range(n_rows)
    ]  # fmt: skip
    body = "\n".join(rows).encode()
    return gzip.compress(body, 6, mtime=0) if packed else body


def serve_echo(port: int) -> None:
    """The same server and framework with nothing behind them."""
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    async def echo(request: Request) -> Response:
        return Response(b'{"bytes":%d}' % len(await request.body()), media_type="application/json")

    app = Starlette(routes=[Route("/v1/events/logins", echo, methods=["POST"])])
    http1 = {"interface": Interfaces.ASGI, "http": HTTPModes.http1, "websockets": False}
    server = Server(app, address="127.0.0.1", port=port, log_enabled=False, **http1)
    asyncio.run(server.serve())


@contextmanager
def running(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    """A server process that answers on `port`."""
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("the server does not start") from None
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(60)


def measure(port: int, key: str, n_rows: int, *, packed: bool, seconds: float) -> tuple[float, float]:
    """Requests a second over all connections, and the median milliseconds of one."""
    body = make_body(n_rows, packed=packed)
    headers = {"X-Api-Key": key, "Content-Type": "application/x-ndjson"}
    headers |= {"Content-Encoding": "gzip"} if packed else {}

    def send(until: float) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        times = []
        while (begun := time.perf_counter()) < until:
            connection.request("POST", "/v1/events/logins", body, headers)
            answer = connection.getresponse()
            told = answer.read()
            assert answer.status == 200, told
            times.append(time.perf_counter() - begun)
        connection.close()
        return times

    send(time.perf_counter() + 0.3)
    begun = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        times = [t for part in pool.map(send, [begun + seconds] * CONNECTIONS) for t in part]
    return len(times) / (time.perf_counter() - begun), statistics.median(times) * 1e3


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="time for each shape and server (at most 60)"
    )
    parser.add_argument("--echo", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.echo:
        serve_echo(given.echo)
        return
    seconds = min(given.seconds, 60.0)
    results: dict[tuple[int, bool], list[tuple[float, float]]] = {shape: [] for shape in SHAPES}
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as folder:
        config = Path(folder) / "stanch.toml"
        port = find_port()
        config.write_text(f"[service]\ndata_dir = '{folder}/data'\nport = {port}\n")
        stanch = [sys.executable, "-m", "stanch"]
        added = subprocess.run(
            [*stanch, "keys", "add", "bench", "--scope", "ingest", "--config", str(config)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        servers = [([*stanch, "serve", "--config", str(config)], port)]
        echo_port = find_port()
        servers.append(([sys.executable, __file__, "--echo", str(echo_port)], echo_port))
        for command, on in servers:
            with running(command, on, {}):
                for n_rows, packed in SHAPES:
                    told = measure(on, added.stdout.strip(), n_rows, packed=packed, seconds=seconds)
                    results[n_rows, packed].append(told)
    print(
        f"{CONNECTIONS} connections, {seconds:g} s each, on {os.cpu_count()} cores with the load generator\n"
    )
    print("| rows in a request | requests/s | rows/s | median ms | echo alone: requests/s | rows/s |")
    print("|---|---:|---:|---:|---:|---:|")
    for (n_rows, packed), ((rate, ms), (echo_rate, _)) in results.items():
        name = f"{n_rows:,}{', gzip' if packed else ''}"
        cells = (
            f"{rate:,.0f} | {rate * n_rows:,.0f} | {ms:,.1f} | {echo_rate:,.0f} | {echo_rate * n_rows:,.0f}"
        )
        print(f"| {name} | {cells} |")


if __name__ == "__main__":
    main()
