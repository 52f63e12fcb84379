"""Keys on their way into a filter, in bounded memory: what does not fit waits on disk, sorted by shard."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np

from stanch.guard.leaked.fuse import Keys

#: Keys held in memory at once, and in a shard: 32 MiB, and some eight times that while they are compiled.
MAX_HELD: Final = 4 << 20
#: Files on disk, by the first byte of the key; neighbours make up a shard.
_N_FILES: Final = 256


class Spool:
    """Takes keys in any order, repeated ones too; gives them sorted and distinct, by shard."""

    def __init__(self, folder: Path, max_held: int = MAX_HELD) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=".stanch-leaked-", dir=folder)
        self._max_held = max_held
        self._held = array("Q")
        self._n_spilled = 0

    def finish(self) -> tuple[int, Iterator[Keys]]:
        """After the last `add`: how many shards there are, a power of two, and the keys of each."""
        if not self._n_spilled:
            return 1, iter([np.unique(self._take())])
        self._spill()
        n_full = -(-self._n_spilled // self._max_held)
        n_shards = min(1 << max(n_full - 1, 0).bit_length(), _N_FILES)
        return n_shards, self._read(n_shards)

    def add(self, key: int) -> None:
        """Take one."""
        self._held.append(key)
        if len(self._held) >= self._max_held:
            self._spill()

    def _take(self) -> Keys:
        keys = np.array(self._held, np.uint64)
        self._held = array("Q")
        return keys

    def _spill(self) -> None:
        keys = np.unique(self._take())
        self._n_spilled += len(keys)
        edges = np.searchsorted(keys, np.arange(_N_FILES, dtype=np.uint64) << np.uint64(56))
        for number, part in enumerate(np.split(keys, edges[1:])):
            with self._path(number).open("ab") as file:
                part.tofile(file)

    def _read(self, n_shards: int) -> Iterator[Keys]:
        per_shard = _N_FILES // n_shards
        for first in range(0, _N_FILES, per_shard):
            paths = [self._path(number) for number in range(first, first + per_shard)]
            yield np.unique(np.concatenate([np.fromfile(path, np.uint64) for path in paths]))
            for path in paths:
                path.unlink()

    def _path(self, number: int) -> Path:
        return Path(self._folder.name) / f"{number:02x}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder.cleanup()
