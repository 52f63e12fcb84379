"""A real `stanch serve` on this machine, with a data folder of its own."""

import io
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from stanch.cli import main

LOGIN = {
    "time": "2026-03-01T10:00:00Z",
    "ip": "198.51.100.7",
    "account": "ann@example.org",
    "outcome": "success",
}


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    """Where the service runs, and its folder."""

    folder: Path
    port: int = field(default_factory=find_port)
    #: Lines of the service's own settings beside the folder and the port.
    settings: str = ""
    guard: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    #: What to start it with: `nsenter` into a network of its own.
    prefix: tuple[str, ...] = ()
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def config(self) -> Path:
        path = self.folder / "stanch.toml"
        data_dir = self.folder / "data"
        text = (
            f"[guard]\ncustomers = 1000\nrecent = 1000\n{self.guard}"
            f"[service]\ndata_dir = '{data_dir}'\nport = {self.port}\n{self.settings}"
        )
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
        return path

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status and output of one command beside the service."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)
            status = main([*words, "--config", str(self.config)])
        return status, out.getvalue(), err.getvalue()

    def add_key(self, name: str, scope: str = "ingest") -> str:
        status, key, told = self.run("keys", "add", name, "--scope", scope)
        assert status == 0, told
        return key.strip()

    def start(self) -> None:
        """Start it, and wait until it says that it listens."""
        self.process = subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "stanch", "serve", "--config", str(self.config)],
            stderr=subprocess.PIPE, text=True, env=os.environ | self.environment,
        )  # fmt: skip
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        assert "listening on" in line, line + self.process.stderr.read()

    def export(self) -> dict[str, list[dict[str, Any]]]:
        """Every row that is stored, by table."""
        out = self.folder / "export"
        status, _, told = self.run("export", "--out", str(out))
        assert status == 0, told
        return {path.name.partition(".")[0]: read_rows(path) for path in out.glob("*.jsonl.zst")}

    def client(self, key: str = "") -> httpx.Client:
        headers = {"X-Api-Key": key} if key else {}
        # It says that it listens a moment before it does.
        transport = httpx.HTTPTransport(retries=8)
        return httpx.Client(
            base_url=self.url, headers=headers, timeout=60, trust_env=False, transport=transport
        )


def read_rows(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        text = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    return [json.loads(line) for line in text.splitlines()]


@contextmanager
def serving(
    folder: Path, settings: str = "", guard: str = "", prefix: tuple[str, ...] = (), **environment: str
) -> Iterator[Served]:
    """A service that runs until the end of the block."""
    served = Served(folder, settings=settings, guard=guard, prefix=prefix, environment=environment)
    served.start()
    try:
        yield served
    finally:
        assert served.process is not None
        if served.process.poll() is None:
            served.process.kill()
        served.process.communicate()


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


NDJSON = {"Content-Type": "application/x-ndjson"}
