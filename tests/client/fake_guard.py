"""A guard that answers what a test sets, over a real socket, and keeps what it was asked."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ALLOW = {"id": "a1", "action": "allow", "score": 0.01, "reasons": [], "simulated": False}


@dataclass
class FakeGuard:
    """What it answers by path, and the requests it got: (path, headers, body)."""

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    status: int = 200
    raw: bytes | None = None
    requests: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    n_connections: int = 0
    url: str = ""

    def set(self, assess: dict[str, Any] | None = None, outcome: dict[str, Any] | None = None) -> None:
        self.answers["/v1/logins/assess"] = {**ALLOW, **(assess or {})}
        self.answers["/v1/logins/outcome"] = {"action": "allow", "simulated": False, **(outcome or {})}

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [json.loads(body) for asked, _, body in self.requests if asked == f"/v1/logins/{path}"]

    @property
    def outcomes(self) -> list[str]:
        return [body["outcome"] for body in self.bodies("outcome")]


@contextmanager
def guarding() -> Iterator[FakeGuard]:
    guard = FakeGuard()
    guard.set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            guard.n_connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            guard.requests.append((self.path, dict(self.headers), body))
            told = json.dumps(guard.answers.get(self.path, {})).encode() if guard.raw is None else guard.raw
            self.send_response(guard.status)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    guard.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield guard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
