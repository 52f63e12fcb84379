"""The output folder: made, guarded against foreign files, cleared of an earlier run's answer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stanch.errors import UsageError

#: Every file that a run may write; anything else in the folder belongs to somebody else.
OUTPUT_NAMES: Final = (
    "findings.json",
    "attempts.parquet",
    "evidence.parquet",
    "accounts.csv",
    "sources.csv",
    "reset.csv",
    "warn.csv",
    "blocklist.txt",
    "challenge.txt",
    "report.html",
    "rejects.jsonl",
)

#: A run opens `rejects.jsonl` before anything else and writes `findings.json` first of its answer,
#: so a folder with neither was not written by a run, whatever its files are called.
_MARKS: Final = frozenset({"rejects.jsonl", "findings.json"})


def prepare_out(out: Path) -> None:
    """Make `out` if missing and remove what an earlier run wrote there.

    Raises:
        UsageError: `out` is a file, cannot be made or read, or holds something that an earlier run
            did not write; nothing has been removed then.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        entries = sorted(out.iterdir())
        _refuse_foreign(out, entries)
        for entry in entries:
            entry.unlink()
    except FileExistsError as error:
        raise UsageError(f"--out {out} is a file", hint="name a folder") from error
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}", hint="name a folder you may write to") from error


def _refuse_foreign(out: Path, entries: list[Path]) -> None:
    foreign = [e.name for e in entries if e.name not in OUTPUT_NAMES or e.is_symlink() or not e.is_file()]
    if not foreign and entries and not _MARKS & {e.name for e in entries}:
        foreign = [e.name for e in entries]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise UsageError(
            f"--out {out} holds files that an earlier run did not write: {foreign[0]!r}{more}",
            hint="name an empty or a new folder",
        )
