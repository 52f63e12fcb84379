"""Readers against real logs, which are not part of the project, and what others found in them."""

import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from readers.format_reading import Outcome, read_bytes
from stanch.readers.settings import WebLogSettings

REFERENCE = datetime(2026, 11, 23, tzinfo=UTC)
#: Takes every request for a login, so that a whole access log comes out as rows.
EVERYTHING = WebLogSettings(
    login_methods=("GET", "POST", "HEAD", "OPTIONS", "PUT"),
    login_path="",
    login_not="",
    login_absent=(),
    account_parameters=(),
)


def read_file(path: Path, **options: object) -> Outcome:
    return read_bytes(path.read_bytes(), reference=REFERENCE, **options)  # type: ignore[arg-type]


def test_explicit_results_of_auth_log_agree_with_a_plain_count(shared_data: Path) -> None:
    path = shared_data / "elastic-examples-logs" / "auth.log"
    said: Counter[tuple[str, str]] = Counter()
    result_lines = set()
    pattern = (
        r"sshd\[\d+\]: (?:message repeated (\d+) times: \[ )?(Failed|Accepted) (\w+) for .* from (\S+) port"
    )
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        # Keys that an agent offers before one is accepted are no attempts.
        if (match := re.search(pattern, line)) and match[3] != "publickey":
            result_lines.add(number)
            said[match[2], match[4]] += int(match[1] or 1)
    found: Counter[tuple[str, str]] = Counter()
    rows = read_file(path).rows
    for row in rows:
        if row["line"] in result_lines:
            found["Accepted" if row["outcome"] == "success" else "Failed", row["ip"]] += 1
    assert found == said
    assert sum(row["outcome"] == "success" for row in rows) == 226


def test_guesses_that_sshd_logs_by_name_only(shared_data: Path) -> None:
    found = read_file(shared_data / "ssh-auth-log" / "gtkcyber-auth.log")
    text = (shared_data / "ssh-auth-log" / "gtkcyber-auth.log").read_text(errors="replace")
    said = Counter(re.findall(r"Invalid user .* from (\S+)\n", text))
    assert Counter(row["ip"] for row in found.rows) == said
    assert {row["outcome"] for row in found.rows} == {"unknown_account"}
    assert len(found.rejects) == 1  # the last line is cut off
    assert any("named no account" in note for note in found.notes)


def test_nobody_logs_in_in_the_apache_log(shared_data: Path) -> None:
    path = shared_data / "elastic-examples-logs" / "apache_logs"
    found = read_file(path)
    assert (found.rows, found.rejects, found.n_other) == ([], {}, 10_000)
    assert any("readers.web.login_path" in note for note in found.notes)
    everything = read_file(path, web=EVERYTHING)
    first = [line.split()[0] for line in path.read_text(errors="replace").splitlines()]
    assert [row["ip"] for row in everything.rows] == first


@pytest.mark.parametrize(
    "name",
    [
        "nginx/access/test/access.log",
        "apache/access/test/darwin-2.4.23.log",
        "apache/access/test/ubuntu-2.2.22.log",
        "apache/access/test/test-vhost.log",
        "apache/access/test/test.log",
    ],
)
def test_access_logs_agree_with_filebeat(shared_data: Path, name: str) -> None:
    path = shared_data / "filebeat-module-tests" / name
    expected = json.loads(path.with_name(path.name + "-expected.json").read_text())
    wanted = [
        (
            event["source.ip"],
            datetime.fromisoformat(event["@timestamp"]),
            unquote(event["url.path"]),
            event.get("user_agent.original", "-"),
            event.get("user.name", "-"),
        )
        for event in expected
        if "source.ip" in event and "http.request.method" in event
    ]
    found = [
        (
            row["ip"],
            datetime.fromisoformat(row["time_us"]),
            unquote(row["path"]),
            row.get("user_agent", "-"),
            row.get("account", "-"),
        )
        for row in read_file(path, web=EVERYTHING, log_format="combined").rows
    ]
    assert found == wanted


@pytest.mark.parametrize("name", ["secure-rhel7.log", "test.log"])
def test_sshd_results_agree_with_filebeat(shared_data: Path, name: str) -> None:
    path = shared_data / "filebeat-module-tests" / "system" / "auth" / "test" / name
    expected = json.loads(path.with_name(path.name + "-expected.json").read_text())
    wanted = Counter(
        (event["source.ip"], event["user.name"], event["event.outcome"])
        for event in expected
        if event.get("event.action") == "ssh_login"
    )
    # The expectations stop before the end of the longer file.
    n_lines = path.read_bytes()[: max(event["log.offset"] for event in expected) + 1].count(b"\n") + 1
    found = Counter(
        (row["ip"], row["account"], "success" if row["outcome"] == "success" else "failure")
        for row in read_file(path).rows
        if row["line"] <= n_lines
    )
    assert found == wanted


def test_keycloak_lines_agree_with_crowdsec(shared_data: Path) -> None:
    folder = shared_data / "crowdsec-hub-parser-tests" / "keycloak-logs"
    found = read_file(folder / "keycloak-logs.log")
    said = re.findall(r'Evt\.Meta\["source_ip"\] == "([^"]+)"', (folder / "parser.assert").read_text())
    assert {row["ip"] for row in found.rows} == set(said)
    assert found.rejects == {}
    assert {row["outcome"] for row in found.rows} == {"unknown_account", "failure"}


@pytest.mark.parametrize("name", ["nginx_http-logs", "apache2-logs", "traefik_clf", "litespeed-logs"])
def test_access_logs_of_many_servers_agree_with_crowdsec(shared_data: Path, name: str) -> None:
    folder = shared_data / "crowdsec-hub-parser-tests" / name
    lines = (folder / f"{name}.log").read_text().splitlines()
    said = set(
        re.findall(
            r'Evt\.Parsed\["(?:remote_addr|clientip)"\] == "([^"]+)"', (folder / "parser.assert").read_text()
        )
    )
    found = read_file(folder / f"{name}.log", web=EVERYTHING, log_format="combined")
    assert {row["ip"] for row in found.rows} <= said
    # What is not read is an error log's line, or a request without an answer.
    missing = {lines[n - 1] for n in found.rejects}
    assert all(re.search(r"\[\w*:?(?:error|info|NOTICE|INFO)\]", line) for line in missing), missing


@pytest.mark.parametrize("name", ["sshd-logs", "sshd-logs-fp", "sshd-success-logs"])
def test_every_sshd_line_of_crowdsec_is_understood(shared_data: Path, name: str) -> None:
    folder = shared_data / "crowdsec-hub-parser-tests" / name
    found = read_file(next(folder.glob("*.log")))
    assert found.rejects == {}
    if name == "sshd-logs-fp":
        assert found.rows == []
    if name == "sshd-success-logs":
        assert [row["outcome"] for row in found.rows] == ["success"] * 4
