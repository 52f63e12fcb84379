"""The store, the same on SQLite and on PostgreSQL: nothing lost, nothing twice, no key kept."""

import asyncio
import importlib.util
import json
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import zstandard
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from stanch.cases.database import HEAD, Database, open_database
from stanch.cases.erase import erase_rows, gather_and_erase
from stanch.cases.keys import add_key, list_keys, match_key, note_use, revoke_key, split_key
from stanch.cases.schema import METADATA, SEGMENTS
from stanch.cases.segments import KeyReusedError, Segment, add_segment, iterate_rows
from stanch.cases.sessions import close_session, find_session, open_session
from stanch.errors import StoreError, UsageError
from stanch.evidence.erasing import Erasing

SEGMENT = Segment("logins", "shipper", "k1", b"f" * 32, b'{"accepted":1}', 1_700_000_000_000_000, 1, b"rows")


def stored(database: Database, table: str = "logins") -> list[tuple[int, bytes]]:
    with database.read() as connection:
        return list(iterate_rows(connection, table))


def test_the_steps_lead_to_the_tables_that_the_code_uses(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    config = Config()
    config.set_main_option("script_location", "stanch.cases:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_many_can_open_it_for_the_first_time_at_once(url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(open_database, [url] * 4))
    for number, database in enumerate(opened):
        segment = replace(SEGMENT, idempotency_key=f"k{number}")
        database.write(lambda c, segment=segment: add_segment(c, segment))
    assert len(stored(opened[0])) == 4
    for database in opened:
        database.close()


def test_a_segment_is_stored_once_whoever_brings_it_and_how_often(url: str) -> None:
    servers = [open_database(url) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: servers[n % 2].write(lambda c: add_segment(c, SEGMENT)), range(40)))
    assert set(answers) == {SEGMENT.answer}
    assert stored(servers[0]) == [(1, b"rows")]
    other = replace(SEGMENT, fingerprint=b"g" * 32, answer=b"other")
    with pytest.raises(KeyReusedError):
        servers[1].write(lambda c: add_segment(c, other))
    for change in (
        {"source": "x"},
        {"table": "orders"},
        {"idempotency_key": None},
        {"idempotency_key": None},
    ):
        changed = replace(other, **change)
        servers[0].write(lambda c, segment=changed: add_segment(c, segment))
    assert len(stored(servers[1])) == 4
    assert len(stored(servers[1], "orders")) == 1
    for server in servers:
        server.close()


def test_a_failing_write_undoes_itself_and_none_of_its_neighbours(database: Database) -> None:
    def fail(connection: sa.Connection) -> None:
        add_segment(connection, replace(SEGMENT, idempotency_key="lost"))
        raise ValueError("on purpose")

    async def write_all() -> list[object]:
        jobs = [
            fail if n % 3 == 0 else (lambda c, n=n: add_segment(c, replace(SEGMENT, idempotency_key=f"n{n}")))
            for n in range(30)
        ]
        return await asyncio.gather(*map(database.write_soon, jobs), return_exceptions=True)

    told = asyncio.run(write_all())
    assert [isinstance(answer, ValueError) for answer in told] == [n % 3 == 0 for n in range(30)]
    assert len(stored(database)) == 20


def test_closing_waits_for_what_is_under_way(url: str) -> None:
    database = open_database(url)
    pending = [
        database._submit(lambda c, n=n: add_segment(c, replace(SEGMENT, idempotency_key=f"n{n}")))
        for n in range(300)
    ]
    database.close()
    assert all(done.done() for done in pending)
    again = open_database(url)
    assert len(stored(again)) == 300
    again.close()


def test_keys_are_known_by_their_hash_and_revoked_for_good(database: Database) -> None:
    text = database.write(lambda c: add_key(c, "shipper", "ingest", 1))
    parts = split_key(text)
    assert parts is not None
    key_id, secret = parts
    with database.read() as connection:
        (key,) = list_keys(connection)
    assert secret.encode() not in key.secret_sha256
    assert match_key(key, secret)
    assert not match_key(key, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
    assert not match_key(None, secret)
    assert (key.allows("ingest"), key.allows("bouncer")) == (True, False)
    with pytest.raises(UsageError, match="already"):
        database.write(lambda c: add_key(c, "shipper", "admin", 2))
    database.write(lambda c: note_use(c, key_id, 5))
    token = database.write(lambda c: open_session(c, key_id, 5, 100))
    database.write(lambda c: revoke_key(c, "shipper", 7))
    with database.read() as connection:
        (key,) = list_keys(connection)
        assert find_session(connection, token, 8) is None
    assert (key.last_used_us, key.revoked_us, match_key(key, secret)) == (5, 7, False)
    with pytest.raises(UsageError, match="no key"):
        database.write(lambda c: revoke_key(c, "shipper", 8))
    database.write(lambda c: add_key(c, "shipper", "ingest", 9))


@pytest.mark.parametrize("text", ["", "stanch_", "stanch_0_x", "x" * 10_000, "stanch_0123456789_" + "é" * 43])
def test_what_cannot_be_a_key_is_none(text: str) -> None:
    assert split_key(text) is None


def test_sessions_run_out_and_are_swept_away(database: Database) -> None:
    key = split_key(database.write(lambda c: add_key(c, "desk", "ingest", 1)))
    assert key is not None
    token = database.write(lambda c: open_session(c, key[0], 10, 20))
    with database.read() as connection:
        assert find_session(connection, token, 19) == key[0]
        assert find_session(connection, token, 20) is None
        assert find_session(connection, "x", 19) is None
    second = database.write(lambda c: open_session(c, key[0], 30, 40))
    database.write(lambda c: close_session(c, second))
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM agent_sessions")).scalar() == 0


def test_odd_text_is_kept_as_it_is(database: Database) -> None:
    odd = "'; DROP TABLE segments; -- \u202e 🙂"
    database.write(lambda c: add_segment(c, replace(SEGMENT, idempotency_key=odd)))
    with database.read() as connection:
        assert connection.execute(sa.select(SEGMENTS.c.idempotency_key)).scalar() == odd


def test_a_newer_database_is_left_alone(url: str) -> None:
    database = open_database(url)
    database.write(lambda c: c.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")) and None)
    database.close()
    with pytest.raises(StoreError, match="newer version"):
        open_database(url)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "stanch.sqlite"
    database = open_database(f"sqlite:///{path}")
    database.write(lambda c: add_segment(c, SEGMENT))
    assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    database.close()


def test_another_program_that_holds_the_file_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "stanch.sqlite"
    database = open_database(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    waiting = database._submit(lambda c: add_segment(c, SEGMENT))
    with database.read() as connection:
        assert list(iterate_rows(connection, "logins")) == [], "readers do not wait"
    assert not waiting.done()
    other.execute("COMMIT")
    assert waiting.result(timeout=30) == SEGMENT.answer
    other.close()
    database.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("sqlite://", "needs a file"),
        ("mysql://x/y", "mysql"),
        ("::secret::", "cannot be understood"),
        ("sqlite:////proc/no/such", "cannot be opened"),
        ("postgresql://u:hunter2@127.0.0.1:9/x", "cannot be reached"),
    ],
)
def test_an_unusable_address_is_one_plain_line_without_its_password(address: str, words: str) -> None:
    with pytest.raises(StoreError, match=words) as raised:
        open_database(address)
    assert "\n" not in str(raised.value)
    assert "hunter2" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "stanch.sqlite"
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(StoreError, match="not a database"):
        open_database(f"sqlite:///{path}")


def test_without_the_driver_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("psycopg") is not None
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"stanch\[postgres\]"):
        open_database("postgresql://u@127.0.0.1:9/x")


def pack(*rows: dict[str, str]) -> bytes:
    """A frame a row, as several batches of one request are stored."""
    return b"".join(zstandard.compress(json.dumps(row, ensure_ascii=False).encode() + b"\n") for row in rows)


def test_one_persons_rows_are_erased_and_a_repeated_request_is_still_known(database: Database) -> None:
    mine, other = {"account": '王"1', "outcome": "success"}, {"account": "b", "outcome": "success"}
    segment = replace(SEGMENT, rows=pack(mine, other), n_rows=2)
    database.write(lambda connection: add_segment(connection, segment))
    wanted = Erasing('王"1')
    planned = database.write(lambda c: gather_and_erase(c, wanted, lambda: None, write=False))
    assert stored(database) == [(2, segment.rows)]
    done = database.write(lambda c: gather_and_erase(c, wanted, lambda: None, write=True))
    assert planned == done == {"logins": 1}
    ((n, frame),) = stored(database)
    assert (n, json.loads(zstandard.decompress(frame))) == (1, other)
    assert database.write(lambda connection: add_segment(connection, segment)) == segment.answer
    assert len(stored(database)) == 1
    database.compact()


def test_a_segment_of_which_nothing_is_left_goes_once_it_is_old(database: Database) -> None:
    rows = pack({"time": "2023-11-01T00:00:00Z"})
    database.write(lambda connection: add_segment(connection, replace(SEGMENT, rows=rows)))
    early, late = (Erasing(before=datetime(2023, month, 20, tzinfo=UTC)) for month in (10, 12))
    assert database.write(lambda connection: erase_rows(connection, early, write=True)) == {}
    assert len(stored(database)) == 1
    assert database.write(lambda connection: erase_rows(connection, late, write=True)) == {"logins": 1}
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(SEGMENTS)).scalar_one() == 0
