"""The same rows come out of every format a table may be written in."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.engine import Engine, EngineSettings, open_engine
from stanch.errors import EvidenceError
from stanch.evidence.pseudonyms import Pseudonymiser
from stanch.evidence.rejects import RejectLog
from stanch.evidence.tables import ACTOR_KINDS, FIELDS, OUTCOMES, TABLES
from stanch.progress import SilentProgress
from stanch.readers import EvidenceRead, ReadRequest, read_evidence

LOGINS = "time,ip,account,outcome\n2024-03-01T10:00:00Z,198.51.100.7,ann,success\n"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with closing(open_engine("duckdb", EngineSettings(memory_limit_mb=512, threads=1))) as opened:
        yield opened


def read(engine: Engine, folder: Path, /, **request: Any) -> EvidenceRead:
    engine.drop(*TABLES, "account_spellings")
    paths = {table: [str(p) for p in files] for table, files in request.pop("paths").items()}
    with RejectLog(folder / "rejects.jsonl", keep_raw=request.get("key") is None) as rejects:
        return read_evidence(ReadRequest(paths=paths, **request), engine, rejects, SilentProgress())


def stored(engine: Engine, table: str) -> list[tuple[Any, ...]]:
    columns = ", ".join(f'"{c.stored_name}"' for c in TABLES[table].columns if not c.secret)
    return sorted(engine.fetch(f'SELECT {columns} FROM "{table}"').rows(), key=repr)


def write(folder: Path, content: str | bytes, name: str = "evidence.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rejects(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()]


# --- round trip ------------------------------------------------------------------------------------

_text = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20)
_name = _text.filter(lambda t: t.strip() and not t.strip().startswith("\ufeff"))
_time = st.integers(631_200_000, 4_102_000_000).map(lambda s: s * 1_000_000)
_sets = st.lists(st.sampled_from(FIELDS), unique=True).map("|".join)
ROWS = {
    "logins": st.fixed_dictionaries(
        {
            "time": _time,
            "ip": st.ip_addresses().map(str),
            "account": _name | st.just(""),
            "outcome": st.sampled_from(OUTCOMES),
            "user_agent": _text,
            "country": st.sampled_from(["", "CN", "GB"]),
        }
    ),
    "accesses": st.fixed_dictionaries(
        {
            "time": _time,
            "actor": _name,
            "actor_kind": st.sampled_from(ACTOR_KINDS),
            "order": _name,
            "fields": _sets,
        }
    ),
    "orders": st.fixed_dictionaries(
        {"order": _name, "account": _name, "time": _time, "amount": st.integers(0, 10**6)}
    ),
    "complaints": st.fixed_dictionaries(
        {"complaint": _name, "received": _time, "phone": _name, "text": _text, "loss": st.integers(0, 10**6)}
    ),
}


def to_csv(frame: pl.DataFrame, separator: str = ",") -> bytes:
    return frame.write_csv(separator=separator).encode()


def to_parquet(frame: pl.DataFrame) -> bytes:
    typed = [
        pl.col(n).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
        for n in ("time", "received")
        if n in frame
    ]
    buffer = io.BytesIO()
    frame.with_columns(typed).write_parquet(buffer)
    return buffer.getvalue()


FORMATS = {
    "csv": to_csv,
    "csv with semicolons, gzip": lambda f: gzip.compress(to_csv(f, ";")),
    "csv with tabs, zstd": lambda f: zstandard.compress(to_csv(f, "\t")),
    "csv with bars, UTF-16": lambda f: to_csv(f, "|").decode().encode("utf-16"),
    "jsonl": lambda f: f.write_ndjson().encode(),
    "json array": lambda f: json.dumps(f.to_dicts(), indent=1).encode(),
    "parquet": to_parquet,
}


@pytest.mark.parametrize("table", ROWS)
@settings(max_examples=12)
@given(data=st.data())
def test_every_format_stores_the_same_rows(
    table: str, data: st.DataObject, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = data.draw(st.lists(ROWS[table], min_size=1, max_size=8))
    if table == "orders":
        rows = list({row["order"].strip(): row for row in rows}.values())
    order = data.draw(st.permutations(range(len(rows[0]))))
    frame = pl.DataFrame(rows).select(list(rows[0])[i] for i in order)
    times = [n for n in ("time", "received") if n in frame.columns]
    frame = frame.with_columns(pl.from_epoch(n, "us").dt.strftime("%Y-%m-%dT%H:%M:%SZ") for n in times)
    folder = tmp_path_factory.mktemp("round")
    answers = {}
    for name, encode in FORMATS.items():
        evidence = read(engine, folder, paths={table: [write(folder, encode(frame))]})
        assert (evidence.inputs[0].rows, evidence.inputs[0].rejects) == (len(rows), 0), name
        answers[name] = stored(engine, table)
    assert all(answer == answers["parquet"] for answer in answers.values())
    assert sorted(row[times[0]] for row in rows) == sorted(
        engine.fetch(f'SELECT {times[0]}_us AS t FROM "{table}"')["t"]
    )


@pytest.mark.parametrize("blank", ["\n", "\r\n", "   \n", " \t \n"], ids=["lf", "crlf", "blanks", "tab"])
def test_blank_lines_are_no_rows_and_have_no_number(engine: Engine, tmp_path: Path, blank: str) -> None:
    rows = [
        {"time": "2024-03-01T10:00:00Z", "ip": "198.51.100.7", "account": f"u{i}", "outcome": "success"}
        for i in range(3)
    ]
    rows.insert(1, rows[0] | {"time": "never"})
    csv = ["time,ip,account,outcome\n", *(",".join(row.values()) + "\n" for row in rows)]
    jsonl = [json.dumps(row) + "\n" for row in rows]
    found = []
    for lines in (csv, jsonl):
        path = write(tmp_path, (2 * blank).join(lines) + blank)
        evidence = read(engine, tmp_path, paths={"logins": [path]})
        numbers = dict(engine.fetch("SELECT account, line FROM logins").rows())
        found.append((evidence.inputs[0].rows, numbers, [r["line"] for r in rejects(tmp_path)]))
    assert found[0] == found[1] == (3, {"u0": 1, "u1": 3, "u2": 4}, [2])


def test_a_line_too_long_has_the_number_of_its_row(engine: Engine, tmp_path: Path) -> None:
    row = {"time": "2024-03-01T10:00:00Z", "ip": "198.51.100.7", "account": "u", "outcome": "success"}
    long = json.dumps(row | {"account": "x" * (2 << 20)})
    path = write(tmp_path, "\n\n".join([json.dumps(row), long, json.dumps(row)]))
    read(engine, tmp_path, paths={"logins": [path]})
    assert engine.fetch("SELECT line FROM logins ORDER BY line")["line"].to_list() == [1, 3]
    assert [r["line"] for r in rejects(tmp_path)] == [2]


@settings(max_examples=60)
@given(
    kinds=st.lists(
        st.sampled_from(["good", "short", "torn", "quoted", "blank", "stray"]), min_size=1, max_size=30
    ),
    ends_in_newline=st.booleans(),
)
def test_a_broken_row_costs_one_row(
    kinds: list[str], ends_in_newline: bool, engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Lines of each kind in any order: only what is broken is lost, under its own number."""
    lines = {
        "good": "2024-03-01T10:00:00Z,198.51.100.7,ann,success,x",
        "short": "2024-03-01T10:00:00Z,198.51.100.7",
        "torn": '2024-03-01T10:00:00Z,198.51.100.7,"ann,success,x',
        "quoted": '2024-03-01T10:00:00Z,"198.51.100.7","a""n,n","success","two\nlines, ""quoted"""',
        "blank": "",
        "stray": '2024-03-01T10:00:00Z,198.51.100.7,ann,success,5" disk',
    }
    folder = tmp_path_factory.mktemp("broken")
    text = (
        "time,ip,account,outcome,user_agent\n" + "\n".join(lines[k] for k in kinds) + "\n" * ends_in_newline
    )
    rows = [kind for kind in kinds if kind != "blank"]
    # A quote left open up to the end of the file takes the line it stands in, nothing else.
    broken = [i for i, kind in enumerate(rows, 1) if kind in {"short", "torn"}]
    if not set(rows) - {"short", "torn"}:
        rows.append("good")
        text += ("" if ends_in_newline else "\n") + lines["good"]
    read(engine, folder, paths={"logins": [write(folder, text)]})
    assert [entry["line"] for entry in rejects(folder)] == broken
    kept = engine.fetch("SELECT line, user_agent FROM logins ORDER BY line").rows()
    agents = {"good": "x", "quoted": 'two\nlines, "quoted"', "stray": '5" disk'}
    assert kept == [(i, agents[kind]) for i, kind in enumerate(rows, 1) if i not in broken]


