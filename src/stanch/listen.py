"""Complaints in, what they tell out: the flow behind `stanch complaints read`, on one page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from stanch.complaints.corrections import Corrections, read_corrections, write_corrections
from stanch.complaints.duplicates import group_near_duplicates
from stanch.complaints.many import read_many
from stanch.complaints.masking import mask_text
from stanch.complaints.model import KindModel
from stanch.complaints.reading import Reader, Reading, Report, read_report
from stanch.complaints.reading.kinds import KINDS, POLICE_CLASSES
from stanch.complaints.reading.read import DEFAULT_ZONE
from stanch.complaints.reading.text import Text
from stanch.complaints.scripts import Told, find_scripts
from stanch.complaints.summary import Script, describe_scripts, find_day
from stanch.errors import EvidenceError, RejectedTableError, UsageError
from stanch.evidence.checks import check_rows
from stanch.evidence.rejects import RejectLog
from stanch.evidence.tables import COMPLAINTS, Column, Kind, Table
from stanch.progress import Progress
from stanch.readers import ReadRequest
from stanch.readers.files import Source, list_paths
from stanch.readers.open import open_table

#: A text may be read without the order or phone that an investigation needs.
_TABLE: Final = replace(COMPLAINTS, one_of=())
_LABELLED: Final = Table(
    "labelled",
    "one row per text whose kind is known",
    (
        Column("text", Kind.TEXT, "a complaint's words", required=True),
        Column("kind", Kind.WORD, "what it tells of", required=True, words=KINDS),
    ),
)
#: Every file that a run may write; the corrections are the only one that outlives the next run.
OUTPUT_NAMES: Final = ("read.jsonl", "scripts.json", "rejects.jsonl", "corrections.jsonl")


@dataclass(frozen=True, slots=True)
class Listening:
    """What to read, how, and where to write."""

    files: Sequence[str]
    out: Path
    zone: str | None = None
    currency: str | None = None
    renames: dict[str, str] | None = None
    encoding: str | None = None
    corrections: Path | None = None
    reader: Reader = read_report


@dataclass(frozen=True, slots=True)
class ModelReader:
    """Reads by rules, and takes the kind from a model."""

    model: KindModel

    def __call__(self, report: Report) -> Reading:
        """The rules' reading with the model's kind."""
        return read_report(report, self.model.tell)


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of it."""

    n_complaints: int
    n_rejects: int
    scripts: list[Script]


@dataclass(frozen=True, slots=True)
class _Row:
    complaint: str
    received_us: int
    text: str


def listen(case: Listening, progress: Progress) -> Heard:
    """Read every complaint's text and write `read.jsonl`, `scripts.json` and `rejects.jsonl` into `case.out`.

    Raises:
        UsageError: paths, corrections or options cannot be used, or the folder holds foreign files.
        EvidenceError: no file could be read.
        RejectedTableError: there were rows and every one was rejected.
    """
    request = ReadRequest(
        paths={"complaints": case.files},
        renames={"complaints": case.renames or {}},
        zone=case.zone or "UTC",
        encoding=case.encoding,
    )
    _prepare(case.out, request.list_files())
    corrections = _join_corrections(case)
    with RejectLog(case.out / "rejects.jsonl") as rejects:
        rows = _read_rows(request, case.zone, rejects, progress)
        n_rejects = sum(rejects.counts.values())
    reports = [Report(row.text, row.received_us, case.zone, case.currency) for row in rows]
    with progress.task("reading texts", total=len(rows)) as task:
        told = list(read_many(reports, case.reader, task.advance))
    told = [
        replace(t, reading=_correct(t.reading, corrections.get(r.complaint)))
        for t, r in zip(told, rows, strict=True)
    ]
    with progress.task("finding scripts"):
        labels = find_scripts(told)
        twins = group_near_duplicates([row.text for row in rows])
    days = [find_day(r.received_us, case.zone, t.reading) for r, t in zip(rows, told, strict=True)]
    scripts = describe_scripts(labels, [t.reading for t in told], days, [row.text for row in rows])
    _write_read(case.out / "read.jsonl", rows, told, labels, twins, corrections=corrections)
    (case.out / "scripts.json").write_bytes(
        msgspec.json.format(msgspec.json.encode({"schema": 1, "scripts": scripts}), indent=2) + b"\n"
    )
    return Heard(len(rows), n_rejects, scripts)


def read_labelled(
    files: Sequence[str], encoding: str | None, progress: Progress
) -> tuple[list[str], list[str]]:
    """Texts and their kinds, from tables with these columns; rows that cannot be read are warned of.

    Raises:
        UsageError: a pattern matches nothing.
        EvidenceError: a file cannot be read.
    """
    request = ReadRequest(paths={"complaints": files}, encoding=encoding)
    texts: list[str] = []
    kinds: list[str] = []
    n_bad = 0
    with progress.task("reading texts") as task:
        for path in list_paths(files):
            with Source(path) as source:
                for batch in open_table(source, _LABELLED, request).batches:
                    checked = check_rows(_LABELLED, batch.frame, "UTC")
                    n_bad += len(batch.rejects) + len(checked.rejects)
                    texts += checked.frame["text"].to_list()
                    kinds += checked.frame["kind"].to_list()
                    task.advance(len(batch.frame), source.shown)
    if n_bad:
        progress.warn(f"{n_bad:,} rows without a text or a known kind were left out")
    return texts, kinds


