"""Complaints that were read once, as the console lists them; corrections of their reading; scam scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.incidents import Actor
from stanch.cases.schema import (
    CLAIM_CHANGES,
    COMPLAINT_CORRECTIONS,
    COMPLAINT_REPORTS,
    COMPLAINT_SCRIPTS,
    SEGMENTS,
)
from stanch.cases.segments import unpack_lines
from stanch.complaints.digest import Digest, write_gist
from stanch.complaints.victims import NEAR_US

_R: Final = COMPLAINT_REPORTS.c
_REFS: Final = ("order_ref", "account_ref", "phone_ref")


class StoredReport(Struct, frozen=True):
    """One complaint; `told` is the JSON of its gist."""

    id: int
    segment_id: int
    row: int
    complaint: str
    victim: int
    received_us: int
    day: str
    kind: str
    confidence: float
    corrected: bool
    region: str
    channel: str
    loss: float | None
    currency: str
    script: int | None
    order_ref: str | None
    account_ref: str | None
    phone_ref: str | None
    told: str
    text: str


class ReportFilter(Struct, frozen=True, kw_only=True):
    """Which complaints: days as `YYYY-MM-DD`, both included; what is empty does not matter."""

    since: str = ""
    until: str = ""
    kind: str = ""
    region: str = ""
    script: int | None = None
    victim: int | None = None
    refs: Sequence[str] = ()
    text: str = ""


class Unread(Struct, frozen=True):
    """A segment that has complaints nobody read yet, from a row on; `n` of them."""

    segment_id: int
    first: int
    n: int
    #: Its rows were erased in part: what was read of it goes.
    again: bool = False


class Correction(Struct, frozen=True):
    """What a person said a column should be."""

    column: str
    value: Any
    person_id: int
    at_us: int


def list_reports(
    connection: sa.Connection, wanted: ReportFilter, offset: int, n: int
) -> tuple[list[StoredReport], int]:
    """Some of those that fit, the newest first, and how many there are."""
    which = sa.and_(sa.true(), *_filter(wanted))
    count = connection.execute(
        sa.select(sa.func.count()).select_from(COMPLAINT_REPORTS).where(which)
    ).scalar_one()
    rows = connection.execute(
        sa.select(COMPLAINT_REPORTS).where(which).order_by(_R.received_us.desc(), _R.id.desc())
        .offset(offset).limit(n)
    )  # fmt: skip
    return [_restore(row) for row in rows], int(count)


def _filter(wanted: ReportFilter) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.since:
        yield _R.day >= wanted.since
    if wanted.until:
        yield _R.day <= wanted.until
    for column, value in ((_R.kind, wanted.kind), (_R.region, wanted.region)):
        if value:
            yield column == value
    if wanted.script is not None:
        yield _R.script == wanted.script
    if wanted.victim is not None:
        yield _R.victim == wanted.victim
    if wanted.text or wanted.refs:
        found: list[sa.ColumnElement[bool]] = []
        if wanted.refs:
            found += [_R[name].in_(wanted.refs) for name in _REFS]
        if wanted.text:
            found += [_R.text.icontains(wanted.text, autoescape=True), _R.complaint == wanted.text]
        yield sa.or_(*found)


def find_report(connection: sa.Connection, number: int) -> StoredReport | None:
    """One complaint."""
    row = connection.execute(sa.select(COMPLAINT_REPORTS).where(_R.id == number)).first()
    return None if row is None else _restore(row)


def read_row(connection: sa.Connection, report: StoredReport) -> dict[str, Any] | None:
    """The complaint as it was taken in; None where it is gone."""
    packed = connection.execute(
        sa.select(SEGMENTS.c.rows).where(SEGMENTS.c.id == report.segment_id)
    ).scalar_one_or_none()
    if packed is None or report.row < 0:
        return None
    row = next(iter(unpack_rows(bytes(packed), report.row, 1)), None)
    return row if row is not None and row["complaint"] == report.complaint else None


def unpack_rows(packed: bytes, first: int, n: int) -> list[dict[str, Any]]:
    """Some rows of a segment."""
    lines = unpack_lines(packed).splitlines()
    return [msgspec.json.decode(line) for line in lines[first : first + n]]


def count_victims(connection: sa.Connection, victims: Iterable[int]) -> dict[int, int]:
    """Reports of each victim."""
    rows = connection.execute(
        sa.select(_R.victim, sa.func.count()).where(_R.victim.in_(sorted(set(victims)))).group_by(_R.victim)
    )
    return {int(victim): int(n) for victim, n in rows}


def list_regions(connection: sa.Connection) -> list[str]:
    """Every region that was given."""
    chosen = sa.select(_R.region).where(_R.region != "").distinct().order_by(_R.region)
    return [str(region) for region in connection.execute(chosen).scalars()]


def list_victims(connection: sa.Connection) -> list[tuple[str, str, str, int | None]]:
    """Day, kind, region and script of each victim's first report."""
    first = sa.select(sa.func.min(_R.id)).group_by(_R.victim)
    chosen = sa.select(_R.day, _R.kind, _R.region, _R.script).where(_R.id.in_(first))
    return [(str(d), str(k), str(r), s) for d, k, r, s in connection.execute(chosen)]


