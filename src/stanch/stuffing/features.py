"""Login attempts -> their level in each block of evidence, computed in the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from stanch.engine import Engine, load_step
from stanch.progress import Progress
from stanch.stuffing.blocks import Floats, Ints, unpack_patterns
from stanch.stuffing.settings import StuffingSettings

_SQL: Final = "stanch.stuffing.sql"
#: A client or place needs so many attempts to be judged for itself.
_OWN_LEVEL_FROM: Final = 20
_MINUTE_US: Final = 60_000_000

#: Each table needed no more once the one behind it is made.
_SPENT: Final = {
    "tries": ("devices", "turns"),
    "holders": ("triples",),
    "context": ("tries", "places", "held_families", "nearmiss", "slips"),
    "levels": ("context", "hosts", "host_bins", "nets"),
}


def _plan_steps(settings: StuffingSettings) -> Iterator[tuple[str, dict[str, int]]]:
    near: dict[str, int] = {"near_us": settings.near_minutes * _MINUTE_US}
    own: dict[str, int] = {"n_top": settings.own_levels, "n_enough": _OWN_LEVEL_FROM}
    yield "ips", {}
    yield "accounts", {}
    yield "clients", own
    yield "places", own
    yield "names", {}
    yield "devices", {}
    yield "turns", {"bin_us": bin_width_us(settings)}
    yield "tries", {"bin_us": bin_width_us(settings)}
    yield "triples", {}
    yield "pairs", near
    yield "holdings", {}
    yield "held_families", {}
    yield "held_places", {}
    yield "holders", {}
    yield "client_chances", {}
    yield "place_chances", {}
    yield "nearmiss", {}
    yield "slips", near
    yield "context", near
    yield "hosts", {}
    yield "host_bins", {}
    yield "nets", {}
    yield "levels", {}
    yield "patterns", {}


def bin_width_us(settings: StuffingSettings) -> int:
    """Width of a bin in microseconds."""
    return settings.bin_minutes * _MINUTE_US


def compute_levels(engine: Engine, settings: StuffingSettings, progress: Progress) -> None:
    """Make `stuffing_levels` (one row per attempt), `stuffing_patterns` and `level_names` from `logins`."""
    if not engine.has("account_spellings"):
        engine.create("account_spellings", {"account": "VARCHAR", "variant": "BIGINT"})
    engine.create("stuffing_owned", {"account_id": "BIGINT"})
    steps = list(_plan_steps(settings))
    with progress.task("Comparing attempts", len(steps), unit="steps") as task:
        for name, params in steps:
            output = "level_names" if name == "names" else None
            engine.run(load_step(_SQL, f"stuffing_{name}", output, **params))
            engine.drop(*(f"stuffing_{spent}" for spent in _SPENT.get(name, ())))
            task.advance(1)


@dataclass(frozen=True, slots=True)
class PatternCounts:
    """Attempts by bin and pattern. Grain of the arrays: one entry per bin and pattern, in order of both."""

    bin: Ints
    pattern: Ints
    people: Ints
    codes: dict[str, Ints]  #: level per block
    n: Floats


def fetch_patterns(engine: Engine) -> PatternCounts:
    """Read `stuffing_patterns`."""
    frame = engine.fetch("SELECT bin, pattern, n FROM stuffing_patterns").sort("bin", "pattern")
    pattern = frame["pattern"].to_numpy().astype(np.int64)
    codes = unpack_patterns(pattern)
    people = codes.pop("people")
    return PatternCounts(
        frame["bin"].to_numpy().astype(np.int64),
        pattern,
        people,
        codes,
        frame["n"].to_numpy().astype(np.float64),
    )


def fetch_owned(engine: Engine, counts: PatternCounts) -> Floats:
    """Attempts per entry of `counts` on accounts in `stuffing_owned`."""
    engine.run(load_step(_SQL, "stuffing_owned_patterns"))
    owned = engine.fetch("SELECT bin, pattern, n_owned FROM stuffing_owned_patterns")
    engine.drop("stuffing_owned_patterns")
    entries = pl.DataFrame({"bin": counts.bin, "pattern": counts.pattern})
    found = entries.join(
        owned.cast({"bin": pl.Int64, "pattern": pl.Int64}),
        on=["bin", "pattern"],
        how="left",
        maintain_order="left",
    )
    return found["n_owned"].fill_null(0).to_numpy().astype(np.float64)
