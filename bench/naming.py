"""One incident -> one record: whom Stanch and its rivals name, on the very same evidence."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from msgspec import to_builtins

from loading import load_tables
from results import Record
from rivals import RIVALS, Evidence, Floats, read_evidence
from stanch.complaints import count_complaints
from stanch.engine import Engine, EngineSettings, open_engine
from stanch.exposure import ExposureSettings, find_exposures
from stanch.progress import SilentProgress
from stanch.simulation import CASES, simulate
from stanch.simulation.scoring import find_member, match_campaigns, translate_source
from stanch.stuffing import StuffingSettings, find_attacks
from stanch.tracing import TracingSettings, trace_sources

#: Where no account fell to an attack, logins are given with every so manieth seed.
LOGINS_EVERY: Final = 4
#: Of each rival's ranking so many are kept.
_KEPT: Final = 8
_QUIET: Final = SilentProgress()
STAGES: Final = ("complaints", "engine", "evidence", "exposure", "simulation", "stuffing", "tracing")

#: Code that decides a measurement. Anything else may change without making old ones stale.
DECIDING: Final = (
    *(f"src/stanch/{stage}/**/*" for stage in STAGES),
    "bench/loading.py",
    "bench/naming.py",
    "bench/rivals.py",
)


@dataclass(frozen=True)
class NamingSetup:
    """What is measured: the size of the shops."""

    scale: float = 0.45

    def describe(self) -> dict[str, Any]:
        """The part that changes what is measured."""
        return {"scale": self.scale}


@dataclass(frozen=True)
class Truth:
    """Who leaked, under the names that an investigation uses."""

    #: Victims of each true source (`unlogged` among them) that complained.
    victims: dict[str, int]
    campaigns: dict[str, str]

    @property
    def logged(self) -> set[str]:
        return {source for source in self.victims if source != "unlogged"}

    def translate(self, source: str) -> str:
        """The true source that this one is, or that a group holds; else the source as it is."""
        return find_member(translate_source(source, self.campaigns), self.logged)

    def is_true(self, source: str) -> bool:
        return self.translate(source) in self.logged


def measure(family: str, seed: int, setup: NamingSetup) -> Record:
    """Simulate one incident, let everybody name a source, and hold that against what was planted."""
    incident = simulate(family, seed, scale=setup.scale)
    with closing(open_engine("duckdb", EngineSettings(threads=1))) as engine:
        if CASES[family].attacks or seed % LOGINS_EVERY == 0:
            columns = load_tables(engine, incident.tables, ("logins",))
            find_attacks(engine, columns, StuffingSettings(), seed, _QUIET)
        load_tables(engine, incident.tables, ("accesses", "orders", "complaints"))
        begun = time.perf_counter()
        find_exposures(engine, ExposureSettings(), _QUIET)
        count_complaints(engine)
        said = to_builtins(trace_sources(engine, TracingSettings(), seed, _QUIET))
        seconds = time.perf_counter() - begun
        truth = tell_truth(incident.truth, engine)
        evidence = read_evidence(engine)
        size = {name: engine.count(name) for name in ("known_orders", "exposures", "victims")}
    return {
        "family": family,
        "seed": seed,
        **size,
        "n_sources": len(evidence.sources),
        "true": truth.victims,
        "stanch": _score_stanch(said, truth) | {"seconds": round(seconds, 2)},
        "rivals": {
            name: _list_first(rival.rank(evidence), evidence, truth) for name, rival in RIVALS.items()
        },
    }


def tell_truth(truth: dict[str, Any], engine: Engine) -> Truth:
    """A source without a victim in the table of complaints leaked nothing that anybody could know of."""
    reported = set(engine.fetch("SELECT complaint FROM victims")["complaint"].to_list())
    by_source = truth["complaints_by_source"]
    counts = {source: len(reported.intersection(numbers)) for source, numbers in by_source.items()}
    matched: dict[str, str] = {}
    if engine.has("attempts"):
        matched = match_campaigns(truth, engine.fetch("SELECT line, campaign FROM attempts"))
    return Truth({source: n for source, n in counts.items() if n}, matched)


def _score_stanch(said: dict[str, Any], truth: Truth) -> Record:
    posterior = {s: p for s, p in said["posterior"].items() if s not in ("none", "unlogged")}
    single = {s: p for s, p in posterior.items() if not s.startswith("group:")}
    # A true source that is not listed has next to no posterior.
    listed = {truth.translate(source) for source in single}
    odds = [[round(p, 6), truth.is_true(source)] for source, p in single.items() if p > 1e-4]
    odds += [[0.0, True] for source in truth.logged - listed]
    cleared = {truth.translate(source) for source in said["cleared"]}
    return {
        "verdict": said["verdict"],
        "right": sorted({truth.translate(source) for source in said["sources"]} & truth.logged),
        "wrong": [source for source in said["sources"] if not truth.is_true(source)],
        "groups": sum(source.startswith("group:") for source in said["sources"]),
        "cleared": sorted(cleared & truth.logged),
        "n_cleared": len(said["cleared"]),
        "p_none": said["posterior"].get("none"),
        "p_unlogged": said["posterior"].get("unlogged"),
        "odds": odds,
    }


def _list_first(scores: Floats, evidence: Evidence, truth: Truth) -> list[list[Any]]:
    """The first of a ranking: score, and the true source that it is or null; of equals, true ones first."""
    names = [truth.translate(source) for source in evidence.sources]
    order = sorted(
        range(len(scores)),
        key=lambda i: (-round(float(scores[i]), 9), names[i] not in truth.logged, names[i]),
    )
    kept = [i for i in order[:_KEPT] if np.isfinite(scores[i])]
    return [[round(float(scores[i]), 6), names[i] if names[i] in truth.logged else None] for i in kept]