# --- Excel -----------------------------------------------------------------------------------------


def make_xlsx(rows: list[list[object]], path: Path, *more: list[list[object]]) -> Path:
    """A workbook as Excel writes it, at its barest: ECMA-376 part 1, 18.3 (sheets), 18.8 (styles)."""

    def cell(value: object) -> str:
        if isinstance(value, tuple):  # a number shown as a date
            return f'<c s="1"><v>{value[0]!r}</v></c>'
        if isinstance(value, int | float):
            return f"<c><v>{value!r}</v></c>"
        return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>'

    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
    numbers = range(1, 2 + len(more))
    declared = "".join(f'<sheet name="{"ABC"[n - 1]}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
    related = "".join(
        f'<Relationship Id="r{n}" Type="{rel}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    parts = {
        "_rels/.rels": f'<Relationships {package}><Relationship Id="r" Type="{rel}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{rel}"><sheets>{declared}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f"<Relationships {package}>{related}"
        f'<Relationship Id="s" Type="{rel}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {main}><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="22"/></cellXfs>'
        "</styleSheet>",
    }
    for n, content in zip(numbers, (rows, *more), strict=True):
        sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in content)
        parts[f"xl/worksheets/sheet{n}.xml"] = f"<worksheet {main}><sheetData>{sheet}</sheetData></worksheet>"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{content}')
    return path


