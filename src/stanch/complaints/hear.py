"""Complaints with a text, read: what people left open is filled from their words, and marked as read.

A column that a person filled always stands. What was read is laid into the table `complaints`, so that every
later stage sees one table, and each value is listed in `heard` with its confidence.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import polars as pl

from stanch.complaints.cited import find_cited
from stanch.complaints.links import defang, refang
from stanch.complaints.many import read_many
from stanch.complaints.reading import Reading, Report, read_report
from stanch.complaints.reading.read import DEFAULT_ZONE
from stanch.complaints.scripts import find_scripts
from stanch.complaints.summary import Script, describe_scripts, find_day
from stanch.engine import Engine
from stanch.evidence.tables import FIELDS
from stanch.findings import Heard, HeardColumn, HeardScript, format_time
from stanch.progress import Progress

#: What is read with less confidence than this stays out of the evidence: a first contact that is taken to be
#: too early clears who looked at the order after it.
LEAST: Final = 0.6
#: An order or account that stands in a table is hardly read wrongly; a number may be somebody else's.
_CITED: Final = 0.95
_OWN_PHONE: Final = 0.8
_UTC: Final = "UTC"

_ROWS: Final = "SELECT * FROM complaints ORDER BY received_us, complaint, text, file_id, line"
_USUAL_CURRENCY: Final = (
    "SELECT currency, count(*) AS n FROM orders WHERE currency IS NOT NULL"
    " GROUP BY currency ORDER BY n DESC, currency LIMIT 1"
)
#: One row per value read.
HEARD: Final = {
    "file_id": pl.Int32,
    "line": pl.Int64,
    "complaint": pl.String,
    "column": pl.String,
    "value": pl.String,
    "confidence": pl.Float64,
}
#: Pseudonyms in a text are no words.
_PSEUDONYM: Final = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{24}(?![0-9A-Za-z])")


@dataclass(frozen=True, slots=True)
class Unnamed:
    """A row that names nobody, in no column and not in its text: it was taken out of the table."""

    file_id: int
    line: int


@dataclass(frozen=True, slots=True)
class _Value:
    column: str
    value: Any
    confidence: float


def hear_complaints(engine: Engine, zone: str, progress: Progress) -> tuple[Heard | None, list[Unnamed]]:
    """Read the texts of table `complaints`, fill its empty cells, and make table `heard` of what was filled.

    Words as *yesterday* are those of `zone`; where that is UTC, of the zone usual for the text's language.
    None where no complaint has a text, and then nothing is touched.
    """
    rows = engine.fetch(_ROWS).to_dicts()
    heard, found = _hear([row for row in rows if (row["text"] or "").strip()], engine, zone, progress)
    unnamed = [row for row in rows if not (row["order"] or row["account"] or row["phone"])]
    if heard or unnamed:
        lost = {(row["file_id"], row["line"]) for row in unnamed}
        _put(engine, [row for row in rows if (row["file_id"], row["line"]) not in lost], found)
    return heard, [Unnamed(row["file_id"], row["line"]) for row in unnamed]


def _hear(
    rows: list[dict[str, Any]], engine: Engine, zone: str, progress: Progress
) -> tuple[Heard | None, list[dict[str, Any]]]:
    """Fill `rows`, all of which have a text; what they tell, and the rows of table `heard`."""
    if not rows:
        return None, []
    local = None if zone == _UTC else zone
    texts = [row["text"] for row in rows]
    reports = _list_reports(engine, rows, local)
    with progress.task("reading texts", total=len(reports)) as task:
        told = list(read_many(reports, read_report, task.advance))
    orders, accounts = find_cited(engine, texts, [row["account"] for row in rows])
    found: list[dict[str, Any]] = []
    for row, one, order, account in zip(rows, told, orders, accounts, strict=True):
        values = [*_name_victim(row, one.reading, order, account), *_tell_columns(row, one.reading, local)]
        for value in values:
            row[value.column] = value.value
            found.append(_show(row, value))
    with progress.task("finding scripts"):
        labels = find_scripts(told)
    readings = [one.reading for one in told]
    days = [find_day(row["received_us"], zone, reading) for row, reading in zip(rows, readings, strict=True)]
    return _sum_up(readings, describe_scripts(labels, readings, days, texts), found), found


def _put(engine: Engine, rows: list[dict[str, Any]], heard: list[dict[str, Any]]) -> None:
    schema = engine.fetch("SELECT * FROM complaints LIMIT 0").schema
    engine.put("complaints", pl.DataFrame(rows, schema=schema))
    engine.put("heard", pl.DataFrame(heard, schema=HEARD))


def _list_reports(engine: Engine, rows: Sequence[dict[str, Any]], zone: str | None) -> list[Report]:
    usual = engine.fetch(_USUAL_CURRENCY)["currency"].to_list() if engine.has("orders") else []
    return [
        Report(
            _PSEUDONYM.sub(lambda found: "x" * len(found[0]), row["text"]),
            row["received_us"],
            zone,
            row["currency"] or next(iter(usual), None),
        )
        for row in rows
    ]


def _name_victim(
    row: dict[str, Any], reading: Reading, order: str | None, account: str | None
) -> Iterator[_Value]:
    if not row["order"] and order:
        yield _Value("order", order, _CITED)
    if not row["account"] and not row["order"] and not order and account:
        yield _Value("account", account, _CITED)
    if not row["phone"] and len(reading.own_phones) == 1:
        yield _Value("phone", reading.own_phones[0], _OWN_PHONE)


def _tell_columns(row: dict[str, Any], reading: Reading, zone: str | None) -> Iterator[_Value]:
    sure: dict[str, list[float]] = defaultdict(list)
    for mark in reading.marks:
        sure[mark.field].append(mark.confidence)
    if row["contacted_us"] is None and reading.contacted and sure["contacted"][0] >= LEAST:
        yield _Value("contacted_us", _end_contact(row, reading, zone), sure["contacted"][0])
    known = {
        m.value: m.confidence for m in reading.marks if m.field == "known_fields" and m.confidence >= LEAST
    }
    if not row["known_fields"] and known:
        names = "|".join(name for name in FIELDS if name in known)
        yield _Value("known_fields", names, _mean(list(known.values())))
    yield from _tell_loss(row, reading)
    if not row["scam_phone"] and reading.scam_phones:
        yield _Value("scam_phone", reading.scam_phones[0], sure["scam_phones"][0])
    if not row["scam_url"] and reading.scam_urls:
        yield _Value("scam_url", refang(reading.scam_urls[0]), sure["scam_urls"][0])


def _tell_loss(row: dict[str, Any], reading: Reading) -> Iterator[_Value]:
    """The payments of one currency: the one a person gave, else the one of most payments, else the first."""
    currencies = [loss.currency for loss in reading.losses if row["currency"] in (None, loss.currency)]
    if row["loss"] is not None or not currencies:
        return
    (currency, _), *_ = Counter(currencies).most_common(1)
    losses = [loss for loss in reading.losses if loss.currency == currency]
    confidence = min(loss.confidence for loss in losses)
    if confidence >= LEAST:
        yield _Value("loss", round(sum(loss.amount for loss in losses), 2), confidence)
        if row["currency"] is None:
            yield _Value("currency", currency, confidence)


def _end_contact(row: dict[str, Any], reading: Reading, zone: str | None) -> int:
    """The latest moment that it can have been, in microseconds: a day's end, and never after the report."""
    assert reading.contacted is not None
    moment = reading.contacted
    if reading.contacted_is_day:
        local = moment.astimezone(ZoneInfo(zone or DEFAULT_ZONE[reading.language]))
        moment = datetime.combine(local.date() + timedelta(days=1), time(), local.tzinfo) - timedelta(
            seconds=1
        )
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return min(since // timedelta(microseconds=1), int(row["received_us"]))


def _show(row: dict[str, Any], value: _Value) -> dict[str, Any]:
    return {
        "file_id": row["file_id"],
        "line": row["line"],
        "complaint": row["complaint"],
        "column": value.column.removesuffix("_us"),
        "value": _tell_value(value),
        "confidence": round(value.confidence, 2),
    }


def _tell_value(value: _Value) -> str | None:
    """As it may be handed on: links defanged, and no phone, which may be an innocent's."""
    if value.column == "contacted_us":
        return format_time(value.value)
    if value.column == "scam_url":
        return defang(value.value)
    return None if value.column in ("phone", "scam_phone") else str(value.value)


def _sum_up(readings: Sequence[Reading], scripts: Sequence[Script], heard: Sequence[dict[str, Any]]) -> Heard:
    columns: dict[str, list[float]] = defaultdict(list)
    for value in heard:
        columns[value["column"]].append(value["confidence"])
    return Heard(
        texts=len(readings),
        kinds=_count(reading.kind for reading in readings),
        claimed_identities=_count(r.claimed_identity for r in readings if r.claimed_identity),
        pretexts=_count(word for reading in readings for word in reading.pretexts),
        asked=_count(word for reading in readings for word in reading.asked),
        read={
            name: HeardColumn(len(sure), round(_mean(sure), 2), min(sure))
            for name, sure in sorted(columns.items())
        },
        scripts=[
            HeardScript(
                id=script.id,
                name=script.name,
                kind=script.kind,
                count=script.count,
                first=script.first,
                last=script.last,
                noticed=script.noticed,
                pretexts=script.pretexts,
                asked=script.asked,
                known_fields=script.known_fields,
            )
            for script in scripts
        ],
    )


def _count(words: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items(), key=lambda pair: (-pair[1], pair[0])))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
