"""`stanch export`: what the service took in, as files that `stanch investigate` reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from stanch.cases.database import find_url, open_database
from stanch.cases.exporting import export_tables, name_file
from stanch.cli.messages import clean
from stanch.errors import UsageError
from stanch.evidence.tables import TABLES
from stanch.service.settings import find_data_dir
from stanch.settings import load_settings

#: Says that the tables beside it are an export of ours and may be replaced by the next.
MARK: Final = "export.json"


def run_export(
    *,
    out: Annotated[Path, Parameter(help="Folder for the tables; made if missing.", metavar="DIR")],
    config: Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")] = None,
) -> int:
    """Write the evidence that came in over HTTP and by the forms, one file a table.

    A later export replaces an earlier one. Then investigate it:

        stanch export --out evidence
        stanch investigate --complaints evidence/complaints.jsonl.zst --out findings
    """
    settings = load_settings(config).service
    _check_folder(out)
    database = open_database(find_url(find_data_dir(settings)))
    try:
        with database.read() as connection:
            counts = export_tables(connection, out)
    finally:
        database.close()
    _replace(out / MARK, json.dumps({"rows": counts}).encode() + b"\n")
    for table, n_rows in counts.items():
        if n_rows:
            print(clean(f"{out / table}.jsonl.zst: {n_rows:,} rows"))  # noqa: T201
    if not any(counts.values()):
        print("nothing has come in yet")  # noqa: T201
    return 0


def _check_folder(out: Path) -> None:
    """Make `out`, and see that no file of somebody else is replaced.

    Raises:
        UsageError: files of these names are there that no export wrote, or it cannot be made.
    """
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        there = [name for name in map(name_file, TABLES) if (out / name).exists()]
        if there and not (out / MARK).exists():
            raise UsageError(
                f"--out {out} holds files that no export wrote: {there[0]!r}",
                hint="name an empty or new folder",
            )
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}", hint="name a folder you may write to") from error


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_suffix(".part")
    draft.write_bytes(data)
    draft.replace(path)
