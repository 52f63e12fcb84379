"""Fixed-size tables in a memory-mapped file: bounded by construction, kept when the process is killed.

A table is cut into sets of eight records (set-associative, as a processor's cache; Hennessy & Patterson,
*Computer Architecture*, appendix B). A key's upper bits name its set, 32 others are its fingerprint. Where
a set is full the record of the least worth makes room; nothing outside the set is touched. Two keys of one
set have the same fingerprint once in 2^32, so with full tables one stranger in 500 million is taken for
somebody else.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from stanch.errors import StoreError

WAYS: Final = 8
_HEADS: Final = struct.Struct(f"<{WAYS}I")
_HEAD: Final = struct.Struct("<I")
_unpack_heads: Final = _HEADS.unpack_from
_SAMPLE: Final = 512


class Table:
    """Records of one format inside `memory`; `bases` says where each set begins, by its number.

    Each has a worth (a number of 32 bits, such as the second of its last use) that decides who makes room.
    """

    def __init__(
        self, memory: Any, bases: Sequence[int] | Mapping[int, int], n_records: int, record: str
    ) -> None:
        self._memory = memory
        self._bases = bases
        self._record = struct.Struct("<" + record)
        self._unpack, self._size = self._record.unpack_from, self._record.size
        self.n_sets = count_sets(n_records)
        #: Bits of a key that do not count towards the number of its set.
        self.shift = 64 - (self.n_sets.bit_length() - 1)

    def get(self, key: int) -> tuple[Any, ...] | None:
        """The record of a key, None if there is none."""
        base = self._bases[key >> self.shift]
        fingerprints = _unpack_heads(self._memory, base)
        fingerprint = (key & 0xFFFFFFFF) or 1
        if fingerprint in fingerprints:
            return self._unpack(self._memory, base + 64 + fingerprints.index(fingerprint) * self._size)
        return None

    def put(self, key: int, worth: int, *fields: Any) -> None:
        """Write the record of a key, in place of the least worth of its set if that is full."""
        base = self._bases[key >> self.shift]
        memory = self._memory
        fingerprints = _unpack_heads(memory, base)
        fingerprint = (key & 0xFFFFFFFF) or 1
        if fingerprint in fingerprints:
            way = fingerprints.index(fingerprint)
        elif 0 in fingerprints:
            way = fingerprints.index(0)
        else:
            worths = _unpack_heads(memory, base + 32)
            way = worths.index(min(worths))
        self._record.pack_into(memory, base + 64 + way * self._size, *fields)
        _HEAD.pack_into(memory, base + 32 + way * 4, worth)
        _HEAD.pack_into(memory, base + way * 4, fingerprint)

    def least(self, key: int) -> int:
        """The worth of the record that would make room for a key; 0 if none has to."""
        base = self._bases[key >> self.shift]
        fingerprints = _HEADS.unpack_from(self._memory, base)
        if 0 in fingerprints or ((key & 0xFFFFFFFF) or 1) in fingerprints:
            return 0
        return int(min(_HEADS.unpack_from(self._memory, base + 32)))

    def fill(self, numbers: Iterable[int]) -> float:
        """Share of the records in use in some sets; keys are spread evenly over all."""
        free = [_HEADS.unpack_from(self._memory, self._bases[number]).count(0) for number in numbers]
        return 1.0 - sum(free) / (WAYS * len(free))


def count_sets(n_records: int) -> int:
    """Sets of a table for so many records: a power of two that leaves about a third of it free."""
    wanted = max(1, n_records * 4 // (3 * WAYS))
    return 1 << (wanted - 1).bit_length() if wanted > 1 else 2


def count_set_bytes(record: str) -> int:
    """Size of one set."""
    return 2 * _HEADS.size + WAYS * struct.calcsize("<" + record)


def count_bytes(n_records: int, record: str) -> int:
    """Size of a table before it is made."""
    return count_sets(n_records) * count_set_bytes(record)


def open_memory(path: Path | None, n_bytes: int, head: bytes, *, read_only: bool = False) -> Any:
    """The memory behind a file that begins with `head`; a file of another head or size is made anew.

    Raises:
        StoreError: the file cannot be made, or has no room; where it is only to be read, it is another.
    """
    if path is None:
        return mmap.mmap(-1, n_bytes)
    try:
        if read_only:
            return _map_file(path, n_bytes, head)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            if file.read(len(head)) != head or os.fstat(file.fileno()).st_size != n_bytes:
                file.truncate(0)
                # Where the disk is full this says so now, not a signal that kills the process later.
                os.posix_fallocate(file.fileno(), 0, n_bytes)
                file.seek(0)
                file.write(head)
                file.flush()
            return mmap.mmap(file.fileno(), n_bytes)
    except OSError as error:
        raise StoreError(
            f"cannot be used: {error.strerror}", file=str(path), hint="set service.data_dir"
        ) from error


def _map_file(path: Path, n_bytes: int, head: bytes) -> Any:
    with path.open("rb") as file:
        if file.read(len(head)) != head or os.fstat(file.fileno()).st_size != n_bytes:
            raise StoreError("holds tables of other sizes", file=str(path))
        return mmap.mmap(file.fileno(), n_bytes, access=mmap.ACCESS_READ)
