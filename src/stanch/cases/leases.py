"""Which of several guards does what one has to do for all: whoever holds the lease, as long as it renews it.

Clocks of the guards' machines should agree within seconds. Where they do not, two may do the same work at
times; nothing relies on it being one.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from stanch.cases.schema import LEASES


def take_lease(connection: sa.Connection, name: str, holder: str, now_us: int, for_us: int) -> bool:
    """Whether `holder` has the lease now: it had it, or nobody has said for so long that he has."""
    lease = LEASES.c
    # One dated further ahead than any is given was given by a clock that was wrong.
    is_free = sa.or_(lease.holder == holder, lease.until_us <= now_us, lease.until_us > now_us + 4 * for_us)
    mine = {"holder": holder, "until_us": now_us + for_us}
    if connection.execute(LEASES.update().where(lease.name == name, is_free).values(mine)).rowcount:
        return True
    if connection.execute(sa.select(lease.name).where(lease.name == name)).first() is not None:
        return False
    try:
        with connection.begin_nested():
            connection.execute(LEASES.insert().values(name=name, **mine))
    except IntegrityError:
        return False
    return True


def drop_lease(connection: sa.Connection, name: str, holder: str) -> None:
    """Leave it to the others, if `holder` has it."""
    connection.execute(LEASES.delete().where(LEASES.c.name == name, LEASES.c.holder == holder))
