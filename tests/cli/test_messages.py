"""What a run says when something is wrong, and what it leaves alone."""

from __future__ import annotations

import gzip
import json
import random
import zipfile
from pathlib import Path

import polars as pl
import pytest

from stanch.cli import main

HEADER = "time,ip,account,outcome\n"
GOOD = (
    HEADER + "2024-03-01T10:00:00Z,198.51.100.7,ann,failure\n2024-03-01T10:00:09Z,198.51.100.7,ann,success\n"
)
REQUEST = '198.51.100.7 - - [10/Oct/2023:13:55:36 +0000] "GET / HTTP/1.1" 200 1 "-" "x"\n'


def investigate(folder: Path, *contents: str | bytes, more: tuple[str, ...] = ()) -> int:
    files = []
    for number, content in enumerate(contents):
        files.append(folder / f"in{number}.txt")
        files[-1].write_bytes(content.encode() if isinstance(content, str) else content)
    return main(["investigate", "--logins", *map(str, files), "--out", str(folder / "out"), *more])


def test_an_answer_survives_a_run_that_can_read_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert investigate(tmp_path, GOOD) == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert investigate(tmp_path, "a,b\n1,2\n") == 2
    assert "column" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before
    assert investigate(tmp_path, GOOD) == 0


def test_a_log_about_other_things_with_a_stray_line_was_read(tmp_path: Path) -> None:
    assert investigate(tmp_path, 3 * REQUEST + "garbage\n") == 0
    findings = json.loads((tmp_path / "out" / "findings.json").read_bytes())
    assert (findings["inputs"][0]["rows"], findings["inputs"][0]["rejects"]) == (0, 1)


def test_control_sequences_of_an_input_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert investigate(tmp_path, "ti\x1b[31mme,\x1b]0;owned\x07,\x9b2J,\u202eevil\n1,2,3,4\n") == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.rstrip("\n").isprintable()


@pytest.mark.parametrize("lost", ["a,b\n1,2\n", HEADER + "yesterday,198.51.100.7,ann,success\n", b"%PDF-1.4"])
def test_a_lost_file_among_others_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lost: str | bytes
) -> None:
    assert investigate(tmp_path, GOOD, lost) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"stanch: {tmp_path / 'in1.txt'}:")
    assert err.count("\n") == 1
    assert investigate(tmp_path, GOOD, lost, more=("--quiet",)) == 0
    assert capsys.readouterr().err == ""


def test_a_missing_option_is_called_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["investigate", "--logins", "a.csv"]) == 2
    assert "--out is missing" in capsys.readouterr().err


