"""Folders of incidents: the files that were handed in, and what investigations left."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stanch.cases.database import Connection
from stanch.cases.incidents import find_incident

FOLDER: Final = "incidents"


def list_folders(data_dir: Path) -> Sequence[Path]:
    """Where files of incidents lie, if there are any: names stand in evidence, and in one table of names."""
    folder = data_dir / FOLDER
    return (folder,) if folder.is_dir() else ()


def drop_folders(connection: Connection, data_dir: Path) -> int:
    """Remove the folders of incidents that are no more; how many."""
    inside = [path for folder in list_folders(data_dir) for path in sorted(folder.iterdir())]
    gone = [
        path for path in inside if path.name.isdigit() and find_incident(connection, int(path.name)) is None
    ]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return len(gone)
