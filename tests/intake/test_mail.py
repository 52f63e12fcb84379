"""Mailboxes as they are: any encoding, quotes, forwards, attachments, twins, and mails built to do harm."""

import base64
import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from intake.test_tables import bring, rejects_of, rows_of
from stanch.intake.quoting import strip_quoted

HEAD = "From: Ann <ANN@customers.example>\nDate: Mon, 27 Apr 2015 10:30:00 +0800\nMessage-ID: <1@x>\n"


def one(tmp_path: Path, raw: bytes | str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    path = tmp_path / "a.eml"
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    assert bring(tmp_path, path, source="mail", more=more) == 0
    (row,) = rows_of(tmp_path)
    return row


def test_a_plain_mail_becomes_a_complaint_of_its_sender(tmp_path: Path) -> None:
    raw = HEAD + "Subject: call\n\nSomebody called about order A-2015-0042.\n"
    row = one(tmp_path, raw, ("--order-pattern", r"order (A-\d{4}-\d+)"))
    assert row == {
        "complaint": row["complaint"],
        "received": "2015-04-27T02:30:00Z",
        "order": "A-2015-0042",
        "account": "ann@customers.example",
        "channel": "mail",
        "text": "call\n\nSomebody called about order A-2015-0042.",
        "source": "mail",
    }
    assert row["complaint"].startswith("mail:")


@pytest.mark.parametrize(
    ("charset", "text", "named"),
    [
        ("gb18030", "接到自称客服的电话，说我的订单有问题", "gb2312"),
        ("gb18030", "接到自称客服的电话，说我的订单有问题", ""),
        ("gb18030", "接到自称客服的电话，说我的订单有问题", "x-unknown"),
        ("big5", "接到自稱客服的電話", "big5"),
        ("iso2022_jp", "お店を名乗る電話がありました", "iso-2022-jp"),
        ("iso2022_kr", "고객센터라고 전화가 왔습니다", "iso-2022-kr"),
        ("latin-1", "Jemand rief an: Überweisung", "iso-8859-1"),
    ],
)
@pytest.mark.parametrize("transfer", ["base64", "quoted-printable", "8bit"])
def test_any_encoding_is_read(charset: str, text: str, named: str, transfer: str, tmp_path: Path) -> None:
    import quopri

    body = text.encode(charset)
    encoded = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring, "8bit": bytes}[transfer]
    kind = f"text/plain; charset={named}" if named else "text/plain"
    head = f"{HEAD}Subject: s\nContent-Type: {kind}\nContent-Transfer-Encoding: {transfer}\n\n"
    assert one(tmp_path, head.encode() + encoded(body))["text"] == f"s\n\n{text}"


def test_headers_in_encoded_words_and_raw_bytes_are_read(tmp_path: Path) -> None:
    encoded = base64.b64encode("投诉信息泄露".encode("gb18030")).decode()
    assert one(tmp_path, HEAD + f"Subject: =?gb2312?B?{encoded}?=\n\nx\n")["text"].startswith("投诉信息泄露")
    raw = HEAD.replace("<1@x>", "<2@x>").encode() + b"Subject: " + "投诉我的个人信息被泄露".encode("gb18030")
    (tmp_path / "b.eml").write_bytes(raw + b"\n\nx\n")
    assert bring(tmp_path, tmp_path / "b.eml", source="mail") == 0
    assert rows_of(tmp_path)[1]["text"].startswith("投诉我的个人信息被泄露")


def test_html_alone_becomes_text_without_script_and_quote(tmp_path: Path) -> None:
    html = (
        "<html><head><title>t</title><style>p{}</style></head><body><script>steal()</script>"
        "<p>They called me&nbsp;about my order.</p><div>Paid <b>500</b> euro.</div>"
        "<div class='gmail_quote'>On Monday the shop wrote:<blockquote>Dear you</blockquote></div></body>"
    )
    row = one(tmp_path, HEAD + f"Subject: s\nContent-Type: text/html; charset=utf-8\n\n{html}\n")
    assert " ".join(row["text"].split()) == "s They called me about my order. Paid 500 euro."


