"""The service as log shippers and operators meet it: a real process, over real sockets."""

import gzip
import json
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from service.serving import LOGIN, NDJSON, Served, lines, serving
from stanch.cli import main


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    limits = "max_body_mb = 1\nmax_unpacked_mb = 2\nrequest_timeout_s = 3.0\nmax_batches = 9\n"
    with serving(tmp_path_factory.mktemp("served"), limits) as running:
        yield running
        assert running.process is not None
        running.process.send_signal(signal.SIGINT)
        _, told = running.process.communicate(timeout=60)
        assert running.process.returncode == 0
        told = [line for line in told.splitlines() if "/console/welcome" not in line]
        assert told == ["stanch: stopped"], "Ctrl-C stops it quietly"


@pytest.fixture(scope="module")
def key(served: Served) -> str:
    return served.add_key("shipper")


def count(served: Served, **values: Any) -> int:
    """Logins stored whose columns are `values`."""
    return sum(values.items() <= row.items() for row in served.export().get("logins", []))


def test_a_batch_is_counted_row_by_row_and_the_good_rows_are_kept(served: Served, key: str) -> None:
    body = lines(LOGIN | {"account": "batch"}) + b"\n{broken\n" + lines(
        LOGIN | {"account": "batch", "ip": "nowhere"}, {"account": "batch"}, LOGIN | {"account": "batch"}
    )  # fmt: skip
    with served.client(key) as client:
        answer = client.post("/v1/events/logins", content=body, headers=NDJSON)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["accepted"], told["rejected"]) == (2, 3)
    assert [(r["line"], r["reason"]) for r in told["rejects"][1:]] == [
        (3, "ip is no IP address"),
        (4, "time is empty"),
    ]
    assert told["rejects"][0]["line"] == 2
    assert "is no JSON" in told["rejects"][0]["reason"]
    assert count(served, account="batch") == 2


def test_reasons_are_those_of_files(served: Served, key: str, tmp_path: Path) -> None:
    body = lines(LOGIN | {"outcome": "maybe"}, LOGIN | {"time": "yesterday"}, LOGIN | {"ip": ""}, LOGIN)
    path = tmp_path / "logins.jsonl"
    path.write_bytes(body)
    assert main(["investigate", "--logins", str(path), "--out", str(tmp_path / "out")]) == 0
    of_file = [json.loads(line) for line in (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()]
    with served.client(key) as client:
        of_service = client.post("/v1/events/logins", content=body, headers=NDJSON).json()["rejects"]
    assert of_service == [{"line": r["line"], "reason": r["reason"]} for r in of_file]
    assert len(of_service) == 3


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (json.dumps(LOGIN | {"account": "form-0"}, indent=2).encode(), ""),
        (json.dumps([LOGIN | {"account": "form-1"}]).encode(), ""),
        (gzip.compress(lines(LOGIN | {"account": "form-2"})), "gzip"),
        (zstandard.compress(lines(LOGIN | {"account": "form-3"})) + zstandard.compress(b"\n"), "zstd"),
    ],
    ids=["indented", "array", "gzip", "zstd"],
)
def test_one_row_and_packed_batches_are_read(served: Served, key: str, body: bytes, coding: str) -> None:
    headers = {"Content-Type": "application/json"} | ({"Content-Encoding": coding} if coding else {})
    with served.client(key) as client:
        answer = client.post("/v1/events/logins", content=body, headers=headers)
    assert answer.json()["accepted"] == 1, answer.text


def test_every_table_comes_out_as_it_went_in(served: Served, key: str, tmp_path: Path) -> None:
    rows = {
        "accesses": {"time": 1_772_000_001, "actor": "agent7", "actor_kind": "staff", "order": "A-1"},
        "orders": {"order": "A-1", "account": "ann@example.org", "time": 1_772_000_000.5, "amount": 12.5},
        "complaints": {"complaint": "C-1", "received": "2026-03-02T09:00:00+08:00", "order": "A-1",
                       "known_fields": ["phone", "name"], "text": "他们知道我的订单"},
    }  # fmt: skip
    with served.client(key) as client:
        for table, row in rows.items():
            assert client.post(f"/v1/events/{table}", json=row).json()["accepted"] == 1
        assert client.post("/v1/events/logins", json=LOGIN).json()["accepted"] == 1
    stored = served.export()
    assert stored["orders"][-1] == rows["orders"] | {"time": "2026-02-25T06:13:20.500000Z"}
    assert stored["complaints"][-1]["received"] == "2026-03-02T01:00:00.000000Z"
    assert stored["complaints"][-1]["known_fields"] == "name|phone"
    assert stored["complaints"][-1]["text"] == "他们知道我的订单"
    words = [w for t in stored for w in (f"--{t}", str(served.folder / "export" / f"{t}.jsonl.zst"))]
    assert main(["investigate", *words, "--out", str(tmp_path / "out"), "--quiet"]) == 0
    findings = json.loads((tmp_path / "out" / "findings.json").read_bytes())
    assert {i["table"]: i["rejects"] for i in findings["inputs"]} == dict.fromkeys(stored, 0)


