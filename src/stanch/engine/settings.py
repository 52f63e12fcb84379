"""Settings of the engine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from stanch.errors import EngineError


class EngineSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the machine the tables may use."""

    memory_limit_mb: Annotated[
        int, Meta(ge=256, description="Memory that tables may use, in MB; what is over goes to disk.")
    ] = 2_500
    threads: Annotated[int, Meta(ge=0, description="Threads to compute with; 0: one per core.")] = 0
    temp_dir: Annotated[
        str, Meta(description="Folder for what does not fit in memory; empty: the system's own.")
    ] = ""


def make_temp_folder(settings: EngineSettings) -> Path:
    """A new folder that only this user can read; the engine that made it removes it.

    Raises:
        EngineError: the folder cannot be made.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="stanch-", dir=settings.temp_dir or None))
    except OSError as error:
        raise EngineError(
            f"no temporary folder can be made in {settings.temp_dir or tempfile.gettempdir()}:"
            f" {error.strerror}",
            hint="set engine.temp_dir in the settings file to a folder with room",
        ) from error