def test_attachments_are_refused_listed_and_not_opened(tmp_path: Path) -> None:
    mail = EmailMessage()
    mail["From"], mail["Date"], mail["Subject"] = "a@x.example", "Mon, 27 Apr 2015 10:30:00 +0800", "s"
    mail.set_content("See the recording.")
    mail.add_attachment(
        b"\x00" * 3000, maintype="audio", subtype="mpeg", filename="../../etc/录音\x1b[2J.mp3"
    )
    mail.add_attachment("a,b\n", subtype="csv", filename="list.csv")
    assert one(tmp_path, bytes(mail))["text"] == "s\n\nSee the recording."
    reasons = [reject["reason"] for reject in rejects_of(tmp_path)]
    assert len(reasons) == 2
    assert "audio/mpeg" in reasons[0]
    assert "\x1b" not in reasons[0]
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    ("text", "own"),
    [
        (
            "Mine.\n\nOn Mon, 27 Apr 2015 at 10:30, Shop <care@shop.example> wrote:\n> Dear\n> customer",
            "Mine.",
        ),
        ("On Mon, 27 Apr 2015, Shop\n<care@shop.example> wrote:\n> Dear customer\n\nBelow.", "Below."),
        ("我被骗了。\n\n在 2015年4月27日，商城 <care@shop.example> 写道：\n> 您好", "我被骗了。"),
        ("我被骗了。\n\n------------------ 原始邮件 ------------------\n发件人: 商城\n您好", "我被骗了。"),
        ("Mine.\n\n-----Original Message-----\nFrom: Shop\nSent: Monday\nTo: Ann\n\nDear", "Mine."),
        ("Mine.\n\nFrom: Shop <care@shop.example>\nSent: Monday\nTo: Ann\nSubject: x\n\nDear", "Mine."),
        ("我的。\n\n发件人: 商城\n发送时间: 2015年4月27日\n收件人: 顾客\n主题: 你好\n\n尊敬的", "我的。"),
        ("Mine.\n-- \nAnn, Example Street 1", "Mine."),
        # None of these is a quote.
        ("From: the caller said he was from the shop.\nHe knew my order.", None),
        ("He wrote:\nSend money to this account", None),
        ("On the phone he said so, then he wrote:\nSend 500", None),
        ("骗子在短信里写道：\n请点击退款", None),
        ("I was told to pay -- and I did", None),
    ],
)
def test_quotes_and_signatures_are_left_out(text: str, own: str | None) -> None:
    assert strip_quoted(text) == (text if own is None else own, False)


def test_a_mail_forwarded_without_a_word_gives_what_it_forwards() -> None:
    head = "---------- Forwarded message ---------\nFrom: Ann\nDate: Mon\nSubject: x\nTo: care\n\n"
    text = f"{head}They called me."
    assert strip_quoted(text) == ("They called me.", True)


def mbox(*messages: str) -> bytes:
    return "".join(f"From MAILER Mon Apr 27 10:30:00 2015\n{m}\n\n" for m in messages).encode()


def test_each_mail_of_a_mailbox_counts_once_by_its_message_id(tmp_path: Path) -> None:
    first, second = (
        HEAD + "Subject: a\n\nOne.\n>From here on he shouted.\n",
        HEAD.replace("<1@x>", "<2@x>") + "\nTwo.",
    )
    (tmp_path / "in.mbox").write_bytes(mbox(first, second, first))
    assert bring(tmp_path, tmp_path / "in.mbox", source="mail") == 0
    assert [row["text"] for row in rows_of(tmp_path)] == ["a\n\nOne.\nFrom here on he shouted.", "Two."]
    (tmp_path / "a.eml").write_text(second)
    assert bring(tmp_path, tmp_path / "a.eml", source="mail") == 0
    assert len(rows_of(tmp_path)) == 2


def test_one_victim_writing_thrice_is_one_victim(tmp_path: Path) -> None:
    from stanch.cli.app import main

    mails = [HEAD.replace("<1@x>", f"<{i}@x>") + f"\nCall number {i}." for i in range(3)]
    (tmp_path / "in.mbox").write_bytes(mbox(*mails))
    assert bring(tmp_path, tmp_path / "in.mbox", source="mail") == 0
    assert len(rows_of(tmp_path)) == 3
    out = tmp_path / "f"
    assert main(["investigate", "--complaints", str(tmp_path / "c.jsonl"), "--out", str(out), "--quiet"]) == 0
    counted = json.loads((out / "findings.json").read_text())["complaints"]
    assert (counted["count"], counted["duplicates"]) == (1, 2)


def test_our_own_servers_stamp_beats_the_senders_clock(tmp_path: Path) -> None:
    stamp = "Received: from x by mx.shop.example; Tue, 28 Apr 2015 08:00:00 +0000\n"
    row = one(tmp_path, stamp + HEAD.replace("2015", "2035") + "\nx\n")
    assert row["received"] == "2015-04-28T08:00:00Z"


