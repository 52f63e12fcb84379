"""Device cookies: what the right customer keeps, and what nobody can make or borrow."""

import base64

import pytest

from stanch.guard.device_cookie import VALID_S, DeviceCookies, is_token

KEY, OLD_KEY = b"k" * 32, b"o" * 32
ANN, BOB = 0x1122334455667788, 0x99AABBCCDDEEFF00
NOW = 1_772_359_200_000_000
COOKIES = DeviceCookies((KEY,))


def test_a_device_is_known_to_its_account_and_to_no_other() -> None:
    token = COOKIES.issue(ANN, NOW)
    assert COOKIES.recognise(token, ANN, NOW + 86_400_000_000)
    assert COOKIES.recognise(token, BOB, NOW) is None


def test_each_login_gives_another_device_id_so_that_a_copy_can_be_told() -> None:
    tokens = [COOKIES.issue(ANN, NOW) for _ in range(3)]
    assert len({COOKIES.recognise(token, ANN, NOW) for token in tokens}) == 3


def test_nothing_in_a_token_can_be_changed() -> None:
    data = base64.urlsafe_b64decode(COOKIES.issue(ANN, NOW))
    for position in range(len(data)):
        for flipped in (1, 128):
            forged = bytearray(data)
            forged[position] ^= flipped
            token = base64.urlsafe_b64encode(forged).decode()
            assert COOKIES.recognise(token, ANN, NOW) is None, position


def test_a_token_put_together_from_two_is_none() -> None:
    ann, bob = (base64.urlsafe_b64decode(COOKIES.issue(account, NOW)) for account in (ANN, BOB))
    swapped = base64.urlsafe_b64encode(bob[:8] + ann[8:]).decode()
    assert COOKIES.recognise(swapped, BOB, NOW) is None


@pytest.mark.parametrize("after_s", [-3_600, VALID_S + 1])
def test_it_expires_and_none_comes_from_the_future(after_s: int) -> None:
    token = COOKIES.issue(ANN, NOW)
    assert COOKIES.recognise(token, ANN, NOW + after_s * 1_000_000) is None


def test_keys_rotate_without_forgetting_devices_and_a_dropped_key_is_worth_nothing() -> None:
    before = DeviceCookies((OLD_KEY,)).issue(ANN, NOW)
    rotated = DeviceCookies((KEY, OLD_KEY))
    assert rotated.recognise(before, ANN, NOW)
    assert COOKIES.recognise(rotated.issue(ANN, NOW), ANN, NOW), "signed with the new key"
    assert COOKIES.recognise(before, ANN, NOW) is None


def test_a_household_shares_a_browser() -> None:
    text = f"{COOKIES.issue(BOB, NOW)}~{COOKIES.issue(ANN, NOW)}"
    assert is_token(text)
    assert COOKIES.recognise(text, ANN, NOW)
    assert COOKIES.recognise(text, BOB, NOW)


@pytest.mark.parametrize(
    "text", ["", "~", "a" * 48, "a" * 47 + "é", "x" * 100_000, "~".join(["a" * 48] * 999), "\0"]
)
def test_anything_else_is_no_device(text: str) -> None:
    assert COOKIES.recognise(text, ANN, NOW) is None


@pytest.mark.parametrize("text", ["device-7", "", "8f14e45f-ceea-467f-a8f9-c1f2d5a7b6c3"])
def test_ids_of_the_shop_are_told_from_tokens(text: str) -> None:
    assert not is_token(text)
