"""Login attempts -> their level in each block of evidence, computed in the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from stanch.engine import Engine, load_step
from stanch.progress import Progress
from stanch.stuffing.blocks import BLOCKS, Ints
from stanch.stuffing.settings import StuffingSettings

_SQL: Final = "stanch.stuffing.sql"
#: A client or place needs so many attempts to be judged for itself.
_OWN_LEVEL_FROM: Final = 20
_MINUTE_US: Final = 60_000_000

#: Columns of `stuffing_found`.
FOUND: Final = {"file_id": "INTEGER", "line": "BIGINT"}
#: Each table needed no more once the one behind it is made.
_SPENT: Final = {
    "tries": ("devices",),
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
    spellings_given = engine.has("account_spellings")
    if not spellings_given:
        engine.create("account_spellings", {"account": "VARCHAR", "variant": "BIGINT"})
    engine.create("stuffing_owned", {"account_id": "BIGINT"})
    engine.create("stuffing_found", FOUND)
    steps = list(_plan_steps(settings))
    with progress.task("Comparing attempts", len(steps), unit="steps") as task:
        for name, params in steps:
            output = "level_names" if name == "names" else None
            engine.run(load_step(_SQL, f"stuffing_{name}", output, **params))
            engine.drop(*(f"stuffing_{spent}" for spent in _SPENT.get(name, ())))
            task.advance(1)
    if not spellings_given:
        engine.drop("account_spellings")


def fetch_patterns(engine: Engine) -> tuple[dict[str, Ints], Ints]:
    """Read the pattern table in a fixed order: its columns by name, and the bins' numbers."""
    columns = ("bin", "people", *BLOCKS)
    frame = engine.fetch(
        "SELECT bin, people, behaviour, address, network, standing, client, place, target, n"
        " FROM stuffing_patterns"
    ).sort(columns)
    patterns = {name: frame[name].to_numpy().astype(np.int64) for name in (*columns, "n")}
    bins = patterns["bin"]
    numbers = np.arange(bins.min(), bins.max() + 1) if len(bins) else np.zeros(0, dtype=np.int64)
    return patterns, numbers
