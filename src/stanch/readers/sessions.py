"""Who saw an order, where the log names a session and the logins say whose it is."""

from __future__ import annotations

from stanch.engine import Engine, load_step

_ASKED = (
    "SELECT 1 AS one FROM accesses"
    " WHERE session IS NOT NULL AND actor_kind = 'anonymous' AND actor = channel LIMIT 1"
)


def join_actors(engine: Engine) -> int:
    """Name the actors of accesses that only have a session; returns how many rows were named.

    An access of an unnamed visitor becomes that of the account which last logged in (or may have,
    where the log does not tell) with the same session before it. What cannot be named stays
    anonymous, with the endpoint as the actor. Call it once, when all files are read.
    """
    if not (engine.has("logins") and engine.has("accesses")) or engine.fetch(_ASKED).is_empty():
        return 0
    count = "SELECT count(*) AS n FROM accesses WHERE actor_kind = 'anonymous'"
    before = int(engine.fetch(count)["n"][0])
    engine.run(load_step("stanch.readers", "joined_accesses", "accesses"))
    return before - int(engine.fetch(count)["n"][0])