def test_robots_and_senders_without_name_or_date_are_rejected_with_reasons(tmp_path: Path) -> None:
    good = HEAD + "\nx\n"
    bad = (
        HEAD + "Auto-Submitted: auto-replied\n\nI am away.",
        HEAD.replace("From: Ann <ANN@customers.example>\n", "From: nobody\n") + "\nx",
        "From: a@x.example\nDate: never\nMessage-ID: <9@x>\n\nx",
        HEAD.replace("<1@x>", "<8@x>") + "\n\n",
    )
    (tmp_path / "in.mbox").write_bytes(mbox(good, *bad))
    assert bring(tmp_path, tmp_path / "in.mbox", source="mail") == 0
    reasons = [reject["reason"] for reject in rejects_of(tmp_path)]
    assert [r.split("(")[0].strip() for r in reasons] == [
        "was sent by a robot",
        "has no sender",
        "has no date",
        "has no text",
    ]
    assert len(rows_of(tmp_path)) == 1


def nest(depth: int) -> str:
    opened = "".join(f'Content-Type: multipart/mixed; boundary="b{i}"\n\n--b{i}\n' for i in range(depth))
    return opened + "Content-Type: text/plain\n\ndeep\n"


@pytest.mark.parametrize("depth", [40, 5_000])
def test_parts_nested_without_end_are_rejected(depth: int, tmp_path: Path) -> None:
    (tmp_path / "in.mbox").write_bytes(mbox(HEAD + "\nfine", HEAD.replace("<1@x>", "<2@x>") + nest(depth)))
    assert bring(tmp_path, tmp_path / "in.mbox", source="mail") == 0
    assert rejects_of(tmp_path)[0]["reason"] == "its parts are nested too deeply"
    assert len(rows_of(tmp_path)) == 1


def test_thousands_of_parts_are_rejected(tmp_path: Path) -> None:
    parts = "--b\nContent-Type: text/plain\n\nx\n" * 5_000
    bad = HEAD.replace("<1@x>", "<2@x>") + f'Content-Type: multipart/mixed; boundary="b"\n\n{parts}--b--\n'
    (tmp_path / "in.mbox").write_bytes(mbox(HEAD + "\nfine", bad))
    assert bring(tmp_path, tmp_path / "in.mbox", source="mail") == 0
    assert "more than 200 parts" in rejects_of(tmp_path)[0]["reason"]


def test_a_mail_longer_than_any_is_skipped_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stanch.intake import bring as module
    from stanch.intake.mailbox import read_messages

    monkeypatch.setattr(module, "read_messages", lambda source: read_messages(source, limit=1 << 20))
    long = HEAD.replace("<1@x>", "<2@x>") + "\n" + "x" * (3 << 20)
    (tmp_path / "in.mbox").write_bytes(
        mbox(HEAD + "\nfirst", long, HEAD.replace("<1@x>", "<3@x>") + "\nlast")
    )
    assert bring(tmp_path, tmp_path / "in.mbox", source="mail") == 0
    assert [row["text"] for row in rows_of(tmp_path)] == ["first", "last"]
    assert "is longer than" in rejects_of(tmp_path)[0]["reason"]


def test_headers_cannot_bring_lines_of_their_own(tmp_path: Path) -> None:
    encoded = base64.b64encode(b"hello\r\nBcc: all@x.example\r\n\x1b[2J").decode()
    row = one(tmp_path, HEAD + f"Subject: =?utf-8?B?{encoded}?=\n\nx\n")
    assert row["text"] == "hello Bcc: all@x.example [2J\n\nx"


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + 'Content-Type: text/plain; charset="\x00"\n\nx',
        HEAD + "Content-Type: text/plain; charset*=utf-8''%00%ff\n\nx",
        HEAD + "Content-Type: multipart/mixed\n\nx",
        HEAD + "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n!!!not base64!!!",
        HEAD + "Content-Type: text/plain\nContent-Transfer-Encoding: x-uuencode\n\nbegin 644 x\nx\nend",
        HEAD + "Subject: =?utf-8?B?!!!?=\n\nx",
        HEAD + "Subject: =?idna?Q?x?=\n\nx",
        HEAD.replace("ANN@customers.example", 'a@b" <c@d>, "(((') + "\nx",
        HEAD.replace("27 Apr 2015", "99 Foo 99999999999999") + "\nx",
        HEAD + "Content-Type: text/html\n\n<!DOCTYPE [<!ENTITY a '&a;&a;'>]><p>&a;&#x110000;&#xD800;</p><![x",
        HEAD + "Content-Type: message/rfc822\n\nFrom: x\n\ny",
    ],
)
def test_broken_mails_end_in_a_row_or_a_reason(
    raw: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in.mbox").write_bytes(mbox(HEAD.replace("<1@x>", "<0@x>") + "\nfine", raw))
    assert bring(tmp_path, tmp_path / "in.mbox", source="mail") == 0
    assert len(rows_of(tmp_path)) + len(rejects_of(tmp_path)) >= 2
    assert "Traceback" not in capsys.readouterr().err
