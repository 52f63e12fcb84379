"""What is erased is gone from everywhere, what is not stays, and the audit names nobody."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from stanch.cases.database import FILE_NAME, open_database
from stanch.cases.keys import add_key
from stanch.cases.resets import KeptReset, add_resets, list_resets
from stanch.cases.segments import Segment, add_segment, iterate_rows
from stanch.cases.sessions import find_session, open_session
from stanch.cli import main
from stanch.purge.run import AUDIT

ANN, BOB = "ann@example.org", "bob@example.org"
LOGINS = [
    {"time": "2024-01-10T00:00:00Z", "ip": "203.0.113.1", "account": ANN, "outcome": "success"},
    {"time": "2024-03-10T00:00:00Z", "ip": "203.0.113.1", "account": ANN, "outcome": "failure"},
    {"time": "2024-03-11T00:00:00Z", "ip": "203.0.113.2", "account": BOB, "outcome": "success"},
]
ORDERS = [
    {"order": "A-100", "account": ANN, "time": "2024-01-09T00:00:00Z"},
    {"order": "A-200", "account": BOB, "time": "2024-03-09T00:00:00Z"},
]
ACCESSES = [
    {"time": "2024-03-12T00:00:00Z", "actor": "agent07", "actor_kind": "staff", "order": "A-100"},
    {"time": "2024-03-12T00:00:00Z", "actor": "agent07", "actor_kind": "staff", "order": "A-200"},
]
COMPLAINTS = [
    {"complaint": "k1", "received": "2024-03-14T00:00:00Z", "order": "A-100", "phone": "07700900001"},
    {
        "complaint": "k2",
        "received": "2024-03-15T00:00:00Z",
        "order": "A-200",
        "text": "They also knew of ann@example.org and A-100.",
        "scam_phone": "07700900001",
    },
]


def to_us(day: str) -> int:
    return round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1e6)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with four tables, one agent's session, and complaints beside it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STANCH_DATABASE_URL", raising=False)
    database = open_database(f"sqlite:///{tmp_path / 'stanch' / FILE_NAME}")
    tables = {"logins": LOGINS, "orders": ORDERS, "accesses": ACCESSES, "complaints": COMPLAINTS}
    for table, rows in tables.items():
        frames = [zstandard.compress(json.dumps(row).encode() + b"\n") for row in rows]
        segment = Segment(table, "s", table, b"f", b"{}", to_us("2024-03-20"), len(rows), b"".join(frames))
        database.write(lambda connection, s=segment: add_segment(connection, s))
    database.write(lambda connection: add_key(connection, "desk", "ingest", 1))
    database.close()
    return tmp_path


def stored(folder: Path) -> dict[str, list[dict[str, Any]]]:
    database = open_database(f"sqlite:///{folder / 'stanch' / FILE_NAME}")
    rows: dict[str, list[dict[str, Any]]] = {}
    with database.read() as connection:
        for table in ("logins", "orders", "accesses", "complaints"):
            rows[table] = []
            for n, frame in iterate_rows(connection, table):
                lines = zstandard.ZstdDecompressor().stream_reader(frame, read_across_frames=True).read()
                rows[table] += [json.loads(line) for line in lines.splitlines()]
                assert len(lines.splitlines()) == n
    database.close()
    return rows


def test_a_person_goes_with_all_that_hangs_on_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["purge", "--subject", ANN, "--yes"]) == 0
    rows = stored(folder)
    assert [row["account"] for row in rows["logins"]] == [BOB]
    assert [row["order"] for row in rows["orders"]] == ["A-200"]
    assert [row["order"] for row in rows["accesses"]] == ["A-200"]
    (left,) = rows["complaints"]
    assert left["complaint"] == "k2"
    assert left["text"] == "They also knew of [erased] and [erased]."
    assert left["scam_phone"] is None
    told = capsys.readouterr().out
    assert {"logins: 2", "complaints: 1", "texts: 1"} <= set(told.splitlines())


def test_what_a_member_of_staff_saw_goes_without_the_customers(folder: Path) -> None:
    main(["purge", "--subject", "agent07", "--yes"])
    rows = stored(folder)
    assert rows["accesses"] == []
    assert len(rows["orders"]) == len(rows["complaints"]) == 2


def test_nothing_of_the_person_is_left_in_the_database_file(folder: Path) -> None:
    main(["purge", "--subject", ANN, "--yes"])
    for path in (folder / "stanch").iterdir():
        if path.name != "service.key":
            assert b"ann@example" not in path.read_bytes(), path
    # What is packed cannot be searched for: all pages must have been written anew.
    assert not any(path.stat().st_size for path in (folder / "stanch").glob("*-wal"))


def test_the_audit_keeps_a_keyed_reference_and_counts(folder: Path) -> None:
    main(["purge", "--subject", ANN, "--yes"])
    main(["purge", "--before", "2024-04-01", "--yes"])
    audit = folder / "stanch" / AUDIT
    first, second = [json.loads(line) for line in audit.read_text().splitlines()]
    assert ANN not in audit.read_text()
    assert len(first["subject"]) == 24
    assert first["erased"]["logins"] == 2
    assert second["before"].startswith("2024-04-01")
    assert stat.S_IMODE(audit.stat().st_mode) == 0o600


def test_what_is_older_goes_and_what_is_younger_stays(folder: Path) -> None:
    assert main(["purge", "--before", "2024-03-11", "--yes"]) == 0
    rows = stored(folder)
    assert [row["time"][:10] for row in rows["logins"]] == ["2024-03-11"]
    assert rows["orders"] == []
    assert len(rows["accesses"]) == len(rows["complaints"]) == 2


@pytest.mark.parametrize("chosen", [("--subject", ANN), ("--before", "2024-02-01")])
def test_resets_of_accounts_go_and_their_numbers_never_come_again(
    folder: Path, chosen: tuple[str, str]
) -> None:
    path = f"sqlite:///{folder / 'stanch' / FILE_NAME}"
    bob = KeptReset(BOB, to_us("2024-03-10"), to_us("2024-03-11"), 0.9, "why", simulated=True)
    ann = KeptReset(ANN, to_us("2024-01-10"), to_us("2024-01-11"), 0.9, "why", simulated=True)
    database = open_database(path)
    database.write(lambda connection: add_resets(connection, [bob, ann]))
    database.close()
    assert main(["purge", *chosen, "--yes"]) == 0
    database = open_database(path)
    database.write(lambda connection: add_resets(connection, [bob]))
    with database.read() as connection:
        assert [(number, reset.account) for number, reset in list_resets(connection, 0, 9)] == [
            (1, BOB),
            (3, BOB),
        ]
    database.close()


def test_sessions_of_agents_that_ran_out_go(folder: Path) -> None:
    database = open_database(f"sqlite:///{folder / 'stanch' / FILE_NAME}")
    with database.read() as connection:
        key = connection.exec_driver_sql("SELECT id FROM api_keys").scalar_one()
    old = database.write(lambda c: open_session(c, key, 0, to_us("2024-01-01")))
    new = database.write(lambda c: open_session(c, key, 0, to_us("2024-06-01")))
    database.close()
    main(["purge", "--before", "2024-02-01", "--yes"])
    database = open_database(f"sqlite:///{folder / 'stanch' / FILE_NAME}")
    with database.read() as connection:
        assert find_session(connection, old, 0) is None
        assert find_session(connection, new, 0) == key
    database.close()


def test_without_yes_and_without_a_person_nothing_goes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = stored(folder)
    assert main(["purge", "--subject", ANN]) == 2
    assert "--yes" in capsys.readouterr().err
    assert stored(folder) == before
    assert not (folder / "stanch" / AUDIT).exists()


@pytest.mark.parametrize(
    "arguments", [[], ["--before", "2024-01-01", "--subject", "x"], ["--before", "soon"], ["--subject", ""]]
)
def test_what_to_erase_has_to_be_said(folder: Path, arguments: list[str]) -> None:
    assert main(["purge", *arguments, "--yes"]) == 2


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def written(folder: Path) -> Path:
    """Complaints, a reading with corrections, claims and drafts, as other commands leave them."""
    desk = folder / "desk"
    for name in ("heard", "notices/messages", "outbox", "findings/bundle"):
        (desk / name).mkdir(parents=True)
    write_lines(desk / "complaints.jsonl", COMPLAINTS)
    write_lines(
        desk / "heard/read.jsonl", [{"complaint": "k1", "spans": []}, {"complaint": "k2", "spans": []}]
    )
    write_lines(desk / "heard/corrections.jsonl", [{"complaint": "k1", "kind": "phishing"}])
    change = {"at": "2024-03-16T00:00:00Z", "by": "li", "why": "import", "state": "claimed"}
    write_lines(desk / "claims.jsonl", [change | {"claim": "k1"}, change | {"claim": "k2"}])
    (desk / "notices/recipients.csv").write_text(f"account,order\n{ANN},A-100\n{BOB},A-200\n")
    (desk / "notices/police.en.html").write_text(f"<p>{ANN} and {BOB}, order A-100</p>")
    (desk / "outbox/1.eml").write_text(f"To: {ANN}\n\nhello")
    (desk / "outbox/2.eml").write_text(f"To: {BOB}\n\nhello")
    (desk / "warned.jsonl").write_text('{"journal":"stanch warned","key":"k"}\n')
    (desk / "findings/bundle/manifest.sig").write_bytes(b"s")
    (desk / "findings/bundle/index.html").write_text(ANN)
    pl.DataFrame({"account": [ANN, BOB], "p": [0.1, 0.2]}).write_parquet(desk / "findings/evidence.parquet")
    return desk


def test_a_person_goes_from_readings_corrections_claims_and_drafts(
    written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["purge", "--subject", ANN, "--also", str(written), "--yes"]) == 0
    assert [row["complaint"] for row in read_lines(written / "complaints.jsonl")] == ["k2"]
    assert [row["complaint"] for row in read_lines(written / "heard/read.jsonl")] == ["k2"]
    assert read_lines(written / "heard/corrections.jsonl") == []
    assert [row["claim"] for row in read_lines(written / "claims.jsonl")] == ["k2"]
    assert (written / "notices/recipients.csv").read_text() == f"account,order\n{BOB},A-200\n"
    assert (written / "notices/police.en.html").read_text() == f"<p>[erased] and {BOB}, order [erased]</p>"
    assert [path.name for path in (written / "outbox").iterdir()] == ["2.eml"]
    assert pl.read_parquet(written / "findings/evidence.parquet")["account"].to_list() == [BOB]
    assert (written / "findings/bundle/index.html").read_text() == ANN
    assert "left as it is" in capsys.readouterr().out


def test_what_is_older_goes_from_files_too(written: Path) -> None:
    old = to_us("2024-01-01") / 1e6
    os.utime(written / "outbox/1.eml", (old, old))
    assert main(["purge", "--before", "2024-03-15", "--also", str(written), "--yes"]) == 0
    assert [row["complaint"] for row in read_lines(written / "complaints.jsonl")] == ["k2"]
    assert [row["complaint"] for row in read_lines(written / "heard/read.jsonl")] == ["k2"]
    assert [path.name for path in (written / "outbox").iterdir()] == ["2.eml"]
    assert (written / "warned.jsonl").exists()


def test_a_path_that_is_not_there_is_told_before_anything_goes(folder: Path) -> None:
    before = stored(folder)
    assert main(["purge", "--subject", ANN, "--also", str(folder / "nowhere"), "--yes"]) == 2
    assert stored(folder) == before


def test_a_short_name_is_looked_for_in_cells_alone(folder: Path) -> None:
    path = folder / "c.jsonl"
    write_lines(path, [{"complaint": "k9", "text": "k1 times"}, {"complaint": "k1", "text": "mine"}])
    main(["purge", "--subject", "k1", "--also", str(path), "--yes"])
    assert read_lines(path) == [{"complaint": "k9", "text": "k1 times"}]
