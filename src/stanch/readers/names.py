"""The column names of a table, before it is known which of them are the evidence's."""

from __future__ import annotations

import io
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from stanch.errors import EvidenceError
from stanch.readers import csv, jsonl
from stanch.readers.encodings import Utf8Stream, check_encoding
from stanch.readers.files import Source
from stanch.readers.lines import sample_lines
from stanch.readers.xlsx import list_headers

_SAMPLE: Final = 1 << 18


def list_names(path: str, encoding: str | None) -> list[list[str]]:
    """The names in the file at `path`, one list per sheet of a workbook and one for any other table.

    Raises:
        EvidenceError: it cannot be opened or is no table.
        UsageError: there is no such encoding.
    """
    with Source(path) as source:
        if source.head.startswith(b"PK\x03\x04"):
            return list_headers(source.find_path(), source.shown)
        if source.head.startswith(b"PAR1"):
            try:
                return [pq.ParquetFile(source.find_path()).schema_arrow.names]
            except (pa.ArrowException, OSError, ValueError) as error:
                raise EvidenceError("cannot be read as Parquet", file=source.shown) from error
        head = Utf8Stream(source, check_encoding(encoding) if encoding else None).peek(_SAMPLE)
        if not head.strip():
            return []
        if head.lstrip()[:1] in {b"{", b"["}:
            return [jsonl.list_keys(sample_lines(io.BytesIO(head + b"\n"))[0])]
        return [csv.split_header(head + b"\n", csv.guess_delimiter(head + b"\n"))[0]]
