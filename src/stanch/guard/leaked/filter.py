"""A list of leaked credentials on disk: binary fuse filters, mapped into memory, never loaded whole.

Little-endian: magic, number of keys, number of shards (a power of two); for each shard seed, length and
number of segments, place of its cells; then the cells. The top bits of a key choose its shard.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from stanch.errors import StoreError
from stanch.guard.leaked.fuse import Keys, Layout, build, find_cells, hash_key, take_fingerprint

MAGIC: Final = b"stanchL1"
_HEAD: Final = struct.Struct("<8sQI")
_SHARD: Final = struct.Struct("<QIIQ")
_CELL: Final = struct.Struct("<H")
_HASH: Final = re.compile(r"[0-9a-f]{16}")
_MAX_SHARDS: Final = 256


def parse_hash(text: str) -> int:
    """The key that a keyed hash of 16 hexadecimal digits is.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    if not _HASH.fullmatch(text):
        raise ValueError("a keyed hash has 16 hexadecimal digits in lower case")
    return int(text, 16)


class LeakedFilter:
    """One compiled list."""

    def __init__(self, data: mmap.mmap, n_keys: int, shards: Sequence[tuple[Layout, int]]) -> None:
        self._data = data
        self._shards = shards
        self._shift = 64 - (len(shards).bit_length() - 1)
        self.n_keys = n_keys

    @classmethod
    def open(cls, path: Path) -> LeakedFilter:
        """The list in a file.

        Raises:
            StoreError: it cannot be read, is no such file, or is cut off.
        """
        try:
            with path.open("rb") as file:
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            told = error.strerror if isinstance(error, OSError) else "it is empty"
            raise StoreError(f"cannot be read: {told}", file=str(path)) from error
        if data.size() < _HEAD.size or data[: len(MAGIC)] != MAGIC:
            raise StoreError("is no list of leaked credentials", file=str(path), hint="stanch leaked build")
        _, n_keys, n_shards = _HEAD.unpack_from(data)
        is_power = 0 < n_shards <= _MAX_SHARDS and n_shards & (n_shards - 1) == 0
        if not is_power or data.size() < _HEAD.size + n_shards * _SHARD.size:
            raise StoreError("is damaged", file=str(path), hint="build it again")
        shards, end = [], 0
        for number in range(n_shards):
            seed, length, n_segments, place = _SHARD.unpack_from(data, _HEAD.size + number * _SHARD.size)
            layout = Layout(seed, length, n_segments)
            shards.append((layout, place))
            end = max(end, place + 2 * layout.n_cells)
        if data.size() < end:
            raise StoreError("is cut off", file=str(path), hint="build it again")
        return cls(data, n_keys, shards)

    def holds(self, keys: Iterable[int]) -> bool:
        """Whether any of the keys is on the list; wrongly yes once in 65,536 for each."""
        return any(self._holds(key) for key in keys)

    def _holds(self, key: int) -> bool:
        layout, place = self._shards[key >> self._shift] if len(self._shards) > 1 else self._shards[0]
        h = hash_key(key, layout.seed)
        value = take_fingerprint(h)
        for cell in find_cells(h, layout):
            value ^= _CELL.unpack_from(self._data, place + 2 * cell)[0]
        return value == 0

    def close(self) -> None:
        """Let go of the file."""
        self._data.close()


def write_filter(path: Path, shards: Iterable[Keys], n_shards: int) -> int:
    """Compile distinct keys, shard by shard (their top bits, ascending), into `path`; returns how many.

    The file is there whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            n_keys = _write(file, shards, n_shards)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return n_keys


def _write(file: BinaryIO, shards: Iterable[Keys], n_shards: int) -> int:
    place = _HEAD.size + n_shards * _SHARD.size
    place += -place % 4096
    file.seek(place)
    n_keys = 0
    entries: list[bytes] = []
    for keys in shards:
        layout, cells = build(keys, seed=len(entries))
        entries.append(_SHARD.pack(layout.seed, layout.segment_length, layout.n_segments, place))
        file.write(cells.astype("<u2").tobytes())
        place += 2 * layout.n_cells
        n_keys += len(keys)
    file.seek(0)
    file.write(_HEAD.pack(MAGIC, n_keys, n_shards) + b"".join(entries))
    return n_keys
