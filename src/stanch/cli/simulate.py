"""`stanch simulate`: an incident with known truth, as four tables and `truth.json`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from stanch.cli.messages import clean
from stanch.cli.progress import show_progress
from stanch.errors import UsageError
from stanch.evidence.tables import TABLES
from stanch.simulation import CASES, simulate, write_incident

#: What an incident consists of, the file that says whose it is first.
FILES: Final = ("truth.json", *(f"{name}.csv" for name in TABLES))
_OPENING: Final = re.compile(rb'\{\s*"attack_rows"\s*:')


def run_simulate(
    *,
    case: Annotated[str | None, Parameter(help="Name of the case; without it they are listed.")] = None,
    seed: Annotated[int, Parameter(help="Another seed makes another shop and another attack.")] = 0,
    out: Annotated[Path | None, Parameter(help="Folder for the tables; made if missing.")] = None,
    scale: Annotated[float, Parameter(help="Size of the shop, 1.0 being the case's own.")] = 1.0,
) -> int:
    """Make the logins, accesses, orders and complaints of an incident whose truth is known.

    The same seed makes the same incident:

        stanch simulate --case insider --seed 7 --out incident
    """
    if case is None:
        for known in CASES.values():
            print(f"{known.name:24} {known.title}")  # noqa: T201
        return 0
    if case not in CASES:
        raise UsageError(f"there is no case {case!r}", hint="stanch simulate lists them")
    if out is None:
        raise UsageError("--out is missing", hint="name a folder for the tables")
    if not 0.001 <= scale <= 1000:
        raise UsageError(f"--scale {scale} is out of range", hint="0.001 to 1000")
    check_seed(seed)
    check_folder(out)
    with show_progress(quiet=False) as progress:
        incident = simulate(case, seed, scale=scale, progress=progress)
        write_incident(incident, out)
    for name, table in incident.tables.items():
        print(clean(f"{out / name}.csv: {table.height:,} rows"))  # noqa: T201
    return 0


def check_seed(seed: int) -> None:
    """Say so where a seed cannot be one.

    Raises:
        UsageError: it is negative.
    """
    if seed < 0:
        raise UsageError(f"--seed {seed} is negative", hint="0 or more")


def check_folder(out: Path) -> None:
    """See that an incident written into `out` replaces nothing but an earlier one.

    Raises:
        UsageError: files of the same names are there, and no `truth.json` that says where they come from.
    """
    try:
        there = [name for name in FILES if (out / name).exists() and (out / name).stat().st_size]
        if there and not (there[0] == FILES[0] and _OPENING.match((out / FILES[0]).read_bytes()[:200])):
            raise UsageError(
                f"--out {out} holds files that an earlier run did not write: {there[0]!r}",
                hint="name an empty or a new folder",
            )
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}", hint="name a folder you may write to") from error
