"""One purge: what would go, then what went, and an entry in the audit that names nobody."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from stanch.cases.audit import append
from stanch.cases.database import Connection, Database
from stanch.cases.erase import gather_and_erase
from stanch.evidence.erasing import Erasing
from stanch.purge.files import Files, erase_in_files, learn_from_files
from stanch.purge.incidents import drop_folders

AUDIT: Final = "audit.jsonl"


@dataclass(frozen=True, slots=True)
class Purge:
    """What to erase, and where."""

    erasing: Erasing
    files: Files
    #: Stands for the subject in the audit: a keyed hash.
    reference: str | None
    #: Folder of the audit.
    data_dir: Path
    #: Chains the audit of the console, in which the purge stands as well.
    audit_key: bytes


@dataclass(frozen=True, slots=True)
class Purged:
    """How much of what is, or would be, erased."""

    #: Rows by table of evidence, `texts` in which a name was blanked, `resets`, agents' `sessions`.
    rows: Counter[str] = field(default_factory=Counter)
    #: Rows, messages or texts by file.
    files: Counter[Path] = field(default_factory=Counter)

    @property
    def n(self) -> int:
        """How much in all."""
        return self.rows.total() + self.files.total()


def purge(wanted: Purge, database: Database, now: datetime, *, write: bool) -> Purged:
    """Erase what is wanted from the database and the files; without `write` only say what would go.

    The names that belong to a person are gathered from everywhere before anything goes.

    Raises:
        StoreError: the database cannot be used; then no file was changed.
    """
    erasing, paths = wanted.erasing, wanted.files.paths

    work = partial(
        gather_and_erase,
        erasing=erasing,
        learn_elsewhere=partial(learn_from_files, paths, erasing),
        write=write,
    )
    if not write:
        with database.read() as connection:
            rows = work(connection)
        return Purged(rows, erase_in_files(paths, erasing, write=False))
    rows = database.write(work)
    database.write(partial(_note_in_chain, wanted=wanted, rows=rows, now=now))
    if rows:
        database.compact()
    with database.read() as connection:
        drop_folders(connection, wanted.data_dir)
    done = Purged(rows, erase_in_files(paths, erasing, write=True))
    _note(wanted, done, now)
    return done


def _note_in_chain(connection: Connection, wanted: Purge, rows: Counter[str], now: datetime) -> None:
    """The same in the console's audit."""
    before = wanted.erasing.before
    subject = f"purge:{wanted.reference}" if before is None else f"before:{before.isoformat()}"
    details = " ".join(f"{name}={n}" for name, n in sorted(rows.items()))
    at_us = round(now.timestamp() * 1_000_000)
    append(
        connection, wanted.audit_key, at_us=at_us, person_id=None, action="audit.purge", subject=subject,
        details=details,
    )  # fmt: skip


def _note(wanted: Purge, done: Purged, now: datetime) -> None:
    """One line on the disk; the file is its owner's alone."""
    before = wanted.erasing.before
    entry: dict[str, Any] = {"at": now.isoformat(timespec="seconds"), "action": "purge"}
    entry |= {"subject": wanted.reference} if before is None else {"before": before.isoformat()}
    entry["erased"] = dict(sorted(done.rows.items())) | {"files": done.files.total()}
    wanted.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
    with os.fdopen(os.open(wanted.data_dir / AUDIT, flags, 0o600), "ab") as file:
        file.write(msgspec.json.encode(entry) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def list_lines(done: Purged, left: Sequence[Path]) -> list[str]:
    """What goes, a line each, then what cannot be changed."""
    lines = [f"{name}: {n:,}" for name, n in sorted(done.rows.items())]
    lines += [f"{path}: {n:,}" for path, n in sorted(done.files.items())]
    return lines + [f"left as it is, erase it yourself if it holds evidence: {path}" for path in left]
