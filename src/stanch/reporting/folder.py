"""The output folder: made, guarded against foreign files, cleared of an earlier run's answer."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from stanch.errors import UsageError

#: Rejects of a run that has not come to an answer yet; one that was killed leaves it behind.
UNFINISHED: Final = "rejects.jsonl.part"

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
    "addresses.csv",
    "heard.csv",
    "report.html",
    "rejects.jsonl",
)

#: The evidence bundle: a folder, and the same as a zip.
BUNDLE: Final = "bundle"
BUNDLE_ZIP: Final = "bundle.zip"
_BUNDLED: Final = re.compile(
    "|".join(
        [
            r"manifest\.(json|sig)|public_key\.pem|index\.html|statements\.json|outputs|rows",
            r"rows/[a-z]+(-[a-z0-9]+)*\.csv",
            f"outputs/({'|'.join(map(re.escape, OUTPUT_NAMES))})",
        ]
    )
)

#: How the files begin that a run opens with. `findings.json` is the first of an answer, and goes last
#: when one is cleared, so that it vouches for the others even where a run was killed half-way.
_OPENINGS: Final = {
    "findings.json": re.compile(rb'\s*\{\s*"schema"\s*:\s*\d+\s*,\s*"run"\s*:\s*\{\s*"version"\s*:\s*"'),
    "rejects.jsonl": re.compile(rb'\{"file":'),
    UNFINISHED: re.compile(rb'\{"file":'),
}
_OPENING_BYTES: Final = 200


def prepare_out(out: Path, inputs: Sequence[Path] = ()) -> None:
    """Make `out` if missing and see that a run may write there; nothing is removed yet.

    Raises:
        UsageError: `out` is a file, cannot be made or read, holds one of the `inputs`, or something
            that an earlier run did not write.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        entries = sorted(out.iterdir())
        _refuse_foreign(out, entries)
        inside = {os.path.realpath(entry) for entry in (*entries, *(out / BUNDLE).rglob("*"))}
        for given in inputs:
            if os.path.realpath(given) in inside:  # does not mind loops of links
                raise UsageError(
                    f"--out {out} holds the input {given.name!r}, which the answer would replace",
                    hint="name an empty or a new folder",
                )
    except FileExistsError as error:
        raise UsageError(f"--out {out} is a file", hint="name a folder") from error
    except OSError as error:
        raise _cannot_write(out, error) from error


@contextmanager
def open_rejects(out: Path) -> Iterator[Path]:
    """Where rejects are written until the answer is there; removed if none comes."""
    unfinished = out / UNFINISHED
    try:
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


def replace_answer(out: Path) -> None:
    """Remove an earlier run's answer from the prepared folder `out`, and put this run's rejects there.

    Raises:
        UsageError: a file cannot be removed.
    """
    try:
        (out / BUNDLE_ZIP).unlink(missing_ok=True)
        if (out / BUNDLE).exists():
            shutil.rmtree(out / BUNDLE)
        for name in reversed(OUTPUT_NAMES):
            (out / name).unlink(missing_ok=True)
        (out / UNFINISHED).replace(out / "rejects.jsonl")
    except OSError as error:
        raise _cannot_write(out, error) from error


def _refuse_foreign(out: Path, entries: list[Path]) -> None:
    files = [entry for entry in entries if entry.name != BUNDLE]
    known = (*OUTPUT_NAMES, BUNDLE_ZIP, UNFINISHED)
    foreign = [e.name for e in files if e.name not in known or e.is_symlink() or not e.is_file()]
    foreign += _list_foreign_in_bundle(out) if len(files) < len(entries) else []
    if not foreign:
        # An empty file is nobody's work; a run that ran out of disk leaves some.
        filled = [entry for entry in files if entry.stat().st_size]
        filled += [entry for entry in entries if entry.name == BUNDLE]
        foreign = [entry.name for entry in filled if entry.name in _OPENINGS and not _is_ours(entry)]
        if not foreign and not any(entry.name == "findings.json" for entry in filled):
            foreign = [entry.name for entry in filled if entry.name not in _OPENINGS]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise UsageError(
            f"--out {out} holds files that an earlier run did not write: {foreign[0]!r}{more}",
            hint="name an empty or a new folder",
        )


def _list_foreign_in_bundle(out: Path) -> list[str]:
    """What no bundle holds, by name; a link or a file in its place as a whole."""
    folder = out / BUNDLE
    if folder.is_symlink() or not folder.is_dir():
        return [BUNDLE]
    inside = [(path, path.relative_to(folder).as_posix()) for path in sorted(folder.rglob("*"))]
    return [
        f"{BUNDLE}/{name}"
        for path, name in inside
        if not _BUNDLED.fullmatch(name) or path.is_symlink() or path.is_dir() != (name in ("outputs", "rows"))
    ]


def _is_ours(path: Path) -> bool:
    with path.open("rb") as file:
        return _OPENINGS[path.name].match(file.read(_OPENING_BYTES)) is not None


def _cannot_write(out: Path, error: OSError) -> UsageError:
    return UsageError(f"--out {out}: {error.strerror}", hint="name a folder you may write to")
