"""The Local API as bouncers use it: as it was captured from CrowdSec, and with CrowdSec's own bouncers."""

import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.forms_in_process import START_US, Desk, opening
from service.serving import Served, serving
from stanch.cases.decisions import add_decisions, make_decision, undo_decisions
from stanch.service.bouncers import write_duration

S = 1_000_000
SILENT: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
AGENT = {"User-Agent": "crowdsec-custom-bouncer/v0.0.15"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with opening(tmp_path) as opened:
        opened.headers = {"X-Api-Key": opened.add_key("fw", "bouncer")}
        yield opened


def decide(desk: Desk, value: str, kind: Any = "ban", seconds: int = 14_400) -> None:
    now_us = desk.now_us
    desk.database.write(
        lambda c: add_decisions(c, [make_decision(value, kind, "w", now_us, seconds * S)], "manual", now_us)
    )
    desk.work()


def undo(desk: Desk, value: str) -> None:
    desk.database.write(lambda c: undo_decisions(c, value, desk.now_us))
    desk.work()


def stream(desk: Desk, query: str = "", **headers: str) -> tuple[dict[str, str], dict[str, str]]:
    """Values and durations that are new, and that are over."""
    answer = desk.ask("GET", f"/v1/decisions/stream{query}", headers=desk.headers | AGENT | headers)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert set(told) == {"new", "deleted"}
    new, ended = ({d["value"]: d["duration"] for d in told[name]} for name in ("new", "deleted"))
    assert not set(new) & set(ended)
    return new, ended


@pytest.mark.parametrize("path", ["/v1/decisions", "/v1/decisions?ip=203.0.113.7", "/v1/decisions/stream"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_wrong_key_is_forbidden_in_crowdsecs_words(desk: Desk, method: str, path: str) -> None:
    shipper = desk.add_key("shipper")
    for headers in ({}, {"X-Api-Key": "x"}, {"X-Api-Key": shipper}):
        answer = desk.ask(method, path, headers=headers)
        assert answer.status_code == 403
        assert method == "HEAD" or answer.content == b'{"message":"access forbidden"}'


def test_head_only_checks_the_key(desk: Desk) -> None:
    decide(desk, "203.0.113.7")
    for path in ("/v1/decisions", "/v1/decisions?ip=nonsense", "/v1/decisions/stream?startup=true"):
        answer = desk.ask("HEAD", path, headers=desk.headers)
        assert (answer.status_code, answer.content) == (200, b"")
    assert stream(desk) == ({"203.0.113.7": "4h0m0s"}, {}), "HEAD does not count as having been told"


def test_one_address_is_answered_as_crowdsec_does(desk: Desk) -> None:
    decide(desk, "203.0.113.7")
    decide(desk, "203.0.112.0/22", "captcha")
    decide(desk, "2001:db8:1:2::/64")

    def ask(query: str) -> httpx.Response:
        return desk.ask("GET", f"/v1/decisions?{query}", headers=desk.headers)

    both = ask("ip=203.0.113.7").json()
    assert {d["value"]: (d["scope"], d["type"]) for d in both} == {
        "203.0.113.7": ("Ip", "ban"),
        "203.0.112.0/22": ("Range", "captcha"),
    }
    assert all(set(d) >= {"id", "origin", "type", "scope", "value", "duration", "scenario"} for d in both)
    assert [d["value"] for d in ask("ip=2001:0db8:1:2::9").json()] == ["2001:db8:1:2::/64"]
    assert ask("ip=198.51.100.1").content == b"null", "these four bytes and no others"
    assert ask("ip=nonsense").status_code == 400
    assert {d["value"] for d in ask("range=203.0.113.0/24").json()} == {d["value"] for d in both}
    assert [d["value"] for d in ask("type=captcha").json()] == ["203.0.112.0/22"]
    assert len(ask("").json()) == 3
    assert [d["value"] for d in ask("scopes=range&community_pull=true").json()] == [
        "203.0.112.0/22",
        "2001:db8:1:2::/64",
    ]
    assert ask("origins=CAPI").content == b"null"


def test_the_stream_tells_a_bouncer_what_it_does_not_know(desk: Desk) -> None:
    decide(desk, "203.0.113.7", seconds=60)
    decide(desk, "203.0.113.8", seconds=14_399)
    assert stream(desk, "?startup=true") == ({"203.0.113.7": "1m0s", "203.0.113.8": "3h59m59s"}, {})
    desk.now_us += 30 * S
    stream(desk)  # what was told just now may come twice
    assert stream(desk) == ({}, {})
    decide(desk, "203.0.113.9", seconds=59)
    desk.now_us += S // 2
    assert stream(desk) == ({"203.0.113.9": "58s"}, {})
    desk.now_us += 10 * S
    stream(desk)
    desk.now_us += 30 * S
    undo(desk, "203.0.113.8")
    new, ended = stream(desk)
    assert (new, set(ended)) == ({}, {"203.0.113.7", "203.0.113.8"})
    other, _ = stream(desk, **{"User-Agent": "another/1"})
    assert set(other) == {"203.0.113.9"}, "one that was never here is told everything, without asking"
    new, ended = stream(desk, "?startup=true")
    assert (set(new), set(ended)) == ({"203.0.113.9"}, {"203.0.113.7", "203.0.113.8"})


def test_a_restart_goes_on_where_the_bouncer_was(tmp_path: Path) -> None:
    with opening(tmp_path) as desk:
        desk.headers = {"X-Api-Key": desk.add_key("fw", "bouncer")}
        decide(desk, "203.0.113.7")
        desk.now_us += 10 * S
        stream(desk)
        desk.work()
        now_us = desk.now_us = desk.now_us + 60 * S
        headers = desk.headers
        desk.database.write(
            lambda c: add_decisions(
                c, [make_decision("203.0.113.8", "ban", "w", now_us, 600 * S)], "manual", now_us
            )
        )
    with opening(tmp_path, now_us=now_us + 60 * S) as desk:
        desk.headers = headers
        assert stream(desk) == ({"203.0.113.8": "9m0s"}, {})


def test_the_firewall_bouncer_gets_addresses_one_by_one(desk: Desk) -> None:
    decide(desk, "203.0.113.0/30")
    decide(desk, "198.51.0.0/16")
    firewall = {"User-Agent": "crowdsec-firewall-bouncer/v0.0.25"}
    new, _ = stream(desk, **firewall)
    assert set(new) == {f"203.0.113.{n}" for n in range(4)} | {"198.51.0.0/16"}
    desk.now_us += 60 * S
    undo(desk, "203.0.113.0/30")
    assert set(stream(desk, **firewall)[1]) == {f"203.0.113.{n}" for n in range(4)}
    assert set(stream(desk)[0]) == {"198.51.0.0/16"}


def test_usage_is_taken_and_a_broken_user_agent_is_no_reason_to_refuse(desk: Desk) -> None:
    answer = desk.ask("POST", "/v1/usage-metrics", headers=desk.headers, content=b"\x1f\x8b")
    assert (answer.status_code, answer.content) == (201, b"")
    decide(desk, "203.0.113.7")
    for agent in ("", "\t", "x" * 5_000, "a/b/c"):
        assert set(stream(desk, **{"User-Agent": agent})[0]) == {"203.0.113.7"}


def test_a_hundred_thousand_are_told_whole(desk: Desk) -> None:
    n, now_us = 100_000, START_US
    decisions = [
        make_decision(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}", "ban", "w", now_us, 3_600 * S)
        for i in range(n)
    ]
    desk.database.write(lambda c: len(add_decisions(c, decisions, "stanch", now_us)))
    desk.work()
    desk.now_us += 10 * S
    assert len(stream(desk, "?startup=true")[0]) == n
    decide(desk, "203.0.113.7", seconds=60)
    assert stream(desk) == ({"203.0.113.7": "1m0s"}, {})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1s"),
        (60, "1m0s"),
        (3_599, "59m59s"),
        (3_600, "1h0m0s"),
        (14_370, "3h59m30s"),
        (90_000, "25h0m0s"),
    ],
)
def test_durations_are_whole_seconds_in_gos_notation(seconds: int, text: str) -> None:
    assert write_duration(seconds) == text


# --- CrowdSec's own bouncers


def need(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"no {program} on this machine (a bouncer's program)")
    return found


class Lines:
    """Lines that come through a pipe, waited for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def find(self, *words: str, seconds: float = 120) -> str:
        """The next line that holds all of `words`."""
        seen = []
        while True:
            line, separator, rest = self._rest.partition(b"\n")
            if separator:
                self._rest = rest
                seen.append(line.decode())
                if all(word in seen[-1] for word in words):
                    return seen[-1]
                continue
            ready, _, _ = select.select([self._descriptor], [], [], seconds)
            assert ready, f"{words} did not come; seen: {seen}"
            part = os.read(self._descriptor, 1 << 16)
            assert part, f"{words} did not come before the end; seen: {seen}"
            self._rest += part


@contextmanager
def running(*command: str, **given: Any) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, **given) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_the_custom_bouncer_bans_unbans_and_lets_run_out(tmp_path: Path) -> None:
    program = need("crowdsec-custom-bouncer")
    pipe, hook = tmp_path / "pipe", tmp_path / "hook.sh"
    os.mkfifo(pipe)
    hook.write_text(f'#!/bin/sh\necho "$1 $2 $3 $4" >> {pipe}\n')
    hook.chmod(0o755)
    with ExitStack() as stack:
        served = stack.enter_context(serving(tmp_path))
        key = served.add_key("custom", "bouncer")
        config = tmp_path / "bouncer.yaml"
        config.write_text(
            f"bin_path: {hook}\npiddir: {tmp_path}/\nupdate_frequency: 1s\ncache_retention_duration: 1s\n"
            f"daemonize: false\nlog_mode: stdout\nlog_level: info\napi_url: {served.url}/\napi_key: {key}\n"
            "prometheus: {enabled: false}\n"
        )
        lines = Lines(os.open(pipe, os.O_RDWR))
        decide_by_hand(served, "203.0.113.1", "4h")
        stack.enter_context(
            running(program, "-c", str(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        # The hook gets value, seconds and scenario.
        _, _, left, scenario = lines.find("add 203.0.113.1").split()[:4]
        assert (14_300 < int(left) <= 14_400, scenario) == (True, "manual")
        decide_by_hand(served, "203.0.113.2", "4h")
        decide_by_hand(served, "203.0.113.3", "5s")
        lines.find("add 203.0.113.2")
        assert served.run("decisions", "undo", "203.0.113.2")[0] == 0
        lines.find("del 203.0.113.2")
        lines.find("del 203.0.113.3")
        # It does not ask for everything again after the service was away.
        assert served.process is not None
        served.process.kill()
        served.process.communicate()
        decide_by_hand(served, "203.0.113.4", "4h")
        served.start()
        lines.find("add 203.0.113.4")


def test_the_firewall_bouncer_fills_and_empties_its_set(tmp_path: Path) -> None:
    program, nft, ip = need("crowdsec-firewall-bouncer"), need("nft"), need("ip")
    if os.geteuid() != 0:
        pytest.skip("a network of one's own needs root")
    with ExitStack() as stack:
        alone = stack.enter_context(
            running("unshare", "-n", "sh", "-c", f"{ip} link set lo up && echo up && exec cat",
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )  # fmt: skip
        assert alone.stdout is not None
        assert alone.stdout.readline() == b"up\n"
        inside = ("nsenter", f"--net=/proc/{alone.pid}/ns/net")
        served = stack.enter_context(serving(tmp_path, prefix=inside))
        key = served.add_key("firewall", "bouncer")
        config = tmp_path / "bouncer.yaml"
        config.write_text(
            f"mode: nftables\npid_dir: {tmp_path}/\nupdate_frequency: 1s\ndaemonize: false\n"
            f"log_mode: stdout\nlog_level: info\napi_url: {served.url}/\napi_key: {key}\n"
            "disable_ipv6: false\ndeny_action: DROP\ndeny_log: false\nsupported_decisions_types: [ban]\n"
            "blacklists_ipv4: blocked\nblacklists_ipv6: blocked6\n"
            "nftables:\n  ipv4: {enabled: true, set-only: false, table: crowdsec, chain: crowdsec-chain}\n"
            "  ipv6: {enabled: true, set-only: false, table: crowdsec6, chain: crowdsec6-chain}\n"
            "prometheus: {enabled: false}\n"
        )
        monitor = stack.enter_context(
            running(*inside, "stdbuf", "-oL", nft, "monitor", "elements", stdout=subprocess.PIPE)
        )
        assert monitor.stdout is not None
        lines = Lines(monitor.stdout.fileno())
        stack.enter_context(
            running(*inside, program, "-c", str(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        decide_by_hand(served, "203.0.113.0/31", "4h")
        lines.find("add element", "203.0.113.0")
        decide_by_hand(served, "2001:db8::7", "4h")
        lines.find("add element", "2001:db8::7")
        listed = subprocess.run(
            [*inside, nft, "list", "ruleset"], capture_output=True, text=True, check=True
        ).stdout
        assert "203.0.113.1" in listed, "every address of a small network"
        assert served.run("decisions", "undo", "203.0.113.0/31")[0] == 0
        lines.find("delete element", "203.0.113.")
        decide_by_hand(served, "203.0.113.9", "6s")
        lines.find("add element", "203.0.113.9")
        decide_by_hand(served, "2001:db8::7", "4h", "allow")
        lines.find("delete element", "2001:db8::7")


def decide_by_hand(served: Served, value: str, duration: str, kind: str = "ban") -> None:
    status, _, told = served.run("decisions", "add", value, "--for", duration, "--kind", kind)
    assert status == 0, told


def test_what_is_told_is_what_the_document_describes(desk: Desk) -> None:
    decide(desk, "203.0.113.7")
    told = desk.ask("GET", "/v1/decisions/stream", headers=desk.headers).json()["new"][0]
    document = json.loads(desk.ask("GET", "/openapi.json").content)
    described = document["components"]["schemas"]["BouncerDecision"]["properties"]
    assert set(told) == set(described)