def test_excel_dates_numbers_and_text(engine: Engine, tmp_path: Path) -> None:
    path = make_xlsx(
        [
            ["order", "account", "time", "amount"],
            [1000001, "ann", (45352.4166666667,), 12.5],
            ["o2", "bob", 45352.5, 7],
            ["o3", "", "2024-03-01 10:00:00", ""],
        ],
        tmp_path / "orders.data",
    )
    evidence = read(engine, tmp_path, paths={"orders": [path]}, zone="Asia/Shanghai")
    assert evidence.inputs[0].format == "xlsx"
    rows = engine.fetch('SELECT "order", account, time_us, amount, line FROM orders ORDER BY line').rows()
    hour_us = 3_600_000_000
    ten = 1709287200_000_000 - 8 * hour_us
    assert rows == [
        ("1000001", "ann", ten, 12.5, 1),
        ("o2", "bob", ten + 2 * hour_us, 7.0, 2),
        ("o3", None, ten, None, 3),
    ]  # fmt: skip


# --- requests --------------------------------------------------------------------------------------


def test_the_sheet_that_is_the_table_is_read_and_a_second_one_told(engine: Engine, tmp_path: Path) -> None:
    calls = [["complaint", "received", "order"], ["k1", "2024-03-01", "o1"]]
    told: list[str] = []
    progress = SilentProgress()
    progress.warn = told.append  # type: ignore[method-assign]
    for sheets, expected in (
        (([["notes"]], calls), []),
        ((calls, calls), ["only sheet 'A' was read; 'B' could"]),
    ):
        path = make_xlsx(sheets[0], tmp_path / "calls.xlsx", *sheets[1:])
        engine.drop(*TABLES)
        with RejectLog(tmp_path / "rejects.jsonl") as log:
            request = ReadRequest(paths={"complaints": [str(path)]})
            evidence = read_evidence(request, engine, log, progress)
        assert evidence.inputs[0].rows == 1
        assert [line.split(": ", 1)[1][: len(e)] for line, e in zip(told, expected, strict=True)] == expected


