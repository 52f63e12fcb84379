"""Desks' tables: columns guessed and remembered, the same row once, hostile files harmless."""

import json
from pathlib import Path
from typing import Any

import pytest

from hostile.inputs import zip_bomb_called_xlsx
from readers.test_tabular import make_xlsx
from stanch.cli.app import main
from stanch.intake.cells import tidy_amount, tidy_time
from stanch.intake.columns import guess_columns

CALLS = """投诉编号,投诉时间,手机号,订单号,来电时间,来电号码,损失金额,投诉内容,泄露信息,处理人
A1,2015年4月28日 10:30,13800000001,T1,2015-04-28 09:00,00442012345678,1.8万元,自称客服,姓名、电话、订单号,甲
A2,2015/4/29,13800000002,,,,"¥18,373",退款,,乙
A2,2015/4/29,13800000002,,,,"¥18,373",退款,,乙
A3,昨天,13800000003,,,,,退款,,乙
,2015-04-30 08:00,13800000004,,,,5000元,退款,,乙
"""


def bring(root: Path, *files: Path, more: tuple[str, ...] = (), source: str = "hotline") -> int:
    arguments = ["complaints", "import", *map(str, files), "--out", str(root / "c.jsonl"), "--source", source]
    return main([*arguments, "--quiet", *more])


def rows_of(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "c.jsonl").read_text().splitlines()]


def rejects_of(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "c.rejects.jsonl").read_text().splitlines()]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("headers", "columns"),
    [
        (
            "Ticket ID,Created At,Customer phone,Order No.,Call time,Caller ID,Amount lost,Description,Agent",
            "complaint received phone order contacted scam_phone loss text",
        ),
        (
            "工单号,受理时间,联系电话,订单编号,被骗时间,诈骗电话,被骗金额,问题描述,下单时间,处理时间",
            "complaint received phone order contacted scam_phone loss text",
        ),
        # An order's amount, time and parcel are not a loss, a report or an order number.
        ("日期,会员账号,订单金额,下单时间,快递单号,内容", "received account text"),
        ("reported on,user name,order total,order date,tracking number,notes", "received account text"),
        (
            "投诉人手机号码,登记日期(北京时间),可疑链接,省份,币种,金额",
            "phone received scam_url region currency loss",
        ),
    ],
)
def test_columns_are_guessed_from_their_headers(headers: str, columns: str) -> None:
    assert set(guess_columns(headers.split(",")).columns) == set(columns.split())


def test_what_a_person_said_beats_the_guess() -> None:
    guess = guess_columns(["电话", "备用电话", "时间"], {"phone": "备用电话", "received": ""})
    assert guess.columns == {"phone": "备用电话"}
    assert guess.left == ["电话", "时间"]


def test_an_export_in_chinese_becomes_the_contracts_table(tmp_path: Path) -> None:
    assert bring(tmp_path, write(tmp_path / "a.csv", CALLS, "gb18030"), more=("--zone", "Asia/Shanghai")) == 0
    rows = rows_of(tmp_path)
    assert rows[0] == {
        "complaint": "hotline:A1",
        "received": "2015-04-28T02:30:00Z",
        "order": "T1",
        "phone": "13800000001",
        "contacted": "2015-04-28T01:00:00Z",
        "known_fields": "name|phone|order_id",
        "loss": 18000.0,
        "currency": "CNY",
        "text": "自称客服",
        "scam_phone": "00442012345678",
        "source": "hotline",
    }
    assert [row["complaint"] for row in rows[:2]] == ["hotline:A1", "hotline:A2"]
    assert rows[1]["received"] == "2015-04-29"  # a day stays a day
    assert (len(rows), rows[2]["loss"]) == (3, 5000.0)
    (reject,) = rejects_of(tmp_path)
    assert (reject["line"], reject["reason"][:19]) == (4, "received is no time")


def test_what_comes_out_goes_into_an_investigation(tmp_path: Path) -> None:
    assert bring(tmp_path, write(tmp_path / "a.csv", CALLS)) == 0
    out = tmp_path / "findings"
    assert main(["investigate", "--complaints", str(tmp_path / "c.jsonl"), "--out", str(out), "--quiet"]) == 0
    assert json.loads((out / "findings.json").read_text())["complaints"]["count"] == 3


