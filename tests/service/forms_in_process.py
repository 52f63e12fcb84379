"""The forms without sockets: a service whose clock the test moves."""

import asyncio
import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import zstandard
from msgspec import json

from stanch.cases.database import Database, open_database
from stanch.cases.keys import add_key
from stanch.cases.segments import iterate_rows
from stanch.guard.settings import GuardSettings
from stanch.service.app import build_app
from stanch.service.duty import Duty
from stanch.service.messages import Message
from stanch.service.opening import open_service
from stanch.service.secrets import load_secrets
from stanch.service.settings import ServiceSettings
from stanch.service.state import Service

#: 2026-03-01 10:00 UTC.
START_US = 1_772_359_200_000_000
#: A guard that takes little memory.
SMALL = GuardSettings(customers=1_000, recent=1_000)
REPORT = {"text": "They said I had been made a wholesaler", "order": "A-1001"}


@dataclass
class Desk:
    """A service and its callers."""

    folder: Path
    settings: ServiceSettings
    database: Database
    guard: GuardSettings = SMALL
    now_us: int = START_US
    service: Service = field(init=False)
    duty: Duty = field(init=False)
    #: Events that were told, as they would be sent.
    told: list[Message] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        secrets = load_secrets(self.folder)
        self.service = open_service(
            self.settings, self.guard, database=self.database, secrets=secrets, data_dir=self.folder,
            now_us=lambda: self.now_us,
        )  # fmt: skip
        self.app = build_app(self.service)
        self.duty = Duty(self.service, Recorder(self.told))  # type: ignore[arg-type]

    def ask(self, method: str, path: str, address: str = "198.51.100.7", **given: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(address, 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://stanch.test") as client:
                return await client.request(method, path, **given)

        return asyncio.run(call())

    def work(self, steps: int = 1) -> None:
        """What the service does by itself within some seconds."""

        async def run() -> None:
            for _ in range(steps):
                await self.duty.step()
            await self.duty.finish()

        asyncio.run(run())

    def open(self, path: str = "/complaints/new", **given: Any) -> str:
        """The token of a fresh form."""
        return find_token(self.ask("GET", path, **given).text)

    def send(self, values: dict[str, Any], path: str = "/complaints/new", **given: Any) -> httpx.Response:
        return self.ask("POST", path, data=values, **given)

    def report(self, values: dict[str, Any] | None = None, **given: Any) -> httpx.Response:
        """Open a form, take ten seconds to fill it in, and send it."""
        token = self.open()
        self.now_us += 10_000_000
        values = REPORT if values is None else values
        return self.send({"token": token, "currency": "CNY", **values}, **given)

    def stored(self) -> list[dict[str, Any]]:
        """Every complaint that is stored."""
        with self.database.read() as connection:
            frames = [rows for _, rows in iterate_rows(connection, "complaints")]
        unpacked = [zstandard.ZstdDecompressor().decompressobj().decompress(frame) for frame in frames]
        return [json.decode(line) for text in unpacked for line in text.splitlines()]

    def add_key(self, name: str, scope: Any = "ingest") -> str:
        return self.database.write(lambda connection: add_key(connection, name, scope, self.now_us))


class Recorder:
    """Takes messages in place of a messenger."""

    def __init__(self, told: list[Message]) -> None:
        self._told = told

    def tell(self, message: Message) -> None:
        self._told.append(message)


@contextmanager
def opening(
    folder: Path, guard: GuardSettings = SMALL, now_us: int = START_US, **settings: Any
) -> Iterator[Desk]:
    database = open_database(f"sqlite:///{folder / 'stanch.sqlite'}")
    try:
        yield Desk(folder, ServiceSettings(**settings), database, guard, now_us)
    finally:
        database.close()


def find_token(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None, page[:2000]
    return html.unescape(found[1])


def find_sum(page: str) -> str:
    """The answer to the question of a page."""
    found = re.search(r"How much is (\d+) plus (\d+)", page)
    assert found is not None, "nothing is asked"
    return str(int(found[1]) + int(found[2]))