def list_losses(connection: sa.Connection) -> list[dict[str, Any]]:
    """Every report as the folding into victims wants it, people as keyed hashes."""
    chosen = sa.select(
        _R.complaint,
        _R.order_ref.label("order"),
        _R.account_ref.label("account"),
        _R.phone_ref.label("phone"),
        _R.received_us,
        _R.region,
        _R.loss,
        _R.currency,
        _R.told,
    ).where(_R.row >= 0, _R.kind != "not_fraud")
    return [dict(row._mapping) for row in connection.execute(chosen)]


def count_reports(connection: sa.Connection) -> tuple[int, int, int, int]:
    """What tells whether anything changed: reports, newest id, corrections, newest correction."""
    n, last = connection.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(_R.id), 0))).one()
    changed, newest = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.max(COMPLAINT_CORRECTIONS.c.id), 0))
    ).one()
    return int(n), int(last), int(changed), int(newest)


# What is read once


def find_unread(connection: sa.Connection) -> list[Unread]:
    """Segments of complaints that were not read yet, or only in part, in the order they came."""
    stale = connection.execute(
        sa.select(SEGMENTS.c.id, SEGMENTS.c.n_rows).where(
            SEGMENTS.c.id.in_(sa.select(_R.segment_id).where(_R.row < 0).distinct())
        )
    ).all()
    last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(_R.segment_id), 0))).scalar_one()
    done = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(_R.row), -1)).where(_R.segment_id == last)
    ).scalar_one()
    new = connection.execute(
        sa.select(SEGMENTS.c.id, SEGMENTS.c.n_rows)
        .where(SEGMENTS.c.table_name == "complaints", SEGMENTS.c.n_rows > 0, SEGMENTS.c.id >= last)
        .order_by(SEGMENTS.c.id)
    )
    found = [Unread(int(id_), 0, int(n), again=True) for id_, n in stale]
    known = {one.segment_id for one in found}
    for id_, n in new:
        first = done + 1 if id_ == last else 0
        if n > first and id_ not in known:
            found.append(Unread(int(id_), int(first), int(n - first)))
    return found


def read_segment(connection: sa.Connection, unread: Unread) -> list[tuple[dict[str, Any], int]]:
    """Its rows that are to be read, with the moment at which each was received."""
    packed, at_us = connection.execute(
        sa.select(SEGMENTS.c.rows, SEGMENTS.c.received_us).where(SEGMENTS.c.id == unread.segment_id)
    ).one()
    return [(row, _find_moment(row, at_us)) for row in unpack_rows(bytes(packed), unread.first, unread.n)]


def _find_moment(row: Mapping[str, Any], at_us: int) -> int:
    moment = row.get("received")
    if not moment:
        return int(at_us)
    since = datetime.fromisoformat(moment) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)