def test_renames_extra_columns_and_any_case(engine: Engine, tmp_path: Path) -> None:
    path = write(tmp_path, "Extra,When, IP ,user,OUTCOME\nx,2024-03-01T10:00:00Z,198.51.100.7,ann,success\n")
    renames = {"logins": {"time": "when", "account": "user"}}
    evidence = read(engine, tmp_path, paths={"logins": [path]}, renames=renames)
    assert evidence.columns["logins"] == {"time", "ip", "account", "outcome"}
    assert stored(engine, "logins")[0][:4] == (1709287200_000_000, "198.51.100.7", "ann", "success")


def test_a_missing_column_names_file_columns_and_remedy(engine: Engine, tmp_path: Path) -> None:
    bad = write(tmp_path, LOGINS.replace("ip", "client"), "bad.csv")
    with pytest.raises(EvidenceError) as error:
        read(engine, tmp_path, paths={"logins": [bad]})
    for word in ("bad.csv", "client", "--map logins.ip="):
        assert word in str(error.value)
    good = write(tmp_path, LOGINS, "good.csv")
    evidence = read(engine, tmp_path, paths={"logins": [bad, good]})
    assert [(i.rows, i.rejects) for i in evidence.inputs] == [(0, 1), (1, 0)]
    assert evidence.all_rejected == {}
    assert engine.fetch("SELECT file_id FROM logins").item() == 1


def test_globs_and_one_file_under_two_names(engine: Engine, tmp_path: Path) -> None:
    for i in range(3):
        write(tmp_path, LOGINS, f"part-{i}.csv")
    (tmp_path / "part-9.csv").symlink_to(tmp_path / "part-0.csv")
    evidence = read(engine, tmp_path, paths={"logins": [tmp_path / "part-*.csv", tmp_path / "part-1.csv"]})
    assert [Path(i.path).name for i in evidence.inputs] == ["part-0.csv", "part-1.csv", "part-2.csv"]


