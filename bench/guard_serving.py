"""Logins that `stanch serve` judges a second over HTTP, beside an empty endpoint of the same stack.

`python3 dev.py bench guard_serving` takes three to four minutes, with `--quick` one. The servers run as
processes of their own on 127.0.0.1; load comes to one at a time, by turns, from `wrk` on the same machine,
from as many connections for all of them; and for the waiting time at half of what the guard takes from a
generator that sends at random moments whether or not answers have come, so that a stall counts for all who
arrive during it. Before, the guard has seen some thousand logins end. With Redis the server for the
counters runs on the same machine too. Then a bouncer asks for decisions, of which there are 100,000 in
force. Other work on the machine falls on all; `nice -n -15` in front keeps it away.

The empty endpoint is a route of Starlette's for `POST /v1/logins/assess` that answers `{}` as JSON, under
granian and uvloop with the settings of `stanch serve`, called with the same bodies and headers. One reads
the body, as whoever judges must; one leaves it unread.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

from serving import find_port, running

PATH: Final = "/v1/logins/assess"
CONNECTIONS: Final = 16
N_BODIES: Final = 20_000
N_WARM: Final = 3_000
N_DECISIONS: Final = 100_000
#: Room for all who come; a file of the usual 400 MB takes some file systems minutes to remove.
_SIZES: Final = "[guard]\ncustomers = 100000\nrecent = 100000\n"
_SCRIPT: Final = """
local bodies, i = {}, 0
function init(args)
  for line in io.lines(args[1]) do bodies[#bodies + 1] = wrk.format("POST", nil, nil, line) end
end
function request() i = i % #bodies + 1; return bodies[i] end
"""


@dataclass
class Contender:
    """A server under load, and what was seen of it."""

    name: str
    command: list[str]
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    key: str = ""
    rates: list[float] = field(default_factory=list)
    waits: list[tuple[float, float, float]] = field(default_factory=list)


def make_bodies(seed: int) -> list[str]:
    """Attempts of 5,000 customers from 3,000 addresses."""
    rng = random.Random(seed)
    return [
        json.dumps({
            "ip": f"198.{51 + rng.randrange(2)}.{rng.randrange(12)}.{rng.randrange(125)}",
            "account": f"customer{rng.randrange(5_000)}@example.org",
            "user_agent": f"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/{100 + rng.randrange(40)}",
            "country": rng.choice(("DE", "FR", "CN", "GB")), "asn": str(64_500 + rng.randrange(30)),
        })
        for _ in range(N_BODIES)
    ]  # fmt: skip


def serve_empty(port: int, *, reads: bool) -> None:
    """The same server and framework, with the same settings and nothing behind them.

    One that leaves the body unread is spared what reading costs in granian: a wake-up from another thread.
    """
    import uvloop
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.server.embed import Server
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    async def answer(request: Request) -> Response:
        if reads:
            await request.body()
        return JSONResponse({})

    server = Server(
        Starlette(routes=[Route(PATH, answer, methods=["POST"])]),
        address="127.0.0.1", port=port, log_enabled=False, interface=Interfaces.ASGI, http=HTTPModes.http1,
        websockets=False, backlog=1_024, backpressure=1_024,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=32 << 10),
    )  # fmt: skip
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(server.serve())


def ask(port: int, key: str, method: str, path: str, body: str = "") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body, {"X-Api-Key": key, "Content-Type": "application/json"})
    answer = connection.getresponse()
    told = answer.read()
    assert answer.status == 200, told
    connection.close()
    return told


def warm_up(contender: Contender, bodies: list[str]) -> None:
    """Let the guard see logins end."""
    connection = http.client.HTTPConnection("127.0.0.1", contender.port, timeout=60)

    def tell(path: str, body: str) -> dict:
        headers = {"X-Api-Key": contender.key, "Content-Type": "application/json"}
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        assert answer.status == 200, told
        return told

    for number, body in enumerate(bodies[:N_WARM]):
        outcome = "failure" if number % 8 == 0 else "success"
        tell("/v1/logins/outcome", json.dumps({"id": tell(PATH, body)["id"], "outcome": outcome}))
    connection.close()


def press(contender: Contender, folder: Path, seconds: int) -> float:
    """Requests a second with the generator waiting for answers (`wrk`)."""
    command = [
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", f"{folder}/load.lua",
        "-H", f"X-Api-Key: {contender.key}", "-H", "Content-Type: application/json",
        f"http://127.0.0.1:{contender.port}{PATH}", "--", f"{folder}/bodies",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Non-2xx" not in done.stdout, done.stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


class _Caller(asyncio.Protocol):
    """One connection, kept open; tells when an answer is complete."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.received = b""
        self.answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE) if found else None
        if length is not None and len(body) >= int(length[1]) and self.answered is not None:
            assert head.startswith(b"HTTP/1.1 200"), head
            self.received = b""
            self.answered.set_result(None)


