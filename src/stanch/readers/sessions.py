"""Who saw an order, where a web log does not say it outright: by the session, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from stanch.engine import Engine, load_step
from stanch.findings import Input
from stanch.readers.request import TABULAR_FORMATS

#: What is said of web logs that never name anybody.
NOBODY_NAMED: Final = (
    "order accesses: {paths} names nobody who looked at an order (no signed-in user, no session that a login"
    " names), so these looks are held against nobody, an open page neither; log the user or the session, and"
    " name its field in the settings (readers.web.actor_key or session_key)"
)

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


def forget_unnamed(engine: Engine, inputs: Sequence[Input]) -> list[str]:
    """Take the kind of the actor from web logs that name nobody; say which, one plain sentence.

    A look without a user is one without a sign-in only in a log that would show users: most web servers
    know nothing of the shop's own sign-in. Files of one format are taken together, as a rotated log is
    in several. `inputs` has one entry per `file_id`. Call it after `join_actors`.
    """
    if not engine.has("accesses"):
        return []
    named = dict(
        engine.fetch(
            "SELECT file_id, max(CASE WHEN actor_kind <> 'anonymous' THEN 1 ELSE 0 END) AS named"
            " FROM accesses GROUP BY file_id"
        ).iter_rows()
    )
    formats = {i: inputs[i].format for i in named if inputs[i].format not in TABULAR_FORMATS}
    telling = {formats[i] for i in formats if named[i]}
    untold = sorted(i for i in formats if formats[i] not in telling)
    if not untold:
        return []
    engine.put("untold_files", pl.DataFrame({"file_id": untold}, schema={"file_id": pl.Int32}))
    engine.run(load_step("stanch.readers", "told_accesses", "accesses"))
    engine.drop("untold_files")
    first, n_more = inputs[untold[0]].path, len(untold) - 1
    return [NOBODY_NAMED.format(paths=f"{first} and {n_more} more" if n_more else first)]