def test_a_negative_seed_is_called_negative(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--case", "insider", "--seed", "-3", "--out", str(tmp_path / "x")]) == 2
    assert "--seed -3 is negative" in capsys.readouterr().err


def test_simulate_replaces_only_what_it_wrote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["simulate", "--case", "no-leak", "--scale", "0.02", "--out", str(tmp_path)]
    (tmp_path / "orders.csv").write_text("the shop's own orders")
    assert main(command) == 2
    assert "orders.csv" in capsys.readouterr().err
    assert (tmp_path / "orders.csv").read_text() == "the shop's own orders"
    (tmp_path / "orders.csv").unlink()
    assert main(command) == 0
    assert main(command) == 0


def test_logins_without_rows_are_called_empty(tmp_path: Path) -> None:
    assert investigate(tmp_path, HEADER) == 0
    said = json.loads((tmp_path / "out" / "findings.json").read_bytes())["not_examined"]
    assert any("hold none" in line for line in said)
    assert not any("names no accounts" in line for line in said)


REPEATS = """Feb  9 21:20:07 h sshd[8317]: Failed password for root from 198.51.100.7 port 5 ssh2
Feb  9 21:20:07 other cron[1]: (root) CMD (true)
Feb  9 21:20:08 h last message repeated 2 times
Feb  9 21:20:09 other last message repeated 5 times
"""


def test_last_message_repeated_repeats_the_line_of_its_host(tmp_path: Path) -> None:
    assert investigate(tmp_path, REPEATS) == 0
    read = json.loads((tmp_path / "out" / "findings.json").read_bytes())["inputs"][0]
    assert (read["rows"], read["rejects"]) == (3, 0)


def list_raw(folder: Path) -> list[str]:
    lines = (folder / "out" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["raw"] for line in lines]


@pytest.mark.parametrize(
    "content",
    [
        "time,ip,account,outcome\nbad,198.51.100.7,Hunter2!,unknown_account\n2024-03-01,Hunter2!,unknown_account\n",
        '{"time":"bad","ip":"198.51.100.7","account":"Hunter2!","outcome":"unknown_account"}\n',
        '{"@timestamp":"2024-03-01T10:00:00Z","event":{"category":"authentication"},"user":{"name":"Hunter2!"}}\n',
        "Feb  9 21:20:07 h sshd[1]: Failed password for invalid user Hunter2! from a.example port 5 ssh2\n"
        "Feb  9 21:20:07 h sshd[1]: Failed password for invalid user Hunter2!\n",
    ],
    ids=["csv", "jsonl", "ecs", "sshd"],
)
def test_names_typed_at_a_login_are_not_among_the_rejects(tmp_path: Path, content: str) -> None:
    assert investigate(tmp_path, GOOD, content) == 0
    raws = list_raw(tmp_path)
    assert raws
    assert all("[removed]" in raw and "Hunter2" not in raw for raw in raws)


def test_a_rejected_line_of_a_log_is_shown_as_it_stands(tmp_path: Path) -> None:
    line = 'shop.example - - [10/Oct/2023:13:55:36 -0700] "POST /login?token=abc HTTP/1.1" 401 - "-" "x"'
    assert investigate(tmp_path, GOOD, f"{line}\n") == 0
    assert list_raw(tmp_path) == [line.replace("token=abc", "[removed]")]


WEB = '198.51.100.7 - - [10/Oct/2023:13:55:36 -0700] "{} HTTP/1.1" 200 1 "-" "x"\n'
NGINX = '{{"time":"{}","remote_addr":"198.51.100.7","status":200,"request":"POST {} HTTP/1.1"}}\n'
ECS = (
    '{{"@timestamp":"{}","event":{{"category":"authentication","outcome":"failure"}},'
    '"source":{{"ip":"198.51.100.7"}},"user":{{"name":"ann"}},"url":{{"path":"{}"}}}}\n'
)
#: Where URLs hold passwords, in rows that can be read and in others that cannot.
URLS = ("/login?u=ann&p=Hunter2", "https://ann:Hunter2@shop.example/login", "/login%3Fpassword=Hunter2")
TIMES = ("2024-03-01T10:00:00Z", "never")


def fill_all(template: str, urls: tuple[str, ...] = URLS) -> str:
    return "".join(template.format(at, url) for url in urls for at in TIMES)


PASSWORDS = {
    "web": ("logins", "".join(30 * WEB.format(f"POST {url}") for url in URLS)),
    "web-bad-address": ("logins", "".join(WEB.format(f"POST {url}").replace("198", "shop") for url in URLS)),
    "web-garbage": ("logins", 9 * WEB.format("POST /login") + "".join(f"garbage {url}\n" for url in URLS)),
    "web-orders": ("accesses", WEB.format("GET https://ann:Hunter2@shop.example/orders/77?key=Hunter2")),
    "nginx-json": ("logins", fill_all(NGINX)),
    "ecs": ("logins", fill_all(ECS)),
    "csv": (
        "logins",
        HEADER.replace("\n", ",path,newPassword\n") + fill_all("{},192.0.2.7,ann,failure,{},Hunter2\n"),
    ),
    "csv-orders": (
        "accesses",
        "time,actor,actor_kind,order,channel\n" + fill_all("{},,anonymous,o1,{}\n", URLS[:2]),
    ),
    "csv-complaints": ("complaints", "complaint,received,order,scam_url\n" + fill_all("k1,{},o1,{}\n")),
}


@pytest.mark.parametrize("case", PASSWORDS)
def test_a_password_in_a_url_is_written_nowhere(case: str, tmp_path: Path) -> None:
    table, content = PASSWORDS[case]
    given = tmp_path / "in.txt"
    given.write_text(content)
    status = main(["investigate", f"--{table}", str(given), "--out", str(tmp_path / "out"), "--quiet"])
    assert status in (0, 3)
    for file in (tmp_path / "out").iterdir():
        assert b"Hunter2" not in file.read_bytes(), file.name
        if file.suffix == ".parquet":
            assert "Hunter2" not in str(pl.read_parquet(file).rows())


def test_a_forced_format_is_used_or_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert investigate(tmp_path, GOOD, more=("--log-format", "okta")) == 2
    assert "okta" in capsys.readouterr().err
    event = (
        '{"class_uid":3002,"activity_id":1,"time":1704067200000,"status_id":1,'
        '"src_endpoint":{"ip":"198.51.100.7"}}'
    )
    assert investigate(tmp_path, event, more=("--log-format", "ocsf")) == 0
    assert json.loads((tmp_path / "out" / "findings.json").read_bytes())["logins"]["attempts"] == 1


def run(
    folder: Path, capsys: pytest.CaptureFixture[str], table: str, file: Path, *more: str
) -> tuple[int, str]:
    status = main(["investigate", f"--{table}", str(file), "--out", str(folder / "out"), *more])
    return status, capsys.readouterr().err.replace(f"{folder}/", "")


def test_dates_in_an_order_of_their_own_are_refused_with_line_and_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "calls.csv"
    file.write_text("complaint,received,order\nk1,13/03/2024 10:00,o1\nk2,14/03/2024 10:00,o2\n")
    assert run(tmp_path, capsys, "complaints", file) == (
        3,
        "stanch: calls.csv:1: received is no time between 1990 and 2099, written as 2024-03-31 10:00 or in"
        " Unix seconds; every row was rejected (see out/rejects.jsonl)\n",
    )


def test_missing_columns_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.csv"
    file.write_text("when,address,account,outcome\n1,2,3,4\n")
    status, err = run(tmp_path, capsys, "logins", file)
    assert status == 2
    assert "a.csv: logins: columns time and ip are missing; the file has when, address, account" in err


@pytest.mark.parametrize("content", [GOOD, 9 * WEB.format("POST /login")], ids=["table", "log"])
def test_a_map_that_finds_no_column_is_told(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.csv"
    file.write_text(content)
    status, err = run(tmp_path, capsys, "logins", file, "--map", "logins.account=usr")
    assert status == 0
    assert "stanch: --map logins.account=usr: no table given has such a column\n" in err
    file.write_text(GOOD.replace("account", "usr"))
    assert run(tmp_path, capsys, "logins", file, "--map", "logins.account=usr") == (0, "")


def test_a_file_that_breaks_off_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "".join(
        f"2024-03-01T10:{i // 60:02}:{i % 60:02}Z,198.51.100.7,u{i * i},failure\n" for i in range(900)
    )
    packed = gzip.compress((HEADER + rows).encode())
    file = tmp_path / "a.csv.gz"
    file.write_bytes(packed[: len(packed) // 2])
    status, err = run(tmp_path, capsys, "logins", file)
    assert status == 0
    assert err == (
        "stanch: a.csv.gz: breaks off: the gzip stream ends too early (what was before the damage was read)\n"
    )


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_are_no_text(seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"A" + random.Random(seed).randbytes(4000))
    assert run(tmp_path, capsys, "logins", file) == (
        2,
        "stanch: a.bin: is neither text nor Parquet nor .xlsx\n",
    )


def test_a_zip_archive_is_no_workbook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("logins.csv", GOOD)
    status, err = run(tmp_path, capsys, "logins", file)
    assert (status, err.count("\n")) == (2, 1)
    assert "is a ZIP archive" in err
