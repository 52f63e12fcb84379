"""Logins of strangers that wait to be looked at again, whichever guard saw them end.

What comes of a look is stored in the same transaction that takes the look away. So each reset is given once,
whoever is killed when, and also where two guards should look at the same login.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from stanch.cases.resets import KeptReset, add_resets
from stanch.cases.schema import LATE_LOOKS
from stanch.guard.guard import Context
from stanch.guard.late import AHEAD_S, LOOKS_S, Look

#: Beyond these the ones that came first are given up.
MOST_KEPT: Final = 200_000

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(Context)


def add_looks(connection: sa.Connection, looks: Sequence[Look]) -> None:
    """Have them wait."""
    if looks:
        connection.execute(LATE_LOOKS.insert(), [_write(look) for look in looks])


def list_due(connection: sa.Connection, now_s: int, most: int) -> dict[int, Look]:
    """Those whose time has come, by id, the most overdue first."""
    table = LATE_LOOKS.c
    is_due = sa.or_(table.due_s <= now_s, table.due_s > now_s + LOOKS_S[-1] + AHEAD_S)
    chosen = sa.select(table.id, table.due_s, table.stage, table.context).where(is_due)
    rows = connection.execute(chosen.order_by(table.due_s, table.id).limit(most))
    return {row.id: Look(row.due_s, row.stage, _DECODER.decode(row.context)) for row in rows}


def finish_looks(connection: sa.Connection, found: Mapping[int, KeptReset | Look | None]) -> set[int]:
    """Take looks away and store what came of them; ids of those that nobody else had taken away."""
    taken = LATE_LOOKS.delete().where(LATE_LOOKS.c.id.in_(list(found))).returning(LATE_LOOKS.c.id)
    mine = set(connection.execute(taken).scalars())
    results = [result for number, result in found.items() if number in mine]
    add_looks(connection, [result for result in results if isinstance(result, Look)])
    add_resets(connection, [result for result in results if isinstance(result, KeptReset)])
    return mine


def trim_looks(connection: sa.Connection, most: int = MOST_KEPT) -> int:
    """Give up those beyond `most`, the first to come first; how many."""
    newest = sa.select(LATE_LOOKS.c.id).order_by(LATE_LOOKS.c.id.desc()).offset(most).limit(1)
    return connection.execute(LATE_LOOKS.delete().where(LATE_LOOKS.c.id <= newest.scalar_subquery())).rowcount


def _write(look: Look) -> dict[str, Any]:
    context = look.context
    return {
        "due_s": look.due_s,
        "stage": look.stage,
        "account": context.account[:256],
        "login_us": context.time_s * 1_000_000,
        "context": _ENCODER.encode(context),
    }
