"""One suite that every reader has to pass: hostile and broken input around lines of its format."""

import time
from collections.abc import Callable

import pytest

from readers.format_reading import Outcome, read_bytes
from stanch.readers import detect
from stanch.readers.contract import ReadContext
from stanch.readers.detect import format_names
from stanch.readers.formats.template import TemplateReader
from stanch.readers.lines import MAX_LINE_BYTES

#: Format -> a failed login from an address of somebody's choosing, under a name of his choosing.
LINES: dict[str, Callable[[str, str], str]] = {
    "combined": lambda ip, name: (
        f'{ip} - {name} [01/Mar/2024:12:00:00 +0000] "POST /login HTTP/1.1" 401 5 "-" "{name}"'
    ),
    "nginx-json": lambda ip, name: (
        f'{{"time_iso8601":"2024-03-01T12:00:00Z","remote_addr":"{ip}","remote_user":"{name}",'
        '"request":"POST /login HTTP/1.1","status":401}'
    ),
    "sshd": lambda ip, name: (
        f"Mar  1 12:00:00 web1 sshd[7]: Failed password for {name} from {ip} port 50000 ssh2"
    ),
    "ecs": lambda ip, name: (
        '{"@timestamp":"2024-03-01T12:00:00Z","event":{"category":["authentication"],"outcome":"failure"},'
        f'"source":{{"ip":"{ip}"}},"user":{{"name":"{name}"}}}}'
    ),
    "ocsf": lambda ip, name: (
        '{"class_uid":3002,"category_uid":3,"activity_id":1,"time":1709294400000,"status_id":2,'
        f'"user":{{"name":"{name}"}},"src_endpoint":{{"ip":"{ip}"}}}}'
    ),
    "keycloak": lambda ip, name: (
        "2024-03-01 12:00:00,000 WARN  [org.keycloak.events] (executor-1) type=LOGIN_ERROR, realmId=shop,"
        f" clientId=web, userId=u, ipAddress={ip}, error=invalid_user_credentials, username={name}"
    ),
    "auth0": lambda ip, name: (
        f'{{"date":"2024-03-01T12:00:00Z","type":"fp","client_id":"c","ip":"{ip}","user_name":"{name}"}}'
    ),
    "okta": lambda ip, name: (
        '{"published":"2024-03-01T12:00:00Z","eventType":"user.session.start","outcome":{"result":"FAILURE"},'
        f'"actor":{{"alternateId":"{name}"}},"client":{{"ipAddress":"{ip}"}}}}'
    ),
    "template": lambda ip, name: f"2024-03-01T12:00:00Z login user={name} from={ip} result=bad",
}
BY_FORMAT = pytest.mark.parametrize("name", sorted(LINES))


@pytest.fixture(autouse=True)
def _with_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "FORMATS", (*detect.FORMATS, TemplateReader))


def read(name: str, data: bytes | str) -> Outcome:
    raw = data.encode() if isinstance(data, str) else data
    return read_bytes(raw, log_format=name)


def test_the_suite_covers_every_format() -> None:
    assert set(LINES) == set(format_names())


@BY_FORMAT
def test_empty_and_blank_files(name: str) -> None:
    for data in (b"", b"\n", b"\r\n\r\n", b"\xef\xbb\xbf"):
        found = read(name, data)
        assert (found.rows, found.rejects, found.n_other) == ([], {}, 0)


@BY_FORMAT
def test_a_plain_line_is_detected_and_read(name: str) -> None:
    line = LINES[name]("203.0.113.7", "alice")
    found = read_bytes(f"{line}\n{line}\n".encode())
    assert found.format == name
    assert [row["line"] for row in found.rows] == [1, 2]
    assert found.rows[0] | {"line": 0} == found.rows[1] | {"line": 0}
    wanted = {
        "time_us": "2024-03-01T12:00:00Z",
        "ip": "203.0.113.7",
        "account": "alice",
        "outcome": "failure",
    }
    assert found.rows[0].items() >= wanted.items()


@BY_FORMAT
def test_a_truncated_last_line_is_one_reject_at_most(name: str) -> None:
    line = LINES[name]("203.0.113.7", "alice")
    for length in range(1, len(line), 3):
        found = read(name, f"{line}\n{line[:length]}")
        assert [row["line"] for row in found.rows if row["line"] == 1] == [1]
        assert set(found.rejects) <= {2}
        assert len(found.rows) + len(found.rejects) + found.n_other == 2


