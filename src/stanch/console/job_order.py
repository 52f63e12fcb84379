"""What a job is asked to do, and how it tells how far it is: known to the service and to the job."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from stanch.cases.investigations import Origin
from stanch.reporting.catalogue import Lang

#: What Python is given to run.
RUN: Final = "import sys; from stanch.console.job import main; sys.exit(main())"
PROGRESS: Final = "progress.json"
#: The answer is made here, and takes the place of an earlier one when it is whole.
DRAFT: Final = "draft"


class JobOrder(Struct, frozen=True):
    """What to do."""

    origin: Origin
    #: Key of the pseudonyms.
    key: bytes
    #: Table and path of each file, from the incident's folder.
    files: tuple[tuple[str, str], ...]
    zone: str
    lang: Lang
    config: str | None
    data_dir: str


class Stage(Struct):
    """One piece of the work."""

    name: str
    n_done: int = 0
    total: int | None = None
    unit: str = "rows"
    is_over: bool = False


class State(Struct):
    """How far it is."""

    stages: list[Stage] = msgspec.field(default_factory=list)
    warnings: list[str] = msgspec.field(default_factory=list)
    #: Why it came to no answer, in one line.
    error: str = ""


def read_state(folder: Path) -> State:
    """How far the job of an incident is, or was."""
    try:
        return msgspec.json.decode((folder / PROGRESS).read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError):
        return State()
