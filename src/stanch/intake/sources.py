"""How each source's files are read, remembered from the first import on: in one JSON file."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from stanch.errors import SettingsError


class SourceSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is remembered of one source."""

    name: str = ""
    #: Column of the contract -> header in the files; `""`: the files do not have it.
    columns: dict[str, str] = {}
    zone: str = "UTC"
    encoding: str | None = None
    #: Of losses that bear no sign of one.
    currency: str = ""
    #: Regular expression of an order number in a mail.
    order_pattern: str = ""


def load_sources(path: Path) -> dict[str, SourceSettings]:
    """What was remembered in `path`, nothing if it is not there yet.

    Raises:
        SettingsError: the file cannot be read as such.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, SourceSettings])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", file=str(path)) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"is no memory of sources: {error}",
            file=str(path),
            hint="correct it, or name another with --sources",
        ) from error


def save_sources(path: Path, sources: dict[str, SourceSettings]) -> None:
    """Remember; the file is replaced whole.

    Raises:
        SettingsError: it cannot be written.
    """
    told = msgspec.json.format(msgspec.json.encode(dict(sorted(sources.items()))), indent=2)
    try:
        replace_file(path, told + b"\n")
    except OSError as error:
        raise SettingsError(f"cannot be written: {error.strerror}", file=str(path)) from error


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` so that a reader finds the old file or the new one, never half of one."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        os.chmod(part, 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
