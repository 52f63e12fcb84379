"""The whole flow on one page: evidence in, findings out."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
import polars as pl
from msgspec import UNSET

from stanch import __version__
from stanch.bundle import BundleRequest, Origin, write_bundle
from stanch.complaints import count_complaints
from stanch.complaints.hear import hear_complaints
from stanch.engine import Engine
from stanch.errors import RejectedTableError
from stanch.evidence.rejects import RejectLog
from stanch.evidence.tables import COMPLAINTS, READABLE, TABLES, Kind
from stanch.exposure import ExposureResult, find_exposures
from stanch.findings import (
    Attribution,
    ComplaintCounts,
    Early,
    Findings,
    Heard,
    Logins,
    Period,
    Run,
    format_time,
)
from stanch.progress import Progress
from stanch.readers import EvidenceRead, ReadRequest, read_evidence
from stanch.readers.sessions import forget_unnamed, join_actors
from stanch.reporting import open_rejects, prepare_out, replace_answer, write_outputs
from stanch.settings import Settings
from stanch.stuffing import StuffingResult, find_attacks
from stanch.stuffing.levels import name_levels
from stanch.tracing import tell_early, trace_sources

SCHEMA: Final = 1

#: What is missing from the answer when a table was not given.
_WITHOUT_TABLE: Final = {
    "logins": "login attempts: no log given, so attacks on accounts were not looked for",
    "accesses": "order accesses: no log given, so staff, partners and services were not examined",
    "orders": "orders: no table given, so exposures could not be set against the orders of each week",
    "complaints": "complaints: none given, so no source could be held against them",
}


#: A text may name the order or the account that no column does.
_TABLES: Final = READABLE | {"complaints": replace(COMPLAINTS, one_of=(*COMPLAINTS.one_of, "text"))}


@dataclass(frozen=True, slots=True)
class Investigation:
    """What to investigate and where to write the answer."""

    read: ReadRequest
    out: Path
    seed: int = 0
    lang: Literal["en", "zh"] = "en"
    #: Write an evidence bundle as well.
    bundle: BundleRequest | None = None
    #: When the shop acted, by its own word.
    acted: date | None = None


def investigate(
    case: Investigation, settings: Settings, engine: Engine, progress: Progress, now: datetime
) -> Findings:
    """Read the evidence, compute every stage that it allows, write all outputs to `case.out`.

    An answer that lies there stays until this one is computed.

    Raises:
        UsageError: paths or options cannot be used, or `case.out` holds foreign files.
        EvidenceError: nothing could be read at all.
        RejectedTableError: everything was written, but a table with rows had every row rejected.
    """
    clock = time.monotonic()
    prepare_out(case.out, case.read.list_files())
    with open_rejects(case.out) as unfinished:
        with RejectLog(unfinished, keep_raw=case.read.key is None) as rejects:
            evidence = read_evidence(case.read, engine, rejects, progress, _TABLES)
            heard, evidence = _hear(case, evidence, engine, rejects, progress)
        findings, bin_us = _examine(case, evidence, settings, engine, progress)
        findings = msgspec.structs.replace(findings, heard=heard or UNSET)
        run = Run(
            version=__version__,
            started=now.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 3),
            engine=engine.name,
            seed=case.seed,
        )
        findings = msgspec.structs.replace(findings, run=run)
        replace_answer(case.out)
        notes = name_levels(settings.stuffing)
        findings = write_outputs(
            case.out, findings, engine, bin_us, case.lang, zone=case.read.zone, notes=notes
        )
        if case.bundle:
            acted = case.acted.isoformat() if case.acted else None
            origin = Origin(case.read, settings, case.lang, acted)
            write_bundle(case.out, case.bundle, origin, findings, engine)
    if evidence.all_rejected:
        why = next(iter(evidence.all_rejected.values()))
        raise RejectedTableError(why, hint=f"see {case.out / 'rejects.jsonl'}")
    return findings


def _hear(
    case: Investigation, evidence: EvidenceRead, engine: Engine, rejects: RejectLog, progress: Progress
) -> tuple[Heard | None, EvidenceRead]:
    """Read the texts of complaints; what they tell, and the inputs without rows that name nobody."""
    if not engine.has("complaints"):
        return None, evidence
    heard, unnamed = hear_complaints(engine, case.read.zone, progress)
    if not unnamed:
        return heard, evidence
    why = "no order, account or phone is given, and the text names none for certain"
    for row in unnamed:
        rejects.add("complaints", evidence.inputs[row.file_id].path, row.line, why)
    lost = Counter(row.file_id for row in unnamed)
    inputs = [
        msgspec.structs.replace(given, rows=given.rows - lost[at], rejects=given.rejects + lost[at])
        for at, given in enumerate(evidence.inputs)
    ]
    all_rejected = dict(evidence.all_rejected)
    if not engine.count("complaints"):
        first = unnamed[0]
        where = f"{inputs[first.file_id].path}:{first.line}"
        all_rejected["complaints"] = f"{where}: {why}; every row was rejected"
    return heard, replace(evidence, inputs=inputs, all_rejected=all_rejected)


def _examine(
    case: Investigation,
    evidence: EvidenceRead,
    settings: Settings,
    engine: Engine,
    progress: Progress,
) -> tuple[Findings, int]:
    """Every stage after reading; the findings, and the width of the bins of `attempt_bins`."""
    join_actors(engine)
    unnamed = forget_unnamed(engine, evidence.inputs)
    stuffing = _find_attacks(engine, evidence, settings, case.seed, progress)
    exposure = find_exposures(engine, settings.exposure, progress, case.read.zone)
    complaints = count_complaints(engine, case.read.zone) if engine.has("complaints") else ComplaintCounts()
    attribution = _trace(engine, exposure, settings, case.seed, progress)
    findings = Findings(
        schema=SCHEMA,
        run=Run(),
        inputs=evidence.inputs,
        period=_find_period(engine),
        logins=stuffing.logins,
        campaigns=stuffing.campaigns,
        complaints=complaints,
        attribution=attribution,
        not_examined=[
            *(why for table, why in _WITHOUT_TABLE.items() if not engine.has(table)),
            *unnamed,
            *stuffing.notes,
        ],
        notes=evidence.notes,
        early=_tell_early(case, engine, attribution, settings, progress),
    )
    return findings, stuffing.bin_us


def _find_attacks(
    engine: Engine, evidence: EvidenceRead, settings: Settings, seed: int, progress: Progress
) -> StuffingResult:
    if not engine.has("logins"):
        return StuffingResult(logins=Logins(), campaigns=[], notes=[], bin_us=0)
    found = find_attacks(engine, evidence.columns["logins"], settings.stuffing, seed, progress)
    if found.logins.not_examined:
        progress.warn(found.logins.not_examined)
    if engine.count("logins"):
        return found
    return replace(
        found, notes=["login attempts: the files given hold none, so there was nothing to examine"]
    )


def _trace(
    engine: Engine, exposure: ExposureResult, settings: Settings, seed: int, progress: Progress
) -> Attribution:
    if not engine.has("complaints"):
        return Attribution(coverage=exposure.coverage, not_examined=exposure.not_examined)
    found = trace_sources(engine, settings.tracing, seed, progress)
    return Attribution(
        verdict=found.verdict,
        sources=found.sources,
        posterior=found.posterior,
        complaints_explained=found.complaints_explained,
        why=found.why,
        cleared=found.cleared,
        not_examined=exposure.not_examined + found.not_examined,
        coverage=exposure.coverage + found.coverage,
        false_accusation_rate=found.false_accusation_rate,
        would_settle=found.would_settle,
        settle=found.settle,
    )


def _tell_early(
    case: Investigation, engine: Engine, found: Attribution, settings: Settings, progress: Progress
) -> Early | None:
    if not engine.has("complaints"):
        return None
    return tell_early(
        engine,
        found,
        settings.tracing,
        zone=case.read.zone,
        seed=case.seed,
        acted=case.acted,
        progress=progress,
    )


def _find_period(engine: Engine) -> Period:
    spans: list[pl.DataFrame] = []
    for table in TABLES.values():
        if engine.has(table.name):
            column = next(c.stored_name for c in table.columns if c.kind is Kind.TIME and c.required)
            times = f'SELECT min("{column}") AS a, max("{column}") AS b FROM "{table.name}"'  # noqa: S608
            spans.append(engine.fetch(times))
    if not spans:
        return Period()
    first, last = pl.concat(spans).select(pl.col("a").min(), pl.col("b").max()).row(0)
    return Period(format_time(first), format_time(last))
