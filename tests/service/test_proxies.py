"""The files of the guide, run for real: nginx asks before each login, HAProxy refuses what is banned."""

import http.server
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from service.serving import Served, find_port, serving
from stanch.service.metrics import Metrics

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "guide" / "deploy"
#: Where Debian has them, and the environment of the tests.
PATH = f"/usr/sbin:/usr/bin:/sbin:/bin:{Path(sys.executable).parent}"


class Shop(http.server.BaseHTTPRequestHandler):
    """Says what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        told = json.dumps({"path": self.path, "body": body.decode(), "id": self.headers.get("x-stanch-id")})
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told.encode())

    do_GET = do_POST  # noqa: N815 - the library's name

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def shop() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("proxied"), "trusted_proxies = ['127.0.0.1']\n") as running:
        yield running


@contextmanager
def proxy(command: list[str], port: int) -> Iterator[httpx.Client]:
    """A program that listens on `port`, which this waits for."""
    with subprocess.Popen(command) as process:
        try:
            while not listens(port):
                assert process.poll() is None, "its words are above"
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
                yield client
        finally:
            process.terminate()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def need(program: str) -> str:
    found = shutil.which(program, path=PATH)
    if found is None:
        pytest.skip(f"no {program} on this machine")
    return found


def test_nginx_asks_before_each_login(served: Served, shop: int, tmp_path: Path) -> None:
    nginx, port = need("nginx"), find_port()
    text = (DEPLOY / "nginx.conf").read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{served.port}").replace(
        "127.0.0.1:8000", f"127.0.0.1:{shop}"
    )
    # Of the test's own: several addresses come through one, and a busy machine takes its time.
    text = text.replace("listen 127.0.0.1:8088;", f"listen 127.0.0.1:{port};\nset_real_ip_from 127.0.0.1;\n"
                        "real_ip_header X-Test-Client;")  # fmt: skip
    text = text.replace("50ms", "30s").replace("100ms", "30s")
    folders = "\n".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = tmp_path / "nginx.conf"
    config.write_text(
        f"daemon off;\nmaster_process off;\npid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{folders}\n{text}\n}}\n"
    )
    for words in (("203.0.113.1",), ("203.0.113.2", "--kind", "captcha")):
        assert served.run("decisions", "add", *words)[0] == 0
        wait_until_told(served, words[0])

    def login(client: httpx.Client, ip: str, method: str = "POST") -> httpx.Response:
        return client.request(method, "/login", headers={"X-Test-Client": ip}, content=b"password=hunter2")

    with proxy([nginx, "-p", str(tmp_path), "-c", str(config)], port) as client:
        passed = login(client, "198.51.100.7")
        assert (passed.status_code, passed.json()["body"]) == (200, "password=hunter2")
        assert passed.json()["id"], "the shop can tell how it ended"
        denied = login(client, "203.0.113.1")
        assert denied.status_code == 403, denied.text
        assert login(client, "203.0.113.1", "GET").status_code == 403
        challenged = login(client, "203.0.113.2")
        assert (challenged.status_code, challenged.headers["x-stanch-challenge"]) == (303, "captcha")
        assert client.get("/", headers={"X-Test-Client": "203.0.113.1"}).status_code == 200, (
            "only logins are asked"
        )
        assert served.process is not None
        served.process.kill()
        served.process.communicate()
        assert login(client, "203.0.113.1").status_code == 200, "without a guard the shop stays open"
    served.start()


def wait_until_told(served: Served, ip: str) -> None:
    with served.client(served.add_key(f"watcher-{uuid4()}", "bouncer")) as client:
        # Asked so often, it may also say that this is too often.
        while not client.get("/v1/decisions", params={"ip": ip}).content.startswith(b"["):
            pass


def test_haproxy_refuses_what_is_exported(shop: int, tmp_path: Path) -> None:
    haproxy, port = need("haproxy"), find_port()
    served = Served(tmp_path)
    listed = tmp_path / "stanch.map"
    for banned_ip in ("203.0.113.1", "127.0.0.2"):
        assert served.run("decisions", "add", banned_ip)[0] == 0
    assert served.run("decisions", "export", "--format", "haproxy", "--out", str(listed))[0] == 0
    text = (DEPLOY / "haproxy.cfg").read_text()
    for old, new in (
        ("8089", str(port)),
        ("127.0.0.1:8000", f"127.0.0.1:{shop}"),
        ("/etc/haproxy/stanch.map", str(listed)),
    ):
        assert old in text
        text = text.replace(old, new)
    config = tmp_path / "haproxy.cfg"
    config.write_text(text)
    with proxy([haproxy, "-f", str(config)], port) as client:
        assert client.post("/login").status_code == 200
        banned = httpx.HTTPTransport(local_address="127.0.0.2")
        with httpx.Client(transport=banned, base_url=client.base_url) as other:
            assert other.post("/login").status_code == 403


@dataclass(frozen=True)
class Asking:
    """A proxy that asks before each login, as its file in the guide has it."""

    file: str
    #: Where it listens, as the file says, and what a test has in its place.
    listens: str
    test_listens: str
    command: Callable[[str, Path, int], list[str]]
    #: What a login gets while no guard answers.
    without_guard: int


ASKING = {
    "caddy": Asking(
        "Caddyfile", "shop.example {", "http://shop.example:{port} {{",
        lambda program, config, _: [program, "run", "--adapter", "caddyfile", "--config", str(config)], 502,
    ),
    "traefik": Asking(
        "traefik.yml", "", "",
        lambda program, config, port: [
            program, f"--entrypoints.web.address=127.0.0.1:{port}", f"--providers.file.filename={config}",
            "--global.checknewversion=false", "--global.sendanonymoususage=false", "--log.level=ERROR",
        ], 500,
    ),
    "envoy": Asking(
        "envoy.yaml", "port_value: 8087", "port_value: {port}",
        lambda program, config, _: [
            program, "-c", str(config), "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "error",
        ], 200,
    ),
}  # fmt: skip


@contextmanager
def asking(name: str, guard_port: int, shop: int, folder: Path) -> Iterator[str]:
    """Its address, while it runs."""
    chosen, program, port = ASKING[name], need(name), find_port()
    text = (DEPLOY / chosen.file).read_text()
    # The guard's port may be written apart from its address, and a busy machine takes its time.
    for old, new in (
        ("8080", str(guard_port)),
        ("8000", str(shop)),
        ("timeout: 0.1s", "timeout: 30s"),
        # It takes visitors from this machine for itself; so the test says in their place who they are.
        ("use_remote_address: true", "use_remote_address: false"),
        (chosen.listens, chosen.test_listens.format(port=port)),
    ):
        text = text.replace(old, new) if old else text
    config = folder / chosen.file
    config.write_text(f"{{\nadmin off\n}}\n{text}" if name == "caddy" else text)
    with proxy(chosen.command(program, config, port), port):
        yield f"http://127.0.0.1:{port}"


def send_login(url: str, ip: str, method: str = "POST", path: str = "/login") -> httpx.Response:
    """As from `ip`, one of this machine's own."""
    headers = {"Host": "shop.example", "X-Stanch-Id": "forged", "X-Forwarded-For": ip}
    with httpx.Client(transport=httpx.HTTPTransport(local_address=ip), base_url=url, timeout=60) as client:
        return client.request(method, path, headers=headers, content=b"password=hunter2")