def test_the_same_file_again_and_a_longer_export_add_each_report_once(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", CALLS)
    assert bring(tmp_path, first) == 0
    before = (tmp_path / "c.jsonl").read_bytes()
    assert bring(tmp_path, first) == 0
    assert (tmp_path / "c.jsonl").read_bytes() == before
    longer = write(tmp_path / "b.csv", CALLS + "A9,2015-05-02 10:00,13800000009,,,,,,,\n")
    assert bring(tmp_path, longer) == 0
    assert [row["complaint"] for row in rows_of(tmp_path)][-1] == "hotline:A9"
    assert len(rows_of(tmp_path)) == 4


def test_a_report_that_changed_is_replaced_and_not_added(tmp_path: Path) -> None:
    assert bring(tmp_path, write(tmp_path / "a.csv", CALLS)) == 0
    assert bring(tmp_path, write(tmp_path / "a.csv", CALLS.replace("1.8万元", "2万元"))) == 0
    assert [row.get("loss") for row in rows_of(tmp_path)] == [20000.0, 18373.0, 5000.0]


def test_equal_numbers_of_two_desks_are_two_reports(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "id,date,phone\n1,2015-04-28 10:00,13800000001\n")
    assert bring(tmp_path, file, source="hotline") == 0
    assert bring(tmp_path, file, source="app") == 0
    assert [row["complaint"] for row in rows_of(tmp_path)] == ["hotline:1", "app:1"]


def test_the_mapping_is_remembered_for_its_source_alone(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", "nr,wann,wer\n7,2015-04-28 10:00,ann\n")
    more = ("--map", "complaint=nr", "--map", "received=wann", "--map", "account=wer", "--zone", "Asia/Tokyo")
    assert bring(tmp_path, first, more=more) == 0
    second = write(tmp_path / "b.csv", "nr,wann,wer\n8,2015-04-29 10:00,bo\n")
    assert bring(tmp_path, second) == 0
    assert [row["received"] for row in rows_of(tmp_path)] == ["2015-04-28T01:00:00Z", "2015-04-29T01:00:00Z"]
    assert bring(tmp_path, second, source="app") == 2


def test_a_wrong_guess_can_be_taken_back(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "id,date,phone,amount\n1,2015-04-28 10:00,13800000001,99\n")
    assert bring(tmp_path, file, more=("--map", "loss=")) == 0
    assert "loss" not in rows_of(tmp_path)[0]
    assert bring(tmp_path, write(tmp_path / "b.csv", "id,date,phone,amount\n2,2015-04-28,1380000,9\n")) == 0
    assert "loss" not in rows_of(tmp_path)[1]


def test_a_table_without_a_time_names_its_columns_and_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bring(tmp_path, write(tmp_path / "a.csv", "foo,phone\n1,13800000001\n")) == 2
    error = capsys.readouterr().err
    assert "foo" in error
    assert "--map received=THEIRS" in error
    assert not (tmp_path / "c.jsonl").exists()


def test_json_lines_and_excel_are_read_too(tmp_path: Path) -> None:
    lines = write(tmp_path / "a.jsonl", '{"ticket":"J1","created_at":1430187000,"mobile":"13800000001"}\n')
    assert bring(tmp_path, lines, source="app") == 0
    sheet = [["编号", "日期", "手机", "内容", "损失"], ["1", 42122.4375, 13800000002, "=1+1", 1.5e4]]
    assert bring(tmp_path, make_xlsx(sheet, tmp_path / "b.xlsx"), source="desk") == 0
    assert rows_of(tmp_path) == [
        {
            "complaint": "app:J1",
            "received": "2015-04-28T02:10:00Z",
            "phone": "13800000001",
            "source": "app",
        },
        {
            "complaint": "desk:1",
            "received": "2015-04-28T10:30:00Z",
            "phone": "13800000002",
            "loss": 15000.0,
            "text": "=1+1",
            "source": "desk",
        },
    ]


def test_every_row_rejected_is_status_3(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "id,date,phone\n1,never,13800000001\n")
    assert bring(tmp_path, file) == 3


def test_a_workbook_that_unpacks_to_more_than_memory_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bring(tmp_path, zip_bomb_called_xlsx(tmp_path)) == 2
    assert "unpacks to 4.3 GB" in capsys.readouterr().err


def test_a_formula_stays_text(tmp_path: Path) -> None:
    evil = '=HYPERLINK("http://evil.example","x")'
    quoted = evil.replace('"', '""')
    file = write(tmp_path / "a.csv", f'id,date,phone,content\n1,2015-04-28 10:00,13800000001,"{quoted}"\n')
    assert bring(tmp_path, file) == 0
    assert rows_of(tmp_path)[0]["text"] == evil


@pytest.mark.parametrize("content", [b"\x00\x01\x02\x03" * 100, b"%PDF-1.4 x", b"\xd0\xcf\x11\xe0abc", b""])
def test_what_is_no_table_ends_in_one_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.bin").write_bytes(content)
    assert bring(tmp_path, tmp_path / "a.bin") in ((0,) if not content else (2,))
    assert "Traceback" not in capsys.readouterr().err


def test_a_pipe_is_refused_since_it_can_be_read_only_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    assert bring(tmp_path, tmp_path / "pipe") == 2
    assert "save it first" in capsys.readouterr().err


def test_two_imports_into_one_table_do_not_run_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import fcntl

    file = write(tmp_path / "a.csv", CALLS)
    with (tmp_path / "c.rejects.jsonl").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert bring(tmp_path, file) == 2
    assert "another import" in capsys.readouterr().err
    assert bring(tmp_path, file) == 0
    assert len(rows_of(tmp_path)) == 3


def test_a_foreign_out_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text("my diary\n")
    assert bring(tmp_path, write(tmp_path / "a.csv", CALLS)) == 2
    assert (tmp_path / "c.jsonl").read_text() == "my diary\n"


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.8万", ("18000.00", "CNY")),
        ("约1.8万元", ("18000.00", "CNY")),
        ("¥18,373", ("18,373", "CNY")),
        ("5,000元整", ("5,000", "CNY")),
        ("EUR 300", ("300", "EUR")),
        ("$1,200.50", ("1,200.50", "USD")),
        ("3千元", ("3000.00", "CNY")),
        ("无", ("无", "")),
        ("十万", ("十万", "")),
        ("1.2.3万", ("1.2.3万", "")),
    ],
)
def test_amounts_as_desks_write_them(text: str, amount: tuple[str, str]) -> None:
    assert tidy_amount(text) == amount


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2015年4月27日", "2015-04-27"),
        ("2015年4月27日10时", "2015-04-27 10:00:00"),
        ("2015年4月27日 9:05", "2015-04-27 09:05:00"),
        ("2015年04月27日 10时30分05秒", "2015-04-27 10:30:05"),
        ("4月27日", "4月27日"),
        ("2015-04-27 10:30", "2015-04-27 10:30"),
    ],
)
def test_dates_in_chinese(text: str, time: str) -> None:
    assert tidy_time(text) == time
