"""What to read, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stanch.errors import UsageError
from stanch.evidence.tables import READABLE
from stanch.evidence.times import check_zone
from stanch.findings import Input
from stanch.readers.encodings import check_encoding
from stanch.readers.files import STDIN, list_paths
from stanch.readers.geo import GeoDatabase
from stanch.readers.settings import ReaderSettings

#: Formats of tables, told by their content; each can be asked for where the guess is wrong.
TABULAR_FORMATS = ("csv", "jsonl", "parquet", "xlsx")


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """The files of each table and how to read them.

    Making one checks everything that can be wrong on a command line, so that nothing is written
    before it is understood.

    Raises:
        UsageError: a pattern matches nothing, a folder, standard input for more than one table,
            an unknown zone, encoding, format or table.
    """

    #: Table -> file names, glob patterns, or `-` for standard input.
    paths: Mapping[str, Sequence[str]]
    #: Format of text files that are not the table itself; None: told from their content.
    log_format: str | None = None
    #: Table -> column -> name of that column in the files.
    renames: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Zone of times without an offset.
    zone: str = "UTC"
    #: Encoding of text files; None: told from their content.
    encoding: str | None = None
    #: Key of the pseudonyms; None: people stay as they are.
    key: bytes | None = None
    #: Gathers the names behind the pseudonyms while files are read; None: nobody will know them.
    names: dict[str, str] | None = None
    #: Databases that fill in network number and country of logins.
    geo: Sequence[GeoDatabase] = ()
    settings: ReaderSettings = field(default_factory=ReaderSettings)

    def __post_init__(self) -> None:
        """Check what was asked for."""
        check_zone(self.zone)
        if self.encoding is not None:
            check_encoding(self.encoding)
        if self.log_format is not None:
            check_format(self.log_format)
        for table in self.paths:
            if table not in READABLE:
                raise UsageError(f"there is no table {table!r}", hint=f"known: {' '.join(READABLE)}")
        given = [path for patterns in self.paths.values() for path in patterns]
        if given.count(STDIN) > 1:
            raise UsageError("standard input can be read as one table only", hint="name files for the others")
        self.list_files()

    def list_files(self) -> list[Path]:
        """Every file that is to be read; standard input is none."""
        paths = [path for patterns in self.paths.values() for path in list_paths(patterns)]
        return [Path(path) for path in paths if path != STDIN]


def check_format(name: str) -> None:
    """Say whether there is such a format.

    Raises:
        UsageError: there is none; the hint lists all.
    """
    from stanch.readers.detect import format_names

    known = (*TABULAR_FORMATS, *format_names())
    if name not in known:
        raise UsageError(f"there is no format {name!r}", hint=f"known: {' '.join(known)}")


@dataclass(frozen=True, slots=True)
class EvidenceRead:
    """What was read."""

    #: One per file; the index is the `file_id` of its rows.
    inputs: list[Input]
    #: Table -> columns of which at least one cell is filled.
    columns: dict[str, frozenset[str]]
    #: What concerns more than one file, one plain sentence each.
    notes: list[str] = field(default_factory=list)
    #: Tables whose files had rows of which not one could be read, and what went wrong first in each.
    all_rejected: dict[str, str] = field(default_factory=dict)