@pytest.mark.parametrize("name", list(ASKING))
def test_others_ask_before_each_login_too(name: str, served: Served, shop: int, tmp_path: Path) -> None:
    need(name)
    for words in (("127.0.0.2",), ("127.0.0.3", "--kind", "captcha")):
        assert served.run("decisions", "add", *words)[0] == 0
        wait_until_told(served, words[0])
    with asking(name, served.port, shop, tmp_path) as url:
        # Traefik and Caddy listen before they know the way.
        while (passed := send_login(url, "127.0.0.1")).status_code in (404, 503):
            pass
        assert (passed.status_code, passed.json()["body"]) == (200, "password=hunter2")
        assert len(passed.json()["id"]) > 100, "the shop gets the guard's id, and not the visitor's"
        assert send_login(url, "127.0.0.2").status_code == 403
        assert send_login(url, "127.0.0.2", "GET").status_code == 403
        challenged = send_login(url, "127.0.0.3")
        assert (challenged.status_code, challenged.headers["x-stanch-challenge"]) == (401, "captcha")
        assert send_login(url, "127.0.0.2", path="/").status_code == 200, "only logins are asked"
    with asking(name, find_port(), shop, tmp_path) as url:
        while (alone := send_login(url, "127.0.0.2")).status_code in (404, 503):
            pass
        assert alone.status_code == ASKING[name].without_guard


def test_the_dashboard_asks_for_metrics_that_there_are(served: Served) -> None:
    dashboard = json.loads((DEPLOY / "grafana.json").read_text())
    asked = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            asked |= set(re.findall(r"stanch_\w+", target["expr"]))
    with served.client() as client:
        told = set(re.findall(r"^# TYPE (\w+)", client.get("/metrics").text, re.MULTILINE))
    known = told | {f"{name}_bucket" for name in told}
    assert asked <= known
    guard = {name for name in told if name.startswith(("stanch_guard", "stanch_decisions"))}
    shown = {name.removesuffix("_bucket") for name in asked}
    assert guard <= shown, "everything about the guard is shown"


def test_no_metric_is_counted_by_people_or_addresses() -> None:
    text = Metrics().render().decode()
    assert not re.search(r'(ip|account|address|value|user)="', text)
