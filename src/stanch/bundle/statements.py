"""What the answer states, and in which rows of which file each statement's evidence stands."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from stanch.bundle.rows import COMPLAINTS, FALLEN_LOGINS, FALLEN_ORDERS, FOLDER, Rows
from stanch.engine import Engine
from stanch.findings import Findings
from stanch.reporting.answer import tell_point
from stanch.reporting.catalogue import Catalogue
from stanch.reporting.cells import show_text

STATEMENTS: Final = "statements.json"
_REASONS: Final = "SELECT source, posterior, verdict, why_for, why_against FROM sources"
_LISTS: Final = ("reset.csv", "warn.csv", "blocklist.txt", "challenge.txt")


class Evidence(Struct, frozen=True):
    """A file of the bundle and how many of its rows are meant."""

    file: str
    rows: int
    #: Which rows, where not all of them are meant: column and value.
    where: str = ""


class Statement(Struct, frozen=True):
    """One sentence; `pointer` is where `findings.json` says it (RFC 6901), empty for a list."""

    text: str
    pointer: str
    evidence: list[Evidence]


def list_statements(
    out: Path, findings: Findings, engine: Engine, rows: Rows, *, own: Catalogue, report: Catalogue
) -> list[Statement]:
    """Every statement, the attribution first.

    `out` holds the outputs and the rows; `own` are the bundle's texts, `report` the report's.
    """
    return [
        *_tell_attribution(findings, engine, rows, own, report),
        *_tell_attacks(out, findings, rows, own, report),
        *_tell_lists(out, own),
    ]


def encode_statements(statements: list[Statement]) -> bytes:
    """UTF-8 JSON, indented, ending in a newline."""
    return msgspec.json.format(msgspec.json.encode(statements), indent=2) + b"\n"


def _tell_attribution(
    findings: Findings, engine: Engine, rows: Rows, own: Catalogue, report: Catalogue
) -> Iterator[Statement]:
    found = findings.attribution
    reports = [Evidence(COMPLAINTS, rows.n[COMPLAINTS])] if COMPLAINTS in rows.n else []
    if reports:
        n = own.number(findings.complaints.count)
        yield Statement(own.text("says.complaints", n=n), "/complaints", reports)
    told: dict[str, tuple[float, str, list[str]]] = {}
    for source, p, verdict, *why in engine.fetch(_REASONS).iter_rows() if engine.has("sources") else ():
        told[source] = (p, verdict, [line for part in why for line in (part or "").split("\n") if line])
    for i, sentence in enumerate(found.why):
        named = [
            s for s in rows.of_source if s in found.sources and (s in sentence or sentence in told[s][2])
        ]
        evidence = [part for source in named for part in _list_evidence(source, rows)]
        yield Statement(tell_point(sentence, report), f"/attribution/why/{i}", evidence or reports)
    for source in rows.of_source:
        p, verdict, why = told[source]
        name = show_text(report.source(source), 200)
        verdict = report.text(f"verdict.{verdict}")
        pointer = f"/attribution/posterior/{_escape(source)}" if source in found.posterior else ""
        evidence = _list_evidence(source, rows)
        row = Evidence("outputs/sources.csv", 1, f"source = {source}")
        head = own.text("says.source", source=name, verdict=verdict, p=report.chance(p))
        yield Statement(head, pointer, [*evidence, row])
        for sentence in why:
            if sentence not in found.why:
                reason = tell_point(sentence, report)
                yield Statement(own.text("says.reason", source=name, reason=reason), pointer, evidence)
    if found.cleared:
        cleared = Evidence("outputs/sources.csv", len(found.cleared), "verdict = cleared")
        n = own.number(len(found.cleared))
        yield Statement(own.text("says.cleared", n=n), "/attribution/cleared", [cleared])


def _list_evidence(source: str, rows: Rows) -> list[Evidence]:
    return [Evidence(name, rows.n[name]) for name in rows.of_source[source]]


def _tell_attacks(
    out: Path, findings: Findings, rows: Rows, own: Catalogue, report: Catalogue
) -> Iterator[Statement]:
    if (out / "outputs" / "evidence.parquet").exists():
        mean = own.number(findings.logins.attack_attempts.mean)
        n = own.number(findings.logins.attempts)
        attempts = [Evidence("outputs/attempts.parquet", findings.logins.attempts)]
        yield Statement(own.text("says.attempts", mean=mean, n=n), "/logins/attack_attempts", attempts)
    fallen = [Evidence(name, rows.n[name]) for name in (FALLEN_LOGINS, FALLEN_ORDERS) if name in rows.n]
    for i, campaign in enumerate(findings.campaigns):
        name = f"{FOLDER}/campaign-{campaign.id}.csv"
        attempts = [Evidence(name, rows.n[name])]
        kind = report.text(f"kind.{campaign.kind}")
        text = own.text("says.campaign", id=campaign.id, kind=kind, n=own.number(campaign.attempts))
        yield Statement(text, f"/campaigns/{i}", attempts)
        for at, sentence in enumerate(campaign.why):
            text = tell_point(sentence, report)
            text = own.text("says.reason", source=campaign.id, reason=text)
            yield Statement(text, f"/campaigns/{i}/why/{at}", attempts)
        text = own.text("says.fallen", id=campaign.id, n=own.number(campaign.compromised.mean))
        yield Statement(text, f"/campaigns/{i}/compromised", fallen)


def _tell_lists(out: Path, own: Catalogue) -> Iterator[Statement]:
    for name in _LISTS:
        if n := _count_rows(out / "outputs" / name):
            key = name.partition(".")[0]
            yield Statement(own.text(f"says.{key}", n=own.number(n)), "", [Evidence(f"outputs/{name}", n)])


def _count_rows(path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as stream:
        if path.suffix == ".csv":
            return max(sum(1 for _ in csv.reader(stream)) - 1, 0)
        return sum(1 for _ in stream)


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