def add_reports(connection: sa.Connection, unread: Unread, digests: Sequence[Digest]) -> None:
    """Store what was read of a segment from its row `unread.first` on; nothing where that is stored."""
    segment = _R.segment_id == unread.segment_id
    if unread.again:
        connection.execute(COMPLAINT_REPORTS.delete().where(segment, _R.row < 0))
    done = connection.execute(sa.select(sa.func.coalesce(sa.func.max(_R.row), -1)).where(segment))
    if int(done.scalar_one()) >= unread.first:
        return
    corrected = list_kinds(connection, [one.complaint for one in digests])
    known = _find_known(connection, digests)
    rows = []
    for row, one in enumerate(digests, start=unread.first):
        values = {name: getattr(one, name) for name in Digest.__struct_fields__ if name != "gist"}
        values |= {"told": write_gist(one.gist), "segment_id": unread.segment_id, "row": row, "victim": 0}
        values["corrected"] = one.complaint in corrected
        values["kind"] = corrected.get(one.complaint) or one.kind
        rows.append(values)
    connection.execute(COMPLAINT_REPORTS.insert(), rows)
    ids = connection.execute(sa.select(_R.id).where(segment, _R.row >= unread.first).order_by(_R.row))
    victims, same = _join_victims(list(ids.scalars()), digests, known)
    connection.execute(
        COMPLAINT_REPORTS.update().where(_R.id == sa.bindparam("of")).values(victim=sa.bindparam("to")),
        [{"of": id_, "to": victim} for id_, victim in victims.items()],
    )
    for other, victim in same.items():
        connection.execute(COMPLAINT_REPORTS.update().where(_R.victim == other).values(victim=victim))


#: Reports by what they share: column and value -> when each was received, and its victim.
_Known = dict[tuple[str, str], list[tuple[int, int]]]
_SHARED: Final = ("complaint", *_REFS)


def _find_known(connection: sa.Connection, digests: Sequence[Digest]) -> _Known:
    """Reports that share an order, account, phone or number with one of `digests`."""
    known: _Known = {}
    for name in _SHARED:
        values = {value for one in digests if (value := getattr(one, name)) is not None}
        chosen = sa.select(_R[name], _R.received_us, _R.victim).where(_R[name].in_(values))
        for value, at_us, victim in connection.execute(chosen):
            known.setdefault((name, value), []).append((at_us, victim))
    return known


def _join_victims(
    ids: Sequence[int], digests: Sequence[Digest], known: _Known
) -> tuple[dict[int, int], dict[int, int]]:
    """The victim of each new report, and victims of before who turn out to be another: the one first known.

    Two reports are one victim's if they share anything and were received within thirty days.
    """
    same: dict[int, int] = {}

    def find(victim: int) -> int:
        while victim in same:
            victim = same[victim]
        return victim

    for id_, one in zip(ids, digests, strict=True):
        keys = [(name, value) for name in _SHARED if (value := getattr(one, name)) is not None]
        near = {
            find(victim)
            for key in keys
            for at_us, victim in known.get(key, ())
            if abs(at_us - one.received_us) <= NEAR_US
        }
        first = min(near, default=id_)
        same |= dict.fromkeys((near | {id_}) - {first}, first)
        for key in keys:
            known.setdefault(key, []).append((one.received_us, id_))
    new = set(ids)
    return {id_: find(id_) for id_ in ids}, {victim: find(victim) for victim in same if victim not in new}


def forget_reports(connection: sa.Connection, segment_id: int, erased: Sequence[str]) -> None:
    """After an erasure in a segment: what was read of it goes, and so do corrections of the erased."""
    connection.execute(
        COMPLAINT_REPORTS.delete().where(_R.segment_id == segment_id, _R.complaint.in_(erased))
    )
    connection.execute(COMPLAINT_REPORTS.update().where(_R.segment_id == segment_id).values(row=-1, text=""))
    connection.execute(COMPLAINT_CORRECTIONS.delete().where(COMPLAINT_CORRECTIONS.c.complaint.in_(erased)))
    claims = sa.or_(CLAIM_CHANGES.c.claim.in_(erased), CLAIM_CHANGES.c.of.in_(erased))
    connection.execute(CLAIM_CHANGES.delete().where(claims))
    # Examples in them are texts of complaints.
    connection.execute(COMPLAINT_SCRIPTS.delete())


