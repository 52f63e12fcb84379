"""A Redis server of its own on a socket in a temporary folder: stopped, frozen and started at will."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import valkey

REDIS = shutil.which("redis-server")


@dataclass
class Redis:
    """The server; what it holds is gone when it stops, as without persistence."""

    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/redis.sock"

    @property
    def client(self) -> valkey.Valkey:
        return valkey.Valkey.from_url(self.url)

    def start(self, *options: str) -> None:
        assert REDIS is not None
        command = [REDIS, "--port", "0", "--unixsocket", f"{self.folder}/redis.sock", "--save", ""]
        self.process = subprocess.Popen([*command, *options], cwd=self.folder, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while True:
            with contextlib.suppress(valkey.ValkeyError), self.client as client:
                client.ping()
                return
            assert time.monotonic() < until
            assert self.process.poll() is None

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def running_redis() -> Iterator[Redis]:
    """It runs until the end of the block."""
    # Not below pytest's folder, whose name may be too long for a socket's.
    with tempfile.TemporaryDirectory(prefix="stanch-redis-") as folder:
        server = Redis(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
