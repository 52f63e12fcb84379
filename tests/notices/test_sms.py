"""Segments as networks count and bill them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.notices.sms import choose_wording, measure_sms


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "segments"),
    [
        ("", "GSM-7", 0, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("é" * 160, "GSM-7", 160, 1),
        ("€" * 80, "GSM-7", 160, 1),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        # The extension character is not torn: 152 + 2 do not fit into 153.
        ("a" * 152 + "€" * 77, "GSM-7", 306, 3),
        ("a\n" * 80, "GSM-7", 160, 1),
        ("ç", "UCS-2", 1, 1),  # only the capital is in the alphabet
        ("’" + "a" * 69, "UCS-2", 70, 1),
        ("订" * 70, "UCS-2", 70, 1),
        ("订" * 71, "UCS-2", 71, 2),
        ("订" * 134, "UCS-2", 134, 2),
        ("订" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        # A surrogate pair is not torn: 66 + 2 do not fit into 67.
        ("订" * 66 + "😀" * 34, "UCS-2", 134, 3),
    ],
)
def test_segments(text: str, alphabet: str, units: int, segments: int) -> None:
    length = measure_sms(text)
    assert (length.alphabet, length.units, length.segments) == (alphabet, units, segments)


@given(st.text(max_size=400), st.text(min_size=1, max_size=20))
def test_a_longer_text_never_takes_fewer_segments(text: str, more: str) -> None:
    assert measure_sms(text + more).segments >= measure_sms(text).segments


def test_the_fullest_wording_that_fits_is_taken() -> None:
    assert choose_wording(["a" * 161, "b" * 160, "c"]) == "b" * 160


def test_where_none_fits_the_shortest_is_taken() -> None:
    assert choose_wording(["a" * 400, "b" * 200, "c" * 300]) == "b" * 200
