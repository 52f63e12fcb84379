"""Framing: line numbers stay true and memory bounded, whatever the bytes are."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.errors import EvidenceError
from stanch.readers import lines
from stanch.readers.lines import iterate_chunks, iterate_lines, sample_lines

#: What real files and hostile ones are made of.
PIECES = st.sampled_from(
    [
        b"a",
        b"line of text",
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b"\xff",
        "柳".encode(),
        "é".encode()[:1],
        b'"[ {',
        b" ",
    ]
)


def frame(data: bytes, chunk_bytes: int = 1 << 20) -> list[tuple[int, str]]:
    return [row for part in iterate_lines(io.BytesIO(data), chunk_bytes) for row in part.rows()]


def plain(data: bytes) -> list[tuple[int, str]]:
    """The same by the plainest means, for input that is small."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    texts = [line.replace(b"\0", b"").removesuffix(b"\r") for line in data.split(b"\n")]
    return [(n, t.decode("utf-8", "replace")) for n, t in enumerate(texts, 1) if max(t, default=0) > 32]


@given(st.lists(PIECES, max_size=60).map(b"".join), st.integers(64, 200))
def test_any_bytes_are_framed_as_plain_splitting_would(data: bytes, chunk_bytes: int) -> None:
    if lines._ARRAY_START.match(data):
        data = b"." + data
    assert frame(data, chunk_bytes) == plain(data)


def test_bom_crlf_blank_lines_and_a_missing_last_line_end() -> None:
    assert frame(b"\xef\xbb\xbfone\r\n\r\n\nfour\nfive") == [(1, "one"), (4, "four"), (5, "five")]
    assert frame(b"") == []
    assert frame(b"\n\n") == []


def test_removed_and_replaced_bytes_are_told() -> None:
    (chunk,) = iterate_chunks(io.BytesIO(b"\0\0\0ok\ncaf\xe9\n"))
    assert [chunk.text_at(0), chunk.text_at(1)] == ["ok", "caf\ufffd"]
    assert chunk.notes == {lines.NOTE_NUL, lines.NOTE_UTF8}


@pytest.mark.parametrize("length", [lines.MAX_LINE_BYTES, lines.MAX_LINE_BYTES + 1, 5 * lines.MAX_LINE_BYTES])
@pytest.mark.parametrize("chunk_bytes", [1 << 16, 1 << 22])
def test_a_huge_line_is_one_reject_and_the_numbers_behind_it_are_right(length: int, chunk_bytes: int) -> None:
    data = b"first\n" + b"x" * length + b"\nthird\n" + b"y" * length
    chunks = list(iterate_chunks(io.BytesIO(data), chunk_bytes))
    short = [(n, t) for c in chunks for n, t in c.lines.rows() if len(t) < 100]
    rejected = [r.line for c in chunks for r in c.rejects]
    assert short == [(1, "first"), (3, "third")]
    assert rejected == ([] if length == lines.MAX_LINE_BYTES else [2, 4])
    assert all(len(r.raw) <= 500 for c in chunks for r in c.rejects)


def test_memory_is_bounded_by_the_longest_line_allowed() -> None:
    class Endless(io.RawIOBase):
        left = 40 << 20

        def readable(self) -> bool:
            return True

        def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
            n = min(len(buffer), self.left)
            buffer[:n] = b"x" * n
            self.left -= n
            return n

    chunks = list(iterate_chunks(io.BufferedReader(Endless()), 1 << 20))
    assert [r.line for c in chunks for r in c.rejects] == [1]
    assert sum(len(c.data) for c in chunks) < 8 << 20


def test_the_elements_of_a_json_array_are_lines() -> None:
    data = b'[\n {"a": 1,\n  "b": "x\\ny"},\r\n {"a": 2}\n]\n'
    assert frame(data) == [(1, '{"a": 1,   "b": "x\\ny"}'), (2, '{"a": 2}')]
    assert frame(b"[]") == []


def test_an_array_that_breaks_off_keeps_what_came_before() -> None:
    (chunk,) = iterate_chunks(io.BytesIO(b'[{"a": 1}, {"a": 2}, {"a": "cut'))
    assert [chunk.text_at(0), chunk.text_at(1)] == ['{"a": 1}', '{"a": 2}']
    assert [(r.line, r.reason) for r in chunk.rejects] == [(3, "the JSON array breaks off here")]


def test_an_array_too_large_to_be_decoded_is_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_ARRAY_BYTES", 1000)
    with pytest.raises(EvidenceError, match=r"jq -c"):
        list(iterate_chunks(io.BytesIO(b"[" + b"{}," * 2000)))


def test_a_bracket_at_the_start_of_a_text_log_is_no_array() -> None:
    assert frame(b"[Thu Oct 13 12:24:49 2022] [error] x\n") == [(1, "[Thu Oct 13 12:24:49 2022] [error] x")]


@given(st.lists(st.text("ab\u67f3", max_size=9), max_size=40), st.integers(8, 64))
def test_a_sample_takes_nothing_away(texts: list[str], n_bytes: int) -> None:
    data = "".join(f".{t}\n" for t in texts).encode()
    sample, again = sample_lines(io.BytesIO(data), n_bytes)
    assert again.read() == data
    cut = [f".{t}" for t in texts[: len(sample)]]
    # A sample that is cut inside its only line shows the part that it has.
    assert sample == cut or (len(sample) == 1 and len(data) > n_bytes)
