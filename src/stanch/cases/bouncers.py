"""How far each bouncer knows the decisions, so that a restart gives it what it missed and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa

from stanch.cases.schema import BOUNCERS

#: A key that gives itself ever new names would fill the table.
MAX_BOUNCERS: Final = 1_000


class Bouncer(NamedTuple):
    """Who asks: id of the key, name of the program, address."""

    key_id: str
    name: str
    address: str


def list_bouncers(connection: sa.Connection) -> dict[Bouncer, int]:
    """Up to which moment each knows the decisions, in microseconds."""
    rows = connection.execute(sa.select(BOUNCERS).order_by(BOUNCERS.c.told_us.desc()).limit(MAX_BOUNCERS))
    return {Bouncer(row.key_id, row.name, row.address): int(row.told_us) for row in rows}


def keep_bouncers(connection: sa.Connection, told: Mapping[Bouncer, int]) -> None:
    """Remember these moments; of too many bouncers, those that asked last."""
    for bouncer, told_us in told.items():
        chosen = [BOUNCERS.c[name] == value for name, value in bouncer._asdict().items()]
        changed = connection.execute(BOUNCERS.update().where(*chosen).values(told_us=told_us))
        if changed.rowcount == 0:
            connection.execute(BOUNCERS.insert().values(**bouncer._asdict(), told_us=told_us))
    oldest = sa.select(BOUNCERS.c.told_us).order_by(BOUNCERS.c.told_us.desc()).offset(MAX_BOUNCERS).limit(1)
    connection.execute(BOUNCERS.delete().where(BOUNCERS.c.told_us <= oldest.scalar_subquery()))


class Told:
    """The same in memory: read by each request, written to the store now and then.

    A moment lost in a crash has the bouncer told a little twice, which it does not mind.
    """

    def __init__(self, told: Mapping[Bouncer, int]) -> None:
        self._told = dict(told)
        self._changed: dict[Bouncer, int] = {}

    def find(self, bouncer: Bouncer) -> int | None:
        """Up to which moment it knows everything; None if it is new here."""
        return self._told.get(bouncer)

    def note(self, bouncer: Bouncer, told_us: int) -> None:
        """It knows everything up to a moment now."""
        self._told.pop(bouncer, None)
        self._told[bouncer] = self._changed[bouncer] = told_us
        while len(self._told) > MAX_BOUNCERS:
            gone = next(iter(self._told))
            del self._told[gone]
            self._changed.pop(gone, None)

    def take_changed(self) -> dict[Bouncer, int]:
        """What the store does not know yet."""
        changed, self._changed = self._changed, {}
        return changed

    def give_back(self, changed: Mapping[Bouncer, int]) -> None:
        """It could not be stored: try again later."""
        self._changed = {**changed, **self._changed}