def _prepare(out: Path, inputs: Sequence[Path]) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        foreign = sorted(e.name for e in out.iterdir() if e.name not in OUTPUT_NAMES)
    except FileExistsError as error:
        raise UsageError(f"--out {out} is a file", hint="name a folder") from error
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}", hint="name a folder you may write to") from error
    if foreign:
        raise UsageError(
            f"--out {out} holds files that an earlier run did not write: {foreign[0]!r}",
            hint="name an empty or a new folder",
        )
    inside = {os.path.realpath(out / name) for name in OUTPUT_NAMES}
    if any(os.path.realpath(path) in inside for path in inputs):
        raise UsageError(
            f"--out {out} holds an input, which the answer would replace", hint="name a new folder"
        )


def _join_corrections(case: Listening) -> Corrections:
    """Corrections of earlier runs into this folder, and those given now, which win."""
    kept = case.out / "corrections.jsonl"
    corrections = read_corrections(kept) if kept.exists() else {}
    if case.corrections is not None:
        for complaint, values in read_corrections(case.corrections).items():
            corrections.setdefault(complaint, {}).update(values)
        write_corrections(kept, corrections)
    return corrections


def _read_rows(request: ReadRequest, zone: str | None, rejects: RejectLog, progress: Progress) -> list[_Row]:
    rows: list[_Row] = []
    failures: list[EvidenceError] = []
    n_bad, first_bad = 0, ""
    paths = list_paths(request.paths["complaints"])
    with progress.task("reading complaints") as task:
        for path in paths:
            try:
                with Source(path) as source:
                    for batch in open_table(source, _TABLE, request).batches:
                        checked = check_rows(_TABLE, batch.frame, request.zone)
                        bad = [(r.line, r.reason, r.raw) for r in batch.rejects]
                        lines = batch.frame["line"]
                        bad += [(int(lines[at]), why, batch.raw(at)) for at, why in checked.rejects]
                        for line, reason, raw in sorted(bad, key=lambda b: b[0]):
                            rejects.add("complaints", source.shown, line, reason, raw)
                            first_bad = first_bad or f"{source.shown}:{line}: {reason}"
                        n_bad += len(bad)
                        local = None if zone else _read_local(batch.frame)
                        rows += _list_rows(checked.frame, local)
                        task.advance(len(batch.frame), source.shown)
            except EvidenceError as error:
                failures.append(error)
                rejects.add("complaints", error.file or path, error.line, error.message)
                progress.warn(str(error))
    if len(failures) == len(paths):
        raise failures[0]
    if n_bad and not rows:
        raise RejectedTableError(f"{first_bad}; every row was rejected")
    return rows


def _read_local(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The batch with times without an offset read in the zone of each language."""
    return {language: check_rows(_TABLE, frame, zone).frame for language, zone in DEFAULT_ZONE.items()}


def _list_rows(frame: pl.DataFrame, local: dict[str, pl.DataFrame] | None) -> Iterator[_Row]:
    columns = [frame["complaint"], frame["received_us"]]
    texts = frame["text"] if "text" in frame.columns else pl.Series([None] * len(frame), dtype=pl.String)
    for at, (complaint, received, text) in enumerate(zip(*columns, texts, strict=True)):
        zoned = local[Text.of(text or "").language]["received_us"][at] if local else received
        yield _Row(complaint, zoned, text or "")


def _correct(reading: Reading, values: dict[str, Any] | None) -> Reading:
    """`reading` with a person's words where the grouping looks at them."""
    if not values:
        return reading
    names = ("kind", "claimed_identity", "pretexts", "asked", "known_fields", "scam_phones", "scam_urls")
    return replace(reading, **{name: values[name] for name in names if name in values})


def _write_read(
    path: Path,
    rows: Sequence[_Row],
    told: Sequence[Told],
    labels: Sequence[int] | np.ndarray[Any, np.dtype[np.int64]],
    twins: Sequence[int] | np.ndarray[Any, np.dtype[np.int64]],
    *,
    corrections: Corrections,
) -> None:
    with path.open("w", encoding="utf-8") as file:
        for at, (row, one) in enumerate(zip(rows, told, strict=True)):
            values = corrections.get(row.complaint, {})
            line = _show(row.complaint, one.reading) | {k: v for k, v in values.items() if k != "complaint"}
            if "kind" in values:
                line["p_kind"] = 1.0
                line["p_kinds"] = {kind: float(kind == values["kind"]) for kind in one.reading.p_kind}
            line["script"] = f"s{labels[at] + 1}" if labels[at] >= 0 else None
            line["near_duplicate_of"] = rows[twins[at]].complaint if twins[at] != at else None
            line["corrected"] = sorted(values)
            line["masked_text"] = mask_text(row.text)
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _show(complaint: str, reading: Reading) -> dict[str, Any]:
    return {
        "complaint": complaint,
        "kind": reading.kind,
        "p_kind": round(reading.p_kind[reading.kind], 4),
        "claimed_identity": reading.claimed_identity,
        "pretexts": reading.pretexts,
        "asked": reading.asked,
        "known_fields": reading.known_fields,
        "scam_phones": reading.scam_phones,
        "scam_urls": reading.scam_urls,
        "losses": [
            {"amount": x.amount, "currency": x.currency, "start": x.start, "end": x.end}
            for x in reading.losses
        ],
        "contacted": reading.contacted.strftime("%Y-%m-%dT%H:%M:%SZ") if reading.contacted else None,
        "language": reading.language,
        "p_kinds": {kind: round(p, 4) for kind, p in reading.p_kind.items()},
        "police_class": POLICE_CLASSES.get(reading.kind),
        "channel": reading.channel,
        "place": reading.place,
        "scam_accounts": reading.scam_accounts,
        "spans": [
            {
                "field": m.field,
                "value": m.value,
                "start": m.start,
                "end": m.end,
                "confidence": round(m.confidence, 2),
            }
            for m in reading.marks
        ],
    }
