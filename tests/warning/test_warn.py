"""Warnings against a real mail server and a real gateway on this machine: simulated, confirmed, sent once."""

from __future__ import annotations

import asyncio
import email
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from notices.investigated import write_folder, write_shop
from stanch.cli.app import main
from stanch.warning.send import Pace

ADDRESSES = """account,email,phone,lang
13800000001,ann@customers.example,,en
13800000002,bo@customers.example,+86 138-0000-0002,zh
13800000003,ANN@customers.example,,en
13800000004,"evil@customers.example
Bcc: all@customers.example",,en
13899999999,dee@customers.example,,zh
"""


class Mailbox:
    """Takes mail, remembers it, and does `then` with the number of each before it answers."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.refused: dict[str, str] = {}
        self.then: Callable[[int], str | None] = lambda n: None

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken += [(to, envelope.content) for to in envelope.rcpt_tos]
        return self.then(len(self.taken)) or "250 OK"

    @property
    def recipients(self) -> list[str]:
        return [to for to, _ in self.taken]


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, loop = Mailbox(), asyncio.new_event_loop()
    making = loop.create_server(lambda: SMTP(box, hostname="localhost", loop=loop), "127.0.0.1", 0)
    server = loop.run_until_complete(making)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield box, server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


class Gateway:
    """Takes short messages, and answers each with the next of `answers`, 202 when they run out."""

    def __init__(self) -> None:
        self.taken: list[tuple[dict[str, str], dict[str, str]]] = []
        self.answers: list[int] = []

    def serve(self) -> ThreadingHTTPServer:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                gateway.taken.append((body, dict(self.headers)))
                status = gateway.answers.pop(0) if gateway.answers else 202
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def gateway() -> Iterator[tuple[Gateway, str]]:
    taken = Gateway()
    server = taken.serve()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield taken, f"http://127.0.0.1:{server.server_port}/sms?key=1"
    server.shutdown()
    thread.join()
    server.server_close()


class Case:
    """Notices, addresses and facts in a folder, and the command line over them."""

    def __init__(self, root: Path, more: str = "", addresses: str = ADDRESSES) -> None:
        self.root = root
        self.shop = write_shop(root / "shop.toml", "messages_per_minute = 60000\n" + more)
        self.addresses = root / "customers.csv"
        self.addresses.write_text(addresses, encoding="utf-8")
        self.notices = root / "notices"
        folder = write_folder(root / "findings")
        arguments = ["notices", str(folder), "--shop", str(self.shop), "--out", str(self.notices), "--quiet"]
        assert main(arguments) == 0

    def arguments(self, *more: str) -> list[str]:
        given = [
            "warn",
            str(self.notices),
            "--addresses",
            str(self.addresses),
            "--shop",
            str(self.shop),
            "--out",
            str(self.root / "outbox"),
        ]
        return [*given, *more]

    def warn(self, *more: str) -> int:
        return main(self.arguments(*more))

    def summary(self) -> dict[str, Any]:
        return json.loads((self.root / "outbox" / "summary.json").read_text())


def mail_settings(port: int, more: str = "") -> str:
    return (
        f'[mail]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\nsender = "care@shop.example"\n{more}'
    )


def many(n: int) -> str:
    return "account,email,lang\n" + "".join(f"acc{i},c{i}@customers.example,en\n" for i in range(n))


def recipients_of(n: int) -> str:
    return "account,order,audience,priority\n" + "".join(f"acc{i},T{i},order,1\n" for i in range(n))


def test_without_send_nothing_leaves_and_all_is_shown(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port))
    assert case.warn("--quiet") == 0
    assert box.taken == []
    summary = case.summary()
    assert summary["sent"] is False
    assert (summary["due"], summary["no_address"], summary["unusable_address"], summary["same_address"]) == (
        2,
        1,
        1,
        1,
    )
    assert summary["by_channel"] == {"mail": 1, "sms": 1}
    assert summary["sms_segments"] == 1
    (sms,) = [json.loads(line) for line in (tmp_path / "outbox/messages.jsonl").read_text().splitlines()]
    assert sms["to"] == "+8613800000002"
    assert sms["text"].startswith("【兰亭商城】")
    (eml,) = (tmp_path / "outbox").glob("*.eml")
    mail = email.message_from_bytes(eml.read_bytes(), policy=default)
    assert mail["To"] == "ann@customers.example"
    assert "Set a new password" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert (tmp_path / "outbox").stat().st_mode & 0o077 == 0


def test_sending_needs_the_number_from_a_person(
    tmp_path: Path, mailbox: tuple[Mailbox, int], capsys: pytest.CaptureFixture[str]
) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port))
    for more in ([], ["--confirm", "3"]):
        assert case.warn("--channel", "mail", "--send", *more) == 2
    assert case.warn("--channel", "mail", "--confirm", "2") == 2
    assert box.taken == []
    assert "--confirm 2" in capsys.readouterr().err


def test_confirmed_mail_arrives_once_in_the_customers_language(
    tmp_path: Path, mailbox: tuple[Mailbox, int], capsys: pytest.CaptureFixture[str]
) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port))
    assert case.warn("--channel", "mail", "--send", "--confirm", "2") == 0
    assert box.recipients == ["ann@customers.example", "bo@customers.example"]
    mails = [email.message_from_bytes(raw, policy=default) for _, raw in box.taken]
    assert str(mails[0]["From"]) == "Lanting Shop <care@shop.example>"
    assert "兰亭商城" in str(mails[1]["Subject"])
    assert "请挂断" in mails[1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert mails[1].get_body(("html",)) is not None
    # Again, even from notices made anew: nobody is due.
    assert case.warn("--channel", "mail", "--send", "--confirm", "0") == 0
    assert len(box.taken) == 2
    assert case.summary()["already_warned"] == 2
    told = "".join(capsys.readouterr()) + (tmp_path / "warned.jsonl").read_text()
    for secret in ("ann@", "bo@", "13800000001", "customers.example"):
        assert secret not in told


def test_another_channel_does_not_warn_the_same_customer_again(
    tmp_path: Path, mailbox: tuple[Mailbox, int], gateway: tuple[Gateway, str]
) -> None:
    box, port = mailbox
    taken, url = gateway
    case = Case(tmp_path, mail_settings(port) + f'[webhook]\nurl = "{url}"\n')
    assert case.warn("--channel", "mail", "--send", "--confirm", "2", "--quiet") == 0
    assert case.warn("--channel", "sms", "--send", "--confirm", "0", "--quiet") == 0
    assert (len(box.taken), len(taken.taken)) == (2, 0)


def test_another_incident_does(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port))
    assert case.warn("--channel", "mail", "--send", "--confirm", "2", "--quiet") == 0
    case.shop.write_text(case.shop.read_text().replace("2015-04 calls", "2016-01 calls"))
    assert case.warn("--channel", "mail", "--send", "--confirm", "2", "--quiet") == 0
    assert len(box.taken) == 4


@pytest.mark.parametrize("killed_at", [1, 4])
def test_killed_on_the_way_and_started_again_nobody_gets_two(
    killed_at: int, tmp_path: Path, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port), many(6))
    (case.notices / "recipients.csv").write_text(recipients_of(6))
    pids: list[int] = []

    def kill(n: int) -> None:
        if n == killed_at:  # the mail is taken, the sender never hears of it
            os.kill(pids[0], signal.SIGKILL)

    box.then = kill

    def run(confirm: int) -> int:
        command = [sys.executable, "-m", "stanch", *case.arguments("--send", "--confirm", str(confirm))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as process:
            pids[:] = [process.pid]
            process.communicate()
            return process.returncode

    assert run(6) == -signal.SIGKILL
    assert len(box.taken) == killed_at
    box.then = lambda n: None
    assert run(6 - killed_at) == 0
    counts = Counter(box.recipients)
    assert set(counts.values()) == {1}
    assert len(counts) == 6
    errors = (tmp_path / "outbox" / "errors.csv").read_text()
    assert f"acc{killed_at - 1},mail,c***@c***,doubtful" in errors
    assert case.summary()["doubtful"] == 1


def test_what_may_have_arrived_is_sent_again_only_if_a_person_says_so(
    tmp_path: Path, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port), many(2))
    (case.notices / "recipients.csv").write_text(recipients_of(2))
    assert case.warn("--quiet") == 0
    started = {"state": "started", "at": "2026-01-01T00:00:00+00:00", "channel": "mail"}
    from stanch.warning.journal import Journal

    with Journal(tmp_path / "warned.jsonl", "2015-04 calls") as journal:
        started["keys"] = [journal.identify("customer:acc0")]  # type: ignore[assignment]
    with (tmp_path / "warned.jsonl").open("a") as file:
        file.write(json.dumps(started) + "\n" + '{"state":"deliv')  # and the power went
    assert case.warn("--send", "--confirm", "1", "--quiet") == 0
    assert box.recipients == ["c1@customers.example"]
    assert case.warn("--send", "--confirm", "1", "--retry-doubtful", "--quiet") == 0
    assert box.recipients == ["c1@customers.example", "c0@customers.example"]


def test_one_refused_address_does_not_stop_the_others_and_stays_due(
    tmp_path: Path, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    box.refused = {"c1@customers.example": "550 no such user c1@customers.example"}
    case = Case(tmp_path, mail_settings(port), many(3))
    (case.notices / "recipients.csv").write_text(recipients_of(3))
    assert case.warn("--send", "--confirm", "3", "--quiet") == 0
    assert box.recipients == ["c0@customers.example", "c2@customers.example"]
    errors = (tmp_path / "outbox" / "errors.csv").read_text()
    assert "acc1,mail,c***@c***,failed,the mail server answers 550 no such user ***" in errors
    assert "correct the address" in errors
    box.refused = {}
    assert case.warn("--send", "--confirm", "1", "--quiet") == 0
    assert Counter(box.recipients) == {f"c{i}@customers.example": 1 for i in range(3)}


def test_a_server_that_is_not_there_leaves_everything_due(
    tmp_path: Path, mailbox: tuple[Mailbox, int], capsys: pytest.CaptureFixture[str]
) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(9), many(2))
    (case.notices / "recipients.csv").write_text(recipients_of(2))
    assert case.warn("--send", "--confirm", "2") == 1
    assert "check mail.host" in capsys.readouterr().err
    case.shop.write_text(case.shop.read_text().replace("port = 9\n", f"port = {port}\n"))
    assert case.warn("--send", "--confirm", "2", "--quiet") == 0
    assert len(box.taken) == 2


def test_short_messages_go_to_the_gateway_with_its_token(
    tmp_path: Path, gateway: tuple[Gateway, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, url = gateway
    taken.answers = [500, 307]
    monkeypatch.setenv("STANCH_WEBHOOK_TOKEN", "s3cret")
    numbers = "account,phone,lang\n" + "".join(f"acc{i},138 0000 00{i:02d},zh\n" for i in range(4))
    case = Case(tmp_path, f'[webhook]\nurl = "{url}"\n', numbers)
    (case.notices / "recipients.csv").write_text(recipients_of(4))
    assert case.warn("--send", "--confirm", "4", "--quiet") == 0
    assert case.summary()["delivered"] == 2  # an error is none, and a redirect is not followed
    body, headers = taken.taken[0]
    assert body["to"] == "13800000000"
    assert body["text"].startswith("【兰亭商城】有人可能掌握您的订单")
    assert headers["Authorization"] == "Bearer s3cret"
    assert case.warn("--send", "--confirm", "2", "--quiet") == 0
    ids = Counter(headers["Idempotency-Key"] for _, headers in taken.taken)
    assert sorted(ids.values()) == [1, 1, 2, 2]  # the two that failed were tried again under their own key


def test_a_gateway_that_takes_no_more_leaves_the_rest_due(
    tmp_path: Path, gateway: tuple[Gateway, str], capsys: pytest.CaptureFixture[str]
) -> None:
    taken, url = gateway
    taken.answers = [202, 429]
    numbers = "account,phone,lang\n" + "".join(f"acc{i},1380000000{i},zh\n" for i in range(4))
    case = Case(tmp_path, f'[webhook]\nurl = "{url}"\n', numbers)
    (case.notices / "recipients.csv").write_text(recipients_of(4))
    assert case.warn("--send", "--confirm", "4") == 1
    assert "messages_per_minute" in capsys.readouterr().err
    assert case.summary()["delivered"] == 1
    assert case.warn("--send", "--confirm", "3", "--quiet") == 0
    delivered = Counter(body["to"] for body, _ in taken.taken)
    assert delivered == Counter({"13800000000": 1, "13800000001": 2, "13800000002": 1, "13800000003": 1})


@pytest.mark.parametrize(
    "to",
    ["a..b@x.example", "ä@x.example", "a@b", "a b@x.example", "a@x.example,b@x.example", "<a@x.example>"],
)
def test_what_is_no_single_address_is_never_written_to(to: str, tmp_path: Path) -> None:
    case = Case(tmp_path, addresses=f'account,email\n13800000001,"{to}"\n')
    assert case.warn("--quiet") == 0
    assert (case.summary()["due"], case.summary()["unusable_address"]) == (0, 1)


def test_a_text_with_a_gap_is_not_sent(
    tmp_path: Path, mailbox: tuple[Mailbox, int], capsys: pytest.CaptureFixture[str]
) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port), many(1))
    (case.notices / "recipients.csv").write_text(recipients_of(1))
    text = case.notices / "messages" / "order.en.mail.txt"
    text.write_text(text.read_text().replace("400 555 0100", "<<official number of the shop>>"))
    assert case.warn() == 0  # shown, and said
    assert "Cannot be sent yet" in capsys.readouterr().err
    assert case.warn("--send", "--confirm", "1") == 2
    assert box.taken == []
    text.write_text("Subject by hand\n\nText by hand.\n")
    assert case.warn("--send", "--confirm", "1", "--quiet") == 0
    mail = email.message_from_bytes(box.taken[0][1], policy=default)
    assert mail["Subject"] == "Subject by hand"


def test_a_gap_in_the_html_alone_is_found_too(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port), many(1))
    (case.notices / "recipients.csv").write_text(recipients_of(1))
    page = case.notices / "messages" / "order.en.mail.html"
    page.write_text(page.read_text().replace("400 555 0100", "&lt;&lt;official number of the shop&gt;&gt;"))
    assert case.warn("--send", "--confirm", "1", "--quiet") == 2
    assert box.taken == []


def test_others_get_the_general_warning_last(tmp_path: Path) -> None:
    case = Case(tmp_path)
    assert case.warn("--others", "--quiet", "--channel", "mail") == 0
    assert case.summary()["by_audience"] == {"general": 1, "order": 1, "reset": 1}
    last = sorted((tmp_path / "outbox").glob("*.eml"))[-1]
    assert b"dee@customers.example" in last.read_bytes()


def test_pseudonymised_accounts_find_their_addresses(tmp_path: Path) -> None:
    from stanch.evidence.pseudonyms import Pseudonymiser

    key = tmp_path / "case.key"
    key.write_bytes(b"k" * 32)
    case = Case(tmp_path)
    hashed = Pseudonymiser(b"k" * 32).hash("13800000001")
    (case.notices / "recipients.csv").write_text(f"account,order,audience,priority\n{hashed},,reset,1\n")
    assert case.warn("--pseudonymise", str(key), "--quiet") == 0
    assert case.summary()["by_channel"] == {"mail": 1}


def test_an_order_alone_finds_its_customer(tmp_path: Path) -> None:
    case = Case(tmp_path, addresses="account,order,email\n13800000009,T1005,x@customers.example\n")
    assert case.warn("--quiet") == 0
    assert case.summary()["by_channel"] == {"mail": 1}


def test_columns_of_other_names_and_encodings_are_read(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.addresses.write_bytes("账号,邮箱,备注\n13800000001,a@customers.example,老客户\n".encode("gb18030"))
    assert case.warn("--map", "account=账号", "--map", "email=邮箱", "--quiet") == 0
    assert case.summary()["by_channel"] == {"mail": 1}


def test_mail_in_clear_goes_to_this_machine_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = Case(tmp_path, mail_settings(25).replace("127.0.0.1", "mail.shop.example"), many(1))
    (case.notices / "recipients.csv").write_text(recipients_of(1))
    assert case.warn("--send", "--confirm", "1") == 2
    assert "starttls" in capsys.readouterr().err


def test_a_server_without_encryption_is_not_used_where_it_is_asked_for(
    tmp_path: Path, mailbox: tuple[Mailbox, int]
) -> None:
    box, port = mailbox
    case = Case(tmp_path, mail_settings(port).replace('"none"', '"starttls"'), many(1))
    (case.notices / "recipients.csv").write_text(recipients_of(1))
    assert case.warn("--send", "--confirm", "1", "--quiet") == 1
    assert box.taken == []


def test_a_second_run_at_the_same_time_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from stanch.warning.journal import Journal

    case = Case(tmp_path)
    with Journal(tmp_path / "warned.jsonl", "x"):
        assert case.warn() == 2
    assert "another run" in capsys.readouterr().err


def test_a_foreign_file_is_no_journal_and_stays_as_it_is(tmp_path: Path) -> None:
    case = Case(tmp_path)
    for content in (b"my diary", b"my diary\n", b'{"journal":"other","key":"00"}\n'):
        (tmp_path / "warned.jsonl").write_bytes(content)
        assert case.warn("--quiet") == 2
        assert (tmp_path / "warned.jsonl").read_bytes() == content


def test_a_foreign_outbox_stays_as_it_is(tmp_path: Path) -> None:
    case = Case(tmp_path)
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox" / "old.eml").write_text("a letter")
    assert case.warn("--quiet") == 2
    assert (tmp_path / "outbox" / "old.eml").read_text() == "a letter"


def test_the_pace_is_kept() -> None:
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(30, lambda: now[0], sleep)
    for pause in (0, 0, 0.5, 5, 0):
        now[0] += pause
        pace.wait()
    assert slept == pytest.approx([2, 1.5, 2])
