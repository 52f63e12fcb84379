"""Warnings that teach, fit, claim nothing that the shop did not say, and do not look like the scam."""

import re
import string
from pathlib import Path

import polars as pl
import pytest

from notices.investigated import write_folder, write_shop
from stanch.cli.app import main
from stanch.notices.sms import measure_sms
from stanch.reporting.catalogue import load_catalogue

AUDIENCES = ("reset", "order", "general")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder, shop = write_folder(tmp_path / "f"), write_shop(tmp_path / "shop.toml")
    arguments = ["notices", str(folder), "--shop", str(shop), "--quiet"]
    assert main([*arguments, "--out", str(tmp_path / "o")]) == 0
    return tmp_path / "o"


def test_each_customer_once_in_order_of_priority_with_the_right_words(out: Path) -> None:
    rows = pl.read_csv(out / "recipients.csv", infer_schema=False).rows()
    assert rows == [
        ("13800000001", "T1001", "reset", "1"),
        ("13800000002", "T1002", "order", "1"),
        ("13800000003", None, "reset", "2"),
        ("13800000004", "T1004", "order", "2"),
        (None, "T1005", "order", "3"),
    ]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("audience", AUDIENCES)
def test_short_messages_fit_into_one_segment_and_name_shop_and_number(
    audience: str, lang: str, out: Path
) -> None:
    text = (out / "messages" / f"{audience}.{lang}.sms.txt").read_text().strip()
    assert measure_sms(text).segments == 1
    assert measure_sms(text).alphabet == ("GSM-7" if lang == "en" else "UCS-2")
    assert "400 555 0100" in text
    assert ("Lanting Shop" if lang == "en" else "兰亭商城") in text


def test_they_name_what_the_callers_of_this_incident_say(out: Path) -> None:
    mail = (out / "messages" / "order.en.mail.txt").read_text()
    assert "registered as a wholesaler" in mail
    assert "refund" in mail
    assert (
        "that you were registered as a wholesaler or agent by mistake or that you are due a refund." in mail
    )
    assert (
        "例如：误将您登记为批发商或代理；或要给您退款。"
        in (out / "messages" / "order.zh.mail.txt").read_text()
    )


def test_they_claim_only_what_the_shop_said_that_it_never_asks(out: Path) -> None:
    for path in (out / "messages").iterdir():
        text = path.read_text()
        assert "refund page" not in text, path.name  # heard of in complaints, not claimed by the shop
        assert "退款网页" not in text, path.name
    assert "transfer money or tell us a code" in (out / "messages" / "general.en.mail.txt").read_text()


def test_the_three_audiences_are_told_different_things(out: Path) -> None:
    mails = {a: (out / "messages" / f"{a}.en.mail.txt").read_text() for a in AUDIENCES}
    assert [a for a, text in mails.items() if "Set a new password" in text] == ["reset"]
    assert [a for a, text in mails.items() if "details of an order of yours" in text] == ["order"]
    assert len(set(mails.values())) == 3


def test_they_hold_no_link_no_order_and_no_account(out: Path) -> None:
    for path in (out / "messages").iterdir():
        assert not re.search(r"href|https?:|www\.|T100\d|138000000", path.read_text()), path.name


def test_what_the_shop_did_not_tell_stands_out(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "f")
    assert main(["notices", str(folder), "--out", str(tmp_path / "o"), "--quiet"]) == 0
    assert "<<official number of the shop>>" in (tmp_path / "o/messages/order.en.sms.txt").read_text()
    assert "<<本店官方电话>>" in (tmp_path / "o/messages/order.zh.sms.txt").read_text()


def test_both_languages_have_the_same_keys_and_fill_in_the_same_values() -> None:
    en, zh = (load_catalogue(lang, "stanch.notices")._texts for lang in ("en", "zh"))  # type: ignore[arg-type]
    assert set(en) == set(zh)
    for key, text in zh.items():
        names = [{n for _, n, _, _ in string.Formatter().parse(t) if n} for t in (text, en[key])]
        assert names[0] == names[1], key
        assert not re.search(r"[a-z]{4,} [a-z]{4,}", re.sub(r"<[^>]*>|stanch warn.*", "", text)), key
