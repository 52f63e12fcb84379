"""`stanch keys`: the keys of programs and agents."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import App, Parameter

from stanch.cases.database import Database, find_url, open_database
from stanch.cases.keys import Scope, add_key, list_keys, revoke_key
from stanch.cli.messages import say
from stanch.service.settings import find_data_dir
from stanch.settings import load_settings

app = App(name="keys", help="Make, list and revoke the keys that programs and agents show to `stanch serve`.")

Config: TypeAlias = Annotated[Path | None, Parameter(help="Settings (TOML).", metavar="FILE")]


@app.command(name="add")
def run_add(
    name: str,
    *,
    scope: Annotated[Scope, Parameter(help="What the key is for; admin is for everything.")],
    config: Config = None,
) -> int:
    """Make a key and print it, this once: only its hash is kept.

    A log shipper or an agent at the hotline form needs one for `ingest`:

        stanch keys add shipper --scope ingest
    """
    with _open(config) as database:
        key = database.write(lambda connection: add_key(connection, name, scope, _now_us()))
    print(key)  # noqa: T201
    say("Keep it safe: it is not shown again.")
    return 0


@app.command(name="list")
def run_list(*, config: Config = None) -> int:
    """List all keys: id, name, scope, when made, when last used, whether revoked."""
    with _open(config) as database, database.read() as connection:
        keys = list_keys(connection)
    for key in keys:
        used = f"used {_show(key.last_used_us)}" if key.last_used_us else "never used"
        state = f"revoked {_show(key.revoked_us)}" if key.revoked_us else used
        line = f"{key.id}  {key.name:20}  {key.scope:8}  made {_show(key.created_us)}  {state}"
        print(line)  # noqa: T201
    return 0


@app.command(name="revoke")
def run_revoke(name: str, *, config: Config = None) -> int:
    """Take a key out of use, by name or id; a running service knows within five seconds."""
    with _open(config) as database:
        key_id = database.write(lambda connection: revoke_key(connection, name, _now_us()))
    print(f"{key_id} revoked")  # noqa: T201
    return 0


@contextmanager
def _open(config: Path | None) -> Iterator[Database]:
    database = open_database(find_url(find_data_dir(load_settings(config).service)))
    try:
        yield database
    finally:
        database.close()


def _now_us() -> int:
    return time.time_ns() // 1_000


def _show(us: int | None) -> str:
    return datetime.fromtimestamp((us or 0) / 1e6, UTC).strftime("%Y-%m-%d %H:%MZ")
