"""Card numbers, their codes and passwords go; order numbers, phones and sentences stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.evidence.cards import REMOVED_CARD, REMOVED_CODE, has_check_digit, remove_card_numbers

#: Test numbers that the card schemes publish.
CARDS = (
    "4111111111111111",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "6011111111111117",
    "3530111333300000",
    "6200000000000005",
)


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("form", ["{}", "card {}.", "卡号{}，", "({})"])
def test_card_numbers_go_however_they_are_written(card: str, form: str) -> None:
    grouped = " ".join(card[i : i + 4] for i in range(0, len(card), 4))
    for written in (card, grouped, grouped.replace(" ", "-")):
        assert remove_card_numbers(form.format(written)) == form.format(REMOVED_CARD)


@pytest.mark.parametrize(
    "text",
    [
        "order 4111111111111112",
        "call me at +86 138 0000 0000",
        "2026-03-01 10:00:00 and 2026-03-02 11:30:00",
        "1234567890123456",
        "12345678901234567890123456789",
        "I paid 1,800.50 on 11 Nov",
        "he asked for my password, I hung up",
        "密码是多少我没告诉他",
        "the pin on the parcel",
        "验证码我没有给他",
        "spinning 1234 wheels",
        "http://refund.example/4/pay?x=1",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert remove_card_numbers(text) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cvv 123", f"cvv {REMOVED_CODE}"),
        ("CVC2: 1234.", f"CVC2: {REMOVED_CODE}."),
        ("my PIN is 4321", f"my PIN is {REMOVED_CODE}"),
        ("password: hunter2!", f"password: {REMOVED_CODE}"),
        ("验证码839201", f"验证码{REMOVED_CODE}"),
        ("密码：abc12345，", f"密码：{REMOVED_CODE}，"),
        ("the verification code was 839201", f"the verification code was {REMOVED_CODE}"),
    ],
)
def test_codes_and_passwords_go(text: str, left: str) -> None:
    assert remove_card_numbers(text) == left


def test_the_order_number_of_the_report_stays_though_it_looks_like_a_card() -> None:
    assert (
        remove_card_numbers("order 4111 1111 1111 1111", ["4111111111111111"]) == "order 4111 1111 1111 1111"
    )


@given(st.text(alphabet="0123456789 -x密码:cv", max_size=200))
def test_nothing_is_left_for_a_second_look(text: str) -> None:
    once = remove_card_numbers(text)
    assert remove_card_numbers(once) == once


@given(st.integers(0, 10**15))
def test_one_in_ten_numbers_has_the_right_check_digit(n: int) -> None:
    assert sum(has_check_digit(f"{n}{digit}") for digit in range(10)) == 1