# Corrections


def correct(connection: sa.Connection, report: StoredReport, values: Mapping[str, Any], actor: Actor) -> None:
    """Store what a person says the reading should be; it stays when the complaint is read again."""
    connection.execute(
        COMPLAINT_CORRECTIONS.insert(),
        [
            {
                "complaint": report.complaint,
                "column_name": column,
                "value": json.dumps(value, ensure_ascii=False),
                "person_id": actor.person_id,
                "at_us": actor.at_us,
            }
            for column, value in values.items()
        ],
    )
    kind = {"kind": values["kind"]} if "kind" in values else {}
    connection.execute(
        COMPLAINT_REPORTS.update().where(_R.complaint == report.complaint).values(corrected=True, **kind)
    )


def list_corrections(connection: sa.Connection, complaint: str) -> list[Correction]:
    """Everything that people corrected in it, the oldest first."""
    table = COMPLAINT_CORRECTIONS.c
    rows = connection.execute(
        sa.select(table.column_name, table.value, table.person_id, table.at_us)
        .where(table.complaint == complaint).order_by(table.id)
    )  # fmt: skip
    return [Correction(name, json.loads(value), person_id, at_us) for name, value, person_id, at_us in rows]


def list_kinds(connection: sa.Connection, complaints: Sequence[str]) -> dict[str, str]:
    """Those of `complaints` that were corrected, and the newest kind given; empty where there is none."""
    table = COMPLAINT_CORRECTIONS.c
    rows = connection.execute(
        sa.select(table.complaint, table.column_name, table.value)
        .where(table.complaint.in_(complaints)).order_by(table.id)
    )  # fmt: skip
    kinds: dict[str, str] = {}
    for complaint, column, value in rows:
        kinds.setdefault(complaint, "")
        if column == "kind":
            kinds[complaint] = json.loads(value)
    return kinds


# Scripts


def iterate_told(connection: sa.Connection) -> Iterator[tuple[int, str, str, str, str]]:
    """Id, day, kind, gist and text of every complaint with a text, in the order they came in."""
    chosen = sa.select(_R.id, _R.day, _R.kind, _R.told, _R.text).where(_R.kind != "", _R.row >= 0)
    for id_, day, kind, told, text in connection.execute(chosen.order_by(_R.received_us, _R.id)):
        yield int(id_), str(day), str(kind), str(told), str(text)


def store_scripts(connection: sa.Connection, contents: Mapping[int, str], labels: Mapping[int, int]) -> None:
    """Put other scripts in the place of those stored; `labels` has the script of each report."""
    connection.execute(COMPLAINT_SCRIPTS.delete())
    if contents:
        connection.execute(
            COMPLAINT_SCRIPTS.insert(), [{"number": n, "content": text} for n, text in contents.items()]
        )
    known: dict[int, int | None] = dict(connection.execute(sa.select(_R.id, _R.script)).all())
    changes = [
        {"of": id_, "to": labels.get(id_)} for id_, script in known.items() if labels.get(id_) != script
    ]
    if changes:
        connection.execute(
            COMPLAINT_REPORTS.update().where(_R.id == sa.bindparam("of")).values(script=sa.bindparam("to")),
            changes,
        )


def list_scripts(connection: sa.Connection) -> dict[int, str]:
    """Number of each script and its description as JSON."""
    table = COMPLAINT_SCRIPTS.c
    rows = connection.execute(sa.select(table.number, table.content).order_by(table.number))
    return {int(number): str(content) for number, content in rows}


def _restore(row: sa.Row[Any]) -> StoredReport:
    return StoredReport(**row._mapping)
