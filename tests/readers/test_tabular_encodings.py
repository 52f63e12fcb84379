"""Encodings told from few bytes, and bytes that fit none."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.errors import EvidenceError, UsageError
from stanch.readers.encodings import Utf8Stream, check_encoding, guess_encoding


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "客户张伟,广东"),
        ("gb18030", "接到电话称订单异常,要求共享屏幕"),
        ("big5", "客戶張偉,台北市,接到電話稱訂單異常要求退款"),
        ("cp1252", "Müller,Köln,café"),
        ("shift_jis", "お客様の注文番号を知っていた"),
        ("euc_kr", "주문번호를 알고 있었다"),
        ("cp1251", "заказ,Москва,Иванов"),
        ("utf-8", "客户张伟"),
    ],
)
def test_a_few_words_are_enough(encoding: str, text: str) -> None:
    assert guess_encoding(f"id,name\n1,{text}\n".encode(encoding)) == encoding


def test_a_few_broken_bytes_leave_utf_8_what_it_is() -> None:
    data = ("客户张伟,广东\n" * 50).encode()
    assert guess_encoding(data[:99] + b"\xff" + data[99:] + data[:1]) == "utf-8"
    assert guess_encoding(b"a" * 1000 + data[:1]) == "utf-8"


def test_a_guess_can_be_taken_back_before_reading() -> None:
    stream = Utf8Stream(io.BytesIO(b"a M\xfcller\n" * 200_000))
    assert stream.peek(100).decode().startswith("a Müller")
    assert stream.guessed
    stream.keep_to_utf_8()
    assert stream.read_fully(1 << 23).decode() == "a M\ufffdller\n" * 200_000
    assert (stream.encoding, stream.n_replaced) == ("utf-8", 200_000)


@given(
    st.text(st.characters(exclude_characters="\ufeff", codec="utf-8"), max_size=50),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
    st.integers(1, 7),
)
def test_any_cut_of_the_stream_gives_the_same_text(text: str, encoding: str, step: int) -> None:
    class Slow(io.BytesIO):
        """Gives a few bytes at a time, so that characters are cut."""

        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(step)

    told = None if encoding in {"utf-8-sig", "utf-16"} and len(text.encode(encoding)) >= 3 else encoding
    if step < 3 and told is None:
        told = encoding
    stream = Utf8Stream(Slow(text.encode(encoding)), check_encoding(told) if told else None)
    assert stream.read_fully(1 << 20).decode() == text


def test_broken_bytes_are_counted_not_lost() -> None:
    stream = Utf8Stream(io.BytesIO(b"caf\xc3\xa9 " * 10 + b"x\xff\xfey"))
    assert stream.read_fully(1000).decode().endswith("x\ufffd\ufffdy")
    assert (stream.encoding, stream.guessed, stream.n_replaced) == ("utf-8", False, 2)


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "zlib", "idna\0", ""])
def test_what_is_no_encoding(name: str) -> None:
    with pytest.raises(UsageError):
        check_encoding(name)


@pytest.mark.parametrize("name", ["idna", "punycode", "unicode_escape", "raw-unicode-escape", "undefined"])
def test_a_notation_is_no_encoding_of_files(name: str) -> None:
    with pytest.raises(UsageError, match="no encoding"):
        check_encoding(name)


@pytest.mark.parametrize("name", ["utf-16", "utf-32"])
def test_a_file_that_is_not_of_the_encoding_asked_for_is_one_clear_error(name: str) -> None:
    with pytest.raises(EvidenceError, match=name):
        Utf8Stream(io.BytesIO(b"time,ip,account,outcome\n"), check_encoding(name))


def test_utf_16_without_its_mark_is_read_when_asked_for() -> None:
    stream = Utf8Stream(io.BytesIO("time,ip\n".encode("utf-16-be")), check_encoding("utf-16"))
    assert stream.read_fully(100) == b"time,ip\n"