def test_standard_input(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (
        LOGINS.encode(),
        gzip.compress(LOGINS.encode()),
        to_parquet(pl.read_csv(LOGINS.encode())),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        evidence = read(engine, tmp_path, paths={"logins": ["-"]})
        assert [(i.path, i.rows) for i in evidence.inputs] == [("-", 1)]


def test_encodings_are_told_shown_and_overridden(engine: Engine, tmp_path: Path) -> None:
    text = "complaint,received,order,region,text\n" + "".join(
        f"k{i},2024-03-01,o{i},广东省,冒充客服说订单有问题要求退款转账到安全账户\n" for i in range(20)
    )
    path = write(tmp_path, text.encode("gb18030"))
    evidence = read(engine, tmp_path, paths={"complaints": [path]})
    assert evidence.inputs[0].encoding == "gb18030"
    assert any("--encoding" in note for note in evidence.inputs[0].notes)
    assert set(engine.fetch("SELECT region FROM complaints")["region"]) == {"广东省"}
    told = read(engine, tmp_path, paths={"complaints": [path]}, encoding="gbk")
    assert not any("--encoding" in note for note in told.inputs[0].notes)
    plain = read(engine, tmp_path, paths={"complaints": [write(tmp_path, "\ufeff" + text)]})
    assert plain.inputs[0].encoding == "utf-8"


def test_all_rows_rejected_is_known_and_nothing_else_is_lost(engine: Engine, tmp_path: Path) -> None:
    orders = write(tmp_path, "order,account,time\no1,ann,soon\n", "orders.csv")
    evidence = read(engine, tmp_path, paths={"logins": [write(tmp_path, LOGINS)], "orders": [orders]})
    assert list(evidence.all_rejected) == ["orders"]
    assert engine.count("logins") == 1
    assert rejects(tmp_path)[0]["raw"] == "o1,ann,soon"


def test_raw_of_rejects_holds_no_session_and_no_password(engine: Engine, tmp_path: Path) -> None:
    header = "time,ip,account,outcome,session,password\n"
    row = "soon,198.51.100.7,ann,success,tell-tale,open-sesame\n"
    read(
        engine,
        tmp_path,
        paths={
            "logins": [write(tmp_path, header + LOGINS.splitlines()[1] + ",,\n" + row + row[:-3] + ",\n")]
        },
    )
    text = (tmp_path / "rejects.jsonl").read_text()
    assert "ann" in text
    assert "tell-tale" not in text
    assert "sesame" not in text
    objects = {"time": "soon", "account": "ann", "session": "tell-tale", "password": "open sesame"}
    good = {"time": 1709287200, "ip": "::1", "account": "b", "outcome": "denied"}
    read(
        engine, tmp_path, paths={"logins": [write(tmp_path, f"{json.dumps(good)}\n{json.dumps(objects)}\n")]}
    )
    text = (tmp_path / "rejects.jsonl").read_text()
    assert "soon" in text
    assert "ann" not in text  # what was typed as an account may be a password
    assert "tell-tale" not in text
    assert "sesame" not in text


def test_under_a_key_people_are_gone_and_tables_still_join(engine: Engine, tmp_path: Path) -> None:
    key = b"0123456789abcdef"
    paths = {
        "logins": [
            write(
                tmp_path, LOGINS.replace("outcome", "outcome,session").replace("success", "success,s1"), "l"
            )
        ],
        "orders": [write(tmp_path, "order,account,time\no1,ann,2024-03-01T10:00:00Z\n", "o")],
        "accesses": [
            write(
                tmp_path,
                "time,actor,actor_kind,order,session\n2024-03-01T11:00:00Z,ann,customer,o1,s1\n",
                "a",
            )
        ],
        "complaints": [
            write(
                tmp_path,
                "complaint,received,order,phone,text\nk,2024-03-02,o1,13800138000,ann 13800138000\n",
                "c",
            )
        ],
    }
    read(engine, tmp_path, paths=paths, key=key)
    joined = engine.fetch(
        'SELECT l.account, o."order", c.phone, c.text FROM logins AS l'
        " JOIN orders AS o ON o.account = l.account"
        ' JOIN accesses AS a ON a.actor = l.account AND a."order" = o."order" AND a.session = l.session'
        ' JOIN complaints AS c ON c."order" = o."order"'
    ).rows()
    hashes = Pseudonymiser(key)
    phone = hashes.hash("13800138000")
    assert joined[0][:3] == (hashes.hash("ann"), hashes.hash("o1"), phone)
    assert joined[0][3].split() == [hashes.hash("ann"), phone]
    read(engine, tmp_path, paths=paths)
    assert engine.fetch("SELECT count(*) AS n FROM logins JOIN accesses USING (session)").item() == 1
    assert engine.fetch("SELECT session FROM logins").item() != "s1"


def test_wide_and_long_csv_over_many_blocks(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks end anywhere: in a quoted field, between return and line feed, in a character."""
    monkeypatch.setattr("stanch.readers.csv._BLOCK", 97)
    rows = "".join(
        f'2024-03-01T10:00:{i % 60:02}Z,198.51.100.{i % 250},"安娜 ""{i}""\r\n, x",success\r\n'
        for i in range(300)
    )
    evidence = read(
        engine, tmp_path, paths={"logins": [write(tmp_path, "time,ip,account,outcome\r\n" + rows)]}
    )
    assert (evidence.inputs[0].rows, evidence.inputs[0].rejects) == (300, 0)
    assert engine.fetch("SELECT account FROM logins WHERE line = 300").item() == '安娜 "299"\r\n, x'