async def wait_openly(contender: Contender, bodies: list[str], rate: float, seconds: float) -> list[float]:
    """Milliseconds from the moment at which each request was due, at random moments of this rate."""
    rng = random.Random(1)
    loop = asyncio.get_running_loop()
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {contender.key}\r\nContent-Type: application/json\r\n"
    )
    requests = [f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode() for body in bodies[:5_000]]
    free: asyncio.LifoQueue[_Caller] = asyncio.LifoQueue()
    callers = []
    for _ in range(8 * CONNECTIONS):
        _, caller = await loop.create_connection(_Caller, "127.0.0.1", contender.port)
        callers.append(caller)
        free.put_nowait(caller)
    waits: list[float] = []

    async def call(due: float, request: bytes) -> None:
        caller = await free.get()
        caller.answered = loop.create_future()
        caller.transport.write(request)
        await caller.answered
        waits.append(1e3 * (time.perf_counter() - due))
        free.put_nowait(caller)

    begun = due = time.perf_counter()
    calls = set()
    number = 0
    while due < begun + seconds:
        due += rng.expovariate(rate)
        if (left := due - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        task = asyncio.create_task(call(due, requests[number % len(requests)]))
        calls.add(task)
        task.add_done_callback(calls.discard)
        number += 1
    await asyncio.gather(*calls)
    for caller in callers:
        caller.transport.close()
    return waits


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """A server for the counters on a TCP port, as it would be elsewhere."""
    port = find_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(30)


def make_contenders(folder: Path, url: str) -> list[Contender]:
    contenders = []
    for name, option in (("empty endpoint", "--empty"), ("empty, body unread", "--empty-unread")):
        port = find_port()
        contenders.append(Contender(name, [sys.executable, __file__, option, str(port)], port, key="none"))
    for name, environment in (("in-process", {}), ("Redis", {"STANCH_COUNTERS_URL": url})):
        port = find_port()
        config = folder / f"{name}.toml"
        config.write_text(
            f"{_SIZES}[service]\ndata_dir = '{folder}/{name}'\nport = {port}\n"
            "[service.limits]\nshop = 1000000\n"
        )
        stanch = [sys.executable, "-m", "stanch"]
        contender = Contender(name, [*stanch, "serve", "--config", str(config)], port, environment)
        contender.key = add_key(config, "shop")
        contenders.append(contender)
    return contenders


def add_key(config: Path, scope: str) -> str:
    command = [
        sys.executable,
        "-m",
        "stanch",
        "keys",
        "add",
        scope,
        "--scope",
        scope,
        "--config",
        str(config),
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def fill_decisions(folder: Path) -> None:
    """100,000 decisions in force, as if they had been made by hand."""
    from stanch.cases.database import find_url, open_database
    from stanch.cases.decisions import add_decisions

    database = open_database(find_url(folder))
    database.write(lambda c: add_decisions(c, _decide(0, N_DECISIONS), "manual", time.time_ns() // 1_000))
    database.close()


def _decide(first: int, n: int) -> list:
    from stanch.guard.decisions import Decision

    now_us = time.time_ns() // 1_000
    return [
        Decision(
            f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}",
            "ip",
            "ban",
            "manual",
            "",
            now_us,
            now_us + 10**11,
            False,
        )
        for i in range(first, first + n)
    ]


def measure_decisions(folder: Path, rounds: int) -> tuple[list[float], list[float], int]:
    """Milliseconds of first answers and of deltas with 100 changes each, and bytes of a first answer."""
    from stanch.cases.database import find_url, open_database
    from stanch.cases.decisions import add_decisions

    config = folder / "decisions.toml"
    port = find_port()
    config.write_text(f"{_SIZES}[service]\ndata_dir = '{folder}/decisions'\nport = {port}\n")
    key = add_key(config, "bouncer")
    fill_decisions(folder / "decisions")
    firsts, deltas, n_bytes = [], [], 0
    with running([sys.executable, "-m", "stanch", "serve", "--config", str(config)], port, {}):
        database = open_database(find_url(folder / "decisions"))
        for turn in range(rounds):
            begun = time.perf_counter()
            told = ask(port, key, "GET", "/v1/decisions/stream?startup=true")
            firsts.append(1e3 * (time.perf_counter() - begun))
            n_bytes = len(told)
            assert len(json.loads(told)["new"]) >= N_DECISIONS
            first = N_DECISIONS + 100 * turn
            database.write(
                lambda c, first=first: add_decisions(
                    c, _decide(first, 100), "manual", time.time_ns() // 1_000
                )
            )
            seen: set[str] = set()
            until = time.monotonic() + 30
            while len(seen) < 100 and time.monotonic() < until:
                begun = time.perf_counter()
                told = ask(port, key, "GET", "/v1/decisions/stream")
                deltas.append(1e3 * (time.perf_counter() - begun))
                seen |= {decision["value"] for decision in json.loads(told)["new"]}
                time.sleep(0.2)
            assert len(seen) >= 100
        database.close()
    return firsts, deltas, n_bytes


def report(told: str) -> None:
    """How far it is, where somebody may be waiting."""
    print(f"{time.strftime('%X')} {told}", file=sys.stderr, flush=True)


def take_turns(
    contenders: list[Contender], folder: Path, bodies: list[str], given: argparse.Namespace
) -> None:
    """All servers run; load comes to one at a time."""
    for turn in range(given.rounds):
        for contender in contenders:
            contender.rates.append(press(contender, folder, given.seconds))
        rates = ", ".join(f"{contender.name} {contender.rates[-1]:,.0f}" for contender in contenders)
        report(f"turn {turn + 1} of {given.rounds}, requests/s: {rates}")
    judging = statistics.median(contenders[2].rates)
    for turn in range(given.rounds):
        report(f"turn {turn + 1} of {given.rounds}: waiting times")
        for contender in contenders:
            # The empty ones get what the guard gets: more would keep the generator itself busy.
            half = min(statistics.median(contender.rates), judging) / 2
            waits = sorted(asyncio.run(wait_openly(contender, bodies, half, given.seconds)))
            at = [waits[int(q * len(waits))] for q in (0.5, 0.99, 0.999)]
            contender.waits.append((at[0], at[1], at[2]))


def show(contenders: list[Contender]) -> None:
    """One line a server; ratios are medians over turns."""
    print(
        "| server | requests/s (median, range) | of the empty one | of the unread one"
        " | p50 / p99 / p99.9 ms at half the guard's load |"
    )
    print("|---|---:|---:|---:|---:|")
    for contender in contenders:
        rates = contender.rates
        ratios = [
            statistics.median(rate / other for rate, other in zip(rates, empty.rates, strict=True))
            for empty in contenders[:2]
        ]
        waits = " / ".join(f"{statistics.median(part):.1f}" for part in zip(*contender.waits, strict=True))
        shown = f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})"
        print(f"| {contender.name} | {shown} | {ratios[0]:.2f} | {ratios[1]:.2f} | {waits} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4, help="of each turn (at most 60)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each server (at most 20)")
    parser.add_argument("--quick", action="store_true", help="three turns of a second each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--empty", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--empty-unread", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.empty or given.empty_unread:
        serve_empty(given.empty or given.empty_unread, reads=bool(given.empty))
        return
    if given.quick:
        given.seconds, given.rounds = 1, 3
    given.seconds, given.rounds = min(given.seconds, 60), min(given.rounds, 20)
    bodies = make_bodies(given.seed)
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        (folder / "load.lua").write_text(_SCRIPT)
        (folder / "bodies").write_text("\n".join(bodies))
        report("starting servers")
        contenders = make_contenders(folder, stack.enter_context(running_redis(folder)))
        for contender in contenders:
            stack.enter_context(running(contender.command, contender.port, contender.environment))
        for contender in contenders[2:]:
            warm_up(contender, bodies)
        take_turns(contenders, folder, bodies, given)
        stack.close()
    with tempfile.TemporaryDirectory(prefix="stanch-bench-") as name:
        report(f"{N_DECISIONS:,} decisions")
        firsts, deltas, n_bytes = measure_decisions(Path(name), given.rounds)
    print(f"{given.rounds} turns of {given.seconds} s, {CONNECTIONS} connections, {os.cpu_count()} cores,"
          f" load average {os.getloadavg()[0]:.0f}, seed {given.seed}\n")  # fmt: skip
    show(contenders)
    print(f"\nDecisions with {N_DECISIONS:,} in force: first answer {statistics.median(firsts):,.0f} ms"
          f" (most {max(firsts):,.0f}; {n_bytes / 1e6:.1f} MB), deltas {statistics.median(deltas):.1f} ms"
          f" (most {max(deltas):.1f}; {len(deltas)} of them, the connection made anew for each)")  # fmt: skip


if __name__ == "__main__":
    main()
