"""Two ways to find records in CSV bytes, one answer; and the answer of Python's own module."""

from __future__ import annotations

import csv
import io

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stanch.readers import records as framing
from stanch.readers.records import find_records, split_record

COMMA = ord(",")


def walk(block: bytes, n_columns: int) -> framing.Records:
    return framing._walk(block, 0, COMMA, n_columns, is_last=True)


@settings(max_examples=400)
@given(st.text('a",\n\r', max_size=40), st.integers(1, 4))
@example('"\n', 1)
@example('a,"b\n",c\n"d', 2)
@example('""\n"","a""\n"', 2)
def test_arrays_and_walk_agree_on_anything(text: str, n_columns: int) -> None:
    block = text.encode() + b"\n"
    found, walked = find_records(block, COMMA, n_columns, is_last=True), walk(block, n_columns)
    for name in ("starts", "ends", "n_fields"):
        assert np.array_equal(getattr(found, name), getattr(walked, name)), name
    assert found.stop == walked.stop == len(block)


@given(
    st.lists(st.lists(st.text('a", \n;é', max_size=6), min_size=3, max_size=3), min_size=1, max_size=8),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_python_writes_is_read_back(rows: list[list[str]], quoting: int, line_end: str) -> None:
    file = io.StringIO()
    csv.writer(file, quoting=quoting, lineterminator=line_end).writerows(rows)  # type: ignore[arg-type]
    block = file.getvalue().encode()
    found = find_records(block, COMMA, 3, is_last=True)
    assert found.n_fields.tolist() == [3] * len(rows)
    fields = [
        split_record(block[start:end] + b"\n", COMMA)[0]
        for start, end in zip(found.starts, found.ends, strict=True)
    ]
    assert [[field.decode() for field in row] for row in fields] == rows


@given(st.text('a",\n', max_size=60), st.integers(1, 60))
def test_a_block_may_end_anywhere(text: str, cut: int) -> None:
    """What the first block leaves over goes before the second; the records are the same."""
    block = text.encode() + b"\n"
    whole = find_records(block, COMMA, 2, is_last=True)
    first = find_records(block[:cut], COMMA, 2, is_last=False)
    second = find_records(block[first.stop :], COMMA, 2, is_last=True)
    starts = [*first.starts.tolist(), *(second.starts + first.stop).tolist()]
    counts = [*first.n_fields.tolist(), *second.n_fields.tolist()]
    assert (starts, counts) == (whole.starts.tolist(), whole.n_fields.tolist())


def test_many_open_quotes_take_no_quadratic_time() -> None:
    """A quarter of a million torn lines: each is looked at once."""
    block = b'x,"y z\n' * 250_000
    found = find_records(block, COMMA, 2, is_last=True)
    assert (found.n_fields == 0).all()
    assert len(found.starts) == 250_000
