"""`stanch audit`: whether the audit of the console is as it was written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from stanch.cases import audit
from stanch.cases.database import find_url, open_database
from stanch.cli.messages import say
from stanch.service.secrets import load_secrets
from stanch.service.settings import find_data_dir
from stanch.settings import load_settings

app = App(name="audit", help="Check the audit of the console.")


@app.command(name="verify")
def run_verify(
    *,
    head: Annotated[
        str | None,
        Parameter(help="A head that was written down before: its entry must be there.", metavar="N:HEX"),
    ] = None,
    config: Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")] = None,
) -> int:
    """Check that no entry was changed or taken out; else exit status 1 and the number of the first that was.

    What was cut off at the end is seen only against a head that was kept elsewhere:

        stanch audit verify

        stanch audit verify --head 1204:8d1f0c2b7a5e4c3d9f00112233445566
    """
    data_dir = find_data_dir(load_settings(config).service)
    key = load_secrets(data_dir).derive("audit")
    with closing(open_database(find_url(data_dir))) as database, database.read() as connection:
        verdict = audit.verify(connection, key)
        is_there = head is None or audit.holds(connection, head)
    if verdict.broken_at is not None:
        say(f"stanch: the audit is broken at entry {verdict.broken_at:,}: changed, taken out, or another key")
        return 1
    if not is_there:
        say(f"stanch: entry {head} is not in the audit: its end was cut off, or it was written anew")
        return 1
    print(f"{verdict.n_entries:,} entries, none changed; head {verdict.head}")  # noqa: T201
    return 0
