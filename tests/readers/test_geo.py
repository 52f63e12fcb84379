"""Network and country of logins, filled in from databases that the user gives."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from readers.mmdb import write_mmdb
from stanch.cli import main
from stanch.engine import EngineSettings, open_engine
from stanch.errors import UsageError
from stanch.evidence.rejects import RejectLog
from stanch.findings import Input
from stanch.progress import SilentProgress
from stanch.readers import ReadRequest, read_evidence
from stanch.readers.geo import open_databases

HEAD = "time,ip,account,outcome,asn,country\n"
ROW = "2024-03-01T10:00:00Z,{},ann,success,{},{}\n"


def read_places(
    folder: Path, rows: list[tuple[str, str, str]], *databases: Path
) -> tuple[list, list[Input], set]:
    """(asn, country) per row, what was read of each database, and the columns that are filled."""
    logins = folder / "logins.csv"
    logins.write_text(HEAD + "".join(ROW.format(*row) for row in rows))
    engine = open_engine("duckdb", EngineSettings(threads=1, memory_limit_mb=512))
    wanted = ReadRequest(paths={"logins": [str(logins)]}, geo=open_databases(databases))
    with RejectLog(folder / "rejects.jsonl") as rejects:
        evidence = read_evidence(wanted, engine, rejects, SilentProgress())
    places = engine.fetch("SELECT asn, country, account, line FROM logins").sort("line")
    engine.close()
    assert places["account"].to_list() == ["ann"] * len(rows)
    read = [given for given in evidence.inputs if given.table == "geo"]
    return places.select("asn", "country").rows(), read, set(evidence.columns["logins"])


@pytest.fixture
def asn(tmp_path: Path) -> Path:
    networks = {
        "198.51.100.0/24": {"autonomous_system_number": 64500, "organization": "One"},
        "2001:db8::/32": {"autonomous_system_number": 64501},
    }
    return write_mmdb(tmp_path / "asn.mmdb", "Test-ASN", networks)


@pytest.fixture
def country(tmp_path: Path) -> Path:
    networks = {"198.51.100.0/25": {"country": {"iso_code": "CN"}}}
    return write_mmdb(tmp_path / "country.mmdb", "Test-Country", networks, ip_version=4)


def test_empty_cells_are_filled_and_given_ones_stay(asn: Path, country: Path, tmp_path: Path) -> None:
    rows = [
        ("198.51.100.7", "", ""), ("198.51.100.7", "65000", ""), ("198.51.100.200", "", "FR"),
        ("2001:db8::5", "", ""), ("192.0.2.1", "", ""),
    ]  # fmt: skip
    places, read, columns = read_places(tmp_path, rows, asn, country)
    assert places == [("64500", "CN"), ("65000", "CN"), ("64500", "FR"), ("64501", None), (None, None)]
    assert {"asn", "country"} <= columns
    assert [(given.rows, given.format, len(given.sha256)) for given in read] == [
        (3, "mmdb", 64),
        (1, "mmdb", 64),
    ]
    assert "Test-ASN of 2023-11-14, fills in the network numbers" in read[0].notes[0]


def test_numbers_are_written_as_the_log_writes_them(asn: Path, tmp_path: Path) -> None:
    rows = [("198.51.100.7", "", ""), ("192.0.2.1", "AS65000", "")]
    assert read_places(tmp_path, rows, asn)[0] == [("AS64500", None), ("AS65000", None)]


def test_the_first_database_is_believed_and_flat_records_are_read(asn: Path, tmp_path: Path) -> None:
    flat = write_mmdb(tmp_path / "flat.mmdb", "ipinfo", {"198.51.100.0/24": {"asn": "AS1", "country": "NL"}})
    rows = [("198.51.100.7", "", "")]
    assert read_places(tmp_path, rows, asn, flat)[0] == [("64500", "NL")]
    assert read_places(tmp_path, rows, flat, asn)[0] == [("1", "NL")]


def test_a_database_of_another_kind_is_noted_and_left_out(tmp_path: Path) -> None:
    other = write_mmdb(
        tmp_path / "c.mmdb", "Test-Connection", {"198.51.100.0/24": {"connection_type": "DSL"}}
    )
    places, read, columns = read_places(tmp_path, [("198.51.100.7", "", "")], other)
    assert places == [(None, None)]
    assert "asn" not in columns
    assert read[0].notes == [
        "Test-Connection of 2023-11-14 knows neither network numbers nor countries and was not used"
    ]


def test_odd_records_give_nothing(tmp_path: Path) -> None:
    networks = {"198.51.100.0/24": {"asn": "unknown", "country": {"iso_code": 7}}, "192.0.2.0/24": "text",
                "203.0.113.0/24": {"asn": "AS7", "country": "\x1b[2J"}}  # fmt: skip
    odd = write_mmdb(tmp_path / "odd.mmdb", "Test", networks)
    rows = [("198.51.100.7", "", ""), ("192.0.2.1", "", ""), ("203.0.113.1", "", "")]
    assert read_places(tmp_path, rows, odd)[0] == [(None, None), (None, None), ("7", None)]


@pytest.mark.parametrize("content", [None, b"", b"no database", b"\x1f\x8b packed"])
def test_what_cannot_be_opened_is_one_line_and_nothing_is_written(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "geo.mmdb"
    if content is not None:
        given.write_bytes(content)
    (tmp_path / "logins.csv").write_text(HEAD + ROW.format("192.0.2.1", "", ""))
    out = tmp_path / "out"
    arguments = [
        "investigate",
        "--logins",
        str(tmp_path / "logins.csv"),
        "--geo",
        str(given),
        "--out",
        str(out),
    ]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(given) in error
    assert not out.exists()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder"):
        open_databases([tmp_path])


def test_a_torn_database_ends_in_a_clear_error(asn: Path, tmp_path: Path) -> None:
    whole = asn.read_bytes()
    at = whole.index(b"autonomous_system_number")
    asn.write_bytes(whole[: at - 1] + b"\xff\xff\xff" + whole[at + 2 :])
    with pytest.raises(UsageError, match="broken one"):
        read_places(tmp_path, [("198.51.100.7", "", "")], asn)


def test_the_answer_says_which_databases_were_used(asn: Path, tmp_path: Path) -> None:
    (tmp_path / "logins.csv").write_text(HEAD + ROW.format("198.51.100.7", "", ""))
    for lang, words in (("en", "fills in the network numbers of logins"), ("zh", "补充登录的网络编号")):
        out = tmp_path / lang
        arguments = [
            "investigate",
            "--logins",
            str(tmp_path / "logins.csv"),
            "--geo",
            str(asn),
            "--lang",
            lang,
        ]
        assert main([*arguments, "--out", str(out), "--quiet"]) == 0
        given = json.loads((out / "findings.json").read_bytes())["inputs"]
        assert [(i["table"], i["rows"]) for i in given] == [("logins", 1), ("geo", 1)]
        assert words in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "ip", "place"),
    [
        ("GeoLite2-ASN-Test", "1.128.0.0", ("1221", None)),
        ("GeoIP2-ISP-Test", "1.128.0.0", ("1221", None)),
        ("GeoLite2-City-Test", "2.125.160.216", (None, "GB")),
        ("GeoIP2-Country-Test", "2001:218::1", (None, "JP")),
        ("GeoIP2-Enterprise-Test", "74.209.24.0", ("14671", "US")),
        ("GeoIP2-Anonymous-IP-Test", "1.2.0.1", (None, None)),
        ("GeoIP2-Connection-Type-Test", "1.0.0.1", (None, None)),
    ],
)
def test_maxminds_own_kinds(
    name: str, ip: str, place: tuple[str | None, str | None], shared_data: Path, tmp_path: Path
) -> None:
    database = shared_data / "geoip-test-mmdb" / "test-data" / f"{name}.mmdb"
    places, read, _ = read_places(tmp_path, [(ip, "", "")], database)
    assert places == [place]
    assert read[0].rows == any(place)


@pytest.mark.parametrize("name", ["Broken-Double-Format", "Invalid-Node-Count"])
def test_maxminds_broken_examples(name: str, shared_data: Path, tmp_path: Path) -> None:
    database = shared_data / "geoip-test-mmdb" / "test-data" / f"GeoIP2-City-Test-{name}.mmdb"
    with pytest.raises(UsageError, match="broken one"):
        read_places(tmp_path, [("2.125.160.216", "", ""), ("81.2.69.142", "", "")], database)


def test_places_do_not_depend_on_the_order_of_rows(asn: Path, country: Path, tmp_path: Path) -> None:
    rows = [(f"198.51.100.{i}", "", "") for i in range(40)]
    there, back = (read_places(tmp_path, order, asn, country)[0] for order in (rows, rows[::-1]))
    assert pl.Series(there).to_list() == pl.Series(back[::-1]).to_list()