def test_no_password_and_no_session_is_kept_anywhere(served: Served, key: str) -> None:
    row = LOGIN | {"account": "secretive", "password": "hunter2-hunter2", "session": "5e55101d-5e55101d"}
    with served.client(key) as client:
        for number in range(2):
            client.post("/v1/events/logins", json=row, headers={"Idempotency-Key": f"secret {number}"})
        access = {"time": 1_772_000_000, "actor": "x", "actor_kind": "staff", "order": "1"}
        client.post("/v1/events/accesses", json=access | {"session": row["session"]})
    stored = served.export()
    hashes = [r["session"] for r in stored["logins"] if r["account"] == "secretive"]
    assert hashes[0] == hashes[1] == stored["accesses"][-1]["session"], "sessions still join"
    files = [p for p in served.folder.rglob("*") if p.is_file()]
    for path in files:
        data = path.read_bytes()
        assert b"hunter2" not in data, path
        assert b"5e55101d" not in data, path
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (served.folder / "data").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((served.folder / "data").stat().st_mode) == 0o700


def test_the_same_key_and_body_is_stored_once_however_many_send_it(served: Served, key: str) -> None:
    body = lines(LOGIN | {"account": "twin"}, {"account": "twin"})
    headers = NDJSON | {"Idempotency-Key": "batch 17"}
    with served.client(key) as client, ThreadPoolExecutor(12) as pool:
        answers = list(
            pool.map(lambda _: client.post("/v1/events/logins", content=body, headers=headers), range(24))
        )
        packed = client.post(
            "/v1/events/logins", content=gzip.compress(body), headers=headers | {"Content-Encoding": "gzip"}
        )
        other = client.post("/v1/events/logins", content=body + b"\n{}", headers=headers)
        elsewhere = client.post("/v1/events/orders", content=body, headers=headers)
    assert {a.status_code for a in answers} == {200}
    assert {a.text for a in answers} == {answers[0].text} == {packed.text}
    assert answers[0].json()["accepted"] == 1
    assert count(served, account="twin") == 1
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert elsewhere.status_code == 200, "each route has its own keys"


def test_keys_open_what_they_are_for_and_nothing_else(served: Served, key: str) -> None:
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    bouncer = served.add_key("bouncer", "bouncer")
    chief = served.add_key("chief", "admin")
    expected = {"": 401, wrong: 401, "stanch": 401, "é": 401, bouncer: 403, key: 200, chief: 200}
    with served.client() as client:
        for given, status in expected.items():
            headers = {"X-Api-Key": given.encode()} if given else {}
            assert client.post("/v1/events/logins", json=LOGIN, headers=headers).status_code == status, given
        bearer = client.post("/v1/events/logins", json=LOGIN, headers={"Authorization": f"Bearer {key}"})
        assert bearer.status_code == 200
        refused = client.post("/v1/events/logins", json=LOGIN)
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_revoked_key_stops_working_while_the_service_runs(served: Served) -> None:
    passing = served.add_key("passing")
    with served.client(passing) as client:
        assert client.post("/v1/events/logins", json=LOGIN).status_code == 200
        assert served.run("keys", "revoke", "passing")[0] == 0
        # A key that the service does not know has it fetch the list anew.
        with served.client(served.add_key("another")) as second:
            assert second.post("/v1/events/logins", json=LOGIN).status_code == 200
        assert client.post("/v1/events/logins", json=LOGIN).status_code == 401
    _, listed, _ = served.run("keys", "list")
    assert any("passing" in line and "revoked" in line for line in listed.splitlines())
    assert passing.split("_", 2)[2] not in listed


