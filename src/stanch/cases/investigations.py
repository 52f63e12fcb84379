"""Investigations of an incident: what was given to them, when they ran and what became of them."""

from __future__ import annotations

from typing import Final, Literal, get_args

import sqlalchemy as sa
from msgspec import Struct

from stanch.cases.incidents import Actor, note_change
from stanch.cases.schema import EVIDENCE_FILES, INVESTIGATIONS

#: Where the evidence comes from: files that were handed in, what the service took in, or the simulator.
Origin = Literal["files", "service", "sample"]
ORIGINS: Final[tuple[Origin, ...]] = get_args(Origin)
Outcome = Literal["running", "done", "failed", "cancelled"]


class Investigation(Struct, frozen=True):
    """One run. Moments are microseconds since 1970-01-01 UTC."""

    id: int
    incident_id: int
    person_id: int | None
    origin: Origin
    outcome: Outcome
    started_us: int
    ended_us: int | None
    #: Why it failed, in one line.
    told: str


class EvidenceFile(Struct, frozen=True):
    """One file that was handed in. `table_name` is what it is read as, empty where nothing fits."""

    id: int
    incident_id: int
    person_id: int
    at_us: int
    name: str
    n_bytes: int
    table_name: str
    #: What was seen at its beginning, as JSON; its form is the console's own.
    seen: bytes


def start_run(connection: sa.Connection, number: int, origin: Origin, actor: Actor) -> int:
    """Note that a run begins; returns its number."""
    values = {
        "incident_id": number, "person_id": actor.person_id, "origin": origin, "outcome": "running",
        "started_us": actor.at_us, "ended_us": None, "told": "",
    }  # fmt: skip
    added = connection.execute(INVESTIGATIONS.insert().values(values).returning(INVESTIGATIONS.c.id))
    note_change(connection, number, actor, "investigation", origin)
    return int(added.scalar_one())


def end_run(connection: sa.Connection, run: int, outcome: Outcome, now_us: int, told: str = "") -> None:
    """Note what became of a run; one that has ended stays as it is."""
    connection.execute(
        INVESTIGATIONS.update()
        .where(INVESTIGATIONS.c.id == run, INVESTIGATIONS.c.outcome == "running")
        .values(outcome=outcome, ended_us=now_us, told=told[:500])
    )


def find_latest(connection: sa.Connection, number: int) -> Investigation | None:
    """The last run of an incident."""
    columns = [INVESTIGATIONS.c[name] for name in Investigation.__struct_fields__]
    chosen = sa.select(*columns).where(INVESTIGATIONS.c.incident_id == number)
    row = connection.execute(chosen.order_by(INVESTIGATIONS.c.id.desc()).limit(1)).first()
    return Investigation(*row) if row is not None else None


def find_newest(connection: sa.Connection) -> list[int]:
    """Incidents with a run that came to its end, the last one first."""
    ended = sa.func.max(INVESTIGATIONS.c.ended_us)
    chosen = sa.select(INVESTIGATIONS.c.incident_id).where(INVESTIGATIONS.c.outcome == "done")
    grouped = chosen.group_by(INVESTIGATIONS.c.incident_id).order_by(ended.desc())
    return list(connection.execute(grouped).scalars())


def list_samples(connection: sa.Connection) -> set[int]:
    """Incidents that are samples."""
    chosen = sa.select(INVESTIGATIONS.c.incident_id).where(INVESTIGATIONS.c.origin == "sample")
    return set(connection.execute(chosen).scalars())


def add_evidence_file(connection: sa.Connection, file: EvidenceFile) -> int:
    """Note a file that lies in the incident's folder; `file.id` is not looked at."""
    values = {name: getattr(file, name) for name in EvidenceFile.__struct_fields__ if name != "id"}
    adding = EVIDENCE_FILES.insert().values(values).returning(EVIDENCE_FILES.c.id)
    return int(connection.execute(adding).scalar_one())


def list_evidence_files(connection: sa.Connection, number: int) -> list[EvidenceFile]:
    """As they came."""
    columns = [EVIDENCE_FILES.c[name] for name in EvidenceFile.__struct_fields__]
    chosen = sa.select(*columns).where(EVIDENCE_FILES.c.incident_id == number).order_by(EVIDENCE_FILES.c.id)
    return [EvidenceFile(*row) for row in connection.execute(chosen)]


def set_table(connection: sa.Connection, number: int, file: int, table: str) -> bool:
    """Say what a file is read as; False where there is no such file."""
    chosen = EVIDENCE_FILES.update().where(
        EVIDENCE_FILES.c.incident_id == number, EVIDENCE_FILES.c.id == file
    )
    return bool(connection.execute(chosen.values(table_name=table)).rowcount)


def drop_evidence_file(connection: sa.Connection, number: int, file: int) -> bool:
    """Forget a file; False where there is no such file."""
    chosen = EVIDENCE_FILES.delete().where(
        EVIDENCE_FILES.c.incident_id == number, EVIDENCE_FILES.c.id == file
    )
    return bool(connection.execute(chosen).rowcount)
