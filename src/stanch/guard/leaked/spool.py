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

#: Keys held in memory at once: 64 MiB, and some five times that while they are compiled.
MAX_HELD: Final = 8 << 20
_N_SHARDS: Final = 256


class Spool:
    """Takes keys in any order, repeated ones too; gives them sorted and distinct, by shard."""

    def __init__(self, folder: Path, max_held: int = MAX_HELD) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=".stanch-leaked-", dir=folder)
        self._max_held = max_held
        self._held = array("Q")
        self._spilled = False

    @property
    def n_shards(self) -> int:
        """How many shards `shards` gives."""
        return _N_SHARDS if self._spilled else 1

    def add(self, key: int) -> None:
        """Take one."""
        self._held.append(key)
        if len(self._held) >= self._max_held:
            self._spill()

    def shards(self) -> Iterator[Keys]:
        """All keys, after the last `add`."""
        if not self._spilled:
            yield np.unique(self._take())
            return
        self._spill()
        for number in range(_N_SHARDS):
            path = self._path(number)
            yield np.unique(np.fromfile(path, np.uint64)) if path.exists() else np.empty(0, np.uint64)
            path.unlink(missing_ok=True)

    def _take(self) -> Keys:
        keys = np.array(self._held, np.uint64)
        self._held = array("Q")
        return keys

    def _spill(self) -> None:
        self._spilled = True
        keys = np.unique(self._take())
        edges = np.searchsorted(keys, np.arange(_N_SHARDS, dtype=np.uint64) << np.uint64(56))
        for number, part in enumerate(np.split(keys, edges[1:])):
            with self._path(number).open("ab") as file:
                part.tofile(file)

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
