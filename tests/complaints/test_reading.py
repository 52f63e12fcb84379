"""What a text tells, on labelled texts of the project's own and on text that means harm."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.complaints.reading import Reading, Report, read_report
from stanch.complaints.reading.numbers import find_numbers
from stanch.complaints.reading.text import MAX_TEXT, Text

TEXTS = sorted((Path(__file__).parent / "texts").glob("*.jsonl"))
RECEIVED = datetime(2024, 5, 15, 10, tzinfo=UTC)


def read(text: str, received: datetime = RECEIVED, **more: str) -> Reading:
    return read_report(Report(text, int(received.timestamp() * 1e6), **more))


def list_losses(text: str) -> list[tuple[float, str]]:
    return [(loss.amount, loss.currency) for loss in read(text).losses]


@pytest.mark.parametrize("path", TEXTS, ids=[p.stem for p in TEXTS])
def test_labelled_texts_are_mostly_read_as_labelled(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    kinds, missed, extra, right = 0, 0, 0, 0
    for row in rows:
        reading = read(row["text"], datetime.fromisoformat(row["received"]))
        kinds += reading.kind == row["expected"]["kind"]
        found = Counter((loss.amount, loss.currency) for loss in reading.losses)
        wanted = Counter((loss["amount"], loss["currency"]) for loss in row["expected"]["losses"])
        right += (found & wanted).total()
        missed, extra = missed + (wanted - found).total(), extra + (found - wanted).total()
    assert kinds / len(rows) >= 0.8
    assert 2 * right / (2 * right + missed + extra) >= 0.8


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("18,373", 18373), ("1.8万", 18000), ("一万八", 18000), ("一万零八", 10008), ("两千三", 2300),
        ("三百五", 350), ("1万2", 12000), ("2万3千5百", 23500), ("1w2", 12000), ("3k", 3000),
        ("壹拾贰万", 120000), ("300多万", 3_000_000), ("twelve hundred", 1200), ("2.5 lakh", 250_000),
        ("1,00,000", 100_000), ("89,90", 89.9), ("1.234,56", 1234.56), ("1 234,50", 1234.5),
        ("one thousand two hundred and fifty", 1250), ("two grand", 2000),
    ],
)  # fmt: skip
def test_numbers_are_read_by_the_rules_of_the_language(text: str, value: float) -> None:
    assert [number.value for number in find_numbers(text)] == [value]


@pytest.mark.parametrize(
    ("text", "losses"),
    [
        ("对方冒充客服,我转了5000元和8000元,共计13000元。", [(5000, "CNY"), (8000, "CNY")]),
        ("骗子让我转3000元,我没转。", []),
        ("骗子要把卡里的3万元转走,被银行拦截了。", []),
        ("冒充客服说每月要扣500元会费,我挂了电话。", []),
        ("买了一件199元的裙子,有人冒充客服说退款。", []),
        ("假客服分2笔转走我的钱,每笔5000元。", [(5000, "CNY"), (5000, "CNY")]),
        ("我邻居上个月被骗2万,今天骗子也打给我,我没信。", []),
        ("A scammer called and I sent £500, then another £300.", [(500, "GBP"), (300, "GBP")]),
        ("The fraudster wanted £900 but I refused.", []),
        ("The scammer said I would be charged £80 a month. I hung up.", []),
        ("A fake agent called; $1,700 and $300 were taken, $2,000 in total.", [(1700, "USD"), (300, "USD")]),
        ("A scammer rang. My bank blocked a payment of £400.", []),
        ("The con man was very convincing and EUR 950 was debited.", [(950, "EUR")]),
    ],
)
def test_only_money_that_left_the_victim_is_a_loss(text: str, losses: list[tuple[float, str]]) -> None:
    assert list_losses(text) == losses


def test_amounts_without_a_unit_are_in_the_currency_of_the_shop() -> None:
    text = "A scammer called from your shop. I lost 460."
    assert [loss.currency for loss in read(text).losses] == ["GBP"]
    assert [loss.currency for loss in read(text, currency="EUR").losses] == ["EUR"]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("4月27日接到冒充客服的电话", date(2024, 4, 27)),
        ("昨天下午接到冒充客服的电话", date(2024, 5, 14)),
        ("上周三接到冒充客服的电话", date(2024, 5, 8)),
        ("三天前接到冒充客服的电话", date(2024, 5, 12)),
        ("4月20日下单,五一当天接到冒充客服的电话", date(2024, 5, 1)),
        ("A scammer called me last Tuesday", date(2024, 5, 14)),
        ("I ordered on 2 May and on the 3rd a scammer rang me", date(2024, 5, 3)),
        ("On 27/04 I received a call from a fraudster", date(2024, 4, 27)),
        ("A scammer phoned me on Easter Monday", date(2024, 4, 1)),
        ("I had a scam call on 9 May and they rang again two days later", date(2024, 5, 9)),
        ("A scammer called me about my order", None),
    ],
)
def test_the_first_contact_is_set_against_the_day_of_the_report(text: str, day: date | None) -> None:
    reading = read(text)
    zone = ZoneInfo("Asia/Shanghai" if reading.language == "zh" else "Europe/London")
    assert (reading.contacted.astimezone(zone).date() if reading.contacted else None) == day


def test_the_zone_decides_which_day_today_is() -> None:
    late = datetime(2024, 5, 15, 23, 30, tzinfo=UTC)
    text = "A scammer called me today"
    assert str(read(text, late, zone="UTC").contacted)[:10] == "2024-05-15"
    assert str(read(text, late, zone="Asia/Tokyo").contacted)[:16] == "2024-05-15 23:30"


@pytest.mark.parametrize(
    ("text", "phones"),
    [
        ("接到400-000-5566冒充客服,我的手机13900139000", ["4000005566"]),
        ("骗子用+86 171 0000 5678打来,订单号20150428001", ["+8617100005678"]),
        ("自称客服的00862000001234让我转账,卡号6217000000000011", ["00862000001234"]),
        ("A scammer called from 07700 900123. My number is 07700 900456.", ["07700900123"]),
        ("Scam call from (202) 555-0147 about tracking number JD0002233445566", ["2025550147"]),
        ("有人冒充贵店客服打电话(0080012345678),说退款", ["0080012345678"]),
        ("A fake agent of the shop called me. His number was +44 7700 900123.", ["+447700900123"]),
        ("Cust had a scam call from the shop's agent. His number is 07700 900456.", []),
        ("A scammer rang me from 020 7946 0123, the screen showed +44 20 7946 0123", ["02079460123"]),
        ("The fraudster rang; I then called your helpline 0800 0000 000", []),
    ],
)
def test_only_the_callers_number_is_a_scam_phone(text: str, phones: list[str]) -> None:
    assert read(text).scam_phones == phones


def test_what_was_not_known_and_not_asked_is_not_told() -> None:
    reading = read("骗子自称店铺客服,知道我的姓名,不知道我的地址。警方提醒:切勿共享屏幕。")
    assert reading.known_fields == ["name"]
    assert "screen_sharing" not in reading.asked
    reading = read(
        "A scammer from your shop knew my name but did not know my address. He did not ask for a code."
    )
    assert reading.known_fields == ["name"]
    assert "verification_code" not in reading.asked


def test_an_ordinary_complaint_tells_of_no_caller() -> None:
    reading = read("快递五天没有更新物流,订单号20150428001,价格259元,请催一下,我的电话13900139000")
    assert reading.kind == "not_fraud"
    assert (reading.claimed_identity, reading.losses, reading.scam_phones, reading.asked) == (
        None,
        [],
        [],
        [],
    )


@pytest.mark.parametrize("path", TEXTS, ids=[p.stem for p in TEXTS])
def test_every_value_points_at_its_place_with_a_confidence(path: Path) -> None:
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        reading = read(row["text"], datetime.fromisoformat(row["received"]))
        for mark in reading.marks:
            assert 0 <= mark.start < mark.end <= len(row["text"])
            assert 0 < mark.confidence <= 1
        for loss in reading.losses:
            quote = row["text"][loss.start : loss.end]
            assert re.search(r"[\d一二两三四五六七八九十百千万壹贰叁肆伍陆柒捌玖 ]", quote)


def test_full_width_and_traditional_signs_read_the_same() -> None:
    plain = read("昨天接到自称店铺客服的电话,我转账了5000元")
    wide = read("昨天接到自稱店鋪客服的電話，我轉帳了５０００元")
    assert (plain.kind, plain.claimed_identity, plain.asked) == (wide.kind, wide.claimed_identity, wide.asked)
    assert [loss.amount for loss in wide.losses] == [5000]
    raw = "昨天接到自稱店鋪客服的電話，我轉帳了５０００元"
    assert raw[wide.losses[0].start : wide.losses[0].end] == "５０００元"


HOSTILE = [
    "转", "1", "1,", "一", "万", "¥1", "£1 ", "call ", "说", "2024-", "+", "(0", "let them on ", "a ",
    "客服", "共享", "wanted the ", "。", "\x00", "\u202e", "\u200b", "😀", "ﷺ", "İ", "\ud800", "http://a.",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE, ids=[ascii(p) for p in HOSTILE])
def test_costly_text_is_read_to_the_end(piece: str) -> None:
    reading = read((piece * MAX_TEXT)[:MAX_TEXT])
    assert sum(reading.p_kind.values()) == pytest.approx(1.0)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_reading(raw: str) -> None:
    assert len(Text.of(raw).plain) == len(raw)
    reading = read(raw)
    assert reading.kind in reading.p_kind