def test_health_and_metrics(served: Served, key: str) -> None:
    with served.client() as client:
        assert client.get("/healthz").json()["status"] == "ok"
        assert client.head("/healthz").status_code == 200
        assert client.get("/readyz").json()["status"] == "ok"
        client.post("/v1/events/logins", json=LOGIN, headers={"X-Api-Key": key})
        local = client.get("/metrics")
        through_proxy = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
    assert 'stanch_intake_rows_total{result="accepted",table="logins"}' in local.text
    assert 'route="/v1/events/logins",status="200"' in local.text
    assert through_proxy.status_code == 401, "from outside, only with a key"


def bomb(coding: str) -> bytes:
    nothing = bytes(64 << 20)
    return gzip.compress(nothing) if coding == "gzip" else zstandard.compress(nothing)


HOSTILE: dict[str, tuple[bytes, dict[str, str], int, str]] = {
    "huge": (b"x" * ((1 << 20) + 1), NDJSON, 413, "too_large"),
    "gzip bomb": (bomb("gzip"), NDJSON | {"Content-Encoding": "gzip"}, 413, "too_large"),
    "zstd bomb": (bomb("zstd"), NDJSON | {"Content-Encoding": "zstd"}, 413, "too_large"),
    "cut gzip": (gzip.compress(lines(LOGIN))[:-6], NDJSON | {"Content-Encoding": "gzip"}, 400, "damaged"),
    "cut zstd": (zstandard.compress(b"{}")[:-3], NDJSON | {"Content-Encoding": "zstd"}, 400, "damaged"),
    "no gzip": (lines(LOGIN), NDJSON | {"Content-Encoding": "gzip"}, 400, "damaged"),
    "brotli": (lines(LOGIN), NDJSON | {"Content-Encoding": "br"}, 415, "content_coding"),
    "csv": (b"time,ip\n", {"Content-Type": "text/csv"}, 415, "media_type"),
    "bad idempotency key": (lines(LOGIN), NDJSON | {"Idempotency-Key": "x" * 256}, 400, "idempotency_key"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_with_a_problem(served: Served, key: str, name: str) -> None:
    body, headers, status, code = HOSTILE[name]
    with served.client(key) as client:
        answer = client.post("/v1/events/logins", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert client.get("/healthz").status_code == 200


def test_a_body_of_unknown_length_is_cut_off_too(served: Served, key: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * (64 << 10)

    with served.client(key) as client:
        with suppress(httpx.WriteError):  # hung up on before everything was sent
            assert client.post("/v1/events/logins", content=endless(), headers=NDJSON).status_code == 413
        assert client.get("/healthz").status_code == 200


ODD_ROWS = {
    "deep": (b'{"time":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
    "deep objects": (b'{"a":' * 50_000, "nested"),
    "wide number": (b'{"time":' + b"9" * 100_000 + b',"ip":"198.51.100.7","outcome":"success"}', ""),
    "no text": (bytes(range(128, 256)), "is no JSON"),
    "list": (b'[["a"]]', "is no JSON object"),
    "nested cell": (b'{"time":{"$gt":""},"ip":"198.51.100.7","outcome":"success"}', "time"),
}


@pytest.mark.parametrize("name", ODD_ROWS)
def test_odd_rows_are_rejects_and_no_errors(served: Served, key: str, name: str) -> None:
    body, word = ODD_ROWS[name]
    with served.client(key) as client:
        answer = client.post("/v1/events/logins", content=body, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == 0
    assert all(word in reject["reason"] for reject in answer.json()["rejects"])
    assert answer.json()["rejected"] >= 1


def test_sql_in_a_cell_is_a_cell(served: Served, key: str) -> None:
    name = "'; DROP TABLE segments; --"
    with served.client(key) as client:
        answer = client.post("/v1/events/logins", json=LOGIN | {"account": name})
        client.post("/v1/events/logins", json=LOGIN, headers={"Idempotency-Key": name})
    assert answer.json()["accepted"] == 1
    assert count(served, account=name) == 1


def send_raw(served: Served, request: bytes, wait_s: float = 30) -> bytes:
    """What comes back on a plain socket until the service hangs up."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=wait_s) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
    return answer


@pytest.mark.parametrize(
    "path", ["/assets/../../etc/passwd", "/assets/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/assets/"]
)
def test_no_path_leads_out(served: Served, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert send_raw(served, request.encode()).startswith(b"HTTP/1.1 404 ")


def test_slow_senders_are_hung_up_on_while_others_are_served(served: Served, key: str) -> None:
    shop = served.add_key("slow", "shop")
    with served.client(shop) as client:
        # From now on it goes the short way.
        client.post("/v1/logins/assess", json={"ip": "198.51.100.7"})
    heads = [
        f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: {caller}\r\nContent-Length: 1000\r\n\r\n{{"
        for path, caller in (("/v1/events/logins", key), ("/v1/logins/assess", shop))
    ]
    with ThreadPoolExecutor(9) as pool:
        slow = [pool.submit(send_raw, served, head.encode()) for head in heads * 4]
        headless = pool.submit(send_raw, served, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n")
        with served.client() as client:
            assert client.get("/healthz").status_code == 200
        answers = [f.result() for f in slow]
    assert all(answer.startswith(b"HTTP/1.1 408 ") and b"connection: close" in answer for answer in answers)
    assert headless.result() == b""


def test_idle_connections_keep_nobody_out(served: Served) -> None:
    with ExitStack() as idle:
        for _ in range(600):
            idle.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=30))
        # Shorter than the ten seconds after which idle connections are closed.
        with served.client() as client:
            assert client.get("/healthz", timeout=9).status_code == 200


def test_headers_are_bounded(served: Served) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n"
    assert send_raw(served, request).startswith(b"HTTP/1.1 431 ")


def test_without_a_key_no_body_is_read(served: Served) -> None:
    head = "POST /v1/events/logins HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 90000\r\n\r\n"
    assert send_raw(served, head.encode()).startswith(b"HTTP/1.1 401 ")


def test_every_answer_carries_the_security_headers(served: Served) -> None:
    with served.client() as client:
        for path in ("/healthz", "/nowhere", "/complaints/new", "/assets/forms.css", "/openapi.json"):
            headers = client.get(path).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "script" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "granian" not in headers["server"]
            assert headers["cache-control"] == "no-store" or path.startswith("/assets/")


def test_restarts_forget_nothing_and_stopping_finishes_what_is_under_way(tmp_path: Path) -> None:
    body = lines(LOGIN, LOGIN)
    headers = NDJSON | {"Idempotency-Key": "survivor"}
    with serving(tmp_path) as served:
        with served.client(served.add_key("shipper")) as client:
            before = client.post("/v1/events/logins", content=body, headers=headers).text
            shipper = client.headers["x-api-key"]
            assert served.process is not None
            served.process.kill()
            served.process.communicate()
        served.start()
        with served.client(shipper) as client:
            assert client.post("/v1/events/logins", content=body, headers=headers).text == before
            head = (
                f"POST /v1/events/logins HTTP/1.1\r\nHost: x\r\nX-Api-Key: {shipper}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nExpect: 100-continue\r\n"
            )
            row = json.dumps(LOGIN | {"account": "last"}).encode()
            with socket.create_connection(("127.0.0.1", served.port), timeout=60) as connection:
                connection.sendall(f"{head}Content-Length: {len(row)}\r\n\r\n".encode())
                assert b"100 Continue" in connection.recv(1000), "it has begun to read"
                assert served.process is not None
                served.process.send_signal(signal.SIGTERM)
                connection.sendall(row)
                assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        _, told = served.process.communicate(timeout=60)
        assert served.process.returncode == 0
        assert [line for line in told.splitlines() if "/console/welcome" not in line] == ["stanch: stopped"]
        accounts = [row["account"] for row in served.export()["logins"]]
        assert accounts == [LOGIN["account"]] * 2 + ["last"]


def test_a_public_address_needs_a_key_and_a_taken_port_is_told(tmp_path: Path) -> None:
    served = Served(tmp_path)

    def refuse(*words: str) -> str:
        status, _, told = served.run("serve", *words)
        assert status == 2
        assert told.count("\n") == 1
        return told

    assert "stanch keys add" in refuse("--host", "0.0.0.0")
    assert "stanch keys add" in refuse("--host", "::")
    assert "no such address" in refuse("--host", "no.such.host.invalid")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", served.port))
        taken.listen()
        assert str(served.port) in refuse()


def test_investigating_loads_nothing_of_the_service() -> None:
    code = (
        "import sys, stanch.cli.investigate, stanch.cli.app;"
        "late = ('starlette', 'granian', 'sqlalchemy', 'alembic', 'prometheus_client');"
        "print([m for m in sys.modules if m.split('.')[0] in late])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
