"""`stanch simulate`: an incident with known truth, as four tables and `truth.json`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from stanch.cli.progress import show_progress
from stanch.errors import UsageError
from stanch.simulation import CASES, simulate, write_incident


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
    with show_progress(quiet=False) as progress:
        incident = simulate(case, seed, scale=scale, progress=progress)
        write_incident(incident, out)
    for name, table in incident.tables.items():
        print(f"{out / name}.csv: {table.height:,} rows")  # noqa: T201
    return 0