@BY_FORMAT
def test_line_ends_marks_and_nul_bytes_change_nothing(name: str) -> None:
    line = LINES[name]("203.0.113.7", "alice")
    plain = read(name, f"{line}\n{line}\n").rows
    assert read(name, f"\ufeff{line}\r\n{line}\r\n").rows == plain
    assert read(name, f"{line}\n{line}").rows == plain
    assert read(name, b"\0" * 3000 + f"{line}\n\0{line}\0\n".encode()).rows == plain


@BY_FORMAT
def test_addresses_come_out_in_one_form(name: str) -> None:
    spelled = {
        "2001:db8::17": "2001:db8::17",
        "2001:0DB8:0:0:0:0:0:17": "2001:db8::17",
        "::ffff:203.0.113.7": "203.0.113.7",
        "203.0.113.7:50123": "203.0.113.7",
        "[2001:db8::17]:443": "2001:db8::17",
    }
    for ip, expected in spelled.items():
        (row,) = read(name, LINES[name](ip, "alice")).rows
        assert row["ip"] == expected, ip


@BY_FORMAT
def test_bytes_that_are_no_utf_8_do_not_make_an_attempt_disappear(name: str) -> None:
    line = LINES[name]("203.0.113.7", "al~ce")
    found = read(name, line.encode().replace(b"~", b"\xff\xfe") + b"\n" + line.encode())
    assert [row["line"] for row in found.rows] == [1, 2]
    assert "\ufffd" in found.rows[0]["account"]


@BY_FORMAT
def test_a_line_of_a_megabyte(name: str) -> None:
    line = LINES[name]("203.0.113.7", "alice")
    for length in (MAX_LINE_BYTES - len(line), MAX_LINE_BYTES + 1):
        found = read(name, f"{line}\n{LINES[name]('203.0.113.8', 'x' * length)}\n{line}\n")
        assert {1, 3} <= {row["line"] for row in found.rows}
        assert len(found.rows) + len(found.rejects) + found.n_other == 3
        assert all(len(raw) <= 500 for raw in found.raws.values())


@BY_FORMAT
def test_foreign_lines_are_rejected_or_counted_and_cost_nothing_else(name: str) -> None:
    line = LINES[name]("203.0.113.7", "alice")
    foreign = [
        "hello",
        '{"a": 1}',
        "{",
        "[]",
        "null",
        '{"type": {"a": []}}',
        "\x1b[31m",
        "=cmd|' /C calc'!A0",
    ]
    found = read(name, "\n".join([line, *foreign, line]))
    assert [row["line"] for row in found.rows] == [1, len(foreign) + 2]
    assert len(found.rejects) + found.n_other == len(foreign)


#: Input on which a backtracking expression would take for ever.
HOSTILE = [
    '"' * 100_000,
    '\\"' * 50_000,
    "[" * 100_000,
    "{" * 100_000,
    '{"a":' * 50_000,
    " " * 100_000,
    " from " * 20_000,
    "a=" * 50_000,
    ", x=" * 30_000,
    '" "' * 40_000,
    "- - [" * 20_000,
    "::" * 50_000,
    "/login" * 20_000,
]


@BY_FORMAT
def test_hostile_lines_take_linear_time(name: str) -> None:
    good = LINES[name]("203.0.113.7", "alice")
    bad = [text for h in HOSTILE for text in (h, good + h, LINES[name]("203.0.113.8", h), good[:40] + h)]
    started = time.process_time()
    found = read(name, "\n".join([good, *bad, good]))
    # Linear time is well under a second for these 5 MB; quadratic time is minutes.
    assert time.process_time() - started < 20
    assert {1, len(bad) + 2} <= {row["line"] for row in found.rows} | set(found.rejects)


@BY_FORMAT
def test_every_line_is_accounted_for_once(name: str) -> None:
    good = LINES[name]("203.0.113.7", "alice")
    found = read(name, "\n".join([good, "", "nonsense", good, "{}", LINES[name]("not-an-address", "bob")]))
    told = {row["line"] for row in found.rows} | set(found.rejects)
    assert 6 in found.rejects
    assert len(told) + found.n_other == 5


def test_readers_of_two_files_share_nothing() -> None:
    first, second = (detect.open_format("combined", "logins", ReadContext()) for _ in range(2))
    assert first is not second
