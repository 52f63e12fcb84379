"""The files of a bundle, folder or zip, as somebody else may have made them: hostile until shown otherwise.

Nothing is ever unpacked: files are read where they are, and never more of them than they say.
"""

from __future__ import annotations

import os
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from stanch.bundle.manifest import is_safe
from stanch.errors import UsageError
from stanch.reporting.cells import show_text

_MOST_FILES: Final = 10_000
#: A zip may unpack to so many times its size, and so much more; deflate itself can do a thousand (zip bombs).
_MOST_TIMES: Final = 300
_MOST_SMALL: Final = 64 << 20
_REGISTERED: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Contents(Protocol):
    """Files by name, with `/`; `sizes` as the folder or the zip says."""

    sizes: dict[str, int]

    def open(self, name: str) -> BinaryIO:
        """The file's bytes, from the beginning."""


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.sizes = dict(_list_folder(path))

    def open(self, name: str) -> BinaryIO:
        descriptor = os.open(self._path / name, os.O_RDONLY | os.O_NOFOLLOW)
        return os.fdopen(descriptor, "rb")


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.sizes = {entry.filename: entry.file_size for entry in archive.infolist() if not entry.is_dir()}

    def open(self, name: str) -> BinaryIO:
        return self._archive.open(name)  # type: ignore[return-value]


@contextmanager
def open_bundle(path: Path) -> Iterator[Contents]:
    """The bundle at `path`, a folder or a zip.

    Raises:
        UsageError: it is neither, or holds what no bundle holds: names that lead out of it, links, devices,
            two files of one name, far more than it weighs.
    """
    shown = show_text(str(path), 200)
    try:
        if path.is_dir():
            contents = _Folder(path)
            _refuse_names(list(contents.sizes), shown)
            yield contents
            return
        with zipfile.ZipFile(path) as archive:
            _refuse_entries(archive.infolist(), path.stat().st_size, shown)
            yield _Zip(archive)
    except zipfile.BadZipFile as error:
        raise UsageError("is neither a bundle's folder nor its zip", file=shown) from error
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror or error}", file=shown) from error


def _list_folder(root: Path) -> Iterator[tuple[str, int]]:
    """Name and size of every file; what is neither file nor folder is an error, links are never followed."""
    n = 0
    for folder, folders, names in os.walk(root):
        for name in [*folders, *names]:
            found = os.lstat(os.path.join(folder, name))
            told = Path(folder, name).relative_to(root).as_posix()
            if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
                raise _refuse(str(root), f"holds a link or a device: {show_text(told)}")
            if (n := n + 1) > _MOST_FILES:
                raise _refuse(str(root), f"holds more than {_MOST_FILES:,} files")
            if stat.S_ISREG(found.st_mode):
                yield told, found.st_size


def _refuse_entries(entries: list[zipfile.ZipInfo], archive_bytes: int, shown: str) -> None:
    _refuse_names([entry.orig_filename.removesuffix("/") for entry in entries], shown)
    for entry in entries:
        told = show_text(entry.orig_filename)
        mode = entry.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refuse(shown, f"holds a link or a device: {told}")
        if entry.flag_bits & 0x1 or entry.compress_type not in _REGISTERED:
            raise _refuse(shown, f"holds what cannot be read: {told}")
    if sum(entry.file_size for entry in entries) > _MOST_TIMES * archive_bytes + _MOST_SMALL:
        raise _refuse(shown, "would unpack to far more than a bundle does")


def _refuse_names(names: list[str], shown: str) -> None:
    if len(names) > _MOST_FILES:
        raise _refuse(shown, f"holds more than {_MOST_FILES:,} files")
    seen: set[str] = set()
    for name in names:
        if not is_safe(name):
            raise _refuse(shown, f"holds a name that leads out of it: {show_text(name)}")
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise _refuse(shown, f"holds two files of one name: {show_text(name)}")
        seen.add(folded)


def _refuse(shown: str, why: str) -> UsageError:
    return UsageError(why, file=shown, hint="no bundle does; do not unpack it")
