"""Which of a file's columns is which column of the evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stanch.errors import EvidenceError
from stanch.evidence.rejects import names_secret, redact_secrets
from stanch.evidence.tables import Table

_SHOWN_COLUMNS = 12


@dataclass(frozen=True, slots=True)
class Matched:
    """Evidence column -> position in the file's header."""

    positions: dict[str, int]
    n_columns: int
    #: Positions whose cells must never be written among the rejects: sessions, passwords, tokens, and
    #: accounts of logins, where people type passwords.
    secret_positions: frozenset[int]
    notes: list[str] = field(default_factory=list)


def find_missing(table: Table, names: Sequence[str], renames: Mapping[str, str]) -> list[str]:
    """Required columns that `names` lacks; `a or b` for a choice of which none is there."""
    known = _index(names)
    have = {c for c in table.column_names if _find(known, c, renames) is not None}
    missing = [name for name in table.required_names if name not in have]
    if table.one_of and not have.intersection(table.one_of):
        missing.append(" or ".join(table.one_of))
    return missing


def match_columns(
    table: Table, names: Sequence[str], renames: Mapping[str, str], file: str, *, show_names: bool = True
) -> Matched:
    """Find the evidence columns among a file's column `names`; blanks and case do not matter.

    Raises:
        EvidenceError: a required column is missing; says which columns there are (unless they may
            be people's data) and how to rename one.
    """
    missing = find_missing(table, names, renames)
    if missing:
        shown = _list_names(names) if show_names else ""
        most, last = ", ".join(missing[:-1]), missing[-1]
        told = f"columns {most} and {last} are missing" if most else f"column {last} is missing"
        raise EvidenceError(
            f"{table.name}: {told}{shown}",
            file=file,
            hint=f"name it with --map {table.name}.{missing[0].split(' or ')[0]}=their_column",
        )
    known = _index(names)
    positions = {c: p for c in table.column_names if (p := _find(known, c, renames)) is not None}
    notes = [
        tell_absent(column, theirs)
        for column, theirs in sorted(renames.items())
        if _fold(theirs) not in known
    ]
    folded = [_fold(name) for name in names]
    repeated = sorted({c for c, p in positions.items() if folded.count(folded[p]) > 1})
    notes += [f"column {c} is there more than once; the first was read" for c in repeated]
    secret = {p for c, p in positions.items() if table[c].secret or (table.name, c) == ("logins", "account")}
    secret |= {p for p, name in enumerate(names) if p not in positions.values() and names_secret(name)}
    return Matched(positions, len(names), frozenset(secret), notes)


def tell_absent(column: str, theirs: str) -> str:
    """The note on a file that lacks the column of a `--map`."""
    return f"there is no column {theirs!r} to read as {column}"


def _index(names: Sequence[str]) -> dict[str, int]:
    index: dict[str, int] = {}
    for position, name in enumerate(names):
        index.setdefault(_fold(name), position)
    return index


def _find(known: Mapping[str, int], column: str, renames: Mapping[str, str]) -> int | None:
    renamed = known.get(_fold(renames[column])) if column in renames else None
    return renamed if renamed is not None else known.get(column)


def _fold(name: str) -> str:
    return name.strip().lstrip("\ufeff").casefold()


def _list_names(names: Sequence[str]) -> str:
    shown = [redact_secrets(" ".join(name.split()))[:40] for name in names[:_SHOWN_COLUMNS]]
    more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
    return f"; the file has {', '.join(shown)}{more}"
