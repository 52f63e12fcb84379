"""Which rows have to go: those of one person, or those older than a day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

#: Where a row says whom it is about.
_PEOPLE: Final = ("order", "account", "phone", "actor", "device", "complaint", "claim")
#: Somebody else's number in a victim's row: the cell goes, the row stays.
_CELLS: Final = ("scam_phone",)
#: When a row is from, the first that is there.
_TIMES: Final = ("received", "time", "at")
#: Shorter names are looked for in cells alone: in a text they are anything.
_LEAST: Final = 4
ERASED: Final = "[erased]"


@dataclass(slots=True)
class Erasing:
    """What to erase: a person by `subject`, or everything before a moment (UTC)."""

    subject: str | None = None
    before: datetime | None = None
    #: The subject, and the orders, phones and complaints found to be theirs; of what is too old, the
    #: numbers of its complaints.
    names: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """The subject is a name of itself."""
        if self.subject is not None:
            self.names.add(self.subject)

    def learn(self, row: Mapping[str, Any]) -> bool:
        """Take in the names that a row to be erased adds; whether there was a new one."""
        if not self.wants(row):
            return False
        known = len(self.names)
        # Who saw an order is not whom it is about; who complains about it is.
        own = ("account", "phone", "complaint") + (("order",) if row.get("complaint") else ())
        mine = {str(row[name]) for name in own if row.get(name)}
        if self.before is not None:
            self.names |= {str(row["complaint"])} if row.get("complaint") else set()
        elif mine & self.names:
            self.names |= {str(row[name]) for name in ("order", "phone", "complaint") if row.get(name)}
        return len(self.names) > known

    def wants(self, row: Mapping[str, Any]) -> bool:
        """Whether the whole row goes."""
        if self.before is not None and (moment := find_moment(row)) is not None:
            return moment < self.before
        return any(str(row[name]) in self.names for name in _PEOPLE if row.get(name) is not None)

    def clean(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row that stays, without the person's names in it."""
        if self.subject is None:
            return dict(row)
        return {
            name: None if name in _CELLS and str(cell) in self.names else self._clean_cell(cell)
            for name, cell in row.items()
        }

    def clean_text(self, text: str) -> str:
        """`text` without the person's names."""
        names = sorted((n for n in self.names if len(n) >= _LEAST), key=lambda n: (-len(n), n))
        if self.subject is None or not names:
            return text
        return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", ERASED, text, flags=re.ASCII)

    def _clean_cell(self, cell: Any) -> Any:
        if isinstance(cell, str):
            return self.clean_text(cell)
        return [self._clean_cell(part) for part in cell] if isinstance(cell, list) else cell


def find_moment(row: Mapping[str, Any]) -> datetime | None:
    """When a row is from, None where it does not say."""
    for name in _TIMES:
        if isinstance(text := row.get(name), str):
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                continue
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None
