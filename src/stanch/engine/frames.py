"""Frames on their way into and out of an engine, in types that every engine holds alike."""

from __future__ import annotations

from typing import Final

import polars as pl

from stanch.errors import EngineError

_UNSIGNED: Final = (pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)


def plain_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with unsigned integers as BIGINT and categories as text.

    Raises:
        EngineError: an unsigned number is over 2**63 - 1.
    """
    return _cast(
        frame,
        {name: pl.Int64() for name, kind in frame.schema.items() if kind in _UNSIGNED}
        | {name: pl.String() for name, kind in frame.schema.items() if kind in (pl.Categorical, pl.Enum)}
        | {name: pl.Int32() for name, kind in frame.schema.items() if kind == pl.Null},
    )


def plain_answer(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with decimals as BIGINT where whole, else as DOUBLE.

    Engines differ in what a sum of integers, and a fraction of them, is.

    Raises:
        EngineError: a whole number does not fit into 64 bits.
    """
    kinds: dict[str, pl.DataType] = {}
    for name, kind in frame.schema.items():
        if kind == pl.Int128:
            kinds[name] = pl.Int64()
        elif isinstance(kind, pl.Decimal):
            kinds[name] = pl.Float64() if kind.scale else pl.Int64()
    return _cast(frame, kinds)


def _cast(frame: pl.DataFrame, kinds: dict[str, pl.DataType]) -> pl.DataFrame:
    if not kinds:
        return frame
    try:
        return frame.with_columns(pl.col(name).cast(kind) for name, kind in kinds.items())
    except pl.exceptions.InvalidOperationError as error:
        raise EngineError(f"a number in {', '.join(kinds)} does not fit into 64 bits") from error
