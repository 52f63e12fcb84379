"""Hostile inputs, made in code: name -> function that writes a file and says what must survive."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

HEADER = "time,ip,account,outcome\n"
GOOD = "2024-03-01T10:00:00Z,198.51.100.7,ann,success\n"
GOOD_JSON = '{"time":"2024-03-01T10:00:00Z","ip":"198.51.100.7","account":"ann","outcome":"success"}\n'


@dataclass(frozen=True)
class Hostile:
    """One input: what it is, how to write it, and what has to come out."""

    name: str
    write: Callable[[Path], Path]
    #: Rows that must survive; None: the whole file is refused with one clear error.
    rows: int | None
    #: Rows (or the one file) that must be in rejects.jsonl.
    rejects: int = 0
    table: str = "logins"


CASES: list[Hostile] = []


def hostile(
    rows: int | None, rejects: int = 0, table: str = "logins"
) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    def register(write: Callable[[Path], Path]) -> Callable[[Path], Path]:
        CASES.append(Hostile(write.__name__, write, rows, rejects, table))
        return write

    return register


def put(folder: Path, content: str | bytes, name: str = "evidence.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


# --- compression -----------------------------------------------------------------------------------


@hostile(rows=2, rejects=1)
def gzip_bomb_of_one_line(folder: Path) -> Path:
    path = folder / "bomb.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write((HEADER + GOOD).encode())
        for _ in range(200):
            file.write(b"A" * (1 << 20))
        file.write(("\n" + GOOD).encode())
    return path


@hostile(rows=2000, rejects=1)
def truncated_gzip(folder: Path) -> Path:
    data = gzip.compress((HEADER + GOOD * 2000).encode(), mtime=0)
    return put(folder, data[:-8])


@hostile(rows=None, rejects=1)
def gzip_magic_and_garbage(folder: Path) -> Path:
    return put(folder, b"\x1f\x8b\x08\x00" + b"garbage" * 50)


@hostile(rows=None, rejects=1)
def zstd_magic_and_garbage(folder: Path) -> Path:
    return put(folder, b"\x28\xb5\x2f\xfd" + b"garbage" * 50)


@hostile(rows=3)
def zstd_called_csv(folder: Path) -> Path:
    return put(folder, zstandard.compress((HEADER + GOOD * 3).encode()))


@hostile(rows=None, rejects=1)
def gzip_in_gzip(folder: Path) -> Path:
    return put(folder, gzip.compress(gzip.compress((HEADER + GOOD).encode(), mtime=0), mtime=0))


@hostile(rows=4)
def gzip_of_two_members(folder: Path) -> Path:
    return put(folder, gzip.compress((HEADER + GOOD).encode()) + gzip.compress((GOOD * 3).encode()))


# --- binary tables ---------------------------------------------------------------------------------


@hostile(rows=None, rejects=1)
def corrupted_parquet(folder: Path) -> Path:
    path = folder / "a.parquet"
    pl.read_csv((HEADER + GOOD).encode()).write_parquet(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = os.urandom(len(data) - len(data) // 2)
    return put(folder, bytes(data), "a.parquet")


@hostile(rows=None, rejects=1)
def parquet_with_damaged_pages(folder: Path) -> Path:
    path = folder / "a.parquet"
    pl.read_csv((HEADER + GOOD * 50).encode()).write_parquet(path, compression="zstd")
    data = bytearray(path.read_bytes())
    for i in range(4, 200):
        data[i] ^= 0x5A
    return put(folder, bytes(data), "a.parquet")


@hostile(rows=None, rejects=1)
def parquet_with_structs(folder: Path) -> Path:
    frame = pl.DataFrame(
        {"time": [{"a": 1}], "ip": ["198.51.100.7"], "account": ["ann"], "outcome": ["success"]}
    )
    frame.write_parquet(folder / "a.parquet")
    return folder / "a.parquet"


@hostile(rows=1, rejects=1)
def parquet_with_wrong_types(folder: Path) -> Path:
    moments = [datetime(2024, 3, 1, tzinfo=UTC), None]
    pl.DataFrame(
        {"time": moments, "ip": [b"198.51.100.7", b"\xff"], "account": [17, 18], "outcome": [True, False]}
    ).write_parquet(folder / "a.parquet")
    return folder / "a.parquet"


@hostile(rows=2)
def parquet_with_text_that_is_no_utf_8(folder: Path) -> Path:
    accounts = pa.array([b"ann", b"\xff\xfe"]).cast(pa.string(), safe=False)
    cells = {"time": [1709287200, 1709287201], "ip": ["198.51.100.7"] * 2, "outcome": ["success"] * 2}
    pq.write_table(pa.table(cells | {"account": accounts}), folder / "a.parquet")
    return folder / "a.parquet"


@hostile(rows=None, rejects=1)
def zip_called_xlsx(folder: Path) -> Path:
    path = folder / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing to see")
    return path


@hostile(rows=None, rejects=1)
def zip_bomb_called_xlsx(folder: Path) -> Path:
    """The directory of the archive claims more than any workbook holds."""
    path = folder / "a.xlsx"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"\0" * 1000)
    data = bytearray(buffer.getvalue())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(data)
    return path


@hostile(rows=None, rejects=1)
def old_excel_file(folder: Path) -> Path:
    return put(folder, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "a.xls")


@hostile(rows=None, rejects=1)
def picture(folder: Path) -> Path:
    return put(folder, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "a.png")


# --- CSV -------------------------------------------------------------------------------------------


@hostile(rows=1)
def ten_thousand_columns(folder: Path) -> Path:
    extra = ",".join(f"c{i}" for i in range(10_000))
    return put(folder, f"{HEADER.strip()},{extra}\n{GOOD.strip()},{',' * 9_999}\n")


@hostile(rows=1)
def duplicate_header_names(folder: Path) -> Path:
    return put(folder, "time,ip,account,outcome,ip\n2024-03-01T10:00:00Z,198.51.100.7,ann,success,junk\n")


@hostile(rows=0)
def header_only(folder: Path) -> Path:
    return put(folder, HEADER)


@hostile(rows=0)
def empty_file(folder: Path) -> Path:
    return put(folder, b"")


@hostile(rows=0)
def blank_lines_only(folder: Path) -> Path:
    return put(folder, b"\r\n\n  \n\n")


@hostile(rows=None, rejects=1)
def no_header(folder: Path) -> Path:
    return put(folder, GOOD * 3)


@hostile(rows=None, rejects=1)
def one_column(folder: Path) -> Path:
    return put(folder, "word\nhello\n")


@hostile(rows=3, rejects=2)
def wrong_number_of_fields(folder: Path) -> Path:
    return put(folder, HEADER + GOOD + "too,few\n" + GOOD + "a,b,c,d,e,f\n" + GOOD)


@hostile(rows=20_000, rejects=1)
def unclosed_quote(folder: Path) -> Path:
    return put(
        folder, HEADER + GOOD * 10_000 + '2024-03-01T10:00:00Z,198.51.100.7,"ann,success\n' + GOOD * 10_000
    )


@hostile(rows=2_000, rejects=2_000)
def unclosed_quote_in_every_second_line(folder: Path) -> Path:
    return put(folder, HEADER + (GOOD + '2024-03-01T10:00:00Z,198.51.100.7,"ann,success\n') * 2_000)


@hostile(rows=1)
def embedded_line_ends_and_quotes(folder: Path) -> Path:
    return put(folder, HEADER + '2024-03-01T10:00:00Z,198.51.100.7,"an""n\r\n,x\n",success\n')


@hostile(rows=2)
def quote_inside_a_plain_field(folder: Path) -> Path:
    return put(folder, HEADER + '2024-03-01T10:00:00Z,198.51.100.7,5" ann,success\n' + GOOD)


@hostile(rows=2)
def nul_bytes(folder: Path) -> Path:
    return put(folder, HEADER + GOOD + "2024-03-01T10:00:00Z,198.51.100.7,a\0nn,success\n")


@hostile(rows=3)
def utf_16_with_mark(folder: Path) -> Path:
    return put(folder, (HEADER + GOOD * 3).encode("utf-16"))


@hostile(rows=3)
def utf_16_without_mark(folder: Path) -> Path:
    return put(folder, (HEADER + GOOD * 3).encode("utf-16-be"))


@hostile(rows=2)
def bytes_that_are_no_utf_8(folder: Path) -> Path:
    return put(folder, HEADER.encode() + GOOD.encode() + GOOD.encode().replace(b"ann", b"\xff\xfe\xc3("))


@hostile(rows=3)
def lone_carriage_returns(folder: Path) -> Path:
    return put(folder, (HEADER + GOOD * 3).replace("\n", "\r"))


@hostile(rows=4)
def mixed_line_ends_and_no_last_one(folder: Path) -> Path:
    line = GOOD.strip()
    return put(folder, f"\ufeff{HEADER.strip()}\r\n{line}\n{line}\r\n\r\n{line}\n{line}")


@hostile(rows=2, rejects=1)
def truncated_last_line(folder: Path) -> Path:
    return put(folder, HEADER + GOOD * 2 + GOOD[:25])


@hostile(rows=2)
def field_of_one_megabyte(folder: Path) -> Path:
    return put(folder, HEADER + GOOD + f"2024-03-01T10:00:00Z,198.51.100.7,{'A' * 1_000_000},failure\n")


@hostile(rows=2)
def formulas(folder: Path) -> Path:
    return put(
        folder,
        HEADER + GOOD + '2024-03-01T10:00:00Z,198.51.100.7,"=HYPERLINK(""http://x"",""a"")",failure\n',
    )


@hostile(rows=2)
def sql_in_names_and_values(folder: Path) -> Path:
    injection = "x'); DROP TABLE logins; --"
    return put(
        folder,
        f'{HEADER.strip()},"{injection}"\n{GOOD.strip()},1\n2024-03-01T10:00:00Z,198.51.100.7,{injection},failure,2\n',
    )


@hostile(rows=1, rejects=8)
def impossible_times(folder: Path) -> Path:
    times = [
        "0000-01-01T00:00:00Z", "99999-01-01T00:00:00Z", "2024-02-30T00:00:00Z", "1e400", "-1",
        "99999999999999999999999", "2024-03-01T25:00:00Z", "2024-03-01T10:00:00+99:99",
    ]  # fmt: skip
    return put(folder, HEADER + GOOD + "".join(f"{t},198.51.100.7,ann,success\n" for t in times))


@hostile(rows=1, rejects=6)
def impossible_addresses(folder: Path) -> Path:
    addresses = ["999.1.1.1", "1.2.3", "010.1.1.1", "::1::", "localhost", "1.2.3.4/24"]
    return put(folder, HEADER + GOOD + "".join(f"2024-03-01T10:00:00Z,{a},ann,success\n" for a in addresses))


@hostile(rows=5, table="complaints")
def amounts_that_are_none(folder: Path) -> Path:
    amounts = ["inf", "nan", "-500", "1e999", "one thousand"]
    rows = "".join(f"k{i},2024-03-01T10:00:00Z,o{i},{a}\n" for i, a in enumerate(amounts))
    return put(folder, "complaint,received,order,loss\n" + rows)


@hostile(rows=3, table="orders")
def duplicate_order_numbers(folder: Path) -> Path:
    return put(folder, "order,account,time\n" + "o1,ann,2024-03-01T10:00:00Z\n" * 3)


@hostile(rows=1, rejects=1, table="complaints")
def complaint_about_nothing(folder: Path) -> Path:
    return put(folder, "complaint,received,order,phone\nk1,2024-03-01,o1,\nk2,2024-03-01,,\n")


# --- JSON Lines ------------------------------------------------------------------------------------


@hostile(rows=1, rejects=1)
def json_depth_bomb(folder: Path) -> Path:
    return put(folder, GOOD_JSON + '{"time":' + "[" * 100_000 + "]" * 100_000 + "}\n")


@hostile(rows=1, rejects=6)
def json_that_is_no_object(folder: Path) -> Path:
    return put(folder, GOOD_JSON + '[1,2]\n17\n"text"\nnull\n{"time":\n{"a":1}}\n')


@hostile(rows=1, rejects=1)
def json_nested_account(folder: Path) -> Path:
    return put(folder, GOOD_JSON + GOOD_JSON.replace('"ann"', '{"$gt":""}'))


@hostile(rows=3)
def json_numbers_and_odd_keys(folder: Path) -> Path:
    row = {"time": 1709287200.25, "ip": "198.51.100.7", "account": 17, "outcome": "success", "x": 10**300}
    return put(folder, GOOD_JSON + json.dumps(row) + "\n" + GOOD_JSON.replace("}", ',"account":"bob"}'))


@hostile(rows=1, rejects=1)
def json_lone_surrogate(folder: Path) -> Path:
    return put(folder, GOOD_JSON + GOOD_JSON.replace("ann", "\\ud800"))


@hostile(rows=2)
def json_array(folder: Path) -> Path:
    return put(folder, json.dumps([json.loads(GOOD_JSON)] * 2, indent=1))


# --- names and kinds of files ----------------------------------------------------------------------


@hostile(rows=1)
def name_with_glob_signs_and_blanks(folder: Path) -> Path:
    return put(folder, HEADER + GOOD, "a [1] *?\u202eлог.csv")


@hostile(rows=1)
def name_that_is_no_utf_8(folder: Path) -> Path:
    return put(folder, HEADER + GOOD, os.fsdecode(b"bad\xff\n.csv"))


@hostile(rows=None, rejects=1)
def symlink_loop(folder: Path) -> Path:
    path = folder / "loop.csv"
    path.symlink_to(path)
    return path


@hostile(rows=None, rejects=1)
def named_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.csv")
    return folder / "pipe.csv"


@hostile(rows=None, rejects=1)
def endless_device(folder: Path) -> Path:
    (folder / "zero.csv").symlink_to("/dev/zero")
    return folder / "zero.csv"


@hostile(rows=None, rejects=1)
def dangling_symlink(folder: Path) -> Path:
    (folder / "gone.csv").symlink_to(folder / "nothing")
    return folder / "gone.csv"


def list_names() -> list[Any]:
    return [case.name for case in CASES]
